package edge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

const patience = 20 * time.Second

// hub stands for the core: its NATS server with its stream and bucket, on one port and disk over stops and starts.
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
	h.do(t, func(ctx context.Context, js jetstream.JetStream) error {
		if _, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: wire.StreamName, Subjects: []string{wire.StreamSubject},
			Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, AllowDirect: true, AllowAtomicPublish: true}); err != nil {
			return err
		}
		_, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: wire.PlanBucket, History: 10})
		return err
	})
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

func (h *hub) do(t testing.TB, f func(context.Context, jetstream.JetStream) error) {
	t.Helper()
	c, err := nats.Connect(h.url())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	js, err := jetstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f(ctx, js); err != nil {
		t.Fatal(err)
	}
}

// put publishes a plan as the core does.
func (h *hub) put(t testing.TB, p *plan.Plan) {
	t.Helper()
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	h.do(t, func(ctx context.Context, js jetstream.JetStream) error {
		bucket, err := js.KeyValue(ctx, wire.PlanBucket)
		if err != nil {
			return err
		}
		_, err = bucket.Put(ctx, wire.PlanKey, data)
		return err
	})
}

// received reads all that is in the stream and applies it.
func (h *hub) received(t testing.TB) *ledger {
	t.Helper()
	l := newLedger()
	h.receive(t, l)
	return l
}

// receive applies all that is in the stream; what was applied before is skipped.
func (h *hub) receive(t testing.TB, l *ledger) {
	t.Helper()
	h.do(t, func(ctx context.Context, js jetstream.JetStream) error {
		s, err := js.Stream(ctx, wire.StreamName)
		if err != nil {
			return err
		}
		state := s.CachedInfo().State
		for seq := state.FirstSeq; seq > 0 && seq <= state.LastSeq; seq++ {
			m, err := s.GetMsg(ctx, seq)
			if err != nil {
				return err
			}
			l.apply(t, m.Data)
		}
		return nil
	})
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
