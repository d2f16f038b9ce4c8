package core

import (
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/core/intake"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

const (
	liveKeys = 1_000_000
	liveSQL  = `
CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, speed BIGINT) WITH (topic = 'v/{device}', format = 'json', timestamp = 'ts');
CREATE VIEW hourly AS SELECT device, COUNT(*) AS n, SUM(speed) AS total, AVG(speed) AS mean, MIN(speed) AS low, MAX(speed) AS top
	FROM vehicles WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 1 MINUTE) GROUP BY device;`
)

// killableCore names the directory of a core in a process of its own.
const killableCore = "HEXPANE_TEST_KILLABLE_CORE"

// TestCoreToBeKilled is that process: it takes readings of a million keys, over and over, until it is killed.
func TestCoreToBeKilled(t *testing.T) {
	dir := os.Getenv(killableCore)
	if dir == "" {
		t.Skip("BenchmarkRestore starts it")
	}
	p := planOf(t, liveSQL)
	r := &rig{t: t, fs: vfs.Default, dir: dir}
	r.start(p, 0)
	r.p.sink = nil
	for first := 0; ; first += 1000 {
		if first == liveKeys {
			fmt.Println("all are there")
		}
		keyed(t, r, p, first, 1000)
	}
}

// keyed gives a partition a reading of each of n keys.
func keyed(t tester, r *rig, p *plan.Plan, first, n int) {
	v := p.Views[0]
	layout, err := plan.Layout(v)
	check(t, err)
	d := &wire.Deltas{View: v.Id, Count: uint32(n)}
	for i := first; i < first+n; i++ {
		partial := layout.New()
		for _, s := range partial {
			s.Observe(value.OfInt(int64(i%liveKeys)), second)
		}
		d.Keys = value.Append(d.Keys, value.OfString(fmt.Sprintf("bus-%07d", i%liveKeys)))
		d.States = partial.Append(d.States)
		d.Readings = append(d.Readings, 1)
	}
	seq := r.p.applied["north"].seq + 1
	batch := &wire.Batch{Edge: "north", Epoch: 1, Seq: seq, PlanVersion: p.Version, Deltas: []*wire.Deltas{d},
		Watermarks: []*wire.Watermark{{Stream: p.Streams[0].Id, Us: second}}}
	check(t, r.p.turn(t.(testing.TB).Context(), []intake.Message{{Sequence: seq, Batch: batch}}, second))
}

// A core with a million live keys, killed while it takes in more, over a real disk: the time from its start to the commit of the first new reading, and to a
// query's right answer.
func BenchmarkRestore(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "killed")
	c := exec.Command(os.Args[0], "-test.run", "^TestCoreToBeKilled$")
	c.Env, c.Stderr = append(os.Environ(), killableCore+"="+dir), os.Stderr
	out, err := c.StdoutPipe()
	check(b, err)
	check(b, c.Start())
	began := time.Now()
	_, err = io.ReadFull(out, make([]byte, len("all are there")))
	b.Logf("the first million took %s", time.Since(began).Round(time.Second))
	time.Sleep(300 * time.Millisecond) // some more
	_ = c.Process.Kill()
	_ = c.Wait()
	check(b, err)
	var turned, answered, processor time.Duration
	for b.Loop() {
		b.StopTimer()
		copied := filepath.Join(b.TempDir(), fmt.Sprint("copy-", b.Elapsed().Nanoseconds()))
		check(b, os.CopyFS(copied, os.DirFS(dir)))
		b.StartTimer()
		began, before := time.Now(), processorTime(b)
		p := planOf(b, liveSQL)
		r := &rig{t: b, fs: vfs.Default, dir: copied}
		r.start(p, 0)
		r.p.sink = nil
		keyed(b, r, p, 999_999, 1)
		turned += time.Since(began)
		got := r.ask("SELECT n, total FROM hourly WHERE device = 'bus-0999999'")
		answered += time.Since(began)
		processor += processorTime(b) - before
		b.StopTimer()
		if len(got) != 1 || got[0] != "2 1999998" {
			b.Fatalf("%q", got)
		}
		n := 0
		check(b, r.core.store.Windows(0, p.Views[0].Id, math.MinInt64, math.MaxInt64, func(int64, []byte, []byte) (bool, error) { n++; return true, nil }))
		if n != liveKeys {
			b.Fatalf("%d keys are live", n)
		}
		r.close()
		check(b, os.RemoveAll(copied))
		b.StartTimer()
	}
	b.ReportMetric(turned.Seconds()/float64(b.N), "s/commit")
	b.ReportMetric(processor.Seconds()/float64(b.N), "cpu-s/answer")
	b.ReportMetric(answered.Seconds()/float64(b.N), "s/answer")
}
