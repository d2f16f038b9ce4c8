package space

import (
	"io"
	"log/slog"
	"os"
	"testing"
)

// Below the reserve the store is full, until there is a quarter more; the ballast is laid when there is room for it, and a
// store without it is full.
func TestSpaceOpensAndCloses(t *testing.T) {
	const reserve = 4 << 20
	s := New(t.TempDir(), reserve, "nothing is taken in", "readings are", slog.New(slog.NewTextHandler(io.Discard, nil)))
	left := int64(0) // of a disk on which the ballast is ours
	s.free = func() (int64, error) { return left - s.Ballast(), nil }
	for _, step := range []struct {
		what    string
		left    int64
		giveUp  bool
		full    bool
		ballast int64
	}{
		{"an empty disk", 100 << 20, false, false, reserve / 4},
		{"above the reserve", reserve + reserve/4, false, false, reserve / 4},
		{"below the reserve", reserve + reserve/4 - 1, false, true, reserve / 4},
		{"a little above it", reserve + reserve/4 + 1000, false, true, reserve / 4},
		{"a quarter above it", reserve + reserve/2, false, false, reserve / 4},
		{"nothing left", reserve / 4, false, true, reserve / 4},
		{"nothing for a write", 0, true, true, 0},
		{"room, but not for the ballast", reserve + reserve/2 - 1, false, true, 0},
		{"room for the ballast too", reserve + reserve/2, false, false, reserve / 4},
	} {
		left = step.left
		if step.giveUp {
			s.GiveUp()
		}
		s.Look()
		s.Look() // the ballast is laid in one look, and counted on in the next
		info, err := os.Stat(s.path())
		there := int64(0)
		if err == nil {
			there = info.Size()
		}
		if s.Full() != step.full || s.Ballast() != step.ballast || there != step.ballast {
			t.Errorf("%s: full %v, ballast %d (%d on disk), want %v, %d", step.what, s.Full(), s.Ballast(), there, step.full, step.ballast)
		}
	}
}

// A ballast that is there from before is counted.
func TestTheBallastStays(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		s := New(dir, 4<<20, "nothing is taken in", "readings are", slog.New(slog.NewTextHandler(io.Discard, nil)))
		before := s.Ballast()
		s.Look()
		if s.Ballast() != 1<<20 || before != 0 && before != 1<<20 || s.Full() {
			t.Errorf("ballast %d, before %d, full %v", s.Ballast(), before, s.Full())
		}
	}
	if info, err := os.Stat(dir + "/BALLAST"); err != nil || info.Size() != 1<<20 {
		t.Error(err)
	}
}
