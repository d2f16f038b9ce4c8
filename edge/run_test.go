package edge

import (
	"context"
	"fmt"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/hexpane/hexpane/edge/peers"
	"github.com/prometheus/client_golang/prometheus"
)

func testConfig(natsURL string) *Config {
	c := &Config{ID: "edge-1", Mode: "broker"}
	c.MQTT.Listen, c.MQTT.MaxPacketBytes, c.MQTT.MaxClients, c.MQTT.WebSocket.Path = "127.0.0.1:0", 1<<20, 100, "/mqtt"
	l := &c.MQTT.Limits
	l.ConnectBytes, l.Pending, l.ArrivingBytes, l.UnreadBytes, l.QueuedBytes, l.Inflight = 64<<10, 1000, 64<<20, 1<<20, 64<<20, 1024
	l.Subscriptions, l.Sessions, l.SessionExpiry, l.TopicBytes, l.TopicLevels = 100, 1000, time.Hour, 1024, 32
	c.Subscribe.QoS = 1
	c.Ingest.MaxBodyBytes = 1 << 20
	c.Forward.Linger, c.Forward.Rows, c.Forward.Deltas, c.Forward.Batch = 2*time.Millisecond, 25*time.Millisecond, 100*time.Millisecond, 4096
	c.Forward.QueueBytes = 64 << 20
	c.Forward.HoldAfter, c.Forward.CatchUpBytes, c.Store.HeldRowBytes = 5*time.Second, 4<<20, 1<<30
	c.Time.MaxFuture, c.Time.Idle = 5*time.Minute, 10*time.Second
	c.Dedupe.Horizon, c.Dedupe.Limit = time.Hour, 1_000_000
	c.Store.CacheBytes, c.Store.MemTable, c.Store.OutboxBytes = 8<<20, 16<<20, 1<<30
	c.NATS.URL = natsURL
	return c
}

// openEdge makes an edge on a directory without running it.
func openEdge(t testing.TB, cfg *Config, dir string) *Edge {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	e, err := New(cfg, Deps{Log: silent(), Metrics: prometheus.NewRegistry(), DataDir: dir, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// running is an edge that runs until stop.
type running struct {
	*Edge
	t      testing.TB
	cancel context.CancelFunc
	done   chan error
}

func runEdge(t testing.TB, cfg *Config, dir string) *running {
	t.Helper()
	r := &running{Edge: openEdge(t, cfg, dir), t: t, done: make(chan error, 1)}
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	go func() { r.done <- r.Run(ctx) }()
	t.Cleanup(r.stop)
	return r
}

// stop ends the edge as SIGTERM does: within the 10 s that it has.
func (r *running) stop() {
	r.t.Helper()
	if r.done == nil {
		return
	}
	r.cancel()
	select {
	case err := <-r.done:
		if err != nil {
			r.t.Errorf("run: %v", err)
		}
	case <-time.After(10 * time.Second):
		r.t.Error("the edge does not stop within 10 s")
	}
	r.done = nil
}

func (r *running) serving() *running {
	r.t.Helper()
	select {
	case <-r.Served():
	case <-time.After(peers.Patience):
		r.t.Fatal("the edge does not serve")
	}
	return r
}

func (r *running) client() paho.Client {
	r.t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker(r.MQTTAddress()).SetAutoReconnect(false).SetMessageChannelDepth(1000).SetWriteTimeout(2 * time.Second))
	if token := c.Connect(); !token.WaitTimeout(peers.Patience) || token.Error() != nil {
		r.t.Fatalf("connect: %v", token.Error())
	}
	return c
}

// publish publishes and waits for the acknowledgements.
func publish(t testing.TB, c paho.Client, qos byte, device string, payloads ...string) {
	t.Helper()
	var tokens []paho.Token
	for _, p := range payloads {
		tokens = append(tokens, c.Publish("city/"+device+"/position", qos, false, p))
	}
	for _, token := range tokens {
		if !token.WaitTimeout(peers.Patience) || token.Error() != nil {
			t.Fatalf("publish: %v", token.Error())
		}
	}
}

var firstReading = time.Now().Add(-10 * time.Minute).UnixMilli()

// readings are the payloads of the readings from one number on, a tenth of a second apart: the same number, the same bytes.
func readings(from, n int) (payloads []string) {
	for i := from; i < from+n; i++ {
		payloads = append(payloads, fmt.Sprintf(`{"ts":%d,"x":%d}`, firstReading+int64(i)*100, i))
	}
	return payloads
}

// expectOnce checks that each device has each reading from 0 to n in the rows once, and n readings in the deltas.
func (l *ledger) expectOnce(t testing.TB, n int, devices ...string) {
	t.Helper()
	for _, d := range devices {
		for i := range n {
			if got := l.rows[fmt.Sprintf("%s %d", d, i)]; got != 1 {
				t.Errorf("reading %d of %s is forwarded %d times", i, d, got)
			}
		}
		if l.deltas[d] != n {
			t.Errorf("the deltas of %s count %d readings, want %d", d, l.deltas[d], n)
		}
	}
	if len(l.rows) != n*len(devices) || l.readings != n*len(devices) {
		t.Errorf("%d rows and %d counted, want %d", len(l.rows), l.readings, n*len(devices))
	}
}
