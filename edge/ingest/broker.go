package ingest

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// BrokerConfig of an MQTT broker.
type BrokerConfig struct {
	Listen         string
	MaxPacketBytes uint32
	MaxClients     int64
	Users          map[string]string // username → password; empty: anyone
}

// Broker is an MQTT 3.1.1 and 5 broker on one TCP address. Messages on topics that a stream reads go to the sink and are
// acknowledged when durable; others pass between MQTT clients as on any broker.
type Broker struct {
	server *mqtt.Server
	gate   *gate
	tap    *tap
}

// NewBroker binds the address; Serve starts.
func NewBroker(cfg BrokerConfig, sink Sink, log *slog.Logger) (*Broker, error) {
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumPacketSize = cfg.MaxPacketBytes
	capabilities.MaximumClients = cfg.MaxClients
	capabilities.MaximumClientWritesPending = 64 // 8,192 by default, which costs 70 KiB a client
	server := mqtt.New(&mqtt.Options{Capabilities: capabilities, Logger: slog.New(quiet{log.Handler()})})
	if err := server.AddHook(&door{users: cfg.Users}, nil); err != nil {
		return nil, fmt.Errorf("mqtt authentication: %w", err)
	}
	t := &tap{sink: sink, server: server, local: server.NewClient(nil, "local", "hexpane", true)}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	if err := server.AddHook(t, nil); err != nil {
		return nil, fmt.Errorf("mqtt hook: %w", err)
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("mqtt.listen %s: %w", cfg.Listen, err)
	}
	b := &Broker{server: server, gate: newGate(listener), tap: t}
	if err := server.AddListener(listeners.NewNet("tcp", b.gate)); err != nil {
		return nil, errors.Join(fmt.Errorf("mqtt.listen %s: %w", cfg.Listen, err), listener.Close())
	}
	return b, nil
}

// Address really bound, host:port.
func (b *Broker) Address() string { return b.gate.Addr().String() }

// Clients connected now.
func (b *Broker) Clients() int64 { return atomic.LoadInt64(&b.server.Info.ClientsConnected) }

// Serve accepts clients; it returns at once.
func (b *Broker) Serve() error { return b.server.Serve() }

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
	return b.server.Close()
}

// part says goodbye: each connection is closed for writing alone, so that the client reads its last acknowledgements even while it
// is still publishing; closed at once, it would see a reset and lose them.
func (b *Broker) part() {
	end := time.Now().Add(partWithin)
	b.gate.endAt(end)
	for _, cl := range b.server.Clients.GetAll() {
		conn, ok := cl.Net.Conn.(*gateConn)
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
}

func (*tap) ID() string { return "hexpane-tap" }

func (*tap) Provides(b byte) bool {
	return bytes.IndexByte([]byte{mqtt.OnPublish, mqtt.OnDisconnect}, b) >= 0
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
	if cl.Net.Inline || !t.sink.Wants(pk.TopicName) {
		return pk, nil
	}
	m := Message{Topic: pk.TopicName, Payload: pk.Payload, ArrivalUs: time.Now().UnixMicro(), ID: pk.PacketID, QoS: pk.FixedHeader.Qos}
	if m.QoS > 0 {
		a := t.ackerOf(cl)
		if !a.owe() {
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

// door lets in whom the configuration names.
type door struct {
	mqtt.HookBase
	users map[string]string
}

func (*door) ID() string { return "hexpane-door" }

func (*door) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}

func (d *door) OnConnectAuthenticate(_ *mqtt.Client, pk packets.Packet) bool {
	if len(d.users) == 0 {
		return true
	}
	password, known := d.users[string(pk.Connect.Username)]
	return known && subtle.ConstantTimeCompare([]byte(password), pk.Connect.Password) == 1
}

func (d *door) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

func addInflight(s *mqtt.Server, n int64) { atomic.AddInt64(&s.Info.Inflight, n) }

// quiet lets only mochi's errors through: it warns of each client that goes away.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }

func (q quiet) WithGroup(n string) slog.Handler { return quiet{q.Handler.WithGroup(n)} }
