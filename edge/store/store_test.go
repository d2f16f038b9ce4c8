package store_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/edge/store"
)

// A disk keeps its epoch, also when power goes right after its making; a disk made anew has a later one.
func TestEpochStaysWithItsDiskAndGrowsWithANewOne(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := openOn(t, fs)
	first := s.Epoch()
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	closed(t, s)
	again := openOn(t, crashed)
	if again.Epoch() != first {
		t.Errorf("epoch %d became %d over a crash", first, again.Epoch())
	}
	closed(t, again)
	fresh := openOn(t, vfs.NewCrashableMem())
	if fresh.Epoch() <= first {
		t.Errorf("a new disk has epoch %d, not above the old one's %d", fresh.Epoch(), first)
	}
	closed(t, fresh)
}

func TestPlanIsKept(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := openOn(t, fs)
	if p, err := s.Plan(); p != nil || err != nil {
		t.Fatalf("a new store has the plan %q, %v", p, err)
	}
	for plan, tables := range []map[string][]byte{{"gone": []byte("a"), "kept": []byte("b")}, {"kept": []byte("b"), "new": []byte("c")}} {
		if err := s.SetPlan([]byte{'0' + byte(plan)}, tables); err != nil {
			t.Fatal(err)
		}
	}
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	closed(t, s)
	s = openOn(t, crashed)
	defer closed(t, s)
	if p, err := s.Plan(); string(p) != "1" || err != nil {
		t.Errorf("plan %q, %v", p, err)
	}
	for name, want := range map[string]string{"gone": "", "kept": "b", "new": "c"} {
		if got, err := s.Contents(name); string(got) != want || err != nil {
			t.Errorf("contents %s are %q, %v; want %q", name, got, err, want)
		}
	}
}

// Sequences and orders go on where they were, although the keys that used them are gone.
func TestNumbersAreNeverUsedTwice(t *testing.T) {
	fs := vfs.NewCrashableMem()
	var last [3]uint64
	for round := range 3 {
		s := openOn(t, fs)
		c := &store.Change{Rows: true, Whole: true}
		for p := range last {
			seq := s.NextSequence(uint32(p), c)
			if seq != last[p]+1 {
				t.Fatalf("round %d, partition %d: sequence %d after %d", round, p, seq, last[p])
			}
			last[p] = seq
			c.Out = append(c.Out, store.Out{Partition: uint32(p), Data: []byte("x")})
		}
		commit(t, s, c)
		if want := uint64(3*round + 1); c.Out[0].Order != want {
			t.Errorf("round %d: order %d, want %d", round, c.Out[0].Order, want)
		}
		if err := s.Delivered(c.Out[0].Order, c.Out[2].Order); err != nil {
			t.Fatal(err)
		}
		crashed := fs.CrashClone(vfs.CrashCloneCfg{})
		closed(t, s)
		fs = crashed
	}
}

// A change that was never committed uses no sequence.
func TestAnAbandonedChangeUsesNoSequence(t *testing.T) {
	s := openOn(t, vfs.NewCrashableMem())
	defer closed(t, s)
	s.NextSequence(1, &store.Change{})
	if seq := s.NextSequence(1, &store.Change{}); seq != 1 {
		t.Errorf("sequence %d, want 1", seq)
	}
}

func TestOutboxIsReadWithinItsBounds(t *testing.T) {
	s := openOn(t, vfs.NewCrashableMem())
	defer closed(t, s)
	c := &store.Change{}
	for i := range 10 {
		c.Out = append(c.Out, store.Out{Partition: uint32(i), Data: bytes.Repeat([]byte{byte(i)}, 100)})
	}
	commit(t, s, c)
	for _, l := range []struct {
		after           uint64
		limit, maxBytes int
		want            []uint64
	}{
		{0, 100, 1 << 20, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{3, 2, 1 << 20, []uint64{4, 5}},
		{0, 100, 320, []uint64{1, 2, 3}}, // 104 bytes each
		{8, 100, 1, []uint64{9}},         // one at least
		{10, 100, 1 << 20, nil},
	} {
		var got []uint64
		if err := s.Outbox(l.after, l.limit, l.maxBytes, func(order uint64, p uint32, data []byte) {
			got = append(got, order)
			if uint64(p) != order-1 || len(data) != 100 || data[0] != byte(p) {
				t.Errorf("order %d: partition %d, %d bytes", order, p, len(data))
			}
		}); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(l.want) {
			t.Errorf("after %d, limit %d, %d bytes: %v, want %v", l.after, l.limit, l.maxBytes, got, l.want)
		}
	}
	if batches, size, err := s.OutboxSize(); batches != 10 || size != 1000 || err != nil {
		t.Errorf("size %d batches, %d bytes, %v", batches, size, err)
	}
}

func commit(t testing.TB, s *store.Store, c *store.Change) {
	t.Helper()
	if err := s.Commit(c); err != nil {
		t.Fatal(err)
	}
}

func closed(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
