package ingest

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/peers"
)

// handSink wants topics below "in/", and keeps what it gets until the test takes it.
type handSink struct {
	taken chan Message
}

func newHandSink(room int) *handSink { return &handSink{taken: make(chan Message, room)} }

func (s *handSink) Wants(topic string) bool { return strings.HasPrefix(topic, "in/") }

func (s *handSink) Submit(ctx context.Context, m Message) error {
	select {
	case s.taken <- m:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// next waits for the next message.
func (s *handSink) next(t testing.TB) Message {
	t.Helper()
	select {
	case m := <-s.taken:
		return m
	case <-time.After(peers.Patience):
		t.Fatal("no message came")
		return Message{}
	}
}

func (s *handSink) none(t testing.TB) {
	t.Helper()
	select {
	case m := <-s.taken:
		t.Fatalf("a message came: %s %q", m.Topic, m.Payload)
	default:
	}
}

func acknowledge(m Message) { m.Done.Acknowledge(m.ID, m.QoS) }

// promptly fails if f takes longer than shutting down may.
func promptly(t testing.TB, what string, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(5 * time.Second):
		stacks := make([]byte, 1<<20)
		t.Fatalf("%s hangs:\n%s", what, stacks[:runtime.Stack(stacks, true)])
	}
}

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
