package index_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/hexpane/hexpane/geo/index"
	"github.com/hexpane/hexpane/geo/polygon"
)

// city gives n fences of 5 to 200 corners and 50 m to 1.5 km around, in 40 × 40 km.
func city(tb testing.TB, n int) []*index.Fence {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	out := make([]*index.Fence, n)
	for i := range out {
		lat, lon := 48+0.36*r.Float64(), 11.3+0.54*r.Float64()
		out[i] = &index.Fence{ID: fmt.Sprintf("%05d", i), Shape: star(tb, r, lat, lon, 0.05*math.Exp(3.4*r.Float64()), 5+r.IntN(196))}
	}
	return out
}

// star has corners between three quarters of the radius, in km, and the radius around a place.
func star(tb testing.TB, r *rand.Rand, lat, lon, radius float64, corners int) *polygon.Shape {
	tb.Helper()
	ring := make([][2]float64, corners, corners+1)
	for i := range ring {
		angle := 2 * math.Pi * (float64(i) + 0.8*r.Float64()) / float64(corners)
		d := radius / 111.2 * (0.75 + 0.25*r.Float64())
		ring[i] = [2]float64{lon + d*math.Cos(angle)/math.Cos(lat*math.Pi/180), lat + d*math.Sin(angle)}
	}
	b, err := json.Marshal(map[string]any{"type": "Polygon", "coordinates": [][][2]float64{append(ring, ring[0])}})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := polygon.Parse(b, polygon.Limits{Vertices: 10_000})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			fences := city(b, n)
			before := heap()
			ix := new(index.Index).With(fences...)
			perFence := (heap() - before) / uint64(n)
			r := rand.New(rand.NewPCG(2, 3))
			places := make([]index.Place, 1<<16)
			for i := range places {
				places[i] = index.Place{Lat: 48 + 0.36*r.Float64(), Lon: 11.3 + 0.54*r.Float64()}
			}
			var finder index.Finder
			i, hits := 0, 0
			b.ReportAllocs()
			used := cpu()
			for b.Loop() {
				if i&63 == 0 {
					finder.Find(ix, places[i&(1<<16-1):][:64])
				}
				hits += len(finder.Of(i & 63))
				i++
			}
			b.ReportMetric(float64((cpu()-used).Nanoseconds())/float64(i)/1e3, "CPU-s/M")
			b.ReportMetric(float64(hits)/float64(i), "fences/op")
			b.ReportMetric(float64(perFence), "B/fence")
			b.ReportMetric(float64(ix.Cells())/float64(n), "cells/fence")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkEdit(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			fences := city(b, n)
			ix := new(index.Index).With(fences...)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				ix = ix.Without(fences[i%n].ID)
				ix = ix.With(fences[i%n])
				i++
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	fences := city(b, 1_000)
	for b.Loop() {
		new(index.Index).With(fences...)
	}
}

// cpu is what the process has used so far: beside others on a machine it says more than the clock.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
