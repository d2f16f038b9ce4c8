package core

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/protocol/wire"
	dto "github.com/prometheus/client_model/go"
)

const (
	liveDisorder = 5 * second
	liveIdle     = 15 * second
	liveFuture   = 300 * second
	day          = 24 * 3600 * second
)

// liveEdge sends each second what its one device said, and the watermark that follows.
type liveEdge struct {
	*handEdge
	phase  int64                // in which quarter of a second it sends
	ahead  int64                // its clock, µs
	silent func(now int64) bool // sends nothing then, and all of it when it is over
	empty  func(now int64) bool // has no readings then; its watermark goes on with the clock
	held   []ride
}

// playLive plays 150 s of edges and gives the watermark at each quarter of a second, and what became of it all.
func playLive(t tester, text string, troubled *liveEdge, honest ...*liveEdge) (marks []int64, r *rig, sent []ride) {
	r = newRig(t, planOf(t, text))
	stream := r.core.catalog.plan().Streams[0].Id
	r.p.streams[stream].marks.IdleAfter, r.p.streams[stream].marks.MaxFuture = liveIdle, liveFuture
	edges := honest
	if troubled != nil {
		edges = append([]*liveEdge{troubled}, honest...)
	}
	for tick := range int64(600) {
		now := 10_000*second + tick*second/4
		var batches []*wire.Batch
		for _, e := range edges {
			e.plan = r.core.catalog.plan()
			if tick%4 != e.phase {
				continue
			}
			if e.empty == nil || !e.empty(now) {
				e.held = append(e.held, ride{"of " + e.name, now + e.ahead, 48, 11, tick % 50})
			}
			if e.silent != nil && e.silent(now) {
				continue
			}
			batches = append(batches, e.cut(t, now+e.ahead-liveDisorder, e.held...)...)
			if e.ahead == 0 {
				sent = append(sent, e.held...)
			}
			e.held = nil
		}
		r.turn(now, batches...)
		us, ok := r.p.output(stream)
		if !ok {
			us = dawn
		}
		marks = append(marks, us)
	}
	return marks, r, sent
}

func newLiveEdge(name string) *liveEdge {
	return &liveEdge{handEdge: newHandEdge(name, nil), phase: int64(len(name)) % 4}
}

func from(seconds int64) func(int64) bool {
	return func(now int64) bool { return now >= (10_000+seconds)*second }
}

func between(a, b int64) func(int64) bool {
	return func(now int64) bool { return now >= (10_000+a)*second && now < (10_000+b)*second }
}

// An edge that goes silent, one that never says a word, one whose clock is a day ahead: at no time is the watermark of the others, and so any
// window of theirs, more than the idle timeout and a second behind what it is without that edge, and none of their readings is late.
func TestNoEdgeDelaysOthersNorMakesThemLate(t *testing.T) {
	troubles := map[string]func() *liveEdge{
		"silent":       func() *liveEdge { e := newLiveEdge("trouble"); e.silent = from(40); return e },
		"never starts": func() *liveEdge { e := newLiveEdge("trouble"); e.silent = from(0); return e },
		"a day ahead":  func() *liveEdge { e := newLiveEdge("trouble"); e.ahead = day; return e },
		"now and then": func() *liveEdge { e := newLiveEdge("trouble"); e.silent = between(30, 70); return e },
		"ahead, empty": func() *liveEdge { e := newLiveEdge("trouble"); e.ahead, e.empty = day, from(0); return e },
	}
	for kind, text := range everyWindow {
		for name, trouble := range troubles {
			t.Run(kind+", "+name, func(t *testing.T) {
				want, base, _ := playLive(t, text, nil, newLiveEdge("north"), newLiveEdge("south"))
				base.close()
				troubled := trouble()
				got, r, sent := playLive(t, text, troubled, newLiveEdge("north"), newLiveEdge("south"))
				defer r.close()
				lag := (liveIdle + second) / (second / 4)
				for tick := int(lag); tick < len(got); tick++ {
					if got[tick] < want[tick-int(lag)] {
						t.Fatalf("at %d ms the watermark is %d µs behind what it was %d s before without that edge", tick*250, want[tick-int(lag)]-got[tick], (liveIdle+second)/second)
					}
					if got[tick] > want[tick] {
						t.Fatalf("at %d ms the watermark is %d µs ahead of the honest edges'", tick*250, got[tick]-want[tick])
					}
				}
				late := 0
				for _, row := range r.ask("SELECT key FROM late") {
					if row != "of trouble" {
						late++
					}
				}
				if late > 0 || len(sent) == 0 {
					t.Errorf("of %d honest readings windows of some are in the table late: %q", len(sent), r.ask("SELECT * FROM late"))
				}
				var m dto.Metric
				check(t, r.core.m.future.WithLabelValues("vehicles").Write(&m))
				if n := m.Counter.GetValue(); (n > 0) != (troubled.ahead > 0) {
					t.Errorf("%v watermarks of the future counted", n)
				}
			})
		}
	}
}

