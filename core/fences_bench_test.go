package core

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
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
