package polygon_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/geo/polygon"
)

var limits = polygon.Limits{Vertices: 1000}

func polygonOf(rings ...string) string {
	return `{"type":"Polygon","coordinates":[` + strings.Join(rings, ",") + `]}`
}

const square = `[[0,0],[4,0],[4,4],[0,4],[0,0]]`

func TestParseRepairs(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string // a part of each repair
		rings    string   // of the first polygon
	}{
		{"as it should be", polygonOf(square), nil, "[[{0 0} {4 0} {4 4} {0 4} {0 0}]]"},
		{"a feature", `{"type":"Feature","properties":null,"geometry":` + polygonOf(square) + `}`, nil, "[[{0 0} {4 0} {4 4} {0 4} {0 0}]]"},
		{"heights are left out", polygonOf(`[[0,0,5],[4,0,5],[4,4,5],[0,0,5]]`), nil, "[[{0 0} {4 0} {4 4} {0 0}]]"},
		{"not closed", polygonOf(`[[0,0],[4,0],[4,4],[0,4]]`), []string{"not closed"}, "[[{0 0} {4 0} {4 4} {0 4} {0 0}]]"},
		{"clockwise", polygonOf(`[[0,0],[0,4],[4,4],[4,0],[0,0]]`), []string{"wrong way"}, "[[{0 0} {4 0} {4 4} {0 4} {0 0}]]"},
		{"points twice", polygonOf(`[[0,0],[0,0],[4,0],[4,4],[4,4],[4,4],[0,4],[0,0],[0,0]]`), []string{"4 points"}, "[[{0 0} {4 0} {4 4} {0 4} {0 0}]]"},
		{"a spike", polygonOf(`[[0,0],[4,0],[7,0],[4,0],[4,4],[0,4],[0,0]]`), []string{"2 points"}, "[[{0 0} {4 0} {4 4} {0 4} {0 0}]]"},
		{"a spike where it begins", polygonOf(`[[-3,-3],[0,0],[4,0],[4,4],[0,4],[0,0],[-3,-3]]`), []string{"2 points"}, "[[{0 0} {4 0} {4 4} {0 4} {0 0}]]"},
		{"a spike of a spike", polygonOf(`[[0,0],[4,0],[7,0],[8,1],[7,0],[4,0],[4,4],[0,4],[0,0]]`), []string{"4 points"}, "[[{0 0} {4 0} {4 4} {0 4} {0 0}]]"},
		{"a hole, wound either way", polygonOf(square, `[[1,1],[2,1],[2,2],[1,1]]`), []string{"hole 1 of the polygon was wound"}, "[[{0 0} {4 0} {4 4} {0 4} {0 0}] [{1 1} {2 2} {2 1} {1 1}]]"},
		{"a hole twice", polygonOf(square, `[[1,1],[2,2],[2,1],[1,1]]`, `[[2,2],[2,1],[1,1],[2,2]]`), []string{"hole 2 of the polygon is there twice"}, "[[{0 0} {4 0} {4 4} {0 4} {0 0}] [{1 1} {2 2} {2 1} {1 1}]]"},
		{"a polygon twice", `{"type":"MultiPolygon","coordinates":[[` + square + `],[` + square + `]]}`, []string{"polygon 2 is there twice"}, "[[{0 0} {4 0} {4 4} {0 4} {0 0}]]"},
		{"a ring touching itself", polygonOf(`[[0,0],[4,0],[2,2],[4,4],[0,4],[2,2],[0,0]]`), nil, "[[{0 0} {4 0} {2 2} {4 4} {0 4} {2 2} {0 0}]]"},
		{"minus nought", polygonOf(`[[-0.0,0],[4,0],[4,4],[0,-0.0]]`), []string{}, "[[{0 0} {4 0} {4 4} {0 0}]]"},
		{"all around the Earth", polygonOf(`[[-180,60],[180,60],[180,90],[-180,90],[-180,60]]`), nil, "[[{-180 60} {180 60} {180 90} {-180 90} {-180 60}]]"},
	} {
		s, err := polygon.Parse([]byte(c.in), limits)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := fmt.Sprint(s.Polygons[0].Rings()); got != c.rings || len(s.Polygons) != 1 {
			t.Errorf("%s: %s, want %s", c.name, got, c.rings)
		}
		if len(s.Repairs) != len(c.want) {
			t.Errorf("%s: repaired %q, want %q", c.name, s.Repairs, c.want)
			continue
		}
		for i, r := range s.Repairs {
			if !strings.Contains(r, c.want[i]) {
				t.Errorf("%s: repaired %q, want %q", c.name, r, c.want[i])
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf("[%v,%v]", 10*math.Cos(float64(i)), 10*math.Sin(float64(i)))
	}
	for _, c := range []struct{ in, want string }{
		{``, "not GeoJSON"},
		{`{"type":"Point","coordinates":[1,2]}`, `not "Point"`},
		{`{"type":"Feature","geometry":null}`, "no geometry"},
		{`{"type":"Feature"}`, "no geometry"},
		{`{"type":"Polygon"}`, "coordinates"},
		{`{"type":"Polygon","coordinates":[]}`, "no coordinates"},
		{`{"type":"Polygon","coordinates":[[]]}`, "no coordinates"},
		{`{"type":"MultiPolygon","coordinates":[[` + square + `],[]]}`, "polygon 2 has no ring"},
		{`{"type":"MultiPolygon","coordinates":[` + square + `]}`, "coordinates of a MultiPolygon"},
		{polygonOf(`[[0,0],["x",0],[1,1]]`), "coordinates of a Polygon"},
		{polygonOf(`[[0,0],[1e999,0],[1,1]]`), "coordinates of a Polygon"},
		{polygonOf(`[[0,0],[1],[1,1]]`), "point 2 of the outer ring of the polygon has no longitude and latitude"},
		{polygonOf(`[[0,0],[1,0]]`), "2 different points"},
		{polygonOf(`[[0,0],[1,0],[0,0],[1,0],[0,0]]`), "different points"},
		{polygonOf(`[[0,0],[1,0],[2,0],[0,0]]`), "crosses itself"},
		{polygonOf(`[[0,0],[48,91],[1,1],[0,0]]`), "point 2 of the outer ring of the polygon is at latitude 91"},
		{polygonOf(`[[0,0],[600,5],[1,1],[0,0]]`), "longitude 600"},
		{polygonOf(`[[0,0],[4,4],[4,0],[0,4],[0,0]]`), "crosses itself"},
		{polygonOf(`[[0,0],[4,0],[4,4],[3,0],[0,4],[0,0]]`), ""},
		{polygonOf(`[[0,0],[4,0],[2,0],[2,4],[0,0]]`), "crosses itself"},
		{polygonOf(square, `[[1,1],[5,1],[1,2],[1,1]]`), "crosses"},
		{polygonOf(square, `[[6,6],[7,7],[7,6],[6,6]]`), "not within"},
		{polygonOf(square, `[[0,1],[0,2],[1,2],[0,1]]`), "crosses"},
		{polygonOf(square, `[[1,1],[1,3],[3,3],[3,1],[1,1]]`, `[[1.5,1.5],[1.5,2],[2,2],[1.5,1.5]]`), "hole 2 of the polygon is within hole 1"},
		{polygonOf(`[[179,0],[-179,0],[-179,1],[179,1],[179,0]]`), "write longitudes beyond 180 (such as 181)"},
		{polygonOf(`[[-200,0],[-50,0],[100,0],[200,0],[200,1],[100,1],[-50,1],[-200,1],[-200,0]]`), "more than once around"},
		{polygonOf("[" + strings.Join(many, ",") + "]"), "1001 points, and a fence may have 1000"},
	} {
		s, err := polygon.Parse([]byte(c.in), limits)
		if c.want == "" { // a corner on another edge: only touches
			if err != nil {
				t.Errorf("%.80s: %v", c.in, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%.80s: taken, as %s", c.in, s.GeoJSON())
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %q, want %q", c.in, err, c.want)
		}
	}
}

// A polygon seen from a box, and from a box in that box, has the same places.
func TestLocalIsTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		// Corners on a small grid, so that places, corners and sides of boxes often coincide.
		s := random(r)
		if s == nil {
			continue
		}
		for range 20 {
			outer := box(r, polygon.Box{MinX: -3, MinY: -3, MaxX: 11, MaxY: 11})
			inner := box(r, outer)
			for _, p := range s.Polygons {
				see := p.See(outer)
				within := see.See(inner)
				for range 30 {
					x, y := float64(r.IntN(29))/2-3, float64(r.IntN(29))/2-3
					at, want := polygon.At(y, x, 0), p.Contains(y, x)
					if outer.Overlaps(polygon.Box{MinX: x, MinY: y, MaxX: x, MaxY: y}) && see.Contains(at) != want {
						t.Fatalf("%s, seen from %v: %v %v is in: %v", s.GeoJSON(), outer, x, y, want)
					}
					if inner.Overlaps(polygon.Box{MinX: x, MinY: y, MaxX: x, MaxY: y}) && within.Contains(at) != want {
						t.Fatalf("%s, seen from %v in %v: %v %v is in: %v", s.GeoJSON(), inner, outer, x, y, want)
					}
				}
			}
		}
	}
}

func box(r *rand.Rand, in polygon.Box) polygon.Box {
	draw := func(from, to float64) (float64, float64) {
		a, b := from+float64(r.IntN(int(to-from)+1)), from+float64(r.IntN(int(to-from)+1))
		return math.Min(a, b), math.Max(a, b)
	}
	var b polygon.Box
	b.MinX, b.MaxX = draw(in.MinX, in.MaxX)
	b.MinY, b.MaxY = draw(in.MinY, in.MaxY)
	return b
}

// random gives a polygon of few corners on a grid, or nil when those drawn cross.
func random(r *rand.Rand) *polygon.Shape {
	for range 200 {
		ring := make([][2]int, 3+r.IntN(6))
		for i := range ring {
			ring[i] = [2]int{r.IntN(9), r.IntN(9)}
		}
		b, _ := json.Marshal(map[string]any{"type": "Polygon", "coordinates": [][][2]int{ring}})
		if s, err := polygon.Parse(b, limits); err == nil {
			return s
		}
	}
	return nil
}

func TestContainsExactly(t *testing.T) {
	parse := func(s string) *polygon.Shape {
		out, err := polygon.Parse([]byte(s), limits)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	up := func(x float64) float64 { return math.Nextafter(x, math.Inf(1)) }
	down := func(x float64) float64 { return math.Nextafter(x, math.Inf(-1)) }
	hole := parse(polygonOf(square, `[[1,1],[1,2],[2,2],[2,1],[1,1]]`))
	slope := parse(polygonOf(`[[0,0],[3,1],[0,1],[0,0]]`)) // one third is no double
	beyond := parse(polygonOf(`[[179,10],[181,10],[181,12],[179,12],[179,10]]`))
	turn := parse(polygonOf(`[[360,0],[361,1],[360,1],[360,0]]`)) // what a place's longitude loses when 360 is added decides
	tilted := parse(polygonOf(`[[179.7,10],[180.3,10.1],[179.7,10.1],[179.7,10]]`))
	for _, c := range []struct {
		s        *polygon.Shape
		lat, lon float64
		want     bool
	}{
		{hole, 0, 0, true}, {hole, 4, 4, true}, {hole, 2, 4, true}, {hole, 2, up(4), false}, {hole, up(4), 2, false}, {hole, 0, down(0), false},
		{hole, 1.5, 1.5, false}, {hole, 1, 1, true}, {hole, 1.5, 1, true}, {hole, 1.5, up(1), false}, {hole, 3, 363, true}, {hole, 3, -357, true}, {hole, 3, 723, true},
		{slope, 1.0 / 3, 1, false}, {slope, up(1.0 / 3), 1, true}, {slope, 0.25, 0.75, true}, {slope, 0.25, up(0.75), false}, {slope, down(0.25), 0.75, false},
		{beyond, 11, -179, true}, {beyond, 11, up(-179), false}, {beyond, 11, 180, true}, {beyond, 11, -180, true}, {beyond, 11, down(179), false}, {beyond, 11, -359, false},
		{turn, 1e-14, 2e-14, false}, {turn, 2e-14, 1e-14, true}, {turn, 1e-14, 1e-14, true}, {turn, 2e-14, -1e-300, false}, {turn, 0.5, 0, true}, {turn, 0.5, 5e-324, true},
		{tilted, 10.05, -180, true}, {tilted, down(10.05), -180, false}, {tilted, 10.05, 180, true},
		{hole, math.NaN(), 1, false}, {hole, 1, math.NaN(), false}, {hole, 1, math.Inf(1), false},
	} {
		if got := c.s.Contains(c.lat, c.lon); got != c.want {
			t.Errorf("%s has %v, %v: %v", c.s.GeoJSON(), c.lat, c.lon, got)
		}
	}
}

// FuzzParse: whatever is taken is given back as what is taken again, needs no repair, and is the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{polygonOf(square), polygonOf(square, `[[1,1],[2,1],[2,2]]`), polygonOf(`[[179,0],[181,0],[180,4]]`),
		`{"type":"MultiPolygon","coordinates":[[` + square + `],[` + square + `]]}`, `{"type":"Feature","geometry":` + polygonOf(square) + `}`,
		polygonOf(`[[0,0],[4,0],[7,0],[4,0],[4,4],[0,4]]`), polygonOf(`[[0,0],[4,4],[4,0],[0,4]]`), polygonOf(`[[1e-300,5e-324],[4,1e-9],[1e-200,4]]`)} {
		f.Add([]byte(s), 1.5, 1.5)
	}
	f.Fuzz(func(t *testing.T, data []byte, lat, lon float64) {
		s, err := polygon.Parse(data, limits)
		if err != nil {
			return
		}
		if s.Vertices() > limits.Vertices || s.Vertices() < 3 {
			t.Fatalf("%d corners", s.Vertices())
		}
		again, err := polygon.Parse(s.GeoJSON(), limits)
		if err != nil {
			t.Fatalf("%s: %v", s.GeoJSON(), err)
		}
		if len(again.Repairs) > 0 || string(again.GeoJSON()) != string(s.GeoJSON()) {
			t.Fatalf("%s was repaired again: %q, %s", s.GeoJSON(), again.Repairs, again.GeoJSON())
		}
		if s.Contains(lat, lon) != again.Contains(lat, lon) {
			t.Fatalf("%s has %v, %v only once", s.GeoJSON(), lat, lon)
		}
		for _, p := range s.Polygons {
			for _, r := range p.Rings() {
				for _, v := range r {
					if !s.Contains(v.Y, v.X) {
						t.Fatalf("%s has not its corner %v", s.GeoJSON(), v)
					}
				}
			}
		}
	})
}
