package edge

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/peers"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go/jetstream"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// backup copies a store that nobody has open; putBack puts the copy in its place.
func backup(t testing.TB, dir string) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "backup")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func putBack(t testing.TB, from, dir string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(from))); err != nil {
		t.Fatal(err)
	}
}

func renewed(t testing.TB, e *Edge) int {
	t.Helper()
	var m dto.Metric
	if err := e.m.epochs.Write(&m); err != nil {
		t.Fatal(err)
	}
	return int(m.Counter.GetValue())
}

// purge does what the core does with applied batches: it tells the edge of them, and drops them.
func (h hub) purge(t testing.TB, l *ledger) {
	t.Helper()
	h.do(t, func(ctx context.Context, js jetstream.JetStream) error {
		bucket, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: wire.EdgeBucket})
		if err != nil {
			return err
		}
		data, err := proto.Marshal(&wire.Delivered{Epoch: l.epoch, Last: l.lastOf(l.epoch)})
		if err != nil {
			return err
		}
		if _, err := bucket.Put(ctx, "edge-1", data); err != nil {
			return err
		}
		s, err := js.Stream(ctx, wire.StreamName)
		if err != nil {
			return err
		}
		return s.Purge(ctx)
	})
}

// A store with batches in its outbox and readings in its journal is copied; the edge delivers both, goes on, and its disk is lost.
// The copy put back sends neither again, and what comes after is not taken for what came before.
func TestAnOldCopyStartsANewEpoch(t *testing.T) {
	t.Parallel()
	for name, purged := range map[string]bool{"told by the stream": false, "told by the core": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, dir := startHub(t), t.TempDir()
			h.put(t, cityPlan(1))
			copied := journalAndOutbox(t, dir)

			e := runEdge(t, testConfig(h.URL()), dir).serving()
			c := e.client()
			publish(t, c, 1, "bus", readings(50, 30)...)
			c.Disconnect(0)
			peers.Eventually(t, "the first life's are counted", func() bool { return h.received(t).readings == 80 })
			if renewed(t, e.Edge) != 0 {
				t.Error("a store that is nobody's copy got a new epoch")
			}
			e.stop()
			var before *ledger
			if before = h.received(t); purged {
				h.purge(t, before)
			}
			putBack(t, copied, dir)

			e = runEdge(t, testConfig(h.URL()), dir).serving()
			c = e.client()
			publish(t, c, 1, "bus", readings(80, 40)...)
			c.Disconnect(0)
			after := before
			if !purged {
				after = newLedger()
			}
			peers.Eventually(t, "the second life's are counted", func() bool {
				if !purged {
					after = newLedger()
				}
				h.receive(t, after)
				return after.readings >= 120
			})
			e.stop()
			h.receive(t, after)
			after.expectOnce(t, 120, "bus")
			if renewed(t, e.Edge) != 1 {
				t.Error("no new epoch was started")
			}

			// From here on it is a store like any other.
			e = runEdge(t, testConfig(h.URL()), dir).serving()
			peers.Eventually(t, "it is settled", func() bool { return !e.line.unknown() })
			if renewed(t, e.Edge) != 0 {
				t.Error("the new epoch did not stay")
			}
		})
	}
}

// journalAndOutbox makes a store with 20 readings in its outbox and 30 more in its journal, as kill -9 leaves it, and a copy of it.
func journalAndOutbox(t testing.TB, dir string) (copied string) {
	t.Helper()
	d, now := newDesk(t, dir), time.Now()
	var batch []ingest.Message
	for _, p := range readings(0, 20) {
		batch = append(batch, d.message("bus", p))
	}
	if err := d.edge.line.turn(batch, now, true); err != nil {
		t.Fatal(err)
	}
	batch = nil
	for _, p := range readings(20, 30) {
		batch = append(batch, d.message("bus", p))
	}
	if err := d.edge.line.turn(batch, now, false); err != nil {
		t.Fatal(err)
	}
	d.abandon(t)
	return backup(t, dir)
}

