package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// BrokerConfig of an MQTT broker. At least one address is needed.
type BrokerConfig struct {
	Listen    string    // plain TCP; empty: none
	ListenTLS string    // MQTT by TLS; empty: none
	ListenWS  string    // MQTT over WebSocket; empty: none
	WSByTLS   bool      // WebSocket by TLS
	TLS       TLSConfig // for the two
	WebSocket WebSocketConfig
	Users     map[string]string // username → password or bcrypt hash; empty, and without TLS.ClientCA: anyone
	ACL       ACL
	Limits    Limits
	Observer  Observer
}

// Broker is an MQTT 3.1.1 and 5 broker. Messages on topics that a stream reads go to the sink and are acknowledged when durable;
// others pass between MQTT clients as on any broker.
type Broker struct {
	server   *mqtt.Server
	gate     *gate
	doorways []*doorway
	tap      *tap
	warden   *warden
	refused  *refusals
	log      *slog.Logger
}

const (
	writesPending = 64 // messages that wait for one client's writer; mochi's 8,192 cost 70 KiB a client
	topicAliases  = 16 // of one client
)

// NewBroker binds the addresses; Serve starts.
func NewBroker(cfg BrokerConfig, sink Sink, log *slog.Logger) (*Broker, error) {
	l := &cfg.Limits
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumPacketSize = uint32(l.ClientBytes)
	capabilities.MaximumClients = l.Clients
	capabilities.MaximumClientWritesPending = writesPending
	capabilities.MaximumInflight, capabilities.ReceiveMaximum = l.Inflight, l.Inflight
	capabilities.MaximumSessionExpiryInterval = uint32(l.SessionExpiry / time.Second)
	capabilities.MaximumMessageExpiryInterval = 0 // as the message says; a retained one stays
	capabilities.TopicAliasMaximum = topicAliases
	server := mqtt.New(&mqtt.Options{Capabilities: capabilities, Logger: slog.New(quiet{log.Handler()})})
	refused := newRefusals(log, cfg.Observer)
	b := &Broker{server: server, gate: newGate(l, refused), refused: refused, log: log}
	kept := &retained{limits: l, sizes: map[string]int{}}
	b.warden = &warden{server: server, limits: l, refused: refused, retained: kept, expiry: capabilities.MaximumSessionExpiryInterval}
	b.tap = &tap{sink: sink, server: server, local: server.NewClient(nil, "local", "hexpane", true), limits: l, refused: refused, retained: kept}
	b.tap.ctx, b.tap.cancel = context.WithCancel(context.Background())
	d := &door{server: server, gate: b.gate, limits: l, refused: refused, passwords: newPasswords(cfg.Users), certified: cfg.TLS.ClientCA != "", acl: &cfg.ACL}
	for _, hook := range []mqtt.Hook{d, b.warden, b.tap} {
		if err := server.AddHook(hook, nil); err != nil {
			return nil, fmt.Errorf("mqtt: %s: %w", hook.ID(), err)
		}
	}
	if err := b.bind(cfg); err != nil {
		for _, way := range b.doorways {
			err = errors.Join(err, way.in.Close())
		}
		return nil, err
	}
	return b, nil
}

func (b *Broker) bind(cfg BrokerConfig) error {
	var certs *certificates
	if cfg.ListenTLS != "" || cfg.ListenWS != "" && cfg.WSByTLS {
		var err error
		if certs, err = newCertificates(cfg.TLS, b.log); err != nil {
			return fmt.Errorf("mqtt.tls: %w", err)
		}
	}
	for _, at := range []struct {
		key, id, address string
		certs            *certificates
		web              bool
	}{{"mqtt.listen", "tcp", cfg.Listen, nil, false}, {"mqtt.tls.listen", "ssl", cfg.ListenTLS, certs, false},
		{"mqtt.websocket.listen", map[bool]string{false: "ws", true: "wss"}[cfg.WSByTLS], cfg.ListenWS, nil, true}} {
		if at.address == "" {
			continue
		}
		listener, err := net.Listen("tcp", at.address)
		if err != nil {
			return fmt.Errorf("%s %s: %w", at.key, at.address, err)
		}
		way := &doorway{id: at.id, in: &entrance{Listener: listener, gate: b.gate}, certs: at.certs, broker: b}
		b.doorways = append(b.doorways, way)
		if at.web {
			way.web = newWeb(cfg.WebSocket, b.refused)
			if cfg.WSByTLS {
				way.certs = certs
			}
		}
		if err := b.server.AddListener(way); err != nil {
			return fmt.Errorf("%s %s: %w", at.key, at.address, err)
		}
	}
	if len(b.doorways) == 0 {
		return errors.New("mqtt.listen: give an address, or one for mqtt.tls.listen or mqtt.websocket.listen")
	}
	return nil
}

