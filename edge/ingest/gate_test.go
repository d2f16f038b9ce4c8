package ingest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hexpane/hexpane/edge/peers"
	"github.com/mochi-mqtt/server/v2/packets"
)

func dialRaw(t testing.TB, b *Broker) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", b.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ended reports whether the other side closed the connection.
func ended(conn net.Conn, within time.Duration) bool {
	_ = conn.SetReadDeadline(time.Now().Add(within))
	_, err := io.Copy(io.Discard, conn)
	e, timeout := err.(net.Error)
	return !timeout || !e.Timeout()
}

func TestBuckets(t *testing.T) {
	now := time.Unix(0, 0)
	b := newBucket(10, 20, now)
	for i := range 20 {
		if !b.try(now) {
			t.Fatalf("token %d of the burst is missing", i)
		}
	}
	if b.try(now) || b.try(now.Add(99*time.Millisecond)) || !b.try(now.Add(101*time.Millisecond)) {
		t.Error("10 a second are one in 100 ms")
	}
	b = newBucket(10, 10, now)
	if d := b.take(10, now); d != 0 {
		t.Errorf("the burst costs %s", d)
	}
	if d := b.take(5, now); d != 500*time.Millisecond {
		t.Errorf("5 on credit cost %s", d)
	}
	var any bucket
	if !any.try(now) || any.take(1e9, now) != 0 {
		t.Error("no rate is no bound")
	}
}

// Of connections that say nothing the oldest go, so that one that speaks gets in.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	r := newRecorder()
	sink := newHandSink(1)
	b := startBroker(t, BrokerConfig{Observer: r.observer(), Limits: limitsWith(func(l *Limits) { l.Pending = 5 })}, sink)
	var silent []net.Conn
	for i := range 5 {
		silent = append(silent, dialRaw(t, b))
		peers.Eventually(t, "it is in", func() bool { return b.gate.open() == i+1 })
	}
	d := in(t, b, connectOf("d"))
	if !ended(silent[0], peers.Patience) || ended(silent[1], 50*time.Millisecond) {
		t.Error("not the oldest alone went")
	}
	for range 20 {
		dialRaw(t, b)
	}
	peers.Eventually(t, "the others are let go", func() bool { return r.of(RefusedPending) == 20 })
	if n := b.gate.open(); n > 6 {
		t.Errorf("%d connections are open", n)
	}
	d.publish("in/x", 1, 1, "a")
	acknowledge(sink.next(t))
	d.expect(packets.Puback, 1)
}

func TestConnectionsAreNotTakenTooFast(t *testing.T) {
	r := newRecorder()
	b := startBroker(t, BrokerConfig{Observer: r.observer(), Limits: limitsWith(func(l *Limits) { l.SourceConnectRate = 0.1 })}, newHandSink(1)) // one, then one in 10 s
	d := in(t, b, connectOf("d"))
	if conn := dialRaw(t, b); !ended(conn, peers.Patience) {
		t.Error("a second one is taken")
	}
	d.expectNothing()
	r.has(t, RefusedConnectRate)
}

func TestWhatIsNoConnectEndsAtOnce(t *testing.T) {
	r := newRecorder()
	b := startBroker(t, BrokerConfig{Observer: r.observer()}, newHandSink(1))
	for text, why := range map[string]Reason{"GET / HTTP/1.1\r\n\r\n": RefusedMalformed, "\x10\xff\xff\xff\x7f": RefusedPacketSize, "\x10\x81\x80\x04\x00": RefusedPacketSize,
		"\x30\x7f\x00\x01a": RefusedMalformed, "\x10\x80\x80\x80\x80": RefusedMalformed, "\x10\x00\xc0\x00\xc0": RefusedMalformed} {
		before := r.of(why)
		conn := dialRaw(t, b)
		if _, err := conn.Write([]byte(text)); err != nil || !ended(conn, 5*time.Second) {
			t.Errorf("%q: it stays open, %v", text, err)
		}
		if r.of(why) != before+1 {
			t.Errorf("%q is not counted as %s", text, why)
		}
	}
}

