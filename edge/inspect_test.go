package edge

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/store"
)

// digest is of all files below a directory: names, sizes, contents, times.
func digest(t testing.TB, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintln(h, path, info.ModTime(), len(data))
		_, _ = h.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// A store as kill -9 leaves it, copied: what is in the journal, the panes that a replay makes of it, the outbox, what is held, the
// marks. Nothing on the disk changes by looking.
func TestInspectShowsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	now := time.Now()
	turn := func(whole bool, messages ...ingest.Message) {
		t.Helper()
		now = now.Add(time.Millisecond)
		if err := d.edge.line.turn(messages, now, whole); err != nil {
			t.Fatal(err)
		}
	}
	some := func(device string, from, n int) (list []ingest.Message) {
		for _, p := range readings(from, n) {
			list = append(list, d.message(device, p))
		}
		return list
	}
	turn(true, some("bus", 0, 10)...) // to the outbox
	d.away = time.Hour
	turn(true, some("tram", 0, 10)...) // held
	d.away = 0
	d.edge.line.lastBeat = now.Add(time.Minute) // no heartbeat, nothing is cut
	d.edge.line.lastWhole, d.edge.line.rowsSince, d.edge.line.released = now.Add(time.Minute), now.Add(time.Minute), now.Add(time.Minute)
	turn(false, append(some("bus", 5, 10), d.message("bus\x1b[31m", "{"))...) // the journal's: 5 of them again
	turn(false, some("car", 200, 3)...)

	copied := t.TempDir() // as a machine that lost its power would be looked at
	if err := os.CopyFS(copied, os.DirFS(d.dir)); err != nil {
		t.Fatal(err)
	}
	before := digest(t, copied)
	i, err := Inspect(copied, 2)
	if err != nil {
		t.Fatal(err)
	}
	if digest(t, copied) != before {
		t.Error("looking changed the directory")
	}
	if i.Epoch != d.edge.store.Epoch() || i.PlanVersion != 1 || len(i.Streams) != 1 || len(i.Views) != 1 {
		t.Errorf("%+v", i)
	}
	if j := i.Journal; j.Messages != 14 || j.Records != 2 || j.Bytes < 14*20 || len(j.First) != 2 || j.First[0].Topic != "city/bus/position" ||
		j.First[0].Payload != readings(5, 1)[0] || j.Oldest.IsZero() || j.Newest.Before(j.Oldest) {
		t.Errorf("journal: %+v", j)
	}
	if s := i.Streams[0]; s.Name != "vehicles" || s.Replayed != 8 || s.Rejected != 1 || s.Dedupe != 20 || s.HeldRows != 10 || s.Watermark.IsZero() {
		t.Errorf("stream: %+v", s)
	}
	if v := i.Views[0]; v.Name != "by_device" || v.Readings != 8 || v.OpenKeys < 2 || v.OpenPanes < 2 || v.HeldDeltas == 0 || v.Oldest.IsZero() {
		t.Errorf("view: %+v", v)
	}
	if i.Held.Rows != 10 || i.Held.Deltas != i.Views[0].HeldDeltas {
		t.Errorf("held: %+v", i.Held)
	}
	batches, size, err := d.edge.store.OutboxSize()
	if err != nil || i.Outbox.Batches != batches || i.Outbox.Bytes != size || batches == 0 {
		t.Errorf("outbox: %+v, want %d batches, %d bytes (%v)", i.Outbox, batches, size, err)
	}
	last := map[uint32]uint64{}
	for _, s := range i.Sequences {
		last[s.Partition] = s.Seq
	}
	for _, p := range i.Outbox.Partitions {
		if p.FirstSeq != 1 || p.LastSeq != last[p.Partition] || p.Corrupt != 0 || p.LastSeq == 0 {
			t.Errorf("partition: %+v, last %d", p, last[p.Partition])
		}
	}
	d.abandon(t)
	if again, err := Inspect(d.dir, 0); err != nil || again.Journal.Messages != 14 {
		t.Errorf("the store itself, closed: %v", err)
	}
}

func TestInspectRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Inspect(dir, 0); !errors.Is(err, store.ErrNoStore) {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := Inspect(filepath.Join(dir, "none"), 0); !errors.Is(err, store.ErrNoStore) {
		t.Errorf("no directory: %v", err)
	}
	d := newDesk(t, dir)
	d.abandon(t)
	lock, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil { // as service.LockDir does
		t.Fatal(err)
	}
	if _, err := Inspect(dir, 0); !errors.Is(err, store.ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(dir, 0); err != nil {
		t.Errorf("not in use any more: %v", err)
	}
}

func TestInspectAStoreWithoutAPlan(t *testing.T) {
	dir := t.TempDir()
	(&desk{edge: openEdge(t, testConfig("nats://127.0.0.1:1"), dir)}).abandon(t)
	if i, err := Inspect(dir, 5); err != nil || i.PlanVersion != 0 || i.Epoch == 0 || i.Journal.Messages != 0 {
		t.Errorf("%+v %v", i, err)
	}
}
