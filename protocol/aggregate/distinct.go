package aggregate

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/hexpane/hexpane/protocol/value"
)

// exactly is how many different values COUNT(DISTINCT x) counts exactly. More are estimated.
const exactly = 1024

// distinct is COUNT(DISTINCT x): the sorted hashes of the values while there are no more than exactly, HyperLogLog's
// registers past that. Two of 1,024 values have one hash of 64 bits with a chance of 3 in 10^14.
//
// Sorted hashes are evenly spread, so where one stands follows from its amount; that finds it faster than bisection,
// and no table needs sorting to be written or merged.
type distinct struct {
	hashes []uint64
	many   *registers // nil: hashes has all
}

// hashOf is part of what edges and cores agree on: XXH64 of a text's bytes, or of any other value's binary form.
func hashOf(v value.Value) uint64 {
	if v.Kind() == value.String {
		return xxhash.Sum64String(v.Str())
	}
	var buffer [16]byte
	return xxhash.Sum64(value.Append(buffer[:0], v))
}

func (d *distinct) Observe(v value.Value, _ int64) {
	if !v.IsNull() {
		d.see(hashOf(v))
	}
}

func (d *distinct) see(h uint64) {
	if d.many != nil {
		d.many.see(h)
		return
	}
	i, ok := d.find(h)
	if ok {
		return
	}
	if len(d.hashes) == exactly {
		d.spill()
		d.many.see(h)
		return
	}
	d.hashes = slices.Insert(d.hashes, i, h)
}

// find gives the place of h, or where it would be.
func (d *distinct) find(h uint64) (int, bool) {
	guess, _ := bits.Mul64(h, uint64(len(d.hashes)))
	i := int(guess)
	for i > 0 && d.hashes[i-1] >= h {
		i--
	}
	for i < len(d.hashes) && d.hashes[i] < h {
		i++
	}
	return i, i < len(d.hashes) && d.hashes[i] == h
}

func (d *distinct) spill() {
	if d.many == nil {
		d.many = new(registers)
		for _, h := range d.hashes {
			d.many.see(h)
		}
		d.hashes = nil
	}
}

func (d *distinct) Merge(other State) {
	o := other.(*distinct)
	switch {
	case o.many != nil:
		d.spill()
		d.many.merge(o.many)
	case d.many != nil || len(o.hashes) < len(d.hashes)/8+4: // the few go in one by one
		for _, h := range o.hashes {
			d.see(h)
		}
	default:
		d.union(o.hashes)
	}
}

// union adds sorted hashes from the back, in place.
func (d *distinct) union(other []uint64) {
	n := len(d.hashes) + len(other)
	for i, j := 0, 0; i < len(d.hashes) && j < len(other); {
		switch a, b := d.hashes[i], other[j]; {
		case a < b:
			i++
		case a > b:
			j++
		default:
			i, j, n = i+1, j+1, n-1
		}
	}
	if n > exactly {
		d.spill()
		for _, h := range other {
			d.many.see(h)
		}
		return
	}
	i, j := len(d.hashes)-1, len(other)-1
	d.hashes = slices.Grow(d.hashes, n-len(d.hashes))[:n]
	for to := n - 1; j >= 0; to-- {
		switch {
		case i < 0 || other[j] > d.hashes[i]:
			d.hashes[to] = other[j]
			j--
		case other[j] == d.hashes[i]:
			j--
			fallthrough
		default:
			d.hashes[to] = d.hashes[i]
			i--
		}
	}
}

// Append writes the number of hashes and the hashes, 8 bytes little-endian each and sorted; past the bound exactly+1
// and the registers, 13,114 bytes together. Equal sets of values give equal bytes, however they came together.
func (d *distinct) Append(dst []byte) []byte {
	words := d.hashes
	if d.many != nil {
		dst = binary.AppendUvarint(dst, exactly+1)
		words = d.many[:]
	} else {
		dst = binary.AppendUvarint(dst, uint64(len(words)))
	}
	dst = slices.Grow(dst, 8*len(words))
	for _, w := range words {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	return dst
}

func (d *distinct) Read(src []byte) ([]byte, error) {
	n, src, err := readUvarint(src)
	d.hashes = d.hashes[:0]
	switch {
	case err != nil:
		return nil, err
	case n == exactly+1:
		if d.many == nil && len(src) >= 8*words {
			d.many = new(registers)
		}
		if d.many == nil {
			return nil, ErrCorrupt
		}
		return d.many.read(src)
	case n > exactly || uint64(len(src)) < 8*n:
		return nil, ErrCorrupt
	}
	d.many = nil
	d.hashes = slices.Grow(d.hashes, int(n))
	for i := range int(n) {
		h := binary.LittleEndian.Uint64(src[8*i:])
		if i > 0 && h <= d.hashes[i-1] {
			return nil, ErrCorrupt
		}
		d.hashes = append(d.hashes, h)
	}
	return src[8*n:], nil
}

func (d *distinct) Result() value.Value {
	if d.many != nil {
		return value.OfInt(d.many.estimate())
	}
	return value.OfInt(int64(len(d.hashes)))
}
