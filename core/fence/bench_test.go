package fence_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/fence"
	"github.com/hexpane/hexpane/geo/polygon"
)

// BenchmarkObserve is a position of one of 5,000 vehicles, each at 10 m/s in 40 × 40 km, through look-up and the state of its visits, with
// the watermark 5 s behind, 100 at a time. The fences have 5 to 200 corners and a radius of 50 m to 1.5 km times size: with
// ten thousand of size 1 each place is in five; with size 0.3 a place is in as many as with a thousand.
func BenchmarkObserve(b *testing.B) {
	for _, c := range []struct {
		fences int
		size   float64
	}{{10, 1}, {1_000, 1}, {10_000, 0.3}, {10_000, 1}} {
		n := c.fences
		b.Run(fmt.Sprintf("%d/size=%v", n, c.size), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			fences := make([]fence.Fence, n)
			for i := range fences {
				fences[i] = fence.Fence{ID: fmt.Sprintf("%05d", i), Shape: around(b, r, c.size*0.05*math.Exp(3.4*r.Float64()), 5+r.IntN(196))}
			}
			e := fence.New(fence.Config{})
			e.Use(new(fence.Set).With(fences...), 0, nil)
			type vehicle struct{ lat, lon, dLat, dLon float64 }
			vehicles := make([]vehicle, 5_000)
			names := make([]string, len(vehicles))
			for i := range vehicles {
				angle := 2 * math.Pi * r.Float64()
				vehicles[i] = vehicle{48 + 0.36*r.Float64(), 11.3 + 0.54*r.Float64(), 9e-5 * math.Sin(angle), 13e-5 * math.Cos(angle)}
				names[i] = fmt.Sprint("vehicle-", i)
			}
			var events []fence.Event
			i, told, at := 0, 0, int64(0)
			var batch []fence.Fix
			step := func() {
				v := &vehicles[i%len(vehicles)]
				if i%len(vehicles) == 0 {
					at += time.Second.Milliseconds()
					events = e.Advance(at-5_000, events)
					e.Changed(func(string, []byte) {}, func(uint64, []byte) {})
				}
				v.lat, v.lon = bounce(v.lat, &v.dLat, 48, 48.36), bounce(v.lon, &v.dLon, 11.3, 11.84)
				batch = append(batch, fence.Fix{Device: names[i%len(vehicles)], At: at, Lat: v.lat, Lon: v.lon, Speed: 36})
				if len(batch) == 100 {
					events = e.Observe(batch, events[:0])
					told += len(events)
					batch = batch[:0]
				}
				i++
			}
			for range 30 * len(vehicles) {
				step()
			}
			i, told = 0, 0
			b.ReportAllocs()
			used := cpu()
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64((cpu()-used).Nanoseconds())/float64(i)/1e3, "CPU-s/M")
			b.ReportMetric(float64(told)/float64(i), "events/op")
		})
	}
}

func bounce(x float64, d *float64, low, high float64) float64 {
	if x+*d < low || x+*d > high {
		*d = -*d
	}
	return x + *d
}

func around(b *testing.B, r *rand.Rand, radius float64, corners int) *polygon.Shape {
	b.Helper()
	lat, lon := 48+0.36*r.Float64(), 11.3+0.54*r.Float64()
	ring := make([][2]float64, corners, corners+1)
	for i := range ring {
		angle := 2 * math.Pi * (float64(i) + 0.8*r.Float64()) / float64(corners)
		d := radius / 111.2 * (0.75 + 0.25*r.Float64())
		ring[i] = [2]float64{lon + d*math.Cos(angle)/math.Cos(lat*math.Pi/180), lat + d*math.Sin(angle)}
	}
	g, err := json.Marshal(map[string]any{"type": "Polygon", "coordinates": [][][2]float64{append(ring, ring[0])}})
	if err != nil {
		b.Fatal(err)
	}
	s, err := polygon.Parse(g, polygon.Limits{Vertices: 1000})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// cpu is what the process has used so far: beside others on a machine it says more than the clock.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