// The worst of it: the only edge that is heard for a minute has a clock a day ahead. What the other one gathered meanwhile still counts, all of it.
func TestAnEdgeADayAheadIsNotBelievedWhileOthersAreAway(t *testing.T) {
	for kind, text := range everyWindow {
		t.Run(kind, func(t *testing.T) {
			ahead, north := newLiveEdge("trouble"), newLiveEdge("north")
			ahead.ahead, north.silent = day, between(30, 100)
			_, r, sent := playLive(t, text, ahead, north)
			defer r.close()
			if rows := r.ask("SELECT * FROM late"); len(rows) > 0 {
				t.Errorf("late: %q", rows)
			}
			if kind != "tumbling" {
				return
			}
			counted := 0
			for _, row := range r.ask("SELECT n FROM speeds WHERE device = 'of north'") {
				var n int
				fmt.Sscan(row, &n)
				counted += n
			}
			if counted != len(sent) || len(sent) < 140 {
				t.Errorf("%d of %d honest readings counted", counted, len(sent))
			}
		})
	}
}

// What an edge a day ahead says stays open until its time comes, and is not lost.
func TestWindowsOfADayAheadStayOpen(t *testing.T) {
	ahead := newLiveEdge("trouble")
	ahead.ahead = day
	_, r, _ := playLive(t, fleetSQL, ahead, newLiveEdge("north"))
	defer r.close()
	if rows := r.ask("SELECT window_start FROM speeds WHERE device = 'of trouble' AND final"); len(rows) > 0 {
		t.Errorf("final a day before their end: %q", rows)
	}
	before := r.ask("SELECT n FROM speeds WHERE device = 'of trouble'")
	stream := r.core.catalog.plan().Streams[0].Id
	r.p.streams[stream].marks.Observe("north", 10_000*second+day+3600*second, 10_000*second+day+3600*second)
	r.turn(10_000*second + day + 3600*second)
	after := r.ask("SELECT n FROM speeds WHERE device = 'of trouble' AND final")
	slices.Sort(before)
	slices.Sort(after)
	if len(before) < 15 || !slices.Equal(before, after) {
		t.Errorf("open %q, final a day later %q", before, after)
	}
}

// Windows close without new data: while edges are heard they say that time passes, and when none is, the largest watermark known is reached.
func TestWindowsCloseWithoutNewData(t *testing.T) {
	for kind, text := range everyWindow {
		t.Run(kind, func(t *testing.T) {
			north, south := newLiveEdge("north"), newLiveEdge("south")
			north.empty, south.empty = from(60), from(60)
			marks, r, _ := playLive(t, text, nil, north, south)
			if last := marks[len(marks)-1]; last < (10_000+140)*second {
				t.Errorf("the watermark stopped at %d s after the start", last/second-10_000)
			}
			if kind == "tumbling" {
				if open := r.ask("SELECT window_start FROM speeds WHERE window_start < '1970-01-01T02:47:30Z' AND NOT final"); len(open) > 0 {
					t.Errorf("still open: %q", open)
				}
			}
			r.close()

			north, south = newLiveEdge("north"), newLiveEdge("south")
			north.silent, south.silent = from(60), from(50)
			marks, r, _ = playLive(t, text, nil, north, south)
			r.close()
			if last := marks[len(marks)-1]; last < (10_000+59)*second-liveDisorder {
				t.Errorf("with all silent the watermark stopped at %d s after the start", last/second-10_000)
			}
			if slices.IsSorted(marks) == false {
				t.Error("it went back")
			}
		})
	}
}
