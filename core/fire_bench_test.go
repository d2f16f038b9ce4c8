package core

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/core/intake"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

const fireKeys, firePane = 1000, 200_000 // µs

// A partition's loop over a real disk: a view of a fifth of a second's windows of 1,000 keys. It takes in what it can for some seconds, then 70 % of that, and
// what is measured is the time from the arrival of the batch whose watermark passes a window's end to each of its rows at who listens, with its commit
// between: p50, p99 and the longest.
func BenchmarkFire(b *testing.B) {
	for b.Loop() {
		most := fire(b, 0, nil)
		var ms []float64
		rate := fire(b, 0.7*most, func(d time.Duration) { ms = append(ms, float64(d.Microseconds())/1000) })
		slices.Sort(ms)
		if len(ms) < fireKeys {
			b.Fatalf("%d rows", len(ms))
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(most, "most-deltas/s")
		b.ReportMetric(rate, "deltas/s")
		b.ReportMetric(ms[len(ms)/2], "p50-ms")
		b.ReportMetric(ms[len(ms)*99/100], "p99-ms")
		b.ReportMetric(ms[len(ms)-1], "longest-ms")
	}
}

// fire gives a partition deltas at a rate, 0: as fast as it takes them, and gives how many it took a second.
func fire(b *testing.B, rate float64, out func(time.Duration)) float64 {
	p := planOf(b, `
CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, speed BIGINT) WITH (topic = 'v/{device}', format = 'json', timestamp = 'ts');
CREATE VIEW brief AS SELECT device, COUNT(*) AS n, SUM(speed) AS total, AVG(speed) AS mean, MIN(speed) AS low, MAX(speed) AS top
	FROM vehicles WINDOW TUMBLING (SIZE 200 MILLISECONDS, GRACE PERIOD 1 SECOND, RETENTION 1 MINUTE) GROUP BY device;`)
	r := &rig{t: b, fs: vfs.Default, dir: filepath.Join(b.TempDir(), "state")}
	r.start(p, 0)
	defer r.close()
	r.p.sink = nil
	v := p.Views[0]
	statements, err := sql.Parse("SELECT window_start FROM brief EMIT CHANGES")
	check(b, err)
	query, _, _, err := sql.CompilePush(p, statements[0].(*sql.Select), 0)
	check(b, err)
	l := newListener(time.Hour, 1_000_000) // early ones wait for ever
	l.query = query
	r.core.pushes.add(l)
	stream := &pushStream{core: r.core, listener: l, left: -1}
	defer stream.Close()

	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	in := make(chan intake.Message, maxTurn)
	ended := make(chan error, 1)
	go func() { ended <- r.p.run(ctx, in) }()
	passed := make(chan time.Time, 1000) // by window, in order
	go func() {
		var at time.Time
		window := int64(-1)
		for {
			row, err := stream.Next(ctx)
			if row == nil || err != nil {
				return
			}
			if us := row[0].Int(); us != window {
				at, window = <-passed, us
			}
			if out != nil {
				out(time.Since(at))
			}
		}
	}()

	layout, err := plan.Layout(v)
	check(b, err)
	d := &wire.Deltas{View: v.Id, Count: fireKeys / 10} // a batch of a tenth of the keys
	var groups [10]wire.Deltas
	for g := range groups {
		for i := range fireKeys / 10 {
			partial := layout.New()
			for _, s := range partial {
				s.Observe(value.OfInt(int64(i)), 0)
			}
			groups[g].Keys = value.Append(groups[g].Keys, value.OfString(fmt.Sprintf("bus-%05d", 10*i+g)))
			groups[g].States = partial.Append(groups[g].States)
			groups[g].Readings = append(groups[g].Readings, 1)
		}
	}
	began, seq, done := time.Now(), uint64(0), int64(-1)
	const took = 8 * time.Second
	for at := began; time.Since(began) < took; seq++ {
		if rate > 0 {
			at = began.Add(time.Duration(float64(seq) * float64(d.Count) / rate * 1e9))
			time.Sleep(time.Until(at))
		} else {
			at = time.Now()
		}
		us := at.Sub(began).Microseconds()
		g := &groups[seq%10]
		batch := &wire.Batch{Edge: "north", Epoch: 1, Seq: seq + 1, PlanVersion: p.Version,
			Deltas:     []*wire.Deltas{{View: v.Id, Count: d.Count, PaneUs: us / firePane * firePane, Keys: g.Keys, States: g.States, Readings: g.Readings}},
			Watermarks: []*wire.Watermark{{Stream: p.Streams[0].Id, Us: us}}}
		if over := us/firePane - 1; over > done { // this watermark passes a window's end
			passed <- at
			done = over
		}
		select {
		case in <- intake.Message{Sequence: seq + 1, Batch: batch}:
		case err := <-ended:
			b.Fatal(err)
		}
	}
	taken := float64(seq-uint64(len(in))) * float64(d.Count) / time.Since(began).Seconds()
	stop()
	check(b, <-ended)
	return taken
}
