package publish

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/simulators/publish/brokertest"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func start(t *testing.T, cfg Config) (*Publisher, chan error) {
	t.Helper()
	cfg.ClientID, cfg.Log, cfg.MaxInflight = "test", quiet, 20
	p := New(cfg)
	done := make(chan error, 1)
	go func() { done <- p.Run(t.Context()) }()
	return p, done
}

func put(t *testing.T, p *Publisher, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := p.Publish(t.Context(), Message{Topic: "a/b", Payload: strconv.AppendInt(nil, int64(i), 10), QoS: 1}); err != nil {
			t.Fatal(err)
		}
	}
}

func payloads(b *brokertest.Broker) []string {
	var out []string
	for _, m := range b.Taken() {
		out = append(out, m.Payload)
	}
	return out
}

// inOrder checks that 0…n-1 all arrived, each for the first time after its predecessor.
func inOrder(t *testing.T, got []string, n int) {
	t.Helper()
	next := 0
	for _, s := range got {
		if v, _ := strconv.Atoi(s); v == next {
			next++
		} else if v > next {
			t.Fatalf("%d arrived before %d", v, next)
		}
	}
	if next != n {
		t.Fatalf("%d of %d arrived", next, n)
	}
}

func TestPublishesInOrder(t *testing.T) {
	b := brokertest.Start(t)
	var acked []string
	p, done := start(t, Config{Broker: b.URL(),
		OnAck: func(m Message, _ time.Time) { acked = append(acked, string(m.Payload)) }})
	put(t, p, 0, 500)
	p.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	inOrder(t, payloads(b), 500)
	inOrder(t, acked, 500)
	if c := p.Counts(); c.Published != 500 || c.Acked != 500 || c.Resent != 0 {
		t.Fatalf("%+v", c)
	}
}

func TestLostConnectionResendsInOrder(t *testing.T) {
	b := brokertest.Start(t)
	b.CutAt(137)
	p, done := start(t, Config{Broker: b.URL()})
	put(t, p, 0, 500)
	p.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	inOrder(t, payloads(b), 500)
	if c := p.Counts(); c.Acked != 500 || c.Reconnects != 1 || c.Resent == 0 {
		t.Fatalf("%+v", c)
	}
}

func TestBrokerRestart(t *testing.T) {
	b := brokertest.Start(t)
	p, done := start(t, Config{Broker: b.URL()})
	put(t, p, 0, 300)
	b.Halt()
	b.Start(t)
	put(t, p, 300, 600)
	p.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	inOrder(t, payloads(b), 600)
	if c := p.Counts(); c.Acked != 600 {
		t.Fatalf("%+v", c)
	}
}

func TestGivesUp(t *testing.T) {
	p, done := start(t, Config{Broker: "tcp://127.0.0.1:1", GiveUp: 150 * time.Millisecond})
	err := <-done
	if err == nil || !strings.Contains(err.Error(), "connect tcp://127.0.0.1:1") {
		t.Fatal(err)
	}
	for err = nil; err == nil; {
		err = p.Publish(t.Context(), Message{Topic: "x"})
	}
	if !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
}

func TestCancelTellsWhatIsUnacknowledged(t *testing.T) {
	p := New(Config{Broker: "tcp://127.0.0.1:1", ClientID: "x", Log: quiet})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestFleetSpreadsAndCounts(t *testing.T) {
	b := brokertest.Start(t)
	f := NewFleet(Config{Broker: b.URL(), ClientID: "f", Log: quiet}, 4)
	done := make(chan error, 1)
	go func() { done <- f.Run(t.Context()) }()
	for i := range 200 {
		m := Message{Topic: "d/" + strconv.Itoa(i%17), Payload: []byte("x"), QoS: byte(i % 2)}
		if err := f.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if c := f.Counts(); c.Published != 200 || c.Acked != 200 {
		t.Fatalf("%+v", c)
	}
}