// mochi's decoder panics on a SUBSCRIBE of MQTT 5 that ends after a filter.
func TestAPanicInTheDecoderEndsOneClient(t *testing.T) {
	r := newRecorder()
	sink := newHandSink(1)
	b := startBroker(t, BrokerConfig{Observer: r.observer()}, sink)
	other := in(t, b, connectOf("other"))
	d := in(t, b, connect{id: "d", version: 5, keep: true, expiry: 1000})
	codes(t, d.subscribe("a"), 1)
	if _, err := d.conn.Write([]byte{0x82, 6, 0, 1, 0, 0, 1, 'a'}); err != nil {
		t.Fatal(err)
	}
	d.expectEnd()
	r.has(t, RefusedMalformed)
	peers.Eventually(t, "it is forgotten", func() bool {
		s := b.Stats()
		return s.Sessions == 1 && s.Subscriptions == 0 && s.Connections == 1 && b.Clients() == 1
	})
	other.publish("in/x", 1, 1, "a")
	acknowledge(sink.next(t))
	other.expect(packets.Puback, 1)
}

// A client past its rate is read more slowly, and loses nothing.
func TestRatesHoldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held time.Duration
		l := limitsWith(func(l *Limits) { l.MessageRate, l.ByteRate = 10, 1000 })
		gate := newGate(&l, newRefusals(silent(), Observer{HeldBack: func(d time.Duration) { held += d }}))
		pk := frame(packets.Publish, []byte("\x00\x04in/x0123456789"))
		c := &script{}
		for range 51 {
			c.pieces = append(c.pieces, pk)
		}
		g := newGuest(c, newSocket(c, gate), nil)
		start, got := time.Now(), 0
		for p := make([]byte, 2048); ; {
			n, err := g.Read(p)
			if got += n; err != nil {
				break
			}
		}
		if took := time.Since(start); got != 51*len(pk) || took < 4*time.Second || took > 5*time.Second || held < took-time.Second {
			t.Errorf("50 messages at 10 a second, the first ten at once, took %s, held back %s; %d bytes came", took, held, got)
		}
		c.pieces = append(c.pieces, make([]byte, 1))
		big := frame(packets.Publish, append([]byte("\x00\x04in/x"), make([]byte, 20_000)...))
		c.pieces = [][]byte{big}
		start = time.Now()
		for p := make([]byte, 2048); ; {
			if _, err := g.Read(p); err != nil {
				break
			}
		}
		if took := time.Since(start); took < 14*time.Second || took > 21*time.Second { // the last read's credit is not waited for
			t.Errorf("20 KB at 1 KB a second took %s", took)
		}
	})
}

// Large packets take memory as they come, from one budget.
func TestLargePacketsTakeMemoryAsTheyCome(t *testing.T) {
	r := newRecorder()
	sink := newHandSink(1)
	b := startBroker(t, BrokerConfig{Observer: r.observer(), Limits: limitsWith(func(l *Limits) { l.ArrivingBytes = 1 << 20 })}, sink)
	head := frame(packets.Publish, append([]byte("\x00\x04in/x"), make([]byte, 900_000)...))
	var half []*device
	for i := range 4 {
		d := in(t, b, connectOf(fmt.Sprint("half", i)))
		if _, err := d.conn.Write(head[:20]); err != nil {
			t.Fatal(err)
		}
		half = append(half, d)
	}
	peers.Eventually(t, "all began", func() bool { return atomic.LoadInt64(&b.server.Info.BytesReceived) > 0 && b.Clients() == 4 })
	if n := b.Stats().ArrivingBytes; n > 10*bigPacket {
		t.Errorf("%d bytes are set aside for 80 that came", n)
	}
	go func() { _, _ = half[0].conn.Write(head[20:]) }()
	acknowledgeNothing := sink.next(t)
	if len(acknowledgeNothing.Payload) != 900_000 {
		t.Errorf("%d bytes came", len(acknowledgeNothing.Payload))
	}
	go func() { _, _ = half[1].conn.Write(head[20 : len(head)-10]) }()
	peers.Eventually(t, "the budget is spent", func() bool { return b.Stats().ArrivingBytes > 500_000 })
	go func() { _, _ = half[2].conn.Write(head[20 : len(head)-10]) }()
	half[2].expectEnd()
	r.has(t, RefusedArriving)
	for _, d := range half {
		_ = d.conn.Close()
	}
	peers.Eventually(t, "all is given back", func() bool { return b.Stats().ArrivingBytes == 0 })
}

