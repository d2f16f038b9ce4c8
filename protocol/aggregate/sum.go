package aggregate

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/hexpane/hexpane/protocol/value"
)

// sum is what SUM and AVG share.
type sum interface {
	State
	add(v value.Value)
	float() float64
}

// doubleSum keeps a sum in two floats, so that any order of additions rounds to the same result but for
// the last bit (Knuth's TwoSum; Dekker 1971).
type doubleSum struct {
	hi, lo float64
	seen   bool
}

func twoSum(a, b float64) (float64, float64) {
	s := a + b
	t := s - a
	return s, (a - (s - t)) + (b - t)
}

func (s *doubleSum) plus(hi, lo float64) {
	h, e := twoSum(s.hi, hi)
	s.hi, s.lo = twoSum(h, e+s.lo+lo)
}

func (s *doubleSum) add(v value.Value) { s.seen = true; s.plus(v.Float(), 0) }

func (s *doubleSum) Observe(v value.Value, _ int64) {
	if !v.IsNull() {
		s.add(v)
	}
}

func (s *doubleSum) Merge(other State) {
	o := other.(*doubleSum)
	s.plus(o.hi, o.lo)
	s.seen = s.seen || o.seen
}

// Append writes 00 for an empty sum; else 01 and both floats, little-endian.
func (s *doubleSum) Append(dst []byte) []byte {
	if !s.seen {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(s.hi))
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(s.lo))
}

func (s *doubleSum) Read(src []byte) ([]byte, error) {
	*s = doubleSum{}
	switch {
	case len(src) >= 1 && src[0] == 0:
		return src[1:], nil
	case len(src) >= 17 && src[0] == 1:
		s.seen = true
		s.hi = math.Float64frombits(binary.LittleEndian.Uint64(src[1:]))
		s.lo = math.Float64frombits(binary.LittleEndian.Uint64(src[9:]))
		return src[17:], nil
	}
	return nil, ErrCorrupt
}

func (s *doubleSum) float() float64 { return s.hi + s.lo }

func (s *doubleSum) Result() value.Value {
	if !s.seen {
		return value.Value{}
	}
	return value.OfDouble(s.float())
}

// intSum adds BIGINTs, or DECIMALs of one scale, exactly in 128 bits.
type intSum struct {
	hi      int64
	lo      uint64
	scale   uint8
	decimal bool
	seen    bool
}

func (s *intSum) plus(hi int64, lo uint64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.hi += hi + int64(carry)
}

func (s *intSum) add(v value.Value) {
	s.seen = true
	s.plus(v.Int()>>63, uint64(v.Int()))
}

func (s *intSum) Observe(v value.Value, _ int64) {
	if !v.IsNull() {
		s.add(v)
	}
}

func (s *intSum) Merge(other State) {
	o := other.(*intSum)
	s.plus(o.hi, o.lo)
	s.seen = s.seen || o.seen
}

// Append writes 00 for an empty sum; else 01, the upper 64 bits as a varint, the lower as a zigzag varint.
func (s *intSum) Append(dst []byte) []byte {
	if !s.seen {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(append(dst, 1), s.hi)
	return binary.AppendVarint(dst, int64(s.lo))
}

func (s *intSum) Read(src []byte) ([]byte, error) {
	s.hi, s.lo, s.seen = 0, 0, false
	if len(src) == 0 || src[0] > 1 {
		return nil, ErrCorrupt
	}
	s.seen = src[0] == 1
	src = src[1:]
	if !s.seen {
		return src, nil
	}
	hi, n := binary.Varint(src)
	if n <= 0 {
		return nil, ErrCorrupt
	}
	lo, m := binary.Varint(src[n:])
	if m <= 0 {
		return nil, ErrCorrupt
	}
	s.hi, s.lo = hi, uint64(lo)
	return src[n+m:], nil
}

func (s *intSum) float() float64 {
	f := float64(s.hi)*0x1p64 + float64(s.lo)
	if s.hi == int64(s.lo)>>63 {
		f = float64(int64(s.lo))
	}
	return f / math.Pow10(int(s.scale))
}

// Result is NULL for a sum that 64 bits cannot hold.
func (s *intSum) Result() value.Value {
	switch {
	case !s.seen || s.hi != int64(s.lo)>>63:
		return value.Value{}
	case s.decimal:
		return value.OfDecimal(int64(s.lo), s.scale)
	}
	return value.OfInt(int64(s.lo))
}
