package core

import (
	"bytes"
	"context"
	"io/fs"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// What it takes that points carry their windows: a day of minutes of 100 keys, each of 60 readings, in a real InfluxDB. Reported are bytes of a line, bytes on
// InfluxDB's disk once it has compacted them, processor time to make a line here, and to read a window back and merge it.
func BenchmarkCarriedWindows(b *testing.B) {
	const keys, minutes = 100, 24 * 60
	p := planOf(b, `CREATE STREAM s (device STRING KEY, ts TIMESTAMP, speed DOUBLE) WITH (topic = 's/{device}', timestamp = 'ts');
		CREATE VIEW v AS SELECT device, COUNT(*) AS n, AVG(speed) AS mean, MAX(speed) AS top, PERCENTILE(speed, 0.95) AS p95 FROM s WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY device;`)
	def := p.Views[0]
	view, err := merge.NewView(def)
	check(b, err)
	layout, err := plan.Layout(def)
	check(b, err)
	for _, carries := range []bool{false, true} {
		name := map[bool]string{false: "without", true: "with"}[carries]
		b.Run(name, func(b *testing.B) {
			s := startInfluxd(b)
			bucket := s.bucket(b)
			part := &partition{carries: carries}
			r := rand.New(rand.NewPCG(1, 2))
			all, made := 0, time.Duration(0)
			var lines bytes.Buffer
			for m := range int64(minutes) {
				windows := make([]*merge.Window, keys)
				for k := range keys {
					w := &merge.Window{Partial: layout.New()}
					windows[k] = w
					speed := 30 + 20*math.Sin(float64(m)/200+float64(k))
					for i := range int64(60) {
						for n, v := range []value.Value{value.OfInt(1), value.OfDouble(0), value.OfDouble(0), value.OfDouble(0)} {
							if n > 0 {
								v = value.OfDouble(math.Round(10*max(0, speed+8*r.NormFloat64())) / 10)
							}
							w.Partial[n].Observe(v, m*minute+i*second)
						}
					}
				}
				began := processorTime(b)
				for k, w := range windows {
					key := value.Append(nil, value.OfString("bus-"+string(rune('a'+k%26))+string(rune('a'+k/26))))
					row, _, err := view.Shape().Row(nil, m*minute, key, w, math.MaxInt64)
					check(b, err)
					line, err := point(def, 1_767_225_600_000_000+m*minute, key, row, part.carried(view, key, w, false))
					check(b, err)
					all += len(line)
					lines.Write(append(line, '\n'))
				}
				made += processorTime(b) - began
				if lines.Len() > 4<<20 || m == minutes-1 {
					s.post(b, "/write?db="+bucket, &lines)
					lines.Reset()
				}
			}
			const points = keys * minutes
			b.ReportMetric(float64(all)/points, "B/line")
			b.ReportMetric(float64(made.Nanoseconds())/points, "ns/line")
			b.ReportMetric(float64(s.settled(b, bucket))/points, "B/point")
			if carries {
				f := newHistoryField(b, 1)
				defer f.close()
				q := &store.Question{View: def, From: math.MinInt64, To: math.MaxInt64, Keys: make([]value.Value, 1), States: []int{0, 1, 2, 3}}
				m := f.core.moment(def)
				defer func() { check(b, m.store.Close()) }()
				m.watermarks[0] = math.MaxInt64
				n, began, start := 0, processorTime(b), time.Now()
				check(b, remote{m, s.reader(bucket)}.Rows(context.Background(), q, func([]value.Value) (bool, error) {
					n++
					return true, nil
				}))
				if n != points {
					b.Fatalf("%d of %d windows came back", n, points)
				}
				b.ReportMetric(float64((processorTime(b)-began).Nanoseconds())/points, "ns/read")
				b.ReportMetric(float64(time.Since(start).Nanoseconds())/points, "clock-ns/read")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// settled gives the bytes of a database on disk once they change no more.
func (s *influxd) settled(b *testing.B, bucket string) (size int64) {
	for same := 0; same < 20; time.Sleep(200 * time.Millisecond) {
		last := size
		size = 0
		for _, dir := range []string{"data", "wal"} {
			check(b, filepath.WalkDir(filepath.Join(s.dir, dir, bucket), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() || strings.Contains(path, "/_series/") { // segments of a fixed size
					return nil
				}
				if info, err := d.Info(); err == nil {
					size += info.Size()
				}
				return nil
			}))
		}
		if same++; size != last {
			same = 0
		}
	}
	return size
}
