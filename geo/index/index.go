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
	fences  []*covered // by ID
	numbers []*covered // by number; nil is a number that is free
	free    []int32
	table   table
	levels  []int // the resolutions of cells that hold fences, coarsest first
	counts  [maxLevel + 1]int
}

// covered is a fence and the cells that it is listed in.
type covered struct {
	fence  *Fence
	number int32
	cells  []uint64 // some twice
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
		c := &covered{fence: f, number: next.number()}
		several := len(f.Shape.Polygons) > 1 || f.Shape.Polygons[0].Box().Width() > 180
		for i, p := range f.Shape.Polygons {
			for _, e := range cover(p, len(f.Shape.Polygons)) {
				e.polygon = i
				w.add(&e, c.number, several)
				c.cells = append(c.cells, e.cell)
				next.counts[cell.Resolution(e.cell)]++
			}
		}
		c.cells = slices.Clip(c.cells)
		next.numbers[c.number] = c
		at, _ := next.find(f.ID)
		next.fences = slices.Insert(next.fences, at, c)
	}
	w.done()
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
	w.done()
	next.countLevels()
	return next
}

func (ix *Index) copy() *Index {
	return &Index{fences: slices.Clone(ix.fences), numbers: slices.Clone(ix.numbers), free: slices.Clone(ix.free), table: ix.table, counts: ix.counts}
}

// number gives one that no fence has.
func (ix *Index) number() int32 {
	if last := len(ix.free) - 1; last >= 0 {
		n := ix.free[last]
		ix.free = ix.free[:last]
		return n
	}
	ix.numbers = append(ix.numbers, nil)
	return int32(len(ix.numbers) - 1)
}

func (ix *Index) drop(w *writer, id string) {
	at, ok := ix.find(id)
	if !ok {
		return
	}
	c := ix.fences[at]
	for _, cellOf := range c.cells {
		w.drop(cellOf, c.number)
		ix.counts[cell.Resolution(cellOf)]--
	}
	ix.numbers[c.number] = nil
	ix.free = append(ix.free, c.number)
	ix.fences = slices.Delete(ix.fences, at, at+1)
}

func (ix *Index) countLevels() {
	for res, n := range ix.counts {
		if n > 0 {
			ix.levels = append(ix.levels, res)
		}
	}
}

// Lookup appends the fences that the place, degrees, is in, each once, in no order. Longitudes from -360 to 360 are read as turns of one another.
func (ix *Index) Lookup(lat, lon float64, dst []*Fence) []*Fence {
	var room [16]int32
	for _, n := range ix.Numbers(lat, lon, room[:0]) {
		dst = append(dst, ix.numbers[n].fence)
	}
	return dst
}

// Number gives the number of the fence of that ID in this index, from 0 on; -1 if there is none.
func (ix *Index) Number(id string) int {
	if at, ok := ix.find(id); ok {
		return int(ix.fences[at].number)
	}
	return -1
}

// place gives the cell of a place, of the finest resolution in use, and the longitude in [-180, 180); false if it is none or there are no fences.
func (ix *Index) place(lat, lon float64) (finest uint64, turned float64, ok bool) {
	if len(ix.levels) == 0 || !(math.Abs(lat) <= 90) || !(math.Abs(lon) <= 360) {
		return 0, 0, false
	}
	if lon >= 180 {
		lon -= 360 // exactly: no rounding at such values
	} else if lon < -180 {
		lon += 360
	}
	finest, ok = cell.Quick(lat, lon, ix.levels[len(ix.levels)-1])
	return finest, lon, ok
}

// Numbers is Lookup that gives the fences' numbers. A fence keeps its number for as long as it is not replaced; then another one may get it.
func (ix *Index) Numbers(lat, lon float64, dst []int32) []int32 {
	finest, lon, ok := ix.place(lat, lon)
	if !ok {
		return dst
	}
	from := len(dst)
	for _, res := range ix.levels {
		b := ix.table.get(cell.Ancestor(finest, res))
		if b == nil {
			break
		}
		if dst = b.find(lat, lon, ix.numbers, dst, from); !b.deeper() {
			break
		}
	}
	return dst
}