// A subscriber that does not read gets no more messages after a while, and holds up nobody at any QoS; one that reads gets all.
func TestASubscriberThatDoesNotReadStallsNobody(t *testing.T) {
	sink := newHandSink(1)
	b := startBroker(t, BrokerConfig{Limits: limitsWith(func(l *Limits) { l.UnreadBytes = 256 << 10 })}, sink)
	for i := range 3 {
		deaf := in(t, b, connectOf(fmt.Sprint("deaf", i)))
		codes(t, deaf.subscribe("in/#", "out/#"), 1, 1)
	}
	keen := in(t, b, connectOf("keen"))
	codes(t, keen.subscribe("in/#"), 1)
	d := in(t, b, connectOf("d"))
	const n = 2000
	for i := 1; i <= n; i++ { // 20 MB for each
		d.publish("in/x", 1, i, strings.Repeat("x", 10_000))
		acknowledge(sink.next(t))
		d.expect(packets.Puback, i)
		if pk := keen.read(); pk.FixedHeader.Type != packets.Publish {
			t.Fatalf("type %d came", pk.FixedHeader.Type)
		} else if pk.FixedHeader.Qos == 1 {
			keen.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: pk.PacketID})
		}
	}
	s := b.Stats()
	if s.UnreadBytes > 3*(256<<10) || s.Undelivered == 0 {
		t.Errorf("%+v", s)
	}
}

// All retained messages come, however many.
func TestManyRetainedMessagesCome(t *testing.T) {
	b := startBroker(t, BrokerConfig{}, newHandSink(1))
	d := in(t, b, connectOf("d"))
	const n = 1000
	for i := range n {
		d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Retain: true}, TopicName: fmt.Sprint("r/", i), Payload: []byte("x")})
	}
	d.expectNothing()
	s := in(t, b, connectOf("s"))
	s.subscribe("r/#")
	for range n {
		pk := s.expect(packets.Publish, 0)
		if !pk.FixedHeader.Retain {
			t.Fatalf("%s is not retained", pk.TopicName)
		}
	}
}

func TestWebSocketOrigins(t *testing.T) {
	r := newRecorder()
	sink := newHandSink(1)
	b := startBroker(t, BrokerConfig{ListenWS: "127.0.0.1:0", WebSocket: WebSocketConfig{Path: "/mqtt", Origins: []string{"https://panel.example"}}, Observer: r.observer()}, sink)
	for _, c := range []struct {
		path, protocol, origin string
		status                 int
	}{{"/mqtt", "mqtt", "", 101}, {"/mqtt", "mqtt", "http://" + b.address(), 101}, {"/mqtt", "mqtt", "https://panel.example", 101}, {"/mqtt", "mqtt", "https://evil.example", 403},
		{"/mqtt", "mqtt", "null", 403}, {"/mqtt", "", "", 400}, {"/mqtt", "chat", "", 400}, {"/", "mqtt", "", 404}} {
		dialer, h := websocket.Dialer{}, http.Header{}
		if c.protocol != "" {
			dialer.Subprotocols = []string{c.protocol}
		}
		if c.origin != "" {
			h.Set("Origin", c.origin)
		}
		conn, answer, err := dialer.Dial("ws://"+b.address()+c.path, h)
		if answer == nil || answer.StatusCode != c.status {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil {
			continue
		}
		if conn.Subprotocol() != "mqtt" {
			t.Errorf("subprotocol %q", conn.Subprotocol())
		}
		d, code, err := tryConnect(t, &frameConn{Conn: conn.NetConn(), ws: conn}, connectOf("d"))
		if err != nil || code != 0 {
			t.Fatalf("%d, %v", code, err)
		}
		d.publish("in/x", 1, 1, "a")
		acknowledge(sink.next(t))
		d.expect(packets.Puback, 1)
		if err := conn.WriteMessage(websocket.TextMessage, []byte("x")); err != nil {
			t.Fatal(err)
		}
		d.expectEnd()
	}
	r.has(t, RefusedOrigin, RefusedMalformed)
}
