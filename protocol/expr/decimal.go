package expr

import (
	"cmp"
	"math/bits"

	"github.com/hexpane/hexpane/protocol/value"
)

var powers = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return
}()

// mulInt and addInt fail where 64 bits do not hold the result.
func mulInt(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	p := a * b
	if p/b != a || a == -1 && b == -1<<63 || b == -1 && a == -1<<63 {
		return 0, false
	}
	return p, true
}

func addInt(a, b int64) (int64, bool) {
	s := a + b
	return s, (s > a) == (b > 0)
}

func subInt(a, b int64) (int64, bool) {
	d := a - b
	return d, (d < a) == (b > 0)
}

// upscale gives i·10^by as a DECIMAL, NULL if it has no room.
func upscale(i int64, by, scale uint8) value.Value {
	p, ok := mulInt(i, powers[by])
	if !ok {
		return value.Value{}
	}
	return value.OfDecimal(p, scale)
}

// rescale changes the scale; digits cut off round half away from zero.
func rescale(i int64, from, to uint8) (int64, bool) {
	if to >= from {
		return mulInt(i, powers[to-from])
	}
	return roundDiv(i, powers[from-to]), true
}

func roundDiv(i, by int64) int64 {
	q, r := i/by, i%by
	switch {
	case r >= by-r && r > 0:
		return q + 1
	case -r >= by+r && r < 0:
		return q - 1
	}
	return q
}

// compareScaled orders a·10^-sa and b·10^-sb exactly, in 128 bits.
func compareScaled(a int64, sa uint8, b int64, sb uint8) int {
	if sa == sb || (a < 0) != (b < 0) {
		if sa == sb {
			return cmp.Compare(a, b)
		}
		return cmp.Compare(a>>63, b>>63)
	}
	sign := 1
	ua, ub := uint64(a), uint64(b)
	if a < 0 {
		sign, ua, ub = -1, -ua, -ub
	}
	s := max(sa, sb)
	ah, al := bits.Mul64(ua, uint64(powers[s-sa]))
	bh, bl := bits.Mul64(ub, uint64(powers[s-sb]))
	if ah != bh {
		return sign * cmp.Compare(ah, bh)
	}
	return sign * cmp.Compare(al, bl)
}
