package state_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/core/state"
)

func memory(t *testing.T) *state.Store {
	s := open(t, vfs.NewMem())
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func TestNothingIsThereAtFirst(t *testing.T) {
	s := memory(t)
	if f := read(t, s, 0); len(f) != 0 {
		t.Fatalf("a new store holds %v", f)
	}
	if w, err := s.Window(0, 1, 0, nil); w != nil || err != nil {
		t.Fatalf("%q, %v", w, err)
	}
	if n, err := s.LastEntry(state.TableLate, 0); n != 0 || err != nil {
		t.Fatal(n, err)
	}
}

// Partitions, views and streams that are neighbours in the keys see nothing of one another.
func TestNeighboursDoNotMix(t *testing.T) {
	s := memory(t)
	ids := []uint32{0, 1, 255, 256, math.MaxUint32}
	tx := s.Begin()
	for _, p := range ids {
		tx.Position(p, uint64(p)+1)
		tx.Effect(p, math.MaxUint64, fmt.Append(nil, p))
		for _, v := range ids {
			tx.Window(p, v, math.MaxInt64-1, []byte{255}, fmt.Append(nil, p, v))
			tx.Latest(p, v, []byte{255, 255}, fmt.Append(nil, p, v))
		}
	}
	must(t, tx.Commit())
	for _, p := range ids {
		if at, err := s.Position(p); at != uint64(p)+1 || err != nil {
			t.Fatal(p, at, err)
		}
		var effects []string
		must(t, s.Effects(p, 0, 10, func(n uint64, data []byte) { effects = append(effects, string(data)) }))
		if want := fmt.Sprint(p); len(effects) != 1 || effects[0] != want {
			t.Errorf("partition %d has effects %q", p, effects)
		}
		for _, v := range ids {
			var got []string
			must(t, s.Windows(p, v, math.MinInt64, math.MaxInt64, func(start int64, group, w []byte) (bool, error) {
				got = append(got, fmt.Sprintf("%v %v %s", start == math.MaxInt64-1, group, w))
				return true, nil
			}))
			must(t, s.LatestAll(p, v, func(k, row []byte) (bool, error) {
				got = append(got, fmt.Sprintf("%v %s", k, row))
				return true, nil
			}))
			if want := fmt.Sprint([]string{fmt.Sprintf("true [255] %s", fmt.Append(nil, p, v)), fmt.Sprintf("[255 255] %s", fmt.Append(nil, p, v))}); fmt.Sprint(got) != want {
				t.Errorf("partition %d, view %d: %v, want %s", p, v, got, want)
			}
		}
	}
}

func TestWindowsComeByStartInARange(t *testing.T) {
	s := memory(t)
	tx := s.Begin()
	for _, start := range []int64{20, -10, 0, math.MinInt64, 10} {
		tx.Window(0, 1, start, []byte("b"), nil)
		tx.Window(0, 1, start, []byte("a"), nil)
	}
	must(t, tx.Commit())
	for _, c := range []struct {
		from, to int64
		limit    int
		want     string
	}{
		{math.MinInt64, math.MaxInt64, 99, "-9223372036854775808a -9223372036854775808b -10a -10b 0a 0b 10a 10b 20a 20b "},
		{-10, 10, 99, "-10a -10b 0a 0b "},
		{-9, 11, 3, "0a 0b 10a "},
		{5, 5, 99, ""},
		{20, -20, 99, ""}, // nothing can be in it: WHERE window_start > 20 AND window_start < -20
	} {
		got, n := "", 0
		must(t, s.Windows(0, 1, c.from, c.to, func(start int64, group, _ []byte) (bool, error) {
			got += fmt.Sprintf("%d%s ", start, group)
			n++
			return n < c.limit, nil
		}))
		if got != c.want {
			t.Errorf("[%d, %d): %q, want %q", c.from, c.to, got, c.want)
		}
	}
	boom := errors.New("boom")
	if err := s.Windows(0, 1, 0, 100, func(int64, []byte, []byte) (bool, error) { return true, boom }); !errors.Is(err, boom) {
		t.Errorf("the reader's error came out as %v", err)
	}
}

func TestEffectsLeaveInOrderAndOnce(t *testing.T) {
	s := memory(t)
	tx := s.Begin()
	for n := uint64(1); n <= 10; n++ {
		tx.Effect(3, n, fmt.Append(nil, n))
	}
	must(t, tx.Commit())
	take := func(from uint64, limit int) (got string) {
		must(t, s.Effects(3, from, limit, func(n uint64, data []byte) { got += fmt.Sprintf("%d=%s ", n, data) }))
		return got
	}
	if got := take(0, 3); got != "1=1 2=2 3=3 " {
		t.Fatal(got)
	}
	must(t, s.EffectsDone(3, 1, 3))
	if got := take(0, 2); got != "4=4 5=5 " {
		t.Fatal(got)
	}
	if got := take(9, 99); got != "9=9 10=10 " {
		t.Fatal(got)
	}
	if n, err := s.LastEffect(3); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	must(t, s.EffectsDone(3, 4, 10))
	if got := take(0, 99); got != "" {
		t.Fatal(got)
	}
}

func TestOldEntriesGo(t *testing.T) {
	s := memory(t)
	tx := s.Begin()
	for n := uint64(1); n <= 5; n++ {
		tx.Entry(state.TableLate, 0, n, fmt.Append(nil, n))
		tx.Entry(state.TableRejected, 0, n, []byte("kept"))
	}
	must(t, tx.Commit())
	tx = s.Begin()
	tx.DropEntries(state.TableLate, 0, 3)
	must(t, tx.Commit())
	got := ""
	must(t, s.Entries(state.TableLate, 0, func(row []byte) (bool, error) { got += string(row); return true, nil }))
	if got != "45" {
		t.Fatal(got)
	}
	if n, err := s.LastEntry(state.TableRejected, 0); n != 5 || err != nil {
		t.Fatal(n, err)
	}
}

func TestDiscardedTurnLeavesNothing(t *testing.T) {
	s := memory(t)
	tx := s.Begin()
	tx.Position(0, 9)
	tx.Window(0, 1, 0, nil, []byte("w"))
	must(t, tx.Discard())
	if f := read(t, s, 0); len(f) != 0 {
		t.Fatalf("%v", f)
	}
}

// A directory in use is refused, and stays as it was.
func TestSecondOpenIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	log := slog.New(slog.DiscardHandler)
	s, err := state.Open(dir, 0, log)
	must(t, err)
	if _, err := state.Open(dir, 0, log); err == nil {
		t.Error("two stores in one directory")
	}
	tx := s.Begin()
	tx.Position(1, 5)
	must(t, tx.Commit())
	must(t, s.Close())
	s, err = state.Open(dir, 0, log)
	must(t, err)
	if at, err := s.Position(1); at != 5 || err != nil {
		t.Error(at, err)
	}
	must(t, s.Close())
}
