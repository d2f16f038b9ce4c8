package polygon

import (
	"fmt"
	"math"
	"slices"
)

// clean gives the ring without what is there twice and without its closing point, counter-clockwise (a hole: clockwise), from its lowest leftmost
// point on, so that equal rings are equal slices.
func (s *Shape) clean(ring string, in []Point, hole bool) ([]Point, error) {
	if n := len(in); n > 1 && in[0] == in[n-1] {
		in = in[:n-1]
	} else if n > 1 {
		s.repaired("%s was not closed", ring)
	}
	out := make([]Point, 0, len(in)+1)
	dropped := 0
	for _, v := range in {
		switch n := len(out); {
		case n > 0 && out[n-1] == v:
			dropped++
		case n > 1 && out[n-2] == v: // there and back again
			out = out[:n-1]
			dropped += 2
		default:
			out = append(out, v)
		}
	}
	for again := true; again && len(out) > 2; { // the same where the ring begins
		n := len(out)
		switch again = true; {
		case out[0] == out[n-1]:
			out = out[:n-1]
			dropped++
		case out[1] == out[n-1]:
			out = out[1 : n-1]
			dropped += 2
		case out[0] == out[n-2]:
			out = out[:n-2]
			dropped += 2
		default:
			again = false
		}
	}
	if dropped > 0 {
		s.repaired("%s had %d points that came twice", ring, dropped)
	}
	if len(out) < 3 {
		return nil, fmt.Errorf("%s has %d different points: it needs three", ring, len(out))
	}
	for i, v := range out {
		w := out[(i+1)%len(out)]
		if d := math.Abs(w.X - v.X); d > 180 && d != 360 {
			return nil, fmt.Errorf("%s goes from longitude %v to %v, more than half around the Earth: if it shall cross the antimeridian, "+
				"write longitudes beyond 180 (such as %v), or split it there; else put points between", ring, v.X, w.X, w.X+math.Copysign(360, v.X-w.X))
		}
	}
	if (area(out) < 0) != hole {
		slices.Reverse(out)
		s.repaired("%s was wound the wrong way", ring)
	}
	lowest := 0
	for i, v := range out {
		if w := out[lowest]; v.X < w.X || v.X == w.X && v.Y < w.Y {
			lowest = i
		}
	}
	return slices.Concat(out[lowest:], out[:lowest]), nil
}

// area is positive for a ring that goes counter-clockwise.
func area(ring []Point) float64 {
	sum := 0.0
	for i, v := range ring {
		w := ring[(i+1)%len(ring)]
		sum += (v.X-ring[0].X)*(w.Y-ring[0].Y) - (w.X-ring[0].X)*(v.Y-ring[0].Y)
	}
	return sum
}
