// Package index finds the fences that a place is in, among many, exactly.
//
// A fence's polygons are covered with H3 cells (cover.go). A cell is either inside a polygon as a whole, or keeps the polygon's edges that come
// near it, and a place in the cell is compared with those alone (polygon.Local). So a lookup is: the place's cell, a look into a table for each
// resolution in use (table.go), and now and then some edges.
//
// Correctness hangs on one property of cells: that all places of a cell lie in the circle cell.Reach, with which covers are made. How H3 draws its
// hexagons, which of them are within which, and where they have five sides does not matter.
package index

import (
	"math"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/hexpane/hexpane/geo/polygon"
)

// Fence is an area with a name.
type Fence struct {
	ID    string
	Shape *polygon.Shape
}

// Index holds fences. It is never changed: With and Without give a new one, which shares with the old one all that stays. The zero Index is empty.
type Index struct {
	fences []*covered // by ID
	table  table
	levels []int // the resolutions of cells in the table, finest first
	counts [maxLevel + 1]int
}

// covered is a fence and the cells that it is listed in.
type covered struct {
	fence *Fence
	cells []uint64
}

// Len is how many fences there are.
func (ix *Index) Len() int { return len(ix.fences) }

// Cells is how many cells the fences are listed in, a cell once for each fence.
func (ix *Index) Cells() int {
	n := 0
	for _, c := range ix.counts {
		n += c
	}
	return n
}

// Get gives the fence of that ID, or nil.
func (ix *Index) Get(id string) *Fence {
	if at, ok := ix.find(id); ok {
		return ix.fences[at].fence
	}
	return nil
}

// All gives the fences in the order of their IDs.
func (ix *Index) All() []*Fence {
	out := make([]*Fence, len(ix.fences))
	for i, f := range ix.fences {
		out[i] = f.fence
	}
	return out
}

func (ix *Index) find(id string) (int, bool) {
	return slices.BinarySearchFunc(ix.fences, id, func(f *covered, id string) int { return strings.Compare(f.fence.ID, id) })
}

// With gives an index with these fences too, each in place of the one of the same ID, if there is one.
func (ix *Index) With(fences ...*Fence) *Index {
	next := ix.copy()
	w := next.table.write()
	for _, f := range fences {
		next.drop(w, f.ID)
		c := &covered{fence: f}
		for _, p := range f.Shape.Polygons {
			for _, e := range cover(p, len(f.Shape.Polygons)) {
				e.fence = f
				w.add(e)
				c.cells = append(c.cells, e.cell)
				next.counts[cell.Resolution(e.cell)]++
			}
		}
		c.cells = slices.Clip(c.cells)
		at, _ := next.find(f.ID)
		next.fences = slices.Insert(next.fences, at, c)
	}
	next.countLevels()
	return next
}

// Without gives an index without the fences of these IDs.
func (ix *Index) Without(ids ...string) *Index {
	next := ix.copy()
	w := next.table.write()
	for _, id := range ids {
		next.drop(w, id)
	}
	next.countLevels()
	return next
}

func (ix *Index) copy() *Index {
	return &Index{fences: slices.Clone(ix.fences), table: ix.table, counts: ix.counts}
}

func (ix *Index) drop(w *writer, id string) {
	at, ok := ix.find(id)
	if !ok {
		return
	}
	for _, c := range ix.fences[at].cells {
		w.drop(c, ix.fences[at].fence)
		ix.counts[cell.Resolution(c)]--
	}
	ix.fences = slices.Delete(ix.fences, at, at+1)
}

func (ix *Index) countLevels() {
	for res := maxLevel; res >= 0; res-- {
		if ix.counts[res] > 0 {
			ix.levels = append(ix.levels, res)
		}
	}
}

// Lookup appends the fences that the place, degrees, is in, each once, in no order. Longitudes from -360 to 360 are read as turns of one another.
func (ix *Index) Lookup(lat, lon float64, dst []*Fence) []*Fence {
	if len(ix.levels) == 0 || !(math.Abs(lat) <= 90) || !(math.Abs(lon) <= 360) {
		return dst
	}
	if lon >= 180 {
		lon -= 360 // exactly: no rounding at such values
	} else if lon < -180 {
		lon += 360
	}
	finest, ok := cell.Quick(lat, lon, ix.levels[0])
	if !ok {
		return dst
	}
	from := len(dst)
	for _, res := range ix.levels {
		c := ix.table.get(cell.Ancestor(finest, res))
		if c == nil {
			continue
		}
		dst = append(dst, c.inside...)
		for i := range c.near {
			if n := &c.near[i]; n.contains(lat, lon) {
				dst = append(dst, n.fence)
			}
		}
		if c.several {
			dst = once(dst, from)
		}
	}
	return dst
}

// once takes out of dst[from:] what is there already.
func once(dst []*Fence, from int) []*Fence {
	out := dst[:from]
	for _, f := range dst[from:] {
		if !slices.Contains(out[from:], f) {
			out = append(out, f)
		}
	}
	return out
}
