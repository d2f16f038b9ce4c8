package polygon

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Limits of what Parse takes.
type Limits struct {
	Vertices int // corners of a shape, all rings together
}

// maxLon is how far longitudes may go: one and a half turns either way leaves room for any area of at most one turn.
const maxLon = 540

// Parse reads a GeoJSON Polygon or MultiPolygon, or a Feature with one. It repairs what can mean only one thing and says so in Shape.Repairs: rings
// that are not closed or wind the wrong way, points and spikes that come twice, and rings or polygons given twice. It refuses what
// it would have to guess at; the error says which ring it is and what to do. The caller bounds len(data).
func Parse(data []byte, limits Limits) (*Shape, error) {
	var g struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
		Geometry    json.RawMessage `json:"geometry"`
	}
	if err := json.Unmarshal(data, &g); err != nil {
		return nil, fmt.Errorf("this is not GeoJSON: %w", err)
	}
	var polygons [][][][]float64
	var err error
	switch g.Type {
	case "Feature":
		var inner struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(g.Geometry, &inner) != nil || inner.Type == "Feature" || inner.Type == "" {
			return nil, errors.New("the feature has no geometry: give it a Polygon or MultiPolygon")
		}
		return Parse(g.Geometry, limits)
	case "Polygon":
		polygons = make([][][][]float64, 1)
		err = json.Unmarshal(g.Coordinates, &polygons[0])
	case "MultiPolygon":
		err = json.Unmarshal(g.Coordinates, &polygons)
	default:
		return nil, fmt.Errorf("a fence is a Polygon or a MultiPolygon, not %q", g.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("coordinates of a %s: %w", g.Type, err)
	}
	return build(polygons, limits)
}

func build(polygons [][][][]float64, limits Limits) (*Shape, error) {
	n := 0
	for _, p := range polygons {
		for _, r := range p {
			n += len(r)
		}
	}
	switch {
	case n == 0:
		return nil, errors.New("there are no coordinates: draw at least three points")
	case n > limits.Vertices:
		return nil, fmt.Errorf("there are %d points, and a fence may have %d: simplify it, or split it", n, limits.Vertices)
	}
	s := &Shape{}
	var seen [][]Point // outer rings of s
	for i, rings := range polygons {
		name := "the polygon"
		if len(polygons) > 1 {
			name = fmt.Sprintf("polygon %d", i+1)
		}
		p, err := s.polygon(name, rings)
		if err != nil {
			return nil, err
		}
		outer := p.points
		if slices.ContainsFunc(seen, func(o []Point) bool { return slices.Equal(o, outer) }) {
			s.repaired("%s is there twice", name)
			continue
		}
		seen = append(seen, outer)
		s.Polygons = append(s.Polygons, p)
	}
	return s, nil
}

func (s *Shape) repaired(format string, args ...any) {
	s.Repairs = append(s.Repairs, fmt.Sprintf(format, args...))
}

func (s *Shape) polygon(name string, coordinates [][][]float64) (*Polygon, error) {
	if len(coordinates) == 0 {
		return nil, fmt.Errorf("%s has no ring: draw at least three points", name)
	}
	var rings [][]Point
	for i, c := range coordinates {
		ring := "the outer ring of " + name
		if i > 0 {
			ring = fmt.Sprintf("hole %d of %s", i, name)
		}
		points, err := toPoints(ring, c)
		if err != nil {
			return nil, err
		}
		if points, err = s.clean(ring, points, i > 0); err != nil {
			return nil, err
		}
		if i > 0 && slices.ContainsFunc(rings[1:], func(o []Point) bool { return slices.Equal(o, points) }) {
			s.repaired("%s is there twice", ring)
			continue
		}
		rings = append(rings, points)
	}
	p := assemble(rings)
	if p.box.Width() > 360 {
		return nil, fmt.Errorf("%s goes more than once around the Earth: split it", name)
	}
	if err := p.check(name); err != nil {
		return nil, err
	}
	return p, nil
}

func toPoints(ring string, coordinates [][]float64) ([]Point, error) {
	out := make([]Point, len(coordinates))
	for i, c := range coordinates {
		if len(c) < 2 {
			return nil, fmt.Errorf("point %d of %s has no longitude and latitude", i+1, ring)
		}
		v := Point{c[0] + 0, c[1] + 0} // + 0 makes -0 to 0
		if !(math.Abs(v.Y) <= 90) {
			return nil, fmt.Errorf("point %d of %s is at latitude %v: it must be between -90 and 90; GeoJSON gives longitude first", i+1, ring, v.Y)
		}
		if !(math.Abs(v.X) <= maxLon) {
			return nil, fmt.Errorf("point %d of %s is at longitude %v: it must be between -%d and %d", i+1, ring, v.X, maxLon, maxLon)
		}
		out[i] = v
	}
	return out, nil
}
