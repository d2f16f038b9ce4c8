package index

import (
	"math"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/hexpane/hexpane/geo/polygon"
	"github.com/uber/h3-go/v4"
)

// Polygons are covered with cells of one resolution each, and only of odd ones: each resolution in use costs a lookup a look into the table.
const (
	minLevel   = 1
	maxLevel   = 11 // cells of 25 m
	levels     = (maxLevel-minLevel)/2 + 1
	fewCells   = 500
	leastCells = 12
	maxCells   = 16384 // of one polygon; past it coarser cells are tried
	polar      = 89.9  // cells that reach beyond have no useful box
	widestBox  = 60.0  // half its width, degrees
)

// entry says of one polygon of a fence what it is to a cell.
type entry struct {
	cell    uint64
	inside  bool           // the cell lies inside as a whole
	polygon int            // which one of the fence it is
	see     *polygon.Local // nil, and not inside: compare with the whole polygon
	turns   int            // as near has them
}

// cover gives a polygon's entries: one for each cell that holds places of it. It is one of n polygons that share what cells a fence may need.
func cover(p *polygon.Polygon, n int) []entry {
	res := level(p, max(fewCells/n, leastCells))
	for ; res > minLevel; res -= 2 {
		c := coverer{polygon: p, res: res, most: maxCells}
		if c.run() {
			return c.entries
		}
	}
	c := coverer{polygon: p, res: minLevel, most: math.MaxInt}
	c.run()
	return c.entries
}

// level is the finest resolution that needs few cells, and one more for two edges.
func level(p *polygon.Polygon, few int) int {
	const degree, spacing0 = 111.2, 2200.0 // km
	area, around := 0.0, 0.0
	box := p.Box()
	squeeze := math.Cos((box.MinY + box.MaxY) / 2 * math.Pi / 180)
	for _, r := range p.Rings() {
		for i := range len(r) - 1 {
			x, y := (r[i+1].X-r[i].X)*squeeze*degree, (r[i+1].Y-r[i].Y)*degree
			around += math.Hypot(x, y)
			area += ((r[i].X-box.MinX)*(r[i+1].Y-box.MinY) - (r[i+1].X-box.MinX)*(r[i].Y-box.MinY)) / 2 * squeeze * degree * degree
		}
	}
	all := box.Width() * squeeze * (box.MaxY - box.MinY) * degree * degree
	most := float64(few + p.Edges()/2)
	for res := maxLevel; res > minLevel; res -= 2 {
		spacing := spacing0 / math.Pow(7, float64(res)/2)
		cell := 0.87 * spacing * spacing
		if math.Abs(area)/cell+min(1.5*around/spacing, 1.3*all/cell)+2 <= most { // a jagged border is longer than it has cells
			return res
		}
	}
	return minLevel
}

type coverer struct {
	polygon *polygon.Polygon
	res     int
	most    int
	entries []entry
}

// run reports false if there are too many cells.
func (c *coverer) run() bool {
	for _, seed := range seeds(c.polygon.Box(), c.res) {
		c.enter(seed)
	}
	return len(c.entries) <= c.most
}

// seeds are cells not finer than res that have all places of the box.
func seeds(b polygon.Box, res int) []uint64 {
	const small = 20.0
	if b.MaxX-b.MinX > small || b.MaxY-b.MinY > small || math.Max(math.Abs(b.MinY), math.Abs(b.MaxY)) > 85 {
		return cell.Coarsest()
	}
	lat, lon := (b.MinY+b.MaxY)/2, math.Remainder((b.MinX+b.MaxX)/2, 360)
	// Of a box this small, a corner or the middle of a side is the farthest from the centre.
	farthest := 0.0
	for _, y := range []float64{b.MinY, lat, b.MaxY} {
		d := h3.GreatCircleDistanceRads(h3.LatLng{Lat: lat, Lng: lon}, h3.LatLng{Lat: y, Lng: lon + (b.MaxX-b.MinX)/2})
		farthest = math.Max(farthest, 1.1*d*180/math.Pi)
	}
	for ; res > 0; res-- {
		center, ok := cell.Of(lat, lon, res)
		if !ok {
			return cell.Coarsest()
		}
		if _, _, reach := cell.Reach(center); reach < 2*farthest {
			continue
		}
		// A place of the box is at most 1/2 reach from the middle, its cell's centre at most a reach from it, the middle's cell's centre a reach from the
		// middle: 2.5 reaches are 1.52 spacings, and cells that are three steps away begin at 2.6 spacings.
		disk, err := h3.Cell(center).GridDisk(2)
		if err != nil {
			return cell.Coarsest()
		}
		out := make([]uint64, len(disk))
		for i, d := range disk {
			out[i] = uint64(d)
		}
		return out
	}
	return cell.Coarsest()
}

