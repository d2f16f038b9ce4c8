package polygon

import (
	"math"
	"math/big"
)

// Place is a place as it is compared with edges: a longitude turned by whole turns, without rounding, and a latitude. The longitude is X + rest.
type Place struct{ X, rest, Y float64 }

// At gives the place for lat, lon (degrees) turned by n whole turns.
func At(lat, lon float64, n int) Place {
	turn := 360 * float64(n)
	x := lon + turn
	b := x - lon
	return Place{X: x, rest: (lon - (x - b)) + (turn - b), Y: lat} // what the sum lost, exactly (Knuth's two-sum)
}

func (p Place) leftOf(x float64) bool  { return p.X < x || p.X == x && p.rest < 0 }
func (p Place) rightOf(x float64) bool { return p.X > x || p.X == x && p.rest > 0 }

// side is 1 if p is to the left of the line from a to b, -1 if to the right, 0 if on it.
func side(a, b Point, p Place) int {
	dx, dy := b.X-a.X, b.Y-a.Y
	l, r := dx*(p.Y-a.Y), dy*(p.X-a.X)
	// Each difference and product is off by at most 2^-53 of itself, so the difference of the products by less than 4e-16 of them together.
	err := 4e-16*(math.Abs(l)+math.Abs(r)) + 1.01*math.Abs(dy*p.rest) + 1e-300
	switch d := l - r; {
	case d > err:
		return 1
	case d < -err:
		return -1
	}
	return exactSide(a, b, p)
}

// enough bits for any sum and product that exactSide makes of doubles of at most 1024.
const enough = 2400

func exactSide(a, b Point, p Place) int {
	diff := func(x, y float64) *big.Float {
		return new(big.Float).SetPrec(enough).Sub(new(big.Float).SetFloat64(x), new(big.Float).SetFloat64(y))
	}
	px := diff(p.X, a.X)
	px.Add(px, new(big.Float).SetFloat64(p.rest))
	l := diff(b.X, a.X)
	l.Mul(l, diff(p.Y, a.Y))
	r := diff(b.Y, a.Y)
	r.Mul(r, px)
	return l.Cmp(r)
}

// sideBeside is the side of the place a little to the right of (x, y), and far less above it: never 0.
func sideBeside(a, b Point, x, y float64) int {
	if s := side(a, b, Place{X: x, Y: y}); s != 0 {
		return s
	}
	switch {
	case b.Y > a.Y:
		return -1
	case b.Y < a.Y:
		return 1
	case b.X > a.X:
		return 1
	}
	return -1
}
