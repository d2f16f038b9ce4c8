package cell_test

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/uber/h3-go/v4"
	"pgregory.net/rapid"
)

// same reports whether Quick gives H3's cell, or one that H3 gives some nanometres away.
func same(lat, lon float64, res int) bool {
	got, ok := cell.Quick(lat, lon, res)
	want, wantOK := cell.Of(lat, lon, res)
	if !ok || !wantOK {
		return ok == wantOK
	}
	const d = 2e-13
	for _, dLat := range []float64{0, d, -d} {
		for _, dLon := range []float64{0, d, -d} {
			if got == want {
				return true
			}
			away := math.Max(math.Cos(lat*math.Pi/180), 1e-9)
			want, _ = cell.Of(math.Max(-90, math.Min(90, lat+dLat)), lon+dLon/away, res)
		}
	}
	return got == want
}

func TestQuickIsOf(t *testing.T) {
	n := 100_000
	if os.Getenv("HEXPANE_SOAK") != "" {
		n = 16_000_000
	}
	r := rand.New(rand.NewPCG(7, 9))
	exact := 0
	for range n {
		lat, lon := math.Asin(2*r.Float64()-1)*180/math.Pi, 360*r.Float64()-180
		res := r.IntN(16)
		got, ok := cell.Quick(lat, lon, res)
		if want, _ := cell.Of(lat, lon, res); ok && got == want {
			exact++
		} else if !same(lat, lon, res) {
			t.Fatalf("%v %v at %d: %x, want %x", lat, lon, res, got, want)
		}
	}
	t.Logf("soak: %d of %d places have bit for bit the cell that H3 gives, the others one some nanometres away", exact, n)
	if n-exact > n/50_000 {
		t.Fatalf("%d of %d places have another cell than H3 gives", n-exact, n)
	}
	rapid.Check(t, func(t *rapid.T) {
		p, res := place().Draw(t, "place"), rapid.IntRange(0, 15).Draw(t, "res")
		if !same(p.Lat, p.Lng, res) {
			t.Fatalf("%v at %d", p, res)
		}
	})
}

// Pentagons and the cells around them are where digits are left out and turned.
func TestQuickAroundPentagons(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for res := range 16 {
		pentagons, err := h3.Pentagons(res)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pentagons {
			center, _ := p.LatLng()
			size := 40 / math.Pow(7, float64(r.IntN(res+1))/2)
			for range 200 {
				lat, lon := center.Lat+size*r.NormFloat64(), center.Lng+size*r.NormFloat64()/math.Cos(center.Lat*math.Pi/180)
				if math.Abs(lat) > 90 || math.Abs(lon) > 360 {
					continue
				}
				if !same(lat, lon, res) {
					t.Fatalf("%v %v at %d, near a pentagon", lat, lon, res)
				}
			}
		}
	}
}

func TestQuickNoCellOfNoPlace(t *testing.T) {
	for _, c := range [][2]float64{{math.NaN(), 0}, {0, math.NaN()}, {math.Inf(1), 0}, {0, math.Inf(-1)}, {90.0001, 0}, {0, 360.5}} {
		if got, ok := cell.Quick(c[0], c[1], 9); ok || got != 0 {
			t.Errorf("%v: %x", c, got)
		}
	}
	for _, res := range []int{-1, 16, math.MaxInt, math.MinInt} {
		if got, ok := cell.Quick(1, 2, res); ok || got != 0 {
			t.Errorf("resolution %d: %x", res, got)
		}
	}
}

func BenchmarkQuick(b *testing.B) {
	b.ReportAllocs()
	lat := 48.1
	for b.Loop() {
		lat += 1e-7
		cell.Quick(lat, 11.5, 9)
	}
}