// enter begins at a cell of which nothing is known yet.
func (c *coverer) enter(at uint64) {
	box, round := boxOf(at)
	outer := c.polygon.Box()
	if box.MaxY < outer.MinY || box.MinY > outer.MaxY || len(c.entries) > c.most {
		return
	}
	if round {
		if cell.Resolution(at) == c.res {
			c.entries = append(c.entries, entry{cell: at})
			return
		}
		for _, child := range cell.Children(at, nil) {
			c.enter(child)
		}
		return
	}
	for n := -3; n <= 3; n++ {
		b := turned(box, n)
		if b.Overlaps(outer) {
			c.visit(at, n, b, c.polygon.See(b))
		}
	}
}

// visit goes on in a cell: its places, turned by n turns, are in the box.
func (c *coverer) visit(at uint64, n int, box polygon.Box, see polygon.Local) {
	switch {
	case !see.Edges() && !see.Inside || len(c.entries) > c.most:
	case !see.Edges():
		c.fill(at)
	case cell.Resolution(at) == c.res:
		c.entries = append(c.entries, entry{cell: at, see: &see, turns: n})
	default:
		for _, child := range cell.Children(at, nil) {
			b, round := boxOf(child)
			if round {
				b = box
			} else {
				middle := (b.MinX + b.MaxX) / 2
				b = turned(b, int(math.Round(((box.MinX+box.MaxX)/2-middle)/360)))
			}
			b = polygon.Box{MinX: math.Max(b.MinX, box.MinX), MinY: math.Max(b.MinY, box.MinY), MaxX: math.Min(b.MaxX, box.MaxX), MaxY: math.Min(b.MaxY, box.MaxY)}
			if b.MinX <= b.MaxX && b.MinY <= b.MaxY {
				c.visit(child, n, b, see.See(b))
			}
		}
	}
}

// fill lists all descendants of a cell that is inside.
func (c *coverer) fill(at uint64) {
	if cell.Resolution(at) == c.res {
		c.entries = append(c.entries, entry{cell: at, inside: true})
		return
	}
	for _, child := range cell.Children(at, nil) {
		if len(c.entries) <= c.most {
			c.fill(child)
		}
	}
}

// boxOf gives a box around all places of a cell, its middle between longitudes -180 and 180; round if it goes around a pole or too far.
func boxOf(c uint64) (b polygon.Box, round bool) {
	const margin = 1e-9 // degrees; H3's and our own rounding is a thousandth of it
	lat, lon, r := cell.Reach(c)
	b = polygon.Box{MinX: -1080, MinY: lat - r - margin, MaxX: 1080, MaxY: lat + r + margin}
	if b.MinY < -polar || b.MaxY > polar {
		return b, true
	}
	half := math.Asin(math.Min(1, math.Sin(r*math.Pi/180)/math.Cos(lat*math.Pi/180)))*180/math.Pi + margin
	if half > widestBox {
		return b, true
	}
	b.MinX, b.MaxX = lon-half, lon+half
	return b, false
}

func turned(b polygon.Box, n int) polygon.Box {
	b.MinX += 360 * float64(n)
	b.MaxX += 360 * float64(n)
	return b
}
