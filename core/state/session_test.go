package state_test

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/value"
)

// Sessions of a key are found by where they begin and end, whatever keys are near it in the order of bytes, and go with their view.
func TestSessionsAreFoundByKeyAndTime(t *testing.T) {
	s, err := state.OpenOn(vfs.NewMem(), "state", 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	key := func(name string) []byte { return value.Append(nil, value.OfString(name)) }
	tx := s.Begin()
	for _, name := range []string{"a", "b", "ba", ""} {
		for i := range int64(5) { // [0,3], [10,13] …; before zero too
			start := 10*i - 20
			tx.Window(1, 7, start, key(name), []byte(name))
			tx.Session(1, 7, start, start+3, key(name))
		}
	}
	tx.Session(1, 8, 0, 100, key("b"))
	tx.Session(2, 7, 0, 100, key("b"))
	tx.DropSession(1, 7, 0, key("b"))
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to int64
		want     []int64
	}{{-20, -20, []int64{-20}}, {-17, -10, []int64{-10, -20}}, {-16, -11, nil}, {-1000, 1000, []int64{20, 10, -10, -20}}, {4, 9, nil}, {13, 19, []int64{10}}, {24, 1000, nil}} {
		if got, err := s.SessionsNear(1, 7, key("b"), c.from, c.to); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("from %d to %d: %v, %v; want %v", c.from, c.to, got, err, c.want)
		}
	}
	if w, err := s.Window(1, 7, 0, key("b")); w != nil || err != nil {
		t.Errorf("the dropped session's state is %q, %v", w, err)
	}
	count := func() (n int) {
		if err := s.Sessions(1, 7, func(group []byte, start, last int64) (bool, error) {
			if last != start+3 {
				return false, fmt.Errorf("session of %q from %d to %d", group, start, last)
			}
			n++
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 19 {
		t.Errorf("%d sessions, want 19", n)
	}
	tx = s.Begin()
	tx.DropView(1, 7)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 0 {
		t.Errorf("%d sessions of a dropped view", n)
	}
	if got, err := s.SessionsNear(1, 8, key("b"), 50, 1000); err != nil || len(got) != 1 {
		t.Errorf("another view's: %v, %v", got, err)
	}
}
