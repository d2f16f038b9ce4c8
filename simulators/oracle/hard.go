package oracle

import (
	"math"
	"math/rand/v2"
)

// HardPlace draws a place that is hard to tell of an area: six of ten are on an edge or a corner, beside one by one rounding step or more, or
// on a line with one. The others are anywhere in and around the area.
func (a *Area) HardPlace(r *rand.Rand) (lat, lon float64) {
	p := &a.polygons[r.IntN(len(a.polygons))]
	ring := p.rings[r.IntN(len(p.rings))]
	i := r.IntN(len(ring) - 1)
	from, to := ring[i], ring[i+1]
	t := r.Float64()
	lon, lat = from[0]+(to[0]-from[0])*t, from[1]+(to[1]-from[1])*t // on the edge, but for rounding
	switch n := r.IntN(100); {
	case n < 12:
		lon, lat = from[0], from[1]
	case n < 24: // on the edge
	case n < 28:
		lon, lat = (from[0]+to[0])/2, (from[1]+to[1])/2
	case n < 40: // the next double, or the one after
		lon, lat = beside(r, lon), beside(r, lat)
	case n < 44:
		lon, lat = beside(r, from[0]), beside(r, from[1])
	case n < 52: // up to a hundred metres away, more often a little
		off := math.Exp(-25*r.Float64()) * 1e-3
		lon, lat = lon+off*r.NormFloat64(), lat+off*r.NormFloat64()
	case n < 56: // north, south, east or west of a corner
		lat = from[1]
		lon = p.minX + (p.maxX-p.minX)*(1.2*r.Float64()-0.1)
	case n < 60:
		lon = from[0]
		lat = p.minY + (p.maxY-p.minY)*(1.2*r.Float64()-0.1)
	default:
		lon = p.minX + (p.maxX-p.minX)*(1.4*r.Float64()-0.2)
		lat = p.minY + (p.maxY-p.minY)*(1.4*r.Float64()-0.2)
	}
	for lon > 360 || lon > 180 && r.IntN(4) > 0 {
		lon -= 360
	}
	for lon < -360 || lon < -180 && r.IntN(4) > 0 {
		lon += 360
	}
	return math.Max(-90, math.Min(90, lat)), lon
}

func beside(r *rand.Rand, x float64) float64 {
	for range r.IntN(3) {
		x = math.Nextafter(x, math.Inf(2*r.IntN(2)-1))
	}
	return x
}
