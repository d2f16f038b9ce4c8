package polygon

import (
	"math"
	"slices"
)

// Local is a polygon as it is seen from within a box: the edges that come into the box, and whether the box's upper right corner is inside. That
// is all that it takes to tell for any place of the box: go from the place to the right side, up to the corner, and count the edges crossed.
//
// Nothing lies on an edge or beside a corner there, because the way is thought to be a little to the right and far less above (sideBeside).
type Local struct {
	points []Point // the polygon's
	first  Run     // most boxes have one run of edges
	more   []Run
	X, Y   float64 // the corner
	Inside bool    // the corner is
}

// Edges reports whether any edge comes into the box.
func (l *Local) Edges() bool { return l.first.To > 0 }

// whole is the polygon as it is seen from everywhere.
func (p *Polygon) whole() Local {
	return Local{points: p.points, first: p.rings[0], more: p.rings[1:], X: 4096, Y: 4096}
}

// Contains reports whether the place, degrees, is in the polygon.
func (p *Polygon) Contains(lat, lon float64) bool {
	if !(math.Abs(lat) <= 90) || !(math.Abs(lon) <= 1024) || lat < p.box.MinY || lat > p.box.MaxY {
		return false
	}
	l := p.whole()
	for n := int(math.Floor((p.box.MinX - lon) / 360)); float64(n) <= (p.box.MaxX-lon)/360+1; n++ {
		if at := At(lat, lon, n); !at.leftOf(p.box.MinX) && !at.rightOf(p.box.MaxX) && l.Contains(at) {
			return true
		}
	}
	return false
}

// Contains reports whether the place is in the polygon. It must lie in the box that l is for.
func (l *Local) Contains(at Place) bool {
	in := l.Inside
	for n := -1; n < len(l.more); n++ {
		run := l.first
		if n >= 0 {
			run = l.more[n]
		}
		corners := l.points[run.From : run.To+1]
		for i := range len(corners) - 1 {
			a, b := corners[i], corners[i+1]
			if up := b.Y > at.Y; (a.Y > at.Y) != up {
				var right bool // the edge is to the right of the place
				switch {
				case at.rightOf(a.X) && at.rightOf(b.X):
				case at.leftOf(a.X) && at.leftOf(b.X):
					right = true
				default:
					s := side(a, b, at)
					if s == 0 {
						return true
					}
					right = (s > 0) == up
				}
				if right != l.rightOfSide(a, b, at.Y, up) {
					in = !in
				}
			} else if at.Y == a.Y && at.Y == b.Y {
				if !(at.rightOf(a.X) && at.rightOf(b.X)) && !(at.leftOf(a.X) && at.leftOf(b.X)) {
					return true
				}
			} else if at.Y == a.Y && at.X == a.X && at.rest == 0 || at.Y == b.Y && at.X == b.X && at.rest == 0 {
				return true
			}
			if (a.X > l.X) != (b.X > l.X) && sideBeside(a, b, l.X, at.Y) != sideBeside(a, b, l.X, l.Y) {
				in = !in
			}
		}
	}
	return in
}

// rightOfSide reports whether an edge that passes latitude y, upwards or not, does so to the right of the box's right side.
func (l *Local) rightOfSide(a, b Point, y float64, up bool) bool {
	switch {
	case a.X <= l.X && b.X <= l.X:
		return false
	case a.X > l.X && b.X > l.X:
		return true
	}
	return (sideBeside(a, b, l.X, y) > 0) == up
}

// insideBeside reports whether what is beside (x, y) is in the polygon.
func (l *Local) insideBeside(x, y float64) bool {
	in := l.Inside
	for n := -1; n < len(l.more); n++ {
		run := l.first
		if n >= 0 {
			run = l.more[n]
		}
		for i := run.From; i < run.To; i++ {
			a, b := l.points[i], l.points[i+1]
			if up := b.Y > y; (a.Y > y) != up && ((sideBeside(a, b, x, y) > 0) == up) != l.rightOfSide(a, b, y, up) {
				in = !in
			}
			if (a.X > l.X) != (b.X > l.X) && sideBeside(a, b, l.X, y) != sideBeside(a, b, l.X, l.Y) {
				in = !in
			}
		}
	}
	return in
}

// See gives the polygon as it is seen from a box.
func (p *Polygon) See(b Box) Local {
	l := p.whole()
	return l.See(b)
}

// See is Polygon.See for a box that lies in the one that l is for: only l's edges are looked at.
func (l *Local) See(b Box) Local {
	out := Local{points: l.points, X: b.MaxX, Y: b.MaxY}
	last := &out.first
	for n := -1; n < len(l.more); n++ {
		run := l.first
		if n >= 0 {
			run = l.more[n]
		}
		for i := run.From; i < run.To; i++ {
			switch {
			case !comesInto(l.points[i], l.points[i+1], b):
			case last.To == 0:
				*last = Run{i, i + 1}
			case last.To == i:
				last.To++
			default:
				out.more = append(out.more, Run{i, i + 1})
				last = &out.more[len(out.more)-1]
			}
		}
	}
	out.more = slices.Clip(out.more)
	out.Inside = l.insideBeside(b.MaxX, b.MaxY)
	return out
}

// comesInto is false only if the edge surely has no point in the box.
func comesInto(a, b Point, box Box) bool {
	if max(a.X, b.X) < box.MinX || min(a.X, b.X) > box.MaxX || max(a.Y, b.Y) < box.MinY || min(a.Y, b.Y) > box.MaxY {
		return false
	}
	dx, dy := b.X-a.X, b.Y-a.Y
	left, right := 0, 0
	for _, c := range [4]Point{{box.MinX, box.MinY}, {box.MaxX, box.MinY}, {box.MaxX, box.MaxY}, {box.MinX, box.MaxY}} {
		l, r := dx*(c.Y-a.Y), dy*(c.X-a.X)
		switch err := 4e-16*(math.Abs(l)+math.Abs(r)) + 1e-300; {
		case l-r > err:
			left++
		case l-r < -err:
			right++
		}
	}
	return left < 4 && right < 4
}
