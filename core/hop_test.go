package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"github.com/hexpane/hexpane/protocol/wire"
	"pgregory.net/rapid"
)

const hopSQL = `
CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed BIGINT)
	WITH (topic = 'v/{device}', format = 'json', timestamp = 'ts', disorder = '5s');
CREATE VIEW sliding AS SELECT device, COUNT(*) AS n, SUM(speed) AS total, MAX(speed) AS top
	FROM vehicles WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 4 SECONDS, GRACE PERIOD 30 SECONDS) GROUP BY device;
CREATE VIEW slid AS SELECT device, COUNT(*) AS n, SUM(speed) AS total, MAX(speed) AS top
	FROM vehicles WINDOW HOPPING (SIZE 12 SECONDS, ADVANCE BY 3 SECONDS, GRACE PERIOD 10 SECONDS) GROUP BY device EMIT FINAL;`

const sessionSQL = `
CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed BIGINT)
	WITH (topic = 'v/{device}', format = 'json', timestamp = 'ts', disorder = '5s');
CREATE VIEW trips AS SELECT device, COUNT(*) AS n, SUM(speed) AS total, MAX(speed) AS top
	FROM vehicles WINDOW SESSION (4 SECONDS, GRACE PERIOD 30 SECONDS) GROUP BY device;
CREATE VIEW tripped AS SELECT device, COUNT(*) AS n, SUM(speed) AS total, MAX(speed) AS top
	FROM vehicles WINDOW SESSION (3 SECONDS, GRACE PERIOD 10 SECONDS) GROUP BY device EMIT FINAL;`

// slide is one hopping window of a device.
type slide struct {
	device string
	start  int64
}

// counted is what a view of hopSQL holds of readings: its row, without revision and final.
func counted(at slide, size int64, speeds []int64) string {
	total := int64(0)
	for _, s := range speeds {
		total += s
	}
	return fmt.Sprint(at.device, " ", len(speeds), " ", total, " ", slices.Max(speeds), " ", value.OfTime(at.start).Text(), " ", value.OfTime(at.start+size).Text())
}

// Whatever the edges' order, delays, turns and restarts: each hopping window counts the readings that came while it took some, views and
// points alike; EMIT FINAL gives one point of each window, and that is the last word.
func TestHoppingViewsAreTheNaiveCount(t *testing.T) {
	p := planOf(t, hopSQL)
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(t, p)
		defer func() { r.close() }()
		shapes := map[string]struct{ size, advance, grace int64 }{"sliding": {10 * second, 4 * second, 30 * second}, "slid": {12 * second, 3 * second, 10 * second}}
		naive := map[string]map[slide][]int64{"sliding": {}, "slid": {}}
		edges := []*handEdge{newHandEdge("north", p), newHandEdge("south", p)}
		for _, e := range edges {
			r.turn(0, e.cut(t, 0)...)
		}
		marks := make([]int64, len(edges))
		for range rapid.IntRange(1, 30).Draw(t, "turns") {
			watermark := r.p.streams[p.Streams[0].Id].output()
			var batches []*wire.Batch
			for range rapid.IntRange(1, 3).Draw(t, "batches in a turn") {
				e := rapid.IntRange(0, len(edges)-1).Draw(t, "edge")
				marks[e] += rapid.Int64Range(0, 8).Draw(t, "watermark") * second
				rides := drawRides(t, marks[e]-60*second, marks[e]+20*second)
				batches = append(batches, edges[e].cut(t, marks[e], rides...)...)
				for _, d := range rides {
					for view, w := range shapes {
						for s := window.Pane(d.us, w.advance); s+w.size > d.us; s -= w.advance {
							if at := (slide{d.device, s}); s+w.size+w.grace > watermark {
								naive[view][at] = append(naive[view][at], d.speed)
							}
						}
					}
				}
			}
			r.turn(0, batches...)
			if rapid.IntRange(0, 4).Draw(t, "restart") == 0 {
				r.restart(0)
			}
		}
		for _, e := range edges {
			r.turn(0, e.cut(t, 1000*second)...)
		}
		points := map[string][]string{}
		for _, line := range r.effects() {
			view, _, _ := strings.Cut(line, ",")
			points[view] = append(points[view], line)
		}
		for view, w := range shapes {
			var want []string
			for at, speeds := range naive[view] {
				want = append(want, counted(at, w.size, speeds)+" true")
			}
			got := r.ask("SELECT device, n, total, top, window_start, window_end, final FROM " + view)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("view %s\n%s\nwant\n%s", view, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if view == "slid" && len(points[view]) != len(want) {
				t.Fatalf("%d points of %d windows that are given once", len(points[view]), len(want))
			}
			for at, speeds := range naive[view] {
				point := lastPoint(points[view], view, at)
				if sum := fmt.Sprintf("n=%di,", len(speeds)); !strings.Contains(point, sum) {
					t.Fatalf("the last point of %v is %q, without %s", at, point, sum)
				}
			}
		}
	})
}

// lastPoint is the one with the highest revision of a window.
func lastPoint(lines []string, view string, at slide) (last string) {
	highest := -1
	for _, line := range lines {
		if !strings.HasPrefix(line, view+",device="+at.device+" ") || !strings.HasSuffix(line, fmt.Sprint(" ", at.start*1000)) {
			continue
		}
		_, rest, _ := strings.Cut(line, "revision=")
		revision := 0
		fmt.Sscanf(rest, "%di", &revision)
		if revision > highest {
			highest, last = revision, line
		}
	}
	return last
}

// Panes older than the retention go, and no window is shown that lacks some.
func TestHoppingRetentionShowsWholeWindows(t *testing.T) {
	p := planOf(t, strings.Replace(hopSQL, "GRACE PERIOD 30 SECONDS", "GRACE PERIOD 30 SECONDS, RETENTION 40 SECONDS", 1))
	r := newRig(t, p)
	defer r.close()
	e := newHandEdge("north", p)
	shown := 0
	for i := range int64(200) {
		r.turn(0, e.cut(t, i*second, ride{"bus-1", i * second, 60, 24, 1})...)
		if i%4 != 0 {
			continue
		}
		rows := r.ask(fmt.Sprintf("SELECT n, window_start FROM sliding WHERE window_start >= '1970-01-01' AND window_end <= '%s'", value.OfTime(i*second).Text()))
		for _, row := range rows {
			if !strings.HasPrefix(row, "10 ") {
				t.Fatalf("at %d s: a part of a window: %s", i, row)
			}
		}
		shown = len(rows)
	}
	if shown < 7 || shown > 25 { // of the last 40 seconds, and up to a minute more until they go
		t.Errorf("%d windows at the end", shown)
	}
	if rows := r.ask("SELECT n FROM slid WHERE n = 12"); len(rows) < 25 {
		t.Errorf("only %d whole windows of the other view", len(rows))
	}
}
