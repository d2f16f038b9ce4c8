package ingest

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"testing"

	"github.com/hexpane/hexpane/edge/peers"
	"github.com/mochi-mqtt/server/v2/packets"
)

// pipes is a listener whose connections buffer nothing: a device that does not read blocks whoever writes to it.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func pipedBroker(t testing.TB, sink Sink) (*Broker, *pipes) {
	t.Helper()
	b := idleBroker(t, BrokerConfig{}, sink)
	_ = b.doorways[0].in.Listener.Close()
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	b.doorways[0].in.Listener = p
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	return b, p
}

func (p *pipes) dial(t testing.TB, version byte, id string) (*device, packets.Packet) {
	t.Helper()
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return connectDevice(t, ours, version, id)
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A client that does not read its acknowledgements stalls neither the sink, nor another client, nor the end.
func TestAClientThatDoesNotReadStallsNobody(t *testing.T) {
	sink := newHandSink(200)
	b, p := pipedBroker(t, sink)
	deaf, _ := p.dial(t, 4, "deaf")
	other, _ := p.dial(t, 4, "other")
	for i := 1; i <= 100; i++ {
		deaf.publish("in/deaf", 1, i, "a")
		acknowledge(sink.next(t)) // must not block
	}
	for i := 1; i <= 100; i++ {
		other.publish("in/other", 1, i, "a")
		acknowledge(sink.next(t))
		other.expect(packets.Puback, i)
	}
	go func() { // it goes on publishing, so that it never seems idle
		for deaf.trySend(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: "in/deaf"}) == nil {
		}
	}()
	promptly(t, "closing the broker", b.Close)
}

// An MQTT 5 client is told how many messages it may have unacknowledged, may have that many, and no more. Those at QoS 0 don't
// count.
func TestReceiveMaximum(t *testing.T) {
	sink := newHandSink(2000)
	b, p := pipedBroker(t, sink)
	defer promptly(t, "closing the broker", b.Close)
	d, connack := p.dial(t, 5, "d")
	most := int(connack.Properties.ReceiveMaximum)
	if most < 100 || most > 1900 {
		t.Fatalf("CONNACK says receive maximum %d", most)
	}
	for i := 1; i <= most; i++ {
		d.publish("in/x", 1+byte(i%2), i, "a")
	}
	d.publish("in/x", 0, 0, "last")
	var first Message
	for i := range most + 1 {
		m := sink.next(t)
		if i == 0 {
			first = m
		}
	}
	d.expectNothing()
	acknowledge(first) // one back, one more
	d.expect(packets.Pubrec, 1)
	d.publish("in/x", 1, most+1, "b")
	sink.next(t)
	d.expectNothing()
	_ = d.trySend(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, TopicName: "in/x", PacketID: uint16(most + 2)})
	if last := d.expectEnd(); last.FixedHeader.Type != packets.Disconnect || last.ReasonCode != packets.ErrReceiveMaximum.Code {
		t.Errorf("the last packet is of type %d, reason %#x", last.FixedHeader.Type, last.ReasonCode)
	}
	sink.none(t)
}

// MQTT 3.1.1 knows no receive maximum: a client may have every packet id unacknowledged, but not more than there are.
func TestMQTT3MayHaveEveryPacketIDUnacknowledged(t *testing.T) {
	sink := newHandSink(maxPacketIDs + 10)
	b, p := pipedBroker(t, sink)
	defer promptly(t, "closing the broker", b.Close)
	d, _ := p.dial(t, 4, "d")
	d.publishMany("in/x", 1, maxPacketIDs)
	d.expectNothing()
	_ = d.trySend(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, TopicName: "in/x", PacketID: 1})
	d.expectEnd()
	if n := len(sink.taken); n != maxPacketIDs {
		t.Errorf("%d messages came, of %d", n, maxPacketIDs)
	}
}

// When stopping, nothing more is handed on; what was handed on before is acknowledged before the connection ends.
func TestWhatCameInIsAcknowledgedBeforeTheEnd(t *testing.T) {
	sink := newHandSink(100)
	b := idleBroker(t, BrokerConfig{}, sink)
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	d := dialDevice(t, b, 4, "d")
	for i := 1; i <= 50; i++ {
		d.publish("in/x", 1, i, "a")
	}
	var before []Message
	for range 50 {
		before = append(before, sink.next(t))
	}
	b.Quiesce()
	d.publish("in/x", 1, 51, "too late")
	d.publish("in/x", 0, 0, "too late")
	d.expectNothing()
	for _, m := range before {
		acknowledge(m)
	}
	promptly(t, "closing the broker", b.Close)
	for i := 1; i <= 50; i++ {
		d.expect(packets.Puback, i)
	}
	d.expectEnd()
	sink.none(t)
}

// A client that goes on publishing while the broker ends still reads the acknowledgements it is owed, and in MQTT 5 why it ends.
func TestAClientInFullSwingReadsItsLastAcknowledgements(t *testing.T) {
	sink := newHandSink(100)
	b := idleBroker(t, BrokerConfig{}, sink)
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	d := dialDevice(t, b, 5, "d")
	for i := 1; i <= 100; i++ {
		d.publish("in/x", 1, i, "a")
	}
	for range 100 {
		acknowledge(sink.next(t))
	}
	b.Quiesce()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		promptly(t, "closing the broker", b.Close)
	}()
	go func() { // as fast as it can, without a look at what comes back
		for d.trySend(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: "in/x", Payload: make([]byte, 1000)}) == nil {
		}
	}()
	<-ended
	for i := 1; i <= 100; i++ {
		d.expect(packets.Puback, i)
	}
	if pk := d.expect(packets.Disconnect, 0); pk.ReasonCode != packets.ErrServerShuttingDown.Code {
		t.Errorf("reason %#x", pk.ReasonCode)
	}
}

// A sink that takes nothing, as when the outbox is full, does not hold up the end; nor does a connection that never said CONNECT.
func TestTheEndWaitsForNobody(t *testing.T) {
	sink := newHandSink(0)
	b := idleBroker(t, BrokerConfig{}, sink)
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	d := dialDevice(t, b, 4, "held back")
	d.publish("in/x", 1, 1, "a")
	mute, err := net.Dial("tcp", b.address())
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	peers.Eventually(t, "both are in", func() bool { return b.gate.open() == 2 })
	promptly(t, "quiescing", func() error { b.Quiesce(); return nil })
	promptly(t, "closing the broker", b.Close)
	if n := b.gate.open(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

func TestABrokerThatNeverServedCloses(t *testing.T) {
	b := idleBroker(t, BrokerConfig{}, newHandSink(0))
	address := b.address()
	promptly(t, "closing the broker", b.Close)
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the address is still bound: %v", err)
	}
	_ = l.Close()
}

// failing is a listener that has no file handles left for a while.
type failing struct {
	net.Listener
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left > 0 {
		f.left--
		return nil, fmt.Errorf("accept: %w", syscall.EMFILE)
	}
	return f.Listener.Accept()
}

func TestTheGateOutlivesAFailingAccept(t *testing.T) {
	sink := newHandSink(1)
	b := idleBroker(t, BrokerConfig{}, sink)
	in := b.doorways[0].in
	in.Listener = &failing{Listener: in.Listener, left: 3}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	d := dialDevice(t, b, 4, "d")
	d.publish("in/x", 1, 1, "a")
	acknowledge(sink.next(t))
	d.expect(packets.Puback, 1)
	promptly(t, "closing the broker", b.Close)
	if _, err := in.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed gate gives %v", err)
	}
}
