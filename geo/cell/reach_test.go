package cell_test

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/uber/h3-go/v4"
	"pgregory.net/rapid"
)

// Everywhere, and more often near pentagons, for all pairs of resolutions: a place is within reach of its cell's ancestors.
func TestReachHoldsDescendants(t *testing.T) {
	n := 60_000
	if os.Getenv("HEXPANE_SOAK") != "" {
		n = 3_000_000
	}
	r := rand.New(rand.NewPCG(3, 5))
	pentagons, err := h3.Pentagons(0)
	if err != nil {
		t.Fatal(err)
	}
	farthest := 0.0
	for i := range n {
		lat, lon := math.Asin(2*r.Float64()-1)*180/math.Pi, 360*r.Float64()-180
		if i%2 == 0 {
			p, _ := pentagons[r.IntN(12)].LatLng()
			size := 30 * math.Exp(-12*r.Float64())
			lat, lon = p.Lat+size*r.NormFloat64(), p.Lng+size*r.NormFloat64()/math.Cos(p.Lat*math.Pi/180)
			if math.Abs(lat) > 90 || math.Abs(lon) > 360 {
				continue
			}
		}
		finest := r.IntN(16)
		c, ok := cell.Quick(lat, lon, finest)
		if !ok {
			t.Fatal(lat, lon)
		}
		for range 3 {
			a := cell.Ancestor(c, r.IntN(finest+1))
			if want := cell.Parent(c, cell.Resolution(a)); a != want {
				t.Fatalf("%x: ancestor %x, want %x", c, a, want)
			}
			aLat, aLon, radius := cell.Reach(a)
			d := h3.GreatCircleDistanceRads(h3.LatLng{Lat: lat, Lng: lon}, h3.LatLng{Lat: aLat, Lng: aLon}) * 180 / math.Pi
			if d > radius {
				t.Fatalf("%v %v is in %x, %v° from the centre of its ancestor %x, which reaches %v°", lat, lon, c, d, a, radius)
			}
			farthest = math.Max(farthest, d/radius)
		}
	}
	t.Logf("soak: of %d places the farthest was at %.4f of its ancestor's reach", n, farthest)
	if farthest < 0.9 {
		t.Fatalf("the farthest was at %v of the reach: the circle is larger than it need be", farthest)
	}
}

func TestChildrenAreThoseOfH3(t *testing.T) {
	check := func(t interface{ Fatal(...any) }, c h3.Cell) {
		want, err := c.ImmediateChildren()
		if err != nil {
			t.Fatal(err)
		}
		got := cell.Children(uint64(c), nil)
		if !slices.EqualFunc(got, want, func(a uint64, b h3.Cell) bool { return a == uint64(b) }) {
			t.Fatal(c, got, want)
		}
	}
	zero, err := h3.Res0Cells()
	if err != nil || !slices.EqualFunc(cell.Coarsest(), zero, func(a uint64, b h3.Cell) bool { return a == uint64(b) }) {
		t.Fatal(err, cell.Coarsest(), zero)
	}
	for res := range 15 {
		pentagons, _ := h3.Pentagons(res)
		for _, p := range pentagons {
			check(t, p)
			for _, c := range cell.Children(uint64(p), nil) {
				if res < 14 {
					check(t, h3.Cell(c))
				}
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := place().Draw(t, "place")
		c, _ := h3.LatLngToCell(p, rapid.IntRange(0, 14).Draw(t, "res"))
		check(t, c)
	})
}
