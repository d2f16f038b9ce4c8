package core

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/wire"
	"pgregory.net/rapid"
)

// TestMain makes the properties short: each try opens Pebble several times. -rapid.checks says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

const second = int64(1e6)

// everyWindow has a catalogue with each kind of window.
var everyWindow = map[string]string{"tumbling": fleetSQL, "hopping": hopSQL, "sessions": sessionSQL}

// step is one turn: the clock, and the batches that came.
type step struct {
	now     int64
	batches []*wire.Batch
}

// drawSteps makes what two edges send over some minutes of event time: disordered, now and then late, with pauses.
func drawSteps(t *rapid.T, p *plan.Plan) (steps []step) {
	edges := []*handEdge{newHandEdge("north", p), newHandEdge("south", p)}
	marks := []int64{0, 0}
	now := int64(0)
	for range rapid.IntRange(1, 25).Draw(t, "turns") {
		now += rapid.Int64Range(0, 5).Draw(t, "pause") * second
		s := step{now: now}
		for range rapid.IntRange(0, 4).Draw(t, "batches") {
			e := rapid.IntRange(0, 1).Draw(t, "edge")
			marks[e] += rapid.Int64Range(0, 12).Draw(t, "watermark") * second
			s.batches = append(s.batches, edges[e].cut(t, marks[e], drawRides(t, marks[e]-60*second, marks[e]+20*second)...)...)
		}
		steps = append(steps, s)
	}
	return steps
}

func drawRides(t *rapid.T, from, to int64) (rides []ride) {
	for range rapid.IntRange(0, 5).Draw(t, "readings") {
		rides = append(rides, ride{rapid.SampledFrom([]string{"bus-1", "bus-2", "tram-1"}).Draw(t, "device"), rapid.Int64Range(from, to).Draw(t, "ts"),
			float64(rapid.IntRange(1, 8999).Draw(t, "lat")) / 100, float64(rapid.IntRange(1, 17999).Draw(t, "lon")) / 100, rapid.Int64Range(-100, 100).Draw(t, "speed")})
	}
	return rides
}

func play(t *rapid.T, p *plan.Plan, steps []step, after func(r *rig, i int)) map[string]string {
	r := newRig(t, p)
	defer r.close()
	for i, s := range steps {
		r.turn(s.now, s.batches...)
		after(r, i)
	}
	return r.facts()
}

// The same batches make the same state and the same effects, with a restart after any turn or without.
func TestPartitionIsDeterministic(t *testing.T) {
	for name, text := range everyWindow {
		p := planOf(t, text)
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			steps := drawSteps(t, p)
			want := play(t, p, steps, func(*rig, int) {})
			if got := play(t, p, steps, func(*rig, int) {}); !maps.Equal(got, want) {
				t.Fatal("the same batches, another state:\n" + difference(got, want))
			}
			restart := rapid.SliceOfN(rapid.Bool(), len(steps), len(steps)).Draw(t, "restarts")
			got := play(t, p, steps, func(r *rig, i int) {
				if restart[i] {
					r.restart(steps[i].now)
				}
			})
			if !maps.Equal(got, want) {
				t.Fatal("with restarts, another state:\n" + difference(got, want))
			}
		}))
	}
}

// Batches that come again, whichever and however often, change nothing: not after a restart either.
func TestRedeliveryChangesNothing(t *testing.T) {
	for name, text := range everyWindow {
		p := planOf(t, text)
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			steps := drawSteps(t, p)
			var sent []*wire.Batch
			again := rapid.SliceOfN(rapid.IntRange(0, 3), len(steps), len(steps)).Draw(t, "again")
			play(t, p, steps, func(r *rig, i int) {
				sent = append(sent, steps[i].batches...)
				before, position := r.facts(), r.p.position
				switch again[i] {
				case 1:
					r.turn(steps[i].now, sent[:rapid.IntRange(0, len(sent)).Draw(t, "prefix")]...)
				case 2:
					r.restart(steps[i].now)
					r.turn(steps[i].now, sent...)
				case 3:
					r.turn(steps[i].now, steps[i].batches...)
				}
				if after := r.facts(); !maps.Equal(before, after) {
					t.Fatal("re-delivery changed the state:\n" + difference(before, after))
				}
				if r.p.position < position {
					t.Fatalf("the place in the stream went back, from %d to %d", position, r.p.position)
				}
			})
		}))
	}
}

// However the edges' batches interleave and wherever the turns are cut: within the grace the final results are those of a
// naive count, and of what comes later each reading is in the table of late ones.
func TestFinalResultsAreTheNaiveCount(t *testing.T) {
	p := planOf(t, fleetSQL)
	rapid.Check(t, func(t *rapid.T) {
		spread := rapid.SampledFrom([]int64{25, 200}).Draw(t, "readings' age, s") * second // within the grace, or far beyond
		r := newRig(t, p)
		defer r.close()
		edges := []*handEdge{newHandEdge("north", p), newHandEdge("south", p), newHandEdge("west", p)}
		for _, e := range edges { // all are known, so none is left out
			r.turn(0, e.cut(t, 0)...)
		}
		marks := make([]int64, len(edges))
		waiting := make([][]*wire.Batch, len(edges))
		var all []ride
		for range rapid.IntRange(1, 30).Draw(t, "cuts") {
			e := rapid.IntRange(0, len(edges)-1).Draw(t, "edge")
			marks[e] = min(marks[e]+rapid.Int64Range(0, 8).Draw(t, "watermark")*second, slices.Min(marks)+10*second)
			rides := drawRides(t, marks[e]-spread, marks[e]+20*second)
			all = append(all, rides...)
			waiting[e] = append(waiting[e], edges[e].cut(t, marks[e], rides...)...)
		}
		for slices.ContainsFunc(waiting, func(w []*wire.Batch) bool { return len(w) > 0 }) {
			var batches []*wire.Batch
			for range rapid.IntRange(1, 6).Draw(t, "batches in a turn") {
				if e := rapid.IntRange(0, len(edges)-1).Draw(t, "from"); len(waiting[e]) > 0 {
					batches = append(batches, waiting[e][0])
					waiting[e] = waiting[e][1:]
				}
			}
			r.turn(0, batches...)
		}
		for _, e := range edges {
			r.turn(0, e.cut(t, 1000*second)...)
		}

		var kept, counted, late int
		for _, row := range r.ask("SELECT n FROM speeds") {
			fmt.Sscan(row, &counted)
			kept += counted
		}
		for _, row := range r.ask("SELECT readings FROM late WHERE view = 'speeds'") {
			fmt.Sscan(row, &counted)
			late += counted
		}
		if kept+late != len(all) {
			t.Fatalf("%d readings sent; %d in windows, %d late", len(all), kept, late)
		}
		if late > 0 {
			if spread < 30*second {
				t.Fatalf("%d readings are late, within the grace", late)
			}
			return
		}
		if got, want := r.ask("SELECT device, window_start, n, total, low, top, final FROM speeds ORDER BY device, window_start"), naive(all); !slices.Equal(got, want) {
			t.Fatalf("got  %q\nwant %q", got, want)
		}
		if got, want := r.ask("SELECT device, ts, lat, lon, speed FROM vehicles ORDER BY device"), newestRides(all); !slices.Equal(got, want) {
			t.Fatalf("newest rows\ngot  %q\nwant %q", got, want)
		}
	})
}
