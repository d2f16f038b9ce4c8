package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/hexpane/hexpane/edge/peers"
	"github.com/mochi-mqtt/server/v2/packets"
)

func startBroker(t testing.TB, cfg BrokerConfig, sink Sink) *Broker {
	t.Helper()
	b := idleBroker(t, cfg, sink)
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { promptly(t, "closing the broker", b.Close) })
	return b
}

func idleBroker(t testing.TB, cfg BrokerConfig, sink Sink) *Broker {
	t.Helper()
	if cfg.Listen == "" && cfg.ListenTLS == "" && cfg.ListenWS == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = defaultLimits()
	}
	b, err := NewBroker(cfg, sink, silent())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func limitsWith(change func(*Limits)) Limits {
	l := defaultLimits()
	change(&l)
	return l
}

// address of the only listener, or the plainest.
func (b *Broker) address() string { return b.doorways[0].Address() }

func pahoClient(t testing.TB, b *Broker, set func(*paho.ClientOptions)) paho.Client {
	t.Helper()
	o := paho.NewClientOptions().AddBroker("tcp://" + b.address()).SetClientID(t.Name()).SetConnectTimeout(peers.Patience).SetAutoReconnect(false)
	if set != nil {
		set(o)
	}
	c := paho.NewClient(o)
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

func finished(t testing.TB, what string, token paho.Token) {
	t.Helper()
	if !token.WaitTimeout(peers.Patience) || token.Error() != nil {
		t.Fatalf("%s: %v", what, token.Error())
	}
}

func TestPahoIsAcknowledgedOnlyWhenDurable(t *testing.T) {
	sink := newHandSink(10)
	b := startBroker(t, BrokerConfig{}, sink)
	c := pahoClient(t, b, nil)
	finished(t, "connect", c.Connect())
	for qos := byte(0); qos <= 2; qos++ {
		token := c.Publish("in/x", qos, false, fmt.Sprintf("at %d", qos))
		m := sink.next(t)
		if m.Topic != "in/x" || string(m.Payload) != fmt.Sprintf("at %d", qos) || m.QoS != qos || m.ArrivalUs == 0 || (m.Done == nil) != (qos == 0) {
			t.Errorf("QoS %d came as %+v", qos, m)
		}
		if qos > 0 {
			if token.WaitTimeout(30 * time.Millisecond) {
				t.Errorf("QoS %d was acknowledged before it was durable", qos)
			}
			acknowledge(m)
		}
		finished(t, "publish", token)
	}
}

func TestPubackWaitsForTheSink(t *testing.T) {
	for _, version := range []byte{4, 5} {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			sink := newHandSink(10)
			d := dialDevice(t, startBroker(t, BrokerConfig{}, sink), version, "d")
			d.publish("in/x", 1, 7, "a")
			m := sink.next(t)
			d.expectNothing()
			acknowledge(m)
			if pk := d.expect(packets.Puback, 7); pk.ReasonCode != 0 {
				t.Errorf("reason %d", pk.ReasonCode)
			}
		})
	}
}

func TestQoS2GoesItsFourSteps(t *testing.T) {
	for _, version := range []byte{4, 5} {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			sink := newHandSink(10)
			b := startBroker(t, BrokerConfig{}, sink)
			d := dialDevice(t, b, version, "d")
			d.publish("in/x", 2, 9, "a")
			m := sink.next(t)
			d.expectNothing()
			acknowledge(m)
			d.expect(packets.Pubrec, 9)
			d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pubrel}, PacketID: 9})
			if pk := d.expect(packets.Pubcomp, 9); pk.ReasonCode != 0 {
				t.Errorf("PUBCOMP has reason %#x", pk.ReasonCode)
			}
			peers.Eventually(t, "nothing in flight", func() bool { return b.server.Info.Clone().Inflight == 0 })
		})
	}
}

func TestAcknowledgementsComeInOrder(t *testing.T) {
	const n = 500
	sink := newHandSink(n)
	d := dialDevice(t, startBroker(t, BrokerConfig{}, sink), 4, "d")
	go func() {
		for i := 1; i <= n; i++ {
			d.publish("in/x", 1, i, "a")
		}
	}()
	for range n {
		acknowledge(sink.next(t))
	}
	for i := 1; i <= n; i++ {
		d.expect(packets.Puback, i)
	}
}

// One message is forgotten by the sink: the others are acknowledged all the same.
func TestOneUnacknowledgedHoldsNothingBack(t *testing.T) {
	sink := newHandSink(10)
	d := dialDevice(t, startBroker(t, BrokerConfig{}, sink), 4, "d")
	d.publish("in/x", 1, 1, "a")
	d.publish("in/x", 1, 2, "b")
	sink.next(t)
	acknowledge(sink.next(t))
	d.expect(packets.Puback, 2)
	d.expectNothing()
}

func TestOtherTopicsPassBetweenClients(t *testing.T) {
	sink := newHandSink(10)
	b := startBroker(t, BrokerConfig{}, sink)
	got := make(chan string, 10)
	c := pahoClient(t, b, nil)
	finished(t, "connect", c.Connect())
	finished(t, "subscribe", c.Subscribe("#", 1, func(_ paho.Client, m paho.Message) { got <- m.Topic() }))
	d := dialDevice(t, b, 4, "d")
	d.publish("out/x", 1, 3, "a")
	d.expect(packets.Puback, 3)
	d.publish("in/x", 0, 0, "b") // goes both ways at QoS 0
	sink.next(t)
	for _, want := range []string{"out/x", "in/x"} {
		select {
		case topic := <-got:
			if topic != want {
				t.Errorf("%s came, want %s", topic, want)
			}
		case <-time.After(peers.Patience):
			t.Fatalf("%s did not come", want)
		}
	}
	sink.none(t)
}

