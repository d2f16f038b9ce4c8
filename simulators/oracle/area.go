package oracle

import (
	"math"
	"math/big"
)

// Area is an area on the map as its corners were given: polygons, of rings, of longitude and latitude in degrees; each ring ends with its first
// corner again. Edges are straight in longitude and latitude; edges and corners belong to the area; a whole turn of longitude changes nothing.
type Area struct {
	polygons []areaPolygon
}

type areaPolygon struct {
	rings                  [][][2]float64
	minX, minY, maxX, maxY float64
}

// NewArea makes an Area of a GeoJSON MultiPolygon's coordinates.
func NewArea(polygons [][][][2]float64) *Area {
	a := &Area{}
	for _, rings := range polygons {
		p := areaPolygon{rings, math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
		for _, r := range rings {
			for _, v := range r {
				p.minX, p.maxX = math.Min(p.minX, v[0]), math.Max(p.maxX, v[0])
				p.minY, p.maxY = math.Min(p.minY, v[1]), math.Max(p.maxY, v[1])
			}
		}
		a.polygons = append(a.polygons, p)
	}
	return a
}

// Latitudes gives between which the area lies.
func (a *Area) Latitudes() (south, north float64) {
	south, north = math.Inf(1), math.Inf(-1)
	for i := range a.polygons {
		south, north = min(south, a.polygons[i].minY), max(north, a.polygons[i].maxY)
	}
	return south, north
}

// Contains reports whether the place is in the area. It goes by a line due north, and by rational numbers wherever a double leaves doubt.
func (a *Area) Contains(lat, lon float64) bool {
	for i := range a.polygons {
		p := &a.polygons[i]
		if lat < p.minY || lat > p.maxY {
			continue
		}
		for turns := -3; turns <= 3; turns++ {
			if x := lon + 360*float64(turns); x > p.minX-1e-6 && x < p.maxX+1e-6 && p.contains(lat, lon, turns) {
				return true
			}
		}
	}
	return false
}

func (p *areaPolygon) contains(lat, lon float64, turns int) bool {
	north := 0
	for _, r := range p.rings {
		for i := range len(r) - 1 {
			a, b := r[i], r[i+1]
			fromA, fromB := eastOf(lon, turns, a[0]), eastOf(lon, turns, b[0])
			if fromA*fromB > 0 {
				continue // both to the east, or both to the west
			}
			above := northOf(lat, lon, turns, a, b, fromA, fromB)
			if above == 0 {
				return true
			}
			if (fromA < 0) != (fromB < 0) && above < 0 {
				north++
			}
		}
	}
	return north%2 == 1
}

// eastOf is the sign of lon + 360·turns − x.
func eastOf(lon float64, turns int, x float64) int {
	if d := lon + 360*float64(turns) - x; math.Abs(d) > 1e-9 {
		return sign(d)
	}
	return turned(lon, turns).Cmp(rational(x))
}

// northOf is 1 if the place is north of the edge, -1 if south, 0 if on it; the edge has points due north or south of the place, or on it.
func northOf(lat, lon float64, turns int, a, b [2]float64, fromA, fromB int) int {
	if fromA == 0 && fromB == 0 { // an edge due north
		switch {
		case lat > math.Max(a[1], b[1]):
			return 1
		case lat < math.Min(a[1], b[1]):
			return -1
		}
		return 0
	}
	if fromA < 0 { // let the edge go east, from a to b
		a, b = b, a
	}
	if a[0] > b[0] {
		a, b = b, a
	}
	x := lon + 360*float64(turns)
	rise := a[1] + (b[1]-a[1])*((x-a[0])/(b[0]-a[0]))
	if b[0]-a[0] > 1e-3 && math.Abs(lat-rise) > 1e-7 {
		return sign(lat - rise)
	}
	l := new(big.Rat).Mul(diff(b[0], a[0]), diff(lat, a[1]))
	r := new(big.Rat).Mul(diff(b[1], a[1]), new(big.Rat).Sub(turned(lon, turns), rational(a[0])))
	return l.Cmp(r)
}

func rational(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

func diff(x, y float64) *big.Rat { return new(big.Rat).Sub(rational(x), rational(y)) }

func turned(lon float64, turns int) *big.Rat {
	return new(big.Rat).Add(rational(lon), new(big.Rat).SetInt64(360*int64(turns)))
}

func sign(x float64) int {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}
