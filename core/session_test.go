package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
	"pgregory.net/rapid"
)

// trips are the sessions of readings, by device and first reading, found the plain way.
func trips(rides []ride, gap int64) map[slide][]ride {
	found := map[slide][]ride{}
	last := map[string]slide{}
	for _, r := range slices.SortedFunc(slices.Values(rides), func(a, b ride) int { return int(a.us/1000 - b.us/1000) }) {
		at, ok := last[r.device]
		if !ok || r.us-found[at][len(found[at])-1].us > gap {
			at = slide{r.device, r.us}
			last[r.device] = at
		}
		found[at] = append(found[at], r)
	}
	return found
}

// Whatever the edges' order, delays, turns and restarts, within the grace: sessions are those of all readings, in views and as points,
// and a point of what became part of another session is marked.
func TestSessionViewsAreTheNaiveSessions(t *testing.T) {
	p := planOf(t, sessionSQL)
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(t, p)
		defer func() { r.close() }()
		edges := []*handEdge{newHandEdge("north", p), newHandEdge("south", p)}
		for _, e := range edges {
			r.turn(0, e.cut(t, 0)...)
		}
		marks := make([]int64, len(edges))
		var all []ride
		for range rapid.IntRange(1, 30).Draw(t, "turns") {
			var batches []*wire.Batch
			for range rapid.IntRange(1, 3).Draw(t, "batches in a turn") {
				e := rapid.IntRange(0, len(edges)-1).Draw(t, "edge")
				marks[e] += rapid.Int64Range(0, 4).Draw(t, "watermark") * second
				var rides []ride
				for _, d := range drawRides(t, slices.Min(marks)-9*second, marks[e]+20*second) {
					d.us = d.us / 1000 * 1000
					rides = append(rides, d)
				}
				all = append(all, rides...)
				batches = append(batches, edges[e].cut(t, marks[e], rides...)...)
			}
			r.turn(0, batches...)
			if rapid.IntRange(0, 4).Draw(t, "restart") == 0 {
				r.restart(0)
			}
		}
		for _, e := range edges {
			r.turn(0, e.cut(t, 1000*second)...)
		}
		if late := r.ask("SELECT * FROM late"); len(late) > 0 {
			t.Fatal("within the grace something was late: ", late)
		}
		points := map[string][]string{}
		for _, line := range r.effects() {
			view, _, _ := strings.Cut(line, ",")
			points[view] = append(points[view], line)
		}
		for view, gap := range map[string]int64{"trips": 4 * second, "tripped": 3 * second} {
			var want []string
			sessions := trips(all, gap)
			for at, rides := range sessions {
				var speeds []int64
				for _, d := range rides {
					speeds = append(speeds, d.speed)
				}
				want = append(want, counted(at, rides[len(rides)-1].us-at.start, speeds)+" true")
				if point := lastPoint(points[view], view, at); !strings.Contains(point, fmt.Sprintf("n=%di,", len(rides))) {
					t.Fatalf("the last point of %v is %q, not of %d readings", at, point, len(rides))
				}
			}
			got := r.ask("SELECT device, n, total, top, window_start, window_end, final FROM " + view)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("view %s\n%s\nwant\n%s", view, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if view == "tripped" && len(points[view]) != len(want) {
				t.Fatalf("%d points of %d sessions that are given once", len(points[view]), len(want))
			}
			for _, line := range points[view] { // what is no session's has to be marked
				device := line[len(view+",device="):strings.Index(line, " ")]
				var nanos int64
				fmt.Sscan(line[strings.LastIndex(line, " ")+1:], &nanos)
				at := slide{device, nanos / 1000}
				if sessions[at] == nil && !strings.Contains(lastPoint(points[view], view, at), "retracted=true") {
					t.Fatalf("the point %q is of no session, and is not marked", line)
				}
			}
		}
	})
}

// A session goes when its last reading is past the retention, and one that began before but goes on stays whole.
func TestSessionsGoAfterTheirRetention(t *testing.T) {
	p := planOf(t, strings.Replace(sessionSQL, "GRACE PERIOD 30 SECONDS", "GRACE PERIOD 30 SECONDS, RETENTION 40 SECONDS", 1))
	r := newRig(t, p)
	defer func() { r.close() }()
	e := newHandEdge("north", p)
	r.turn(0, e.cut(t, 5*second, ride{"tram-1", 5 * second, 60, 24, 1})...)
	for i := range int64(100) {
		r.turn(0, e.cut(t, 2*i*second, ride{"bus-1", 2 * i * second, 60, 24, 1})...)
	}
	r.restart(0)
	r.turn(0, e.cut(t, 201*second)...)
	got := r.ask("SELECT device, n, window_start, window_end FROM trips ORDER BY device")
	want := []string{"bus-1 100 " + value.OfTime(0).Text() + " " + value.OfTime(198*second).Text()}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if starts, err := r.core.store.SessionsNear(0, p.Views[0].Id, value.Append(nil, value.OfString("tram-1")), 0, 1000*second); err != nil || len(starts) != 0 {
		t.Errorf("the index still has %v, %v", starts, err)
	}
}