func TestTopicAliasesAreResolved(t *testing.T) {
	sink := newHandSink(10)
	d := dialDevice(t, startBroker(t, BrokerConfig{}, sink), 5, "d")
	for i, topic := range []string{"in/long/topic", ""} {
		d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, TopicName: topic, PacketID: uint16(i + 1),
			Properties: packets.Properties{TopicAlias: 4, TopicAliasFlag: true}})
		if m := sink.next(t); m.Topic != "in/long/topic" {
			t.Errorf("message %d is on %q", i, m.Topic)
		}
	}
}

func TestWhoIsNotNamedIsRefused(t *testing.T) {
	sink := newHandSink(10)
	b := startBroker(t, BrokerConfig{Users: map[string]string{"bus": "secret", "mute": ""}}, sink)
	for _, c := range []struct {
		user, password string
		in             bool
	}{{"bus", "secret", true}, {"bus", "secre", false}, {"bus", "", false}, {"tram", "secret", false}, {"", "", false}, {"", "secret", false}} {
		client := pahoClient(t, b, func(o *paho.ClientOptions) { o.SetUsername(c.user).SetPassword(c.password) })
		token := client.Connect()
		if !token.WaitTimeout(peers.Patience) || (token.Error() == nil) != c.in {
			t.Errorf("%s:%s: %v", c.user, c.password, token.Error())
		}
		client.Disconnect(0)
	}
	sink.none(t)
}

func TestTooLargeAPacketClosesTheConnection(t *testing.T) {
	sink := newHandSink(10)
	b := startBroker(t, BrokerConfig{Limits: limitsWith(func(l *Limits) { l.ClientBytes = 2048 })}, sink)
	d, other := dialDevice(t, b, 4, "large"), dialDevice(t, b, 4, "other")
	d.publish("in/x", 1, 1, strings.Repeat("x", 1900))
	acknowledge(sink.next(t))
	d.expect(packets.Puback, 1)
	// The header alone must be enough: no memory is set aside for what it announces.
	if _, err := d.conn.Write([]byte{packets.Publish<<4 | 2, 0xff, 0xff, 0xff, 0x7f}); err != nil {
		t.Fatal(err)
	}
	d.expectEnd()
	other.publish("in/y", 1, 1, "a")
	acknowledge(sink.next(t))
	other.expect(packets.Puback, 1)
	sink.none(t)
}

// The broker remembers nothing of clients that went, also if their acknowledgements come later.
func TestNothingIsLeftOfClientsThatWent(t *testing.T) {
	sink := newHandSink(100)
	b := startBroker(t, BrokerConfig{}, sink)
	var late []Message
	for i := range 10 {
		d := dialDevice(t, b, 4, fmt.Sprint("d", i))
		for qos := byte(1); qos <= 2; qos++ {
			d.publish("in/x", qos, int(qos), "a")
			late = append(late, sink.next(t))
		}
		_ = d.conn.Close()
	}
	peers.Eventually(t, "clients go", func() bool { return b.Clients() == 0 })
	for _, m := range late {
		acknowledge(m)
		a := m.Done.(*acker)
		peers.Eventually(t, "the acknowledgement is let go", func() bool { return a.owed.Load() <= 1 })
	}
	b.tap.ackers.Range(func(k, _ any) bool {
		t.Errorf("an acker is left of %v", k)
		return true
	})
	if n := b.server.Info.Clone().Inflight; n != 0 {
		t.Errorf("%d are counted as in flight", n)
	}
}

// MQTT clients that subscribe to a stream's topic get its messages, whatever their QoS, and retained ones later.
func TestStreamsTopicsPassToClientsToo(t *testing.T) {
	sink := newHandSink(100)
	b := startBroker(t, BrokerConfig{}, sink)
	got := make(chan string, 10)
	subscribe := func(id string) {
		c := pahoClient(t, b, func(o *paho.ClientOptions) { o.SetClientID(id) })
		finished(t, "connect", c.Connect())
		finished(t, "subscribe", c.Subscribe("in/#", 2, func(_ paho.Client, m paho.Message) {
			got <- fmt.Sprintf("%s %s %s %d", id, m.Topic(), m.Payload(), m.Qos())
		}))
	}
	subscribe("now")
	p := pahoClient(t, b, func(o *paho.ClientOptions) { o.SetClientID("device") })
	finished(t, "connect", p.Connect())
	for qos := byte(0); qos <= 2; qos++ {
		token := p.Publish("in/x", qos, qos == 2, fmt.Sprint("m", qos))
		if m := sink.next(t); qos > 0 {
			acknowledge(m)
		}
		finished(t, "publish", token)
		if want := fmt.Sprintf("now in/x m%d %d", qos, qos); next(t, got) != want {
			t.Errorf("QoS %d: not %q", qos, want)
		}
	}
	subscribe("later")
	if g := next(t, got); g != "later in/x m2 2" {
		t.Errorf("retained: %q", g)
	}
}

func next(t testing.TB, c chan string) string {
	t.Helper()
	select {
	case s := <-c:
		return s
	case <-time.After(peers.Patience):
		t.Fatal("nothing came")
		return ""
	}
}