// Addresses really bound, as tcp://host:port, ssl://… or ws://…/path; the first is the plainest.
func (b *Broker) Addresses() []string {
	var list []string
	for _, d := range b.doorways {
		address := d.id + "://" + d.Address()
		if d.web != nil {
			address += d.web.cfg.Path
		}
		list = append(list, address)
	}
	return list
}

// Clients connected now.
func (b *Broker) Clients() int64 { return atomic.LoadInt64(&b.server.Info.ClientsConnected) }

// BrokerStats are what a broker holds, in numbers and bytes; each is bounded by a limit.
type BrokerStats struct {
	Connections, Sessions, Subscriptions, Retained         int
	RetainedBytes, QueuedBytes, UnreadBytes, ArrivingBytes int64
	Undelivered                                            int64 // since the start: messages not passed to clients that don't keep up
}

// Stats now.
func (b *Broker) Stats() BrokerStats {
	s := BrokerStats{Connections: b.gate.open(), Sessions: b.server.Clients.Len(), Subscriptions: int(atomic.LoadInt64(&b.server.Info.Subscriptions)),
		QueuedBytes: b.warden.queued.Load(), UnreadBytes: b.gate.unread.Load(), ArrivingBytes: b.gate.arriving.Load()}
	s.Retained, s.RetainedBytes = b.warden.retained.size()
	s.Undelivered = b.warden.dropped.Load() + atomic.LoadInt64(&b.server.Info.MessagesDropped) + atomic.LoadInt64(&b.server.Info.InflightDropped)
	return s
}

// Serve accepts clients; it returns at once.
func (b *Broker) Serve() error { return b.server.Serve() }

// forget takes away what is left of a client whose goroutine did not come to its own end.
func (b *Broker) forget(g *guest) {
	if g.client == nil {
		return
	}
	b.tap.OnDisconnect(g.client, nil, true)
	if now, known := b.server.Clients.Get(g.client.ID); known && now == g.client {
		discard(b.server, g.client)
	}
	g.queued.clear(&b.warden.queued)
}

// Quiesce hands no more messages on: after it no Submit is under way, and what devices publish is not acknowledged, so that they
// publish it again elsewhere or later. Messages handed on before can still be acknowledged.
func (b *Broker) Quiesce() { b.tap.quiesce() }

// How long Close waits for acknowledgements and for clients that don't read.
const (
	settleWithin = 500 * time.Millisecond
	partWithin   = 500 * time.Millisecond
)

// Close quiesces, writes the acknowledgements given so far and disconnects all clients.
func (b *Broker) Close() error {
	b.tap.quiesce()
	ctx, cancel := context.WithTimeout(context.Background(), settleWithin)
	defer cancel()
	b.tap.ackers.Range(func(_, a any) bool {
		a.(*acker).queue.Settle(ctx)
		return true
	})
	b.part()
	err := b.server.Close()
	for end := time.Now().Add(settleWithin); b.gate.open() > 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		b.gate.closeAll() // those that never said CONNECT, of which mochi knows nothing
	}
	return err
}

// part says goodbye: each connection is closed for writing alone, so that the client reads its last acknowledgements even while it
// is still publishing; closed at once, it would see a reset and lose them.
func (b *Broker) part() {
	end := time.Now().Add(partWithin)
	b.gate.endAt(end)
	for _, cl := range b.server.Clients.GetAll() {
		conn, ok := cl.Net.Conn.(*guest)
		if !ok || cl.Closed() {
			continue
		}
		go func() { // ends with the gate, if the client does not read
			if cl.Properties.ProtocolVersion >= 5 {
				_ = cl.WritePacket(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}, ReasonCode: packets.ErrServerShuttingDown.Code})
			}
			conn.closeWrite()
		}()
	}
	for b.gate.open() > 0 && time.Now().Before(end) {
		time.Sleep(2 * time.Millisecond)
	}
}

