package uplink

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const patience = 20 * time.Second

// hub is the core's NATS server, which can be stopped and started again on its port and disk.
type hub struct {
	dir    string
	port   int
	server *server.Server
}

func startHub(t testing.TB) *hub {
	t.Helper()
	h := &hub{dir: t.TempDir(), port: server.RANDOM_PORT}
	h.start(t)
	h.port = h.server.Addr().(*net.TCPAddr).Port
	t.Cleanup(h.stop)
	return h
}

func (h *hub) start(t testing.TB) {
	t.Helper()
	s, err := server.NewServer(&server.Options{ServerName: "hub", Host: "127.0.0.1", Port: h.port, JetStream: true, StoreDir: h.dir, SyncAlways: true,
		NoSigs: true, NoLog: true, MaxPayload: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server is not ready")
	}
	h.server = s
}

func (h *hub) stop() {
	h.server.Shutdown()
	h.server.WaitForShutdown()
}

func (h *hub) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", h.port) }

// stream makes the stream as the core does, or finds it.
func (h *hub) stream(t testing.TB, atomic bool) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(connect(t, h.url()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
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
	ctx, cancel := context.WithTimeout(context.Background(), patience)
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

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
