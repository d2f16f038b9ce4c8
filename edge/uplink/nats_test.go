package uplink

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/peers"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// hub is the core's NATS server.
type hub struct{ *peers.Hub }

func startHub(t testing.TB) hub {
	t.Helper()
	return hub{peers.StartHub(t)}
}

// stream makes the stream as the core does, or finds it.
func (h hub) stream(t testing.TB, atomic bool) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(connect(t, h.URL()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), peers.Patience)
	defer cancel()
	s, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: wire.StreamName, Subjects: []string{wire.StreamSubject},
		Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, AllowDirect: true, AllowAtomicPublish: atomic})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// connect connects as an edge does.
func connect(t testing.TB, url string) *nats.Conn {
	t.Helper()
	c, err := nats.Connect(url, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// stored reads the whole stream: subject and data of each message.
func stored(t testing.TB, s jetstream.Stream) (messages []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), peers.Patience)
	defer cancel()
	info, err := s.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq && seq > 0; seq++ {
		m, err := s.GetMsg(ctx, seq)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m.Subject+" "+string(m.Data))
	}
	return messages
}

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
