package cell_test

import (
	"math"
	"testing"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/uber/h3-go/v4"
	"pgregory.net/rapid"
)

// place draws degrees, with poles, the antimeridian and the icosahedron's corners more often than chance would.
func place() *rapid.Generator[h3.LatLng] {
	return rapid.Custom(func(t *rapid.T) h3.LatLng {
		lat := rapid.OneOf(rapid.Float64Range(-90, 90), rapid.SampledFrom([]float64{-90, 90, 0, 89.999999, 58.397145907, -58.397145907, 10.447345187}))
		lon := rapid.OneOf(rapid.Float64Range(-180, 180), rapid.SampledFrom([]float64{-180, 180, 0, 179.999999, -179.999999, 245.0 - 360, 360, -360}))
		return h3.LatLng{Lat: lat.Draw(t, "lat"), Lng: lon.Draw(t, "lon")}
	})
}

func TestCellsAreThoseOfH3(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, res := place().Draw(t, "place"), rapid.IntRange(0, 15).Draw(t, "res")
		want, err := h3.LatLngToCell(p, res)
		got, ok := cell.Of(p.Lat, p.Lng, res)
		if err != nil || !ok || got != uint64(want) {
			t.Fatalf("%v at %d: %x, %v; want %x, %v", p, res, got, ok, uint64(want), err)
		}
		if cell.Resolution(got) != res || !cell.Valid(got) {
			t.Fatalf("%x: resolution %d, valid %v", got, cell.Resolution(got), cell.Valid(got))
		}
		center, err := h3.CellToLatLng(want)
		if lat, lon := cell.Center(got); err != nil || lat != center.Lat || lon != center.Lng {
			t.Fatalf("%x: centre %v %v, want %v", got, lat, lon, center)
		}
		lat, lon := cell.Center(got)
		if again, ok := cell.Of(lat, lon, res); !ok || again != got {
			t.Fatalf("the centre of %x is in %x", got, again)
		}
	})
}

// Parents at every resolution, also of pentagons and of their children.
func TestParentsAreThoseOfH3(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, c h3.Cell) {
		for res := -1; res <= 16; res++ {
			want, err := c.Parent(res)
			if err != nil {
				want = 0
			}
			if got := cell.Parent(uint64(c), res); got != uint64(want) {
				t.Fatalf("%x at %d: %x, want %x", uint64(c), res, got, uint64(want))
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p, res := place().Draw(t, "place"), rapid.IntRange(0, 15).Draw(t, "res")
		c, err := h3.LatLngToCell(p, res)
		if err != nil {
			t.Fatal(err)
		}
		check(t, c)
	})
	for res := range 16 {
		pentagons, err := h3.Pentagons(res)
		if err != nil || len(pentagons) != 12 {
			t.Fatal(len(pentagons), err)
		}
		for _, p := range pentagons {
			check(t, p)
		}
	}
}

func TestValidAgreesWithH3(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.Uint64().Draw(t, "bits")
		if rapid.Bool().Draw(t, "near a cell") { // a cell with some bit turned
			p := place().Draw(t, "place")
			c, _ = cell.Of(p.Lat, p.Lng, rapid.IntRange(0, 15).Draw(t, "res"))
			c ^= 1 << rapid.IntRange(0, 63).Draw(t, "bit")
		}
		if got, want := cell.Valid(c), h3.Cell(c).IsValid(); got != want {
			t.Fatalf("%x: %v, want %v", c, got, want)
		}
		if !cell.Valid(c) && cell.Parent(c, 0) != 0 {
			t.Fatalf("%x is no cell, and has the parent %x", c, cell.Parent(c, 0))
		}
	})
}

func TestNoCellOfNoPlace(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		lat, lon float64
		res      int
	}{
		{nan, 0, 9}, {0, nan, 9}, {nan, nan, 9}, {inf, 0, 9}, {-inf, 0, 9}, {0, inf, 9}, {0, -inf, 9}, {90.0001, 0, 9}, {-91, 0, 9}, {0, 360.5, 9},
		{0, -361, 9}, {1e300, 1e300, 9}, {48, 11, -1}, {48, 11, 16}, {48, 11, math.MaxInt},
	} {
		if got, ok := cell.Of(c.lat, c.lon, c.res); ok || got != 0 {
			t.Errorf("%v: %x, %v", c, got, ok)
		}
	}
	for _, c := range []uint64{0, 1, math.MaxUint64, 0x89283082803ffff ^ 1<<59} {
		if cell.Valid(c) {
			t.Errorf("%x is valid", c)
		}
		cell.Center(c) // must not panic; what it gives for no cell is h3's to choose
	}
}

func BenchmarkOf(b *testing.B) {
	b.ReportAllocs()
	lat := 48.1
	for b.Loop() {
		lat += 1e-7
		cell.Of(lat, 11.5, 9)
	}
}

func BenchmarkParent(b *testing.B) {
	c, _ := cell.Of(48.1, 11.5, 9)
	b.ReportAllocs()
	for b.Loop() {
		cell.Parent(c, 6)
	}
}
