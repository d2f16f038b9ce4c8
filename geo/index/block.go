package index

import (
	"slices"

	"github.com/hexpane/hexpane/geo/polygon"
)

// block is all that a cell holds, in one stretch of memory, so that to look a place up is to read on. Some of its points are numbers:
//
//	{fences that the cell lies inside of × 2, and 1 if one may be here twice; polygons that are near, and whether there is anything in finer cells}
//	{number of a fence inside, number of the next one}, …
//	{number of a near fence, points of the packed polygon × 16 + turns + 8}, the packed polygon, …
//	{number of a near fence, turns + 8}, {which of its polygons, 0}, …    of cells that have no useful box
type block []polygon.Point

// content is a block opened, to be changed.
type content struct {
	inside  []int32
	near    []near
	several bool // a fence may be here more than once
	finer   int  // entries in cells within this one, of finer resolutions
}

func (c *content) empty() bool { return len(c.inside)+len(c.near)+c.finer == 0 }

// near is one polygon of a fence, and what a cell sees of it.
type near struct {
	fence int32
	turns int            // whole turns from a place's longitude, in [-180, 180), to the polygon's; or one less or one more
	see   polygon.Packed // nil: compare with the whole polygon
	whole int            // which one it is
}

const (
	turnsBits = 16
	noTurns   = turnsBits / 2
	nearBits  = 1 << 24 // far more than there are polygons
)

// deeper reports whether finer cells within this one hold anything.
func (b block) deeper() bool { return b[0].Y >= nearBits }

func (c *content) pack() block {
	n := 1 + (len(c.inside)+1)/2
	for i := range c.near {
		n += 1 + max(len(c.near[i].see), 1)
	}
	b := make(block, 0, n)
	several := 0
	if c.several {
		several = 1
	}
	b = append(b, polygon.Point{X: float64(2*len(c.inside) + several), Y: float64(len(c.near) + c.finer*nearBits)})
	for i := 0; i < len(c.inside); i += 2 {
		p := polygon.Point{X: float64(c.inside[i])}
		if i+1 < len(c.inside) {
			p.Y = float64(c.inside[i+1])
		}
		b = append(b, p)
	}
	for i := range c.near {
		n := &c.near[i]
		b = append(b, polygon.Point{X: float64(n.fence), Y: float64(len(n.see)*turnsBits + n.turns + noTurns)})
		if n.see == nil {
			b = append(b, polygon.Point{X: float64(n.whole)})
		}
		b = append(b, n.see...)
	}
	return b
}

// open gives what a block holds; near polygons go on to share it.
func (b block) open() *content {
	c := new(content)
	if b == nil {
		return c
	}
	inside, nears := int(b[0].X), int(b[0].Y)
	nears, c.finer = nears%nearBits, nears/nearBits
	c.several = inside&1 == 1
	b = b[1:]
	for i := range inside / 2 {
		number := b[i/2].X
		if i%2 == 1 {
			number = b[i/2].Y
		}
		c.inside = append(c.inside, int32(number))
	}
	b = b[(inside/2+1)/2:]
	c.near = make([]near, nears)
	for i := range c.near {
		n := &c.near[i]
		length := int(b[0].Y)
		n.fence, n.turns = int32(b[0].X), length%turnsBits-noTurns
		if length /= turnsBits; length == 0 {
			n.whole = int(b[1].X)
			b = b[2:]
			continue
		}
		n.see = polygon.Packed(b[1 : 1+length])
		b = b[1+length:]
	}
	return c
}

func (c *content) drop(fence int32) {
	c.inside = slices.DeleteFunc(c.inside, func(f int32) bool { return f == fence })
	c.near = slices.DeleteFunc(c.near, func(n near) bool { return n.fence == fence })
}

// find appends the numbers of the fences that a place of the cell, in [-180, 180), is in and that dst[from:] does not have.
func (b block) find(lat, lon float64, fences []*covered, dst []int32, from int) []int32 {
	inside, nears := int(b[0].X), int(b[0].Y)%nearBits
	b = b[1:]
	for n := inside / 2; n > 0; n -= 2 {
		dst = append(dst, int32(b[0].X))
		if n > 1 {
			dst = append(dst, int32(b[0].Y))
		}
		b = b[1:]
	}
	for ; nears > 0; nears-- {
		fence, length := int32(b[0].X), int(b[0].Y)
		turns := length%turnsBits - noTurns
		length /= turnsBits
		if length == 0 {
			if fences[fence].fence.Shape.Polygons[int(b[1].X)].Contains(lat, lon) {
				dst = append(dst, fence)
			}
			b = b[2:]
			continue
		}
		at := polygon.At(lat, lon, turns)
		if east := b[1].X; at.X > east+1 { // cells across the antimeridian have places of both turns
			at = polygon.At(lat, lon, turns-1)
		} else if at.X < east-180 {
			at = polygon.At(lat, lon, turns+1)
		}
		if polygon.Packed(b[1 : 1+length]).Contains(at) {
			dst = append(dst, fence)
		}
		b = b[1+length:]
	}
	if inside&1 == 1 {
		dst = once(dst, from)
	}
	return dst
}

// once takes out of dst[from:] what is there already.
func once(dst []int32, from int) []int32 {
	out := dst[:from]
	for _, f := range dst[from:] {
		if !slices.Contains(out[from:], f) {
			out = append(out, f)
		}
	}
	return out
}
