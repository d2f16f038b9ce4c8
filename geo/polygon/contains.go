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
	c := corner{l.X, l.Y}
	odd, on := c.crossed(l.points[l.first.From:l.first.To+1], at)
	in := l.Inside != odd
	for i := 0; i < len(l.more) && !on; i++ {
		odd, on = c.crossed(l.points[l.more[i].From:l.more[i].To+1], at)
		in = in != odd
	}
	return in || on
}

// corner is a box's upper right one.
type corner struct{ X, Y float64 }

// crossed follows a line through corners and reports whether the way from the place to the box's corner crosses it an odd number of times, and whether
// the place is on it.
func (c corner) crossed(line []Point, at Place) (odd, on bool) {
	for i := range len(line) - 1 {
		a, b := line[i], line[i+1]
		if up := b.Y > at.Y; (a.Y > at.Y) != up {
			var right bool // the edge is to the right of the place
			switch {
			case at.rightOf(a.X) && at.rightOf(b.X):
			case at.leftOf(a.X) && at.leftOf(b.X):
				right = true
			default:
				s := side(a, b, at)
				if s == 0 {
					return odd, true
				}
				right = (s > 0) == up
			}
			if right != c.rightOfSide(a, b, at.Y, up) {
				odd = !odd
			}
		} else if at.Y == a.Y && at.Y == b.Y {
			if !(at.rightOf(a.X) && at.rightOf(b.X)) && !(at.leftOf(a.X) && at.leftOf(b.X)) {
				return odd, true
			}
		} else if at.Y == a.Y && at.X == a.X && at.rest == 0 || at.Y == b.Y && at.X == b.X && at.rest == 0 {
			return odd, true
		}
		if (a.X > c.X) != (b.X > c.X) && c.above(a, b, at.Y) {
			odd = !odd
		}
	}
	return odd, false
}

// above reports whether an edge that crosses the box's right side, or the line that it is part of, does so between latitude y and the corner.
func (c corner) above(a, b Point, y float64) bool {
	low, high := min(a.Y, b.Y), max(a.Y, b.Y)
	switch {
	case low > c.Y || high < y:
		return false
	case low > y && high < c.Y:
		return true
	}
	return sideBeside(a, b, c.X, y) != sideBeside(a, b, c.X, c.Y)
}

// rightOfSide reports whether an edge that passes latitude y, upwards or not, does so to the right of the box's right side.
func (c corner) rightOfSide(a, b Point, y float64, up bool) bool {
	switch {
	case a.X <= c.X && b.X <= c.X:
		return false
	case a.X > c.X && b.X > c.X:
		return true
	}
	return (sideBeside(a, b, c.X, y) > 0) == up
}

// insideBeside reports whether what is beside (x, y) is in the polygon.
func (l *Local) insideBeside(x, y float64) bool {
	in, c := l.Inside, corner{l.X, l.Y}
	for n := -1; n < len(l.more); n++ {
		run := l.first
		if n >= 0 {
			run = l.more[n]
		}
		for i := run.From; i < run.To; i++ {
			a, b := l.points[i], l.points[i+1]
			if up := b.Y > y; (a.Y > y) != up && ((sideBeside(a, b, x, y) > 0) == up) != c.rightOfSide(a, b, y, up) {
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