// The same, with no core in reach when the copy is put back: what is taken in then is held beside what the copy holds, also over a
// restart, and goes out once it is known what the copy is.
func TestAnOldCopyStartsOffline(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]bool{"an old copy": true, "the store itself": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, dir := startHub(t), t.TempDir()
			h.put(t, cityPlan(1))
			copied := journalAndOutbox(t, dir)
			from := 50
			if old {
				e := runEdge(t, testConfig(h.URL()), dir).serving()
				c := e.client()
				publish(t, c, 1, "bus", readings(50, 30)...)
				c.Disconnect(0)
				peers.Eventually(t, "the first life's are counted", func() bool { return h.received(t).readings == 80 })
				e.stop()
				putBack(t, copied, dir)
				from = 80
			}
			h.Stop()
			cfg := testConfig(h.URL())
			cfg.Forward.HoldAfter = 50 * time.Millisecond
			for i := range 3 {
				e := runEdge(t, cfg, dir).serving()
				c := e.client()
				publish(t, c, 1, "bus", readings(from+i*20, 20)...)
				publish(t, c, 1, "bus", readings(20, 10)...) // from the copy's journal, again
				c.Disconnect(0)
				if i != 1 { // held; in the second round the readings stay in the journal
					peers.Eventually(t, "they are held", func() bool { return isHeld(t, e.Edge) })
				}
				e.stop()
			}
			h.Start(t)
			e := runEdge(t, cfg, dir).serving()
			peers.Eventually(t, "all is counted", func() bool { return h.received(t).readings >= from+60 })
			peers.Eventually(t, "nothing is held", func() bool { return !isHeld(t, e.Edge) })
			e.stop()
			h.received(t).expectOnce(t, from+60, "bus")
			if want := map[bool]int{true: 1}[old]; renewed(t, e.Edge) != want {
				t.Errorf("%d new epochs, want %d", renewed(t, e.Edge), want)
			}
		})
	}
}

func isHeld(t testing.TB, e *Edge) bool {
	t.Helper()
	var m dto.Metric
	if err := e.m.heldDeltas.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.Gauge.GetValue() > 0
}

// A copy taken while the core was away held what the edge sent when it was back.
func TestAnOldCopyOfAnOutage(t *testing.T) {
	t.Parallel()
	h, dir := startHub(t), t.TempDir()
	h.put(t, cityPlan(1))
	d := newDesk(t, dir)
	d.away = time.Minute
	now := time.Now()
	for i := range 4 {
		now = now.Add(heartbeat)
		d.turnAt(t, now, "bus", i*10, 10)
	}
	if h := d.edge.store.Held(); h.Deltas == 0 || h.Rows == 0 {
		t.Fatalf("%+v held", h)
	}
	d.abandon(t)
	copied := backup(t, dir)
	e := runEdge(t, testConfig(h.URL()), dir).serving()
	peers.Eventually(t, "what was held is counted", func() bool { return h.received(t).readings == 40 })
	e.stop()
	putBack(t, copied, dir)
	e = runEdge(t, testConfig(h.URL()), dir).serving()
	c := e.client()
	publish(t, c, 1, "bus", readings(40, 10)...)
	c.Disconnect(0)
	peers.Eventually(t, "the second life's are counted", func() bool { return h.received(t).readings >= 50 })
	e.stop()
	h.received(t).expectOnce(t, 50, "bus")
}

// A new store on a machine whose clock is behind gets an epoch after that of the store before it.
func TestANewStoreComesAfterTheOldOne(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	later := uint64(time.Now().AddDate(1, 0, 0).UnixMicro())
	data, err := wire.Pack(&wire.Batch{Edge: "edge-1", Epoch: later, Seq: 1, Partition: 2, PlanVersion: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.do(t, func(ctx context.Context, js jetstream.JetStream) error {
		_, err := js.Publish(ctx, wire.Subject("edge-1", 2), data)
		return err
	})
	e := runEdge(t, testConfig(h.URL()), t.TempDir()).serving()
	c := e.client()
	publish(t, c, 1, "bus", readings(0, 20)...)
	c.Disconnect(0)
	peers.Eventually(t, "all is counted", func() bool { return h.received(t).readings >= 20 })
	e.stop()
	l := h.received(t)
	l.expectOnce(t, 20, "bus")
	if l.epoch != later+1 {
		t.Errorf("epoch %d after %d", l.epoch, later)
	}
}

// Nothing is sent before it is known what was delivered.
func TestNothingIsSentBeforeItIsKnown(t *testing.T) {
	d := newDesk(t, t.TempDir())
	defer d.abandon(t)
	d.away = time.Millisecond // not asked yet
	now := time.Now()
	for i := range 20 {
		now = now.Add(heartbeat / 5)
		d.turnAt(t, now, "bus", i*5, 5)
	}
	if n, _, err := d.edge.store.OutboxSize(); n != 0 || err != nil || d.acked != 100 {
		t.Errorf("%d batches, %d readings acknowledged (%v)", n, d.acked, err)
	}
	d.away = 0
	for range 3 {
		now = now.Add(heartbeat)
		if err := d.edge.line.turn(nil, now, true); err != nil {
			t.Fatal(err)
		}
	}
	got := newLedger()
	d.read(t, got, 0)
	got.expectOnce(t, 100, "bus")
}
