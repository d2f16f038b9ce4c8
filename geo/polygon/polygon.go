// Package polygon gives areas on the map and tells, exactly, whether a place is in one.
//
//	GeoJSON → Parse (parse.go) → rings cleaned (repair.go), checked (cross.go) → Shape → Contains (contains.go)
//
// An area is closed: places on its edges and corners are in it. An edge is a straight line in longitude and latitude, as RFC 7946 has
// it. Longitudes may go beyond ±180, so that an area can cross the antimeridian in one piece; a place is in an area if it is for any
// number of whole turns. A place in the interior of a hole is outside, and one on a hole's edge inside. Polygons of one shape may overlap.
//
// No answer is rounded: where floating point cannot tell the side of an edge that a place is on, big numbers do (side.go).
package polygon

import (
	"encoding/json"
	"math"
)

// Point is a place: X is the longitude and Y the latitude, degrees.
type Point struct{ X, Y float64 }

// Box is what lies between two longitudes and two latitudes, with its sides.
type Box struct{ MinX, MinY, MaxX, MaxY float64 }

// Overlaps reports whether the boxes have a point in common.
func (b Box) Overlaps(c Box) bool {
	return b.MinX <= c.MaxX && c.MinX <= b.MaxX && b.MinY <= c.MaxY && c.MinY <= b.MaxY
}

// Width of the box, degrees.
func (b Box) Width() float64 { return b.MaxX - b.MinX }

// Polygon is one outer ring and the holes in it. It is never changed.
type Polygon struct {
	points []Point // of all rings, each closed: its first point comes again as its last
	rings  []Run   // edges of each ring, the outer one first; edge i is from points[i] to points[i+1]
	box    Box
}

// Run is a run of edges: From, up to and without To.
type Run struct{ From, To uint32 }

// Box of the polygon.
func (p *Polygon) Box() Box { return p.box }

// Edges is how many edges the polygon has.
func (p *Polygon) Edges() int { return len(p.points) - len(p.rings) }

// Shape is what a fence covers: one polygon or several.
type Shape struct {
	Polygons []*Polygon
	Repairs  []string // what was repaired in what was given, for whoever drew it
}

// Vertices is how many corners the shape has.
func (s *Shape) Vertices() int {
	n := 0
	for _, p := range s.Polygons {
		n += p.Edges()
	}
	return n
}

// Contains reports whether the place, degrees, is in the shape. It looks at all edges; geo/index looks at few.
func (s *Shape) Contains(lat, lon float64) bool {
	for _, p := range s.Polygons {
		if p.Contains(lat, lon) {
			return true
		}
	}
	return false
}

// Rings are copies of the polygon's rings, the outer one first, each with its first point again as its last.
func (p *Polygon) Rings() [][]Point {
	out := make([][]Point, len(p.rings))
	for i, r := range p.rings {
		out[i] = append([]Point{}, p.points[r.From:r.To+1]...)
	}
	return out
}

// GeoJSON gives the shape, repaired, as a Polygon or MultiPolygon.
func (s *Shape) GeoJSON() []byte {
	parts := make([][][][2]float64, len(s.Polygons))
	for i, p := range s.Polygons {
		for _, r := range p.Rings() {
			ring := make([][2]float64, len(r))
			for k, v := range r {
				ring[k] = [2]float64{v.X, v.Y}
			}
			parts[i] = append(parts[i], ring)
		}
	}
	g := struct {
		Type        string `json:"type"`
		Coordinates any    `json:"coordinates"`
	}{"MultiPolygon", parts}
	if len(parts) == 1 {
		g.Type, g.Coordinates = "Polygon", parts[0]
	}
	b, err := json.Marshal(g)
	if err != nil {
		panic(err) // numbers are finite
	}
	return b
}

// assemble makes a polygon of rings that are not closed.
func assemble(rings [][]Point) *Polygon {
	p := &Polygon{box: Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}}
	n := len(rings)
	for _, r := range rings {
		n += len(r)
	}
	p.points = make([]Point, 0, n)
	for _, r := range rings {
		from := len(p.points)
		p.points = append(append(p.points, r...), r[0])
		p.rings = append(p.rings, Run{uint32(from), uint32(len(p.points) - 1)})
	}
	for _, v := range p.points {
		p.box.MinX, p.box.MaxX = math.Min(p.box.MinX, v.X), math.Max(p.box.MaxX, v.X)
		p.box.MinY, p.box.MaxY = math.Min(p.box.MinY, v.Y), math.Max(p.box.MaxY, v.Y)
	}
	return p
}
