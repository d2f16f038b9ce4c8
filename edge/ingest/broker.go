package ingest

import (
	"bytes"
	"context"
	"crypto/subtle"
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
	server   *mqtt.Server
	listener net.Listener
}

// NewBroker binds the address; Serve starts.
func NewBroker(cfg BrokerConfig, sink Sink, log *slog.Logger) (*Broker, error) {
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumPacketSize = cfg.MaxPacketBytes
	capabilities.MaximumClients = cfg.MaxClients
	capabilities.MaximumClientWritesPending = 64 // 8,192 by default, which costs 70 KiB a client
	server := mqtt.New(&mqtt.Options{Capabilities: capabilities, Logger: slog.New(quiet{log.Handler()})})
	b := &Broker{server: server}
	if err := server.AddHook(&door{users: cfg.Users}, nil); err != nil {
		return nil, fmt.Errorf("mqtt authentication: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := server.AddHook(&tap{sink: sink, server: server, ctx: ctx, cancel: cancel}, nil); err != nil {
		cancel()
		return nil, fmt.Errorf("mqtt hook: %w", err)
	}
	var err error
	if b.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		cancel()
		return nil, fmt.Errorf("mqtt.listen %s: %w", cfg.Listen, err)
	}
	if err := server.AddListener(listeners.NewNet("tcp", b.listener)); err != nil {
		cancel()
		return nil, fmt.Errorf("mqtt.listen %s: %w", cfg.Listen, err)
	}
	return b, nil
}

// Address really bound, host:port.
func (b *Broker) Address() string { return b.listener.Addr().String() }

// Clients connected now.
func (b *Broker) Clients() int64 { return atomic.LoadInt64(&b.server.Info.ClientsConnected) }

// Serve accepts clients; it returns at once.
func (b *Broker) Serve() error { return b.server.Serve() }

// Close disconnects all clients.
func (b *Broker) Close() error { return b.server.Close() }

// tap hands publishes to the sink.
type tap struct {
	mqtt.HookBase
	sink   Sink
	server *mqtt.Server
	ctx    context.Context
	cancel context.CancelFunc
	ackers sync.Map // *mqtt.Client → *acker
}

func (*tap) ID() string { return "hexpane-tap" }

func (*tap) Provides(b byte) bool {
	return bytes.IndexByte([]byte{mqtt.OnPublish, mqtt.OnDisconnect, mqtt.OnStopped}, b) >= 0
}

func (t *tap) OnDisconnect(cl *mqtt.Client, _ error, _ bool) { t.ackers.Delete(cl) }

func (t *tap) ackerOf(cl *mqtt.Client) *acker {
	if a, ok := t.ackers.Load(cl); ok {
		return a.(*acker)
	}
	a, _ := t.ackers.LoadOrStore(cl, &acker{client: cl, server: t.server})
	return a.(*acker)
}

func (t *tap) OnStopped() { t.cancel() }

// OnPublish defers the acknowledgement: ErrRejectPacket makes mochi forget the packet without answering it.
// Any other error would be answered with a PUBACK.
func (t *tap) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if cl.Net.Inline || !t.sink.Wants(pk.TopicName) {
		return pk, nil
	}
	m := Message{Topic: pk.TopicName, Payload: pk.Payload, ArrivalUs: time.Now().UnixMicro(), ID: pk.PacketID, QoS: pk.FixedHeader.Qos}
	if m.QoS == 0 {
		if err := t.sink.Submit(t.ctx, m); err != nil {
			return pk, packets.ErrRejectPacket
		}
		return pk, nil
	}
	m.Done = t.ackerOf(cl)
	cl.State.Inflight.DecreaseReceiveQuota()
	if err := t.sink.Submit(t.ctx, m); err != nil {
		cl.State.Inflight.IncreaseReceiveQuota() // stopping: not acknowledged, so the device publishes it again
	}
	return pk, packets.ErrRejectPacket
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
