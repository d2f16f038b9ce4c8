package polygon

import (
	"fmt"
	"slices"
)

// check refuses rings that cross or overlap themselves or each other, and holes that are not in the outer ring. Rings may touch in points.
func (p *Polygon) check(name string) error {
	if err := p.crossings(name); err != nil {
		return err
	}
	outer := &Polygon{points: p.points, rings: p.rings[:1], box: p.box}
	for i, r := range p.rings[1:] {
		for k := r.From; k < r.To; k++ {
			a, b := p.points[k], p.points[k+1]
			if !outer.holds(a) || !outer.holds(Point{a.X + (b.X-a.X)/2, a.Y + (b.Y-a.Y)/2}) {
				return fmt.Errorf("hole %d of %s is not within its outer ring, at %v, %v", i+1, name, a.X, a.Y)
			}
		}
		for j, other := range p.rings[1:] {
			o := &Polygon{points: p.points, rings: []Run{other}, box: p.box}
			if i != j && o.holds(p.within(r)) {
				return fmt.Errorf("hole %d of %s is within hole %d: give it as a polygon of its own", i+1, name, j+1)
			}
		}
	}
	return nil
}

// holds reports whether the polygon has the point, without turns.
func (p *Polygon) holds(v Point) bool {
	l := p.whole()
	return l.Contains(Place{X: v.X, Y: v.Y})
}

// within gives a point of a ring that no other ring touches, as long as rings touch only in corners: the middle of its first edge.
func (p *Polygon) within(r Run) Point {
	a, b := p.points[r.From], p.points[r.From+1]
	return Point{a.X + (b.X-a.X)/2, a.Y + (b.Y-a.Y)/2}
}

type edge struct {
	a, b       Point
	minX, maxX float64
	ring, nth  int
}

// crossings looks, edge by edge from left to right, at the edges that have begun and not ended.
func (p *Polygon) crossings(name string) error {
	edges := make([]edge, 0, p.Edges())
	for ring, r := range p.rings {
		for k := r.From; k < r.To; k++ {
			a, b := p.points[k], p.points[k+1]
			edges = append(edges, edge{a, b, min(a.X, b.X), max(a.X, b.X), ring, int(k - r.From + 1)})
		}
	}
	slices.SortFunc(edges, func(e, f edge) int {
		switch {
		case e.minX < f.minX:
			return -1
		case e.minX > f.minX:
			return 1
		}
		return 0
	})
	var open []*edge
	for i := range edges {
		e := &edges[i]
		kept := open[:0]
		for _, o := range open {
			if o.maxX < e.minX {
				continue
			}
			kept = append(kept, o)
			switch {
			case !cross(o, e):
			case o.ring == e.ring:
				return fmt.Errorf("%s crosses itself near %v, %v: draw its corners in their order along the border", nameRing(e.ring, name), e.a.X, e.a.Y)
			default:
				return fmt.Errorf("%s crosses %s near %v, %v: a hole must lie within", nameRing(e.ring, name), nameRing(o.ring, name), e.a.X, e.a.Y)
			}
		}
		open = append(kept, e)
	}
	return nil
}

func nameRing(i int, name string) string {
	if i == 0 {
		return "the outer ring of " + name
	}
	return fmt.Sprintf("hole %d of %s", i, name)
}

// cross reports whether two edges cross between their ends, or lie upon each other for some length.
func cross(e, f *edge) bool {
	if max(e.a.Y, e.b.Y) < min(f.a.Y, f.b.Y) || max(f.a.Y, f.b.Y) < min(e.a.Y, e.b.Y) {
		return false
	}
	at := func(v Point) Place { return Place{X: v.X, Y: v.Y} }
	fa, fb := side(e.a, e.b, at(f.a)), side(e.a, e.b, at(f.b))
	if fa*fb > 0 || (fa == 0) != (fb == 0) {
		return false
	}
	if fa != 0 {
		return side(f.a, f.b, at(e.a))*side(f.a, f.b, at(e.b)) < 0
	}
	// On one line: do they share more than a point?
	if e.a.X != e.b.X {
		return min(e.maxX, f.maxX) > max(e.minX, f.minX)
	}
	return min(max(e.a.Y, e.b.Y), max(f.a.Y, f.b.Y)) > max(min(e.a.Y, e.b.Y), min(f.a.Y, f.b.Y))
}
