package core

import (
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

// What comes after a window's grace changes nothing, and does not vanish: it is a row of late with how long after the window's end the
// watermark is, and counted. The same delta is late for one view and in time for another.
func TestWhatIsTooLateIsToldWithItsLag(t *testing.T) {
	p := planOf(t, fleetSQL)
	r := newRig(t, p)
	defer func() { r.close() }()
	e := newHandEdge("north", p)
	r.turn(0, e.cut(t, 0, oneRide)...)
	r.turn(0, e.cut(t, 39*second)...)
	r.turn(0, e.cut(t, 39*second, oneRide)...) // speeds takes until 40 s, settled until 30 s
	r.turn(0, e.cut(t, 43*second)...)
	r.turn(0, e.cut(t, 43*second, oneRide, oneRide)...)
	got := r.ask("SELECT view, key, window_start, window_end, readings, lag_ms FROM late")
	slices.Sort(got)
	want := []string{
		"settled bus-1 1970-01-01T00:00:00Z 1970-01-01T00:00:20Z 1 19000", "settled bus-1 1970-01-01T00:00:00Z 1970-01-01T00:00:20Z 2 23000",
		"speeds bus-1 1970-01-01T00:00:00Z 1970-01-01T00:00:10Z 2 33000"}
	if !slices.Equal(got, want) {
		t.Errorf("late:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for view, want := range map[string][2]float64{"speeds": {1, 1}, "settled": {0, 2}} { // revised, dropped
		for i, outcome := range []string{"revised", "dropped"} {
			var m dto.Metric
			check(t, r.core.m.late.WithLabelValues(view, outcome).Write(&m))
			if m.Counter.GetValue() != want[i] {
				t.Errorf("%s: %v deltas are counted as %s, want %v", view, m.Counter.GetValue(), outcome, want[i])
			}
		}
	}
	if got := r.ask("SELECT n, revision, final FROM speeds"); !slices.Equal(got, []string{"2 1 true"}) {
		t.Errorf("speeds: %q", got)
	}
	r.restart(0)
	if again := r.ask("SELECT view FROM late"); len(again) != 3 {
		t.Errorf("%d rows of late after a restart", len(again))
	}
}

// Retention counts back from the watermark: with the clock years on, nothing goes; as the watermark passes, old windows do.
func TestRetentionCountsFromTheWatermark(t *testing.T) {
	p := planOf(t, strings.Replace(fleetSQL, "GRACE PERIOD 30 SECONDS", "GRACE PERIOD 30 SECONDS, RETENTION 5 MINUTES", 1))
	r := newRig(t, p)
	defer func() { r.close() }()
	e := newHandEdge("north", p)
	years := 50 * 365 * day
	r.turn(years, e.cut(t, 60*second, oneRide)...)
	r.turn(2*years, e.cut(t, 120*second)...)
	if got := r.ask("SELECT n FROM speeds"); len(got) != 1 {
		t.Fatalf("%d windows, with the watermark a minute on", len(got))
	}
	r.turn(2*years, e.cut(t, 400*second, ride{"bus-1", 399 * second, 60, 24, 1})...)
	if got := r.ask("SELECT window_start FROM speeds"); !slices.Equal(got, []string{"1970-01-01T00:06:30Z"}) {
		t.Fatalf("after five minutes of the watermark: %q", got)
	}
}

// An early result is told when something changed, and once for each turn, however many batches share it.
func TestEarlyResultsAreOneForATurn(t *testing.T) {
	p := planOf(t, fleetSQL)
	r := newRig(t, p)
	defer r.close()
	north, south := newHandEdge("north", p), newHandEdge("south", p)
	told := 0
	v := r.p.views[p.Views[0].Id]
	for range 5 {
		turn := &turn{tx: r.core.store.Begin(), marks: r.p.outputs}
		for _, b := range slices.Concat(north.cut(t, 0, oneRide), south.cut(t, 0, oneRide)) {
			for _, d := range b.Deltas {
				check(t, r.p.deltas(turn, d))
			}
		}
		check(t, r.p.flush(turn))
		for _, res := range turn.results {
			if res.view.Id == v.Def.Id {
				told++
			}
		}
		check(t, turn.tx.Discard())
	}
	if told != 5 {
		t.Errorf("%d early results in 5 turns of two batches each", told)
	}
}
