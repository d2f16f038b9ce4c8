// Package brokertest is a real MQTT broker for tests: mochi on a free loopback port, which remembers what it took and
// can be told to cut connections or to stop.
package brokertest

import (
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// Taken is one message that the broker took, and acknowledged if its QoS asks for it.
type Taken struct {
	Client, Topic, Payload string
	QoS                    byte
}

// Broker outlives its servers: Halt and Start again keep what was taken and the address.
type Broker struct {
	mochi.HookBase
	addr string
	stop func()

	mu     sync.Mutex
	taken  []Taken
	cutAt  int
	cutOff *mochi.Client
}

// Start a broker; it stops with the test.
func Start(t testing.TB) *Broker {
	b := &Broker{addr: "127.0.0.1:0"}
	b.Start(t)
	return b
}

// Start again after Halt, on the same address.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	srv := mochi.New(&mochi.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	ln, err := net.Listen("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	for _, err := range []error{srv.AddHook(new(auth.AllowHook), nil), srv.AddHook(b, nil),
		srv.AddListener(listeners.NewNet("test", ln)), srv.Serve()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	b.stop = sync.OnceFunc(func() { _ = srv.Close() })
	t.Cleanup(b.stop)
}

// Halt the broker and cut all its connections.
func (b *Broker) Halt() { b.stop() }

// URL to dial.
func (b *Broker) URL() string { return "tcp://" + b.addr }

// Taken so far, in order of arrival.
func (b *Broker) Taken() []Taken {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Taken(nil), b.taken...)
}

// CutAt makes the n-th message from now cut its connection; neither it nor what follows on that connection is taken.
func (b *Broker) CutAt(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cutAt = n
}

// ID names the hook.
func (b *Broker) ID() string { return "brokertest" }

// Provides says which events the hook wants.
func (b *Broker) Provides(event byte) bool { return event == mochi.OnPublish }

// OnPublish remembers, or cuts.
func (b *Broker) OnPublish(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cutAt > 0 {
		if b.cutAt--; b.cutAt == 0 {
			b.cutOff = cl
			_ = cl.Net.Conn.Close()
		}
	}
	if cl == b.cutOff {
		return pk, packets.ErrRejectPacket
	}
	b.taken = append(b.taken, Taken{cl.ID, pk.TopicName, string(pk.Payload), pk.FixedHeader.Qos})
	return pk, nil
}
