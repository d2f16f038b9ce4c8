package core

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

// manyFences gives n of 5 to 200 corners, 50 m to 1.5 km around, in 40 × 40 km.
func manyFences(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var features []any
	for i := range n {
		lat, lon, radius, corners := 48+0.36*r.Float64(), 11.3+0.54*r.Float64(), 0.05*math.Exp(3.4*r.Float64())/111.2, 5+r.IntN(196)
		ring := make([][2]float64, corners+1)
		for k := range corners {
			angle := 2 * math.Pi * (float64(k) + 0.8*r.Float64()) / float64(corners)
			ring[k] = [2]float64{lon + radius*math.Cos(angle)/math.Cos(lat*math.Pi/180), lat + radius*math.Sin(angle)}
		}
		ring[corners] = ring[0]
		features = append(features, map[string]any{"type": "Feature", "id": fmt.Sprintf("f%05d", i), "properties": map[string]any{},
			"geometry": map[string]any{"type": "Polygon", "coordinates": [][][2]float64{ring}}})
	}
	text, _ := json.Marshal(map[string]any{"type": "FeatureCollection", "features": features}) // numbers always marshal
	return text
}

// BenchmarkEditFence is one fence set among n, durable, and in force in 4 partitions, each with 5,000 devices among them.
func BenchmarkEditFence(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newField(b, 4)
			defer func() { f.close() }()
			f.core.cfg.Fences.Max = n + 1
			statements, err := sql.Parse(fencedSQL)
			check(b, err)
			_, err = f.do(statements[0])
			check(b, err)
			_, err = f.core.fences.ImportFences(b.Context(), manyFences(n))
			check(b, err)
			stream := f.core.catalog.plan().Streams[0]
			r := rand.New(rand.NewPCG(3, 3))
			var rows []reading
			for v := range 20_000 {
				rows = append(rows, reading{stream, []value.Value{value.OfString(fmt.Sprint("v", v)), value.OfTime(second), value.OfDouble(48 + 0.36*r.Float64()),
					value.OfDouble(11.3 + 0.54*r.Float64()), value.OfDouble(10)}})
			}
			f.send("north", nil, rows...)
			body := []byte(`{"type":"Feature","properties":{},` + square(11.4, 48.1) + `}`)
			for b.Loop() {
				_, _, _, err := f.core.fences.PutFence(b.Context(), "one", body, "")
				check(b, err)
				for _, p := range f.core.partitions {
					f.turn(p)
				}
			}
		})
	}
}

// BenchmarkPositions is a position of one of 5,000 vehicles through a partition's turn, 1,000 a turn, at n fences: its row decoded and kept as the newest, looked
// up, moved, and what changed and happened committed to a store in memory and put to the topics. The vehicles are about their round for a while by then.
func BenchmarkPositions(b *testing.B) {
	for _, n := range []int{0, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newField(b, 1)
			defer func() { f.close() }()
			f.core.cfg.Fences.Max, f.core.partitions[0].memory = n+1, merge.NewMemory(256<<20)
			statements, err := sql.Parse(fencedSQL)
			check(b, err)
			_, err = f.do(statements[0])
			check(b, err)
			if n > 0 {
				_, err = f.core.fences.ImportFences(b.Context(), manyFences(n))
				check(b, err)
			}
			d := newDrive(f)
			for range 30 * len(d.vehicles) / perTurn {
				f.turn(f.core.partitions[0], d.batch())
			}
			told := f.core.partitions[0].entries[state.TableFences]
			var used time.Duration
			at := 0
			for b.Loop() {
				if at++; at%perTurn != 0 {
					continue
				}
				b.StopTimer()
				batch := d.batch()
				before := processorTime(b)
				b.StartTimer()
				f.turn(f.core.partitions[0], batch)
				b.StopTimer()
				used += processorTime(b) - before
				b.StartTimer()
			}
			b.ReportMetric(used.Seconds()*1e6/float64(max(at, 1)), "CPU-s/M")
			b.ReportMetric(float64(f.core.partitions[0].entries[state.TableFences]-told)/float64(max(at, 1)), "events/op")
		})
	}
}

// perTurn is how many positions a batch of a drive has.
const perTurn = 1000

// drive is 5,000 vehicles in the fences' 40 × 40 km, each at 10 m/s, one position a second.
type drive struct {
	stream   *plan.Stream
	plan     uint64
	vehicles []struct{ lat, lon, dLat, dLon float64 }
	at       int
	seq      uint64
	us       int64
}

func newDrive(f *field) *drive {
	d := &drive{stream: f.core.catalog.plan().Streams[0], plan: f.core.catalog.plan().Version}
	r := rand.New(rand.NewPCG(3, 3))
	for range 5_000 {
		angle := 2 * math.Pi * r.Float64()
		d.vehicles = append(d.vehicles, struct{ lat, lon, dLat, dLon float64 }{48 + 0.36*r.Float64(), 11.3 + 0.54*r.Float64(), 9e-5 * math.Sin(angle), 13e-5 * math.Cos(angle)})
	}
	return d
}

// batch is the next positions; the watermark is 5 s behind.
func (d *drive) batch() *wire.Batch {
	var values []value.Value
	for range perTurn {
		v := &d.vehicles[d.at%len(d.vehicles)]
		if d.at%len(d.vehicles) == 0 {
			d.us += second
		}
		v.lat, v.lon = bounce(v.lat, &v.dLat, 48, 48.36), bounce(v.lon, &v.dLon, 11.3, 11.84)
		values = append(values, value.OfString(fmt.Sprint("vehicle-", d.at%len(d.vehicles))), value.OfTime(d.us), value.OfDouble(v.lat), value.OfDouble(v.lon), value.OfDouble(36))
		d.at++
	}
	d.seq++
	return &wire.Batch{Edge: "north", Epoch: 1, Seq: d.seq, PlanVersion: d.plan, Watermarks: []*wire.Watermark{{Stream: d.stream.Id, Us: d.us - 5*second}},
		Rows: []*wire.Rows{{Stream: d.stream.Id, Count: perTurn, Columns: wire.AppendColumns(nil, values, 5)}}}
}

func bounce(x float64, d *float64, low, high float64) float64 {
	if x+*d < low || x+*d > high {
		*d = -*d
	}
	return x + *d
}