// tap hands publishes to the sink.
type tap struct {
	mqtt.HookBase
	sink   Sink
	server *mqtt.Server
	local  *mqtt.Client // publishes to other MQTT clients what mochi forgets
	ctx    context.Context
	cancel context.CancelFunc
	busy   sync.RWMutex // read-held while a message is handed on
	ackers sync.Map     // *mqtt.Client → *acker

	limits   *Limits
	refused  *refusals
	retained *retained
}

func (*tap) ID() string { return "hexpane-tap" }

func (*tap) Provides(b byte) bool {
	return bytes.IndexByte([]byte{mqtt.OnPublish, mqtt.OnDisconnect, mqtt.OnWillSent}, b) >= 0
}

func (t *tap) OnDisconnect(cl *mqtt.Client, _ error, _ bool) { t.ackers.Delete(cl) }

func (t *tap) ackerOf(cl *mqtt.Client) *acker {
	if a, ok := t.ackers.Load(cl); ok {
		return a.(*acker)
	}
	a, _ := t.ackers.LoadOrStore(cl, newAcker(cl, t.server))
	return a.(*acker)
}

func (t *tap) quiesce() {
	t.cancel()
	t.busy.Lock() // until those under way are through
	defer t.busy.Unlock()
}

// OnPublish defers the acknowledgement: ErrRejectPacket makes mochi forget the packet without answering it.
// Any other error would be answered with a PUBACK.
func (t *tap) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if cl.Net.Inline {
		return pk, nil
	}
	if atomic.LoadInt64(&t.server.Info.Subscriptions) > 0 {
		runtime.Gosched() // writers first: mochi copies a message for each subscriber, and the copies stay until its writer ran
	}
	if err := t.check(cl, &pk); err != nil || !t.sink.Wants(pk.TopicName) {
		return pk, err
	}
	m := Message{Topic: pk.TopicName, Payload: pk.Payload, ArrivalUs: time.Now().UnixMicro(), ID: pk.PacketID, QoS: pk.FixedHeader.Qos}
	if m.QoS > 0 {
		a := t.ackerOf(cl)
		if !a.owe() {
			t.refused.add(RefusedInflight, cl.ID, pk.TopicName)
			_ = t.server.DisconnectClient(cl, packets.ErrReceiveMaximum) // says that it did
			return pk, packets.ErrRejectPacket
		}
		m.Done = a
	}
	// Not handed on when stopping: not acknowledged either, so the device publishes it again.
	if err := t.submit(m); err != nil {
		if m.QoS > 0 && errors.Is(err, ErrFull) { // it publishes again when it is back, and not before
			_ = t.server.DisconnectClient(cl, packets.ErrQuotaExceeded)
		}
		return pk, packets.ErrRejectPacket
	}
	alone := !pk.FixedHeader.Retain && atomic.LoadInt64(&t.server.Info.Subscriptions) == 0 // no MQTT client would get it
	if m.QoS > 0 && !alone {
		t.pass(pk)
	}
	if m.QoS > 0 || alone {
		return pk, packets.ErrRejectPacket
	}
	return pk, nil
}

// pass hands a publish that mochi is told to forget to MQTT clients that subscribed to its topic, and retains it if it says so.
func (t *tap) pass(pk packets.Packet) {
	pk.Properties.TopicAlias, pk.Properties.TopicAliasFlag = 0, false // resolved
	_ = t.server.InjectPacket(t.local, pk)                            // it passed the same checks already
}

func (t *tap) submit(m Message) error {
	t.busy.RLock()
	defer t.busy.RUnlock()
	if err := t.ctx.Err(); err != nil {
		return err
	}
	return t.sink.Submit(t.ctx, m)
}

func addInflight(s *mqtt.Server, n int64) { atomic.AddInt64(&s.Info.Inflight, n) }

// quiet lets only mochi's errors through: it warns of each client that goes away.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }

func (q quiet) WithGroup(n string) slog.Handler { return quiet{q.Handler.WithGroup(n)} }
