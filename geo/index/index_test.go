package index_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/geo/index"
	"github.com/hexpane/hexpane/geo/polygon"
)

// That answers are right is tested in simulators/oracle, against an oracle; here is what an index is besides.

func shape(t *testing.T, geometry string) *polygon.Shape {
	t.Helper()
	s, err := polygon.Parse([]byte(geometry), polygon.Limits{Vertices: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ids(ix *index.Index, lat, lon float64) string {
	var out []string
	for _, f := range ix.Lookup(lat, lon, nil) {
		out = append(out, f.ID)
	}
	slices.Sort(out)
	return fmt.Sprint(out)
}

func TestEditsLeaveTheOldIndexAsItWas(t *testing.T) {
	small := shape(t, `{"type":"Polygon","coordinates":[[[11,48],[11.01,48],[11.01,48.01],[11,48.01],[11,48]]]}`)
	large := shape(t, `{"type":"Polygon","coordinates":[[[10,47],[12,47],[12,49],[10,49],[10,47]]]}`)
	both := shape(t, `{"type":"MultiPolygon","coordinates":[[[[11,48],[11.01,48],[11.01,48.01],[11,48]]],[[[11,48],[11.01,48.01],[11,48.01],[11,48]]]]}`)
	a := new(index.Index)
	b := a.With(&index.Fence{ID: "x", Shape: small})
	c := b.With(&index.Fence{ID: "y", Shape: large}, &index.Fence{ID: "z", Shape: both})
	d := c.With(&index.Fence{ID: "x", Shape: large})
	e := d.Without("y", "nobody")
	f := e.Without("x", "z")
	for i, c := range []struct {
		ix          *index.Index
		corner, far string
	}{{a, "[]", "[]"}, {b, "[x]", "[]"}, {c, "[x y z]", "[y]"}, {d, "[x y z]", "[x y]"}, {e, "[x z]", "[x]"}, {f, "[]", "[]"}} {
		// The corner is in both polygons of z, and z is given once.
		if got := ids(c.ix, 48, 11); got != c.corner {
			t.Errorf("index %d: %s, want %s", i, got, c.corner)
		}
		if got := ids(c.ix, 47.5, 11.5); got != c.far {
			t.Errorf("index %d, far: %s, want %s", i, got, c.far)
		}
	}
	if f.Len() != 0 || f.Cells() != 0 || c.Len() != 3 || c.Get("y").Shape != large || c.Get("nobody") != nil || len(c.All()) != 3 || d.Get("x").Shape != large {
		t.Error("counts or fences are wrong")
	}
}

func TestNoFenceAtNoPlace(t *testing.T) {
	ix := new(index.Index).With(&index.Fence{ID: "all", Shape: shape(t, `{"type":"Polygon","coordinates":[[[-180,-90],[0,-90],[180,-90],[180,90],[0,90],[-180,90]]]}`)})
	for _, p := range [][2]float64{{0, 0}, {90, 0}, {-90, 180}, {12, -180}, {12, 359}, {0, -360}} {
		if got := ids(ix, p[0], p[1]); got != "[all]" {
			t.Errorf("%v: %v", p, got)
		}
	}
	for _, p := range [][2]float64{{math.NaN(), 0}, {0, math.NaN()}, {91, 0}, {0, 361}, {math.Inf(1), 0}, {0, math.Inf(-1)}} {
		if got := ids(ix, p[0], p[1]); got != "[]" {
			t.Errorf("%v: %v", p, got)
		}
	}
}

// However many polygons a fence has, what it costs is bounded by its corners.
func TestCellsAreFew(t *testing.T) {
	var polygons []string
	for i := range 2_400 {
		x, y := 11+0.01*float64(i%60), 48+0.01*float64(i/60)
		polygons = append(polygons, fmt.Sprintf("[[[%v,%v],[%v,%v],[%v,%v],[%[1]v,%[2]v]]]", x, y, x+0.009, y, x, y+0.009))
	}
	s, err := polygon.Parse([]byte(`{"type":"MultiPolygon","coordinates":[`+strings.Join(polygons, ",")+`]}`), polygon.Limits{Vertices: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	ix := new(index.Index).With(&index.Fence{ID: "many", Shape: s})
	if n := ix.Cells(); n > 15*len(polygons) {
		t.Errorf("%d cells for %d polygons", n, len(polygons))
	}
	if got := ids(ix, 48.205, 11.102); got != "[many]" {
		t.Error(got)
	}
	if got := ids(ix, 48.208, 11.108); got != "[]" {
		t.Error(got)
	}
}
