package core

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/prometheus/client_golang/prometheus"
)

const yearSQL = `CREATE STREAM l (id STRING KEY, ts TIMESTAMP, cell STRING, x DOUBLE) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');
	CREATE VIEW y AS SELECT cell, COUNT(*) AS n, AVG(x) AS mean, MAX(x) AS top, PERCENTILE(x, 0.95) AS p95 FROM l WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR) GROUP BY cell;`

const (
	yearKeys = 100
	minuteUs = 60_000_000
	dayUs    = 1440 * minuteUs
)

// BenchmarkYear loads a year of one-minute panes of 100 keys, each of 60 readings, through turns and the default rollups, and asks questions of it.
// HEXPANE_YEAR_DAYS is how many days have all their panes, and without it nothing is done; those before have one pane an hour, of the hour's 3600 readings, so that the levels are
// those of a whole year. 365: the year in full, 52.6 million panes.
func BenchmarkYear(b *testing.B) {
	for range b.N {
		year(b)
	}
}

func year(b *testing.B) {
	text := os.Getenv("HEXPANE_YEAR_DAYS")
	if text == "" {
		b.Skip("it takes minutes: HEXPANE_YEAR_DAYS=1 go test -run - -bench Year -benchtime 1x ./core")
	}
	dense, err := strconv.ParseInt(text, 10, 64)
	check(b, err)
	f := &field{t: b, edges: map[string]*fieldEdge{}, rollups: "1m:30d, 1h:365d, 1d", dir: filepath.Join(b.TempDir(), "state")}
	f.start(&plan.Plan{Version: 1, Partitions: 4, NextId: 1})
	defer func() { f.close() }()
	f.define(yearSQL)
	f.core.cfg.Query.MaxRows = 100_000
	for _, p := range f.core.partitions {
		p.sink = nil
	}
	rng := rand.New(rand.NewPCG(1, 2))
	g := newYear(b, f, rng)
	began, cpu := time.Now(), processorTime(b)
	panes := 0
	for day := range int64(365) {
		if day < 365-dense {
			panes += g.hours(day*24, 24, false)
		} else {
			for hour := range int64(24) {
				panes += g.hours(day*24+hour, 1, true)
			}
		}
		if day%7 == 0 || day > 363 {
			f.roll()
		}
	}
	f.roll()
	seconds, used := time.Since(began).Seconds(), (processorTime(b) - cpu).Seconds()
	b.ReportMetric(float64(panes), "panes")
	b.ReportMetric(used/float64(panes)*1e6, "cpu-µs/pane")
	b.ReportMetric(float64(panes)/seconds, "panes/s")
	b.ReportMetric(float64(peakMemory(b))/1e6, "MB-memory") // with the panes that are loaded, some 6 MB
	rolled, windows := int64(0), int64(0)
	for _, u := range f.core.rollups.Usage() {
		b.Logf("level %s: %d windows, %d bytes, %.1f bytes a window", time.Duration(u.Size*1000), u.Windows, u.Bytes, float64(u.Bytes)/float64(u.Windows))
		rolled, windows = rolled+u.Bytes, windows+u.Windows
	}
	b.ReportMetric(float64(sizeOf(b, f.dir))/1e6, "MB-disk")
	b.ReportMetric(float64(rolled)/1e6, "MB-rollups")
	b.ReportMetric(float64(sizeOf(b, f.dir))/float64(panes), "bytes/pane")
	b.Logf("loaded %d panes in %.0f s, %.0f s of processor time; %d MB of disk", panes, seconds, used, sizeOf(b, f.dir)>>20)

	end := int64(365 * dayUs)
	at := func(us int64) string { return "CAST('" + value.FormatTime(us) + "' AS TIMESTAMP)" }
	for _, c := range []struct {
		name, question string
		rows           int
	}{
		{"last-day-of-one-key", fmt.Sprintf("SELECT window_start, n, mean, top, p95 FROM y WHERE cell = 'cell-42' AND window_start >= %s AND window_start < %s", at(end-dayUs), at(end)), 1440},
		{"a-day-3-weeks-ago-of-one-key", fmt.Sprintf("SELECT window_start, n, mean, top, p95 FROM y WHERE cell = 'cell-42' AND window_start >= %s AND window_start < %s", at(end-21*dayUs), at(end-20*dayUs)), 0},
		{"year-by-day-over-all-keys", "SELECT window_start, MERGE(n), MERGE(p95) FROM y WINDOW TUMBLING (SIZE 1 DAY)", 365},
		{"year-by-day-of-each-key", "SELECT window_start, cell, MERGE(n), MERGE(p95) FROM y WINDOW TUMBLING (SIZE 1 DAY) GROUP BY cell", 36500},
		{"top-10-cells-of-last-hour", fmt.Sprintf("SELECT cell, MERGE(n), MERGE(p95) AS p FROM y WHERE window_start >= %s GROUP BY cell ORDER BY p DESC LIMIT 10", at(end-60*minuteUs)), 10},
	} {
		var wall, used, again []float64
		for i := range 200 {
			if i < 100 {
				f.core.answers = newAnswers(64<<20, prometheus.NewRegistry()) // nothing is known of the answer
			}
			began, cpu := time.Now(), processorTime(b)
			a, err := f.core.Execute(context.Background(), c.question)
			check(b, err)
			if took := time.Since(began).Seconds() * 1e3; i < 100 {
				wall, used = append(wall, took), append(used, (processorTime(b)-cpu).Seconds()*1e3)
			} else {
				again = append(again, took)
			}
			if c.rows > 0 && len(a.Rows) != c.rows {
				b.Fatalf("%s: %d rows, want %d", c.name, len(a.Rows), c.rows)
			}
		}
		slices.Sort(wall)
		slices.Sort(used)
		slices.Sort(again)
		b.Logf("%s: wall p50 %.1f ms, p99 %.1f ms; processor p50 %.1f ms, p99 %.1f ms; asked again, wall p50 %.1f ms, p99 %.1f ms", c.name, wall[50], wall[98], used[50], used[98], again[50], again[98])
		b.ReportMetric(wall[98], "ms-p99:"+c.name)
	}
}

