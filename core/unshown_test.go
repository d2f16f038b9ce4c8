package core

import "testing"

// Viewers see all open windows after a start, the first at once and the others between turns; of a view that is dropped meanwhile no more.
func TestAStartShowsTheRestBetweenTurns(t *testing.T) {
	p := planOf(t, liveSQL)
	r := newRig(t, p)
	defer func() { r.close() }()
	r.p.sink = nil
	const keys = 2*shownAtOnce + 10
	keyed(t, r, p, 0, keys)
	r.restart(0)
	r.p.sink = nil
	for steps, want := range []int{shownAtOnce, 2 * shownAtOnce, keys, keys} {
		if n := r.core.hub.Lookup("view:hourly").Len(); n != want {
			t.Fatalf("after %d more steps viewers see %d windows, want %d", steps, n, want)
		}
		select {
		case <-r.p.someUnshown():
			if want == keys {
				t.Fatal("there is more to show")
			}
		default:
			if want < keys {
				t.Fatal("nothing is left to show")
			}
		}
		check(t, r.p.showSome())
	}
	r.restart(0)
	r.change("DROP VIEW hourly; DROP STREAM vehicles")
	r.turn(0)
	if err := r.p.showSome(); err != nil || len(r.p.unshown) > 0 {
		t.Error("a dropped view is still to be shown", err)
	}
}
