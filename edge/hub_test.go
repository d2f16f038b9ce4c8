package edge

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/hexpane/hexpane/edge/peers"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

// hub stands for the core: its NATS server with its stream and bucket.
type hub struct{ *peers.Hub }

func startHub(t testing.TB) hub {
	t.Helper()
	h := hub{peers.StartHub(t)}
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

func (h hub) do(t testing.TB, f func(context.Context, jetstream.JetStream) error) {
	t.Helper()
	c, err := nats.Connect(h.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	js, err := jetstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), peers.Patience)
	defer cancel()
	if err := f(ctx, js); err != nil {
		t.Fatal(err)
	}
}

// put publishes a plan as the core does.
func (h hub) put(t testing.TB, p *plan.Plan) {
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
func (h hub) received(t testing.TB) *ledger {
	t.Helper()
	l := newLedger()
	h.receive(t, l)
	return l
}

// receive applies all that is in the stream; what was applied before is skipped.
func (h hub) receive(t testing.TB, l *ledger) {
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

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
