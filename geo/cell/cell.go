// Package cell gives H3 cells: which cell a place is in, a cell's parent and centre. Cells are uint64 indexes, 0 is none.
package cell

import (
	"math"

	"github.com/uber/h3-go/v4"
)

// Of gives the cell of a place (degrees) at a resolution 0 to 15; false for a place that is none.
func Of(lat, lon float64, res int) (uint64, bool) {
	if res < 0 || res > 15 || !(math.Abs(lat) <= 90) || !(math.Abs(lon) <= 360) {
		return 0, false
	}
	c, err := h3.LatLngToCell(h3.LatLng{Lat: lat, Lng: lon}, res)
	return uint64(c), err == nil
}

// Bits of an H3 index: mode at 59, resolution at 52, then the base cell and 15 digits of 3 bits each.
const (
	resShift  = 52
	digitBits = 3
	maxRes    = 15
)

// Resolution of a cell, 0 to 15.
func Resolution(c uint64) int { return int(c >> resShift & 0xf) }

// Parent gives the cell's ancestor at a resolution not finer than its own; 0 for any other.
func Parent(c uint64, res int) uint64 {
	own := Resolution(c)
	if res < 0 || res > own || !Valid(c) {
		return 0
	}
	unused := uint64(1)<<(digitBits*(maxRes-res)) - 1 // digits finer than res are all ones
	return c&^(uint64(0xf)<<resShift) | uint64(res)<<resShift | unused
}

// Valid reports whether c is a cell.
func Valid(c uint64) bool { return h3.Cell(c).IsValid() }

// Center gives the cell's centre, degrees.
func Center(c uint64) (lat, lon float64) {
	p, err := h3.Cell(c).LatLng()
	if err != nil {
		return 0, 0
	}
	return p.Lat, p.Lng
}
