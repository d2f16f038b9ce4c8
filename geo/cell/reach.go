package cell

import "math"

// Reach gives a circle, centre and radius in degrees, around all places whose cell, at this resolution or a finer one, is c or one of c's descendants.
// That is more than c's hexagon: descendants lie in part outside it, and 6 % of places outside of their ancestor's hexagon.
//
// Why it holds: the centre of a child is at most a child's spacing away from its parent's, measured on the faces' planes, and so on down to
// a place in the finest cell: spacing · (1/√7 + 1/7 + …) = 0.6077 · spacing. To go from a plane to the sphere shortens each step by the cosine
// of the angle to the centre of the nearest face, or by more.
func Reach(c uint64) (lat, lon, radius float64) {
	lat, lon = Center(c)
	most := 0.6077 * unitLength / math.Pow(7, float64(Resolution(c))/2)
	sinLat, cosLat := math.Sincos(lat * (math.Pi / 180))
	sinLon, cosLon := math.Sincos(lon * (math.Pi / 180))
	x, y, z, w := cosLat*cosLon, cosLat*sinLon, sinLat, 0.0
	for _, n := range normals {
		w = math.Max(w, x*n[0]+y*n[1]+z*n[2])
	}
	angle := math.Max(0, math.Acos(math.Min(1, w))-most)
	return lat, lon, most * math.Cos(angle) * (180 / math.Pi) * (1 + 1e-9)
}

// Ancestor is Parent for what is known to be a cell, and a resolution known to be not finer than its own: it asks nobody.
func Ancestor(c uint64, res int) uint64 {
	return c&^(0xf<<resShift) | uint64(res)<<resShift | (1<<(digitBits*(maxRes-res)) - 1)
}

// Children appends the children of a cell, 7 or, of a pentagon, 6. The cell must be coarser than resolution 15.
func Children(c uint64, dst []uint64) []uint64 {
	res := Resolution(c) + 1
	at := digitBits * (maxRes - res)
	c = c&^(0xf<<resShift) | uint64(res)<<resShift
	for digit := range uint64(7) {
		if digit == 1 && leading(c&^(7<<at), res) == 0 && pentagonal[c>>baseShift&0x7f] {
			continue // a pentagon has no child there
		}
		dst = append(dst, c&^(7<<at)|digit<<at)
	}
	return dst
}

// pentagonal tells which base cells are pentagons.
var pentagonal = func() (is [128]bool) {
	for _, p := range pentagons {
		is[p] = true
	}
	return is
}()

// Coarsest gives the 122 cells of resolution 0.
func Coarsest() []uint64 {
	out := make([]uint64, 122)
	for i := range out {
		out[i] = 1<<59 | uint64(i)<<baseShift | (1<<baseShift - 1)
	}
	return out
}
