package core

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/sql"
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
// up, moved, and what changed committed to a store in memory.
func BenchmarkPositions(b *testing.B) {
	for _, n := range []int{0, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newField(b, 1)
			defer func() { f.close() }()
			f.core.cfg.Fences.Max = n + 1
			statements, err := sql.Parse(fencedSQL)
			check(b, err)
			_, err = f.do(statements[0])
			check(b, err)
			if n > 0 {
				_, err = f.core.fences.ImportFences(b.Context(), manyFences(n))
				check(b, err)
			}
			stream := f.core.catalog.plan().Streams[0]
			r := rand.New(rand.NewPCG(3, 3))
			type vehicle struct{ lat, lon, dLat, dLon float64 }
			vehicles := make([]vehicle, 5_000)
			for i := range vehicles {
				angle := 2 * math.Pi * r.Float64()
				vehicles[i] = vehicle{48 + 0.36*r.Float64(), 11.3 + 0.54*r.Float64(), 9e-5 * math.Sin(angle), 13e-5 * math.Cos(angle)}
			}
			const each = 1000
			at, next, seq, us := 0, 0, uint64(0), int64(0)
			var used time.Duration
			for b.Loop() {
				if next++; next%each != 0 {
					continue
				}
				b.StopTimer()
				var values []value.Value
				if at%len(vehicles) == 0 {
					us += second
				}
				for range each {
					v := &vehicles[at%len(vehicles)]
					v.lat, v.lon = v.lat+v.dLat, v.lon+v.dLon
					values = append(values, value.OfString(fmt.Sprint("vehicle-", at%len(vehicles))), value.OfTime(us), value.OfDouble(v.lat), value.OfDouble(v.lon), value.OfDouble(36))
					at++
				}
				seq++
				batch := &wire.Batch{Edge: "north", Epoch: 1, Seq: seq, PlanVersion: f.core.catalog.plan().Version, Watermarks: []*wire.Watermark{{Stream: stream.Id, Us: us - 5*second}},
					Rows: []*wire.Rows{{Stream: stream.Id, Count: each, Columns: wire.AppendColumns(nil, values, 5)}}}
				before := processorTime(b)
				b.StartTimer()
				f.turn(f.core.partitions[0], batch)
				b.StopTimer()
				used += processorTime(b) - before
				b.StartTimer()
			}
			b.ReportMetric(used.Seconds()*1e6/float64(max(at, 1)), "CPU-s/M")
		})
	}
}
