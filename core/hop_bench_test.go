package core

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/intake"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

// A partition whole, over a store in memory: 100 keys that each report once a second, an hour's window over them. One delta a key and
// second comes, is merged, stored, and gives a row for viewers, early or of a window that fires.
func BenchmarkHopTurn(b *testing.B) {
	const keys = 100
	for _, advance := range []int{300, 60, 1} {
		b.Run(fmt.Sprintf("advance=%ds", advance), func(b *testing.B) {
			p := planOf(b, fmt.Sprintf(`
CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, speed BIGINT) WITH (topic = 'v/{device}', format = 'json', timestamp = 'ts');
CREATE VIEW sliding AS SELECT device, COUNT(*) AS n, SUM(speed) AS total, AVG(speed) AS mean, MIN(speed) AS low, MAX(speed) AS top
	FROM vehicles WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY %d SECONDS, GRACE PERIOD 1 MINUTE) GROUP BY device;`, advance))
			r := newRig(b, p)
			defer r.close()
			r.p.sink = nil
			v := p.Views[0]
			layout, err := plan.Layout(v)
			check(b, err)
			d := &wire.Deltas{View: v.Id, Count: keys}
			for i := range keys {
				partial := layout.New()
				for _, s := range partial {
					s.Observe(value.OfInt(int64(i)), 0)
				}
				d.Keys = value.Append(d.Keys, value.OfString(fmt.Sprintf("bus-%05d", i)))
				d.States = partial.Append(d.States)
				d.Readings = append(d.Readings, 1)
			}
			n := int64(0)
			tick := func() {
				n++
				d.PaneUs = n * second / v.PaneUs * v.PaneUs
				batch := &wire.Batch{Edge: "north", Epoch: 1, Seq: uint64(n), PlanVersion: p.Version, Deltas: []*wire.Deltas{d},
					Watermarks: []*wire.Watermark{{Stream: p.Streams[0].Id, Us: (n - 2) * second}}}
				check(b, r.p.turn(b.Context(), []intake.Message{{Sequence: uint64(n), Batch: batch}}, n*second))
			}
			for range 3600 { // the window is full
				tick()
			}
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				tick()
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N)/keys, "cpu-ns/delta")
			b.ReportMetric(float64(b.N)*keys/b.Elapsed().Seconds(), "deltas/s")
		})
	}
}

// processorTime is what the process has used of all processors; on a shared machine it says more than the clock.
func processorTime(t tester) time.Duration {
	var u syscall.Rusage
	check(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
