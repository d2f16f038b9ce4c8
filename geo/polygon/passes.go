package polygon

import "math"

// Crossed reports whether the straight line between two places, the shorter way around the Earth, meets an edge of the shape. To touch is to meet.
func (s *Shape) Crossed(lat1, lon1, lat2, lon2 float64) bool {
	lon2 = lon1 + math.Remainder(lon2-lon1, 360)
	for _, p := range s.Polygons {
		if max(lat1, lat2) < p.box.MinY || min(lat1, lat2) > p.box.MaxY {
			continue
		}
		west, east := min(lon1, lon2), max(lon1, lon2)
		for n := math.Floor((p.box.MinX - east) / 360); n <= (p.box.MaxX-west)/360+1; n++ {
			if p.meets(Point{lon1 + 360*n, lat1}, Point{lon2 + 360*n, lat2}) {
				return true
			}
		}
	}
	return false
}

func (p *Polygon) meets(a, b Point) bool {
	line := Box{min(a.X, b.X), min(a.Y, b.Y), max(a.X, b.X), max(a.Y, b.Y)}
	if !line.Overlaps(p.box) {
		return false
	}
	at := func(v Point) Place { return Place{X: v.X, Y: v.Y} }
	for _, r := range p.rings {
		for i := r.From; i < r.To; i++ {
			c, d := p.points[i], p.points[i+1]
			if !line.Overlaps(Box{min(c.X, d.X), min(c.Y, d.Y), max(c.X, d.X), max(c.Y, d.Y)}) {
				continue
			}
			// Both straddle, or touch, the line of the other; of two on one line the boxes tell.
			if side(a, b, at(c))*side(a, b, at(d)) <= 0 && side(c, d, at(a))*side(c, d, at(b)) <= 0 {
				return true
			}
		}
	}
	return false
}