// yearly makes the panes.
type yearly struct {
	b        *testing.B
	f        *field
	rng      *rand.Rand
	minutes  [][]byte // states of a pane of 60 readings
	whole    [][]byte // of 3600
	keys     [][][]byte
	sequence uint64
}

func newYear(b *testing.B, f *field, rng *rand.Rand) *yearly {
	g := &yearly{b: b, f: f, rng: rng, keys: make([][][]byte, 4)}
	v := f.core.catalog.plan().Views[0]
	layout, err := plan.Layout(v)
	check(b, err)
	states := func(n, readings int) (all [][]byte) {
		for range n {
			var p aggregate.Partial = layout.New()
			middle := 20 + 30*rng.Float64()
			for range readings {
				x := value.OfDouble(math.Round(10*max(0, middle+8*rng.NormFloat64())) / 10) // km/h, as devices report them
				for _, s := range p {
					s.Observe(x, 0)
				}
			}
			all = append(all, p.Append(nil))
		}
		return all
	}
	g.minutes, g.whole = states(20_000, 60), states(500, 3600)
	for i := range yearKeys {
		key := value.Append(nil, value.OfString(fmt.Sprintf("cell-%d", i)))
		n := wire.Partition(key, 4)
		g.keys[n] = append(g.keys[n], key)
	}
	return g
}

// hours hands the panes of hours to the partitions, in one turn each: all 60 of each key and hour, or one.
func (g *yearly) hours(hour, n int64, all bool) (panes int) {
	p := g.f.core.catalog.plan()
	g.sequence++
	for part, keys := range g.keys {
		batch := &wire.Batch{Edge: "north", Epoch: 1, Seq: g.sequence, Partition: uint32(part), PlanVersion: p.Version,
			Watermarks: []*wire.Watermark{{Stream: p.Streams[0].Id, Us: (hour + n) * 60 * minuteUs}}}
		every := int64(60)
		if all {
			every = 1
		}
		for m := int64(0); m < n*60; m += every {
			d := &wire.Deltas{View: p.Views[0].Id, PaneUs: (hour*60 + m) * minuteUs, Count: uint32(len(keys))}
			for _, key := range keys {
				states := g.whole
				if all {
					states = g.minutes
				}
				d.Keys, d.States, d.Readings = append(d.Keys, key...), append(d.States, states[g.rng.IntN(len(states))]...), append(d.Readings, 60)
			}
			batch.Deltas = append(batch.Deltas, d)
			panes += len(keys)
		}
		g.f.turn(g.f.core.partitions[part], batch)
	}
	return panes
}

// peakMemory is the most memory that this process had resident, bytes.
func peakMemory(b *testing.B) int64 {
	text, err := os.ReadFile("/proc/self/status")
	check(b, err)
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	check(b, err)
	return kib << 10
}

func sizeOf(b *testing.B, dir string) (n int64) {
	check(b, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, e := d.Info()
			if e == nil {
				n += info.Size()
			}
		}
		return nil
	}))
	return n
}
