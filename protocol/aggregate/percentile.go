package aggregate

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/hexpane/hexpane/protocol/value"
)

// few is how many readings are kept as a plain list of keys, which is all that most panes of an edge need.
const few = 14

// percentile is PERCENTILE(x, q): the value, to within 1 %, that at least the share q of the readings does not exceed
// (SQL's PERCENTILE_DISC). NaN is NULL; readings that are infinite are left out, as NULLs are.
type percentile struct {
	q    float64
	many *buckets // nil: no more than few readings
	n    uint32
	keys [few]int32
}

func (p *percentile) Observe(v value.Value, _ int64) {
	f := v.Float()
	if v.IsNull() || f-f != 0 {
		return
	}
	p.add(keyOf(f))
}

func (p *percentile) add(key int32) {
	switch {
	case p.many != nil:
		p.many.add(key, 1)
	case p.n < few:
		p.keys[p.n] = key
		p.n++
	default:
		p.spill()
		p.many.add(key, 1)
	}
}

func (p *percentile) spill() {
	if p.many == nil {
		p.many = &buckets{ids: make([]int32, 0, 8), blocks: make([][16]uint64, 0, 8)}
		for _, key := range p.keys[:p.n] {
			p.many.add(key, 1)
		}
	}
}

func (p *percentile) Merge(other State) {
	o := other.(*percentile)
	if o.many != nil {
		p.spill()
		p.many.merge(o.many)
		return
	}
	for _, key := range o.keys[:o.n] {
		p.add(key)
	}
}

// sorted gives the keys of few readings in order.
func (p *percentile) sorted() (keys [few]int32) {
	keys = p.keys
	slices.Sort(keys[:p.n])
	return keys
}

// Append writes the number of readings, then each bucket's count in the order of the keys. Equal readings give equal
// bytes, however they came together: at most 4,097 buckets and 33 KB, and about 3 bytes a bucket as a rule.
func (p *percentile) Append(dst []byte) []byte {
	before := int32(0)
	if p.many == nil {
		dst = binary.AppendUvarint(dst, uint64(p.n))
		keys := p.sorted()
		for i, j := 0, 0; i < int(p.n); i = j {
			for j = i; j < int(p.n) && keys[j] == keys[i]; j++ {
			}
			dst = appendBin(dst, before, keys[i], uint64(j-i))
			before = keys[i]
		}
		return dst
	}
	dst = binary.AppendUvarint(dst, p.many.n)
	for i, id := range p.many.ids {
		for j, n := range p.many.blocks[i] {
			if n > 0 {
				key := id<<4 + int32(j)
				dst = appendBin(dst, before, key, n)
				before = key
			}
		}
	}
	return dst
}

func (p *percentile) Read(src []byte) ([]byte, error) {
	total, src, err := readUvarint(src)
	if err != nil {
		return nil, err
	}
	p.n = 0
	switch {
	case total <= few:
		p.many = nil
	case p.many == nil:
		p.many = new(buckets)
	default:
		p.many.reset()
	}
	key, n, positive := int32(0), uint64(0), int32(topKey)
	for left := total; left > 0; left -= n {
		before := key
		if key, n, src, err = readBin(src, before, left == total); err != nil || n > left {
			return nil, ErrCorrupt
		}
		if p.many == nil {
			for range n {
				p.keys[p.n] = key
				p.n++
			}
			continue
		}
		switch {
		case key > 0:
			positive = min(positive, key)
			p.many.top = key
		case left == total:
			p.many.bottom = key
		}
		if key < 0 && key-p.many.bottom >= span || key-positive >= span {
			return nil, ErrCorrupt // no sketch is as wide; it would only take memory
		}
		p.many.put(key, n)
	}
	return src, nil
}

func (p *percentile) Result() value.Value {
	n := uint64(p.n)
	if p.many != nil {
		n = p.many.n
	}
	if n == 0 {
		return value.Value{}
	}
	// The share is a decimal fraction written in binary: 0.07 of 100 readings is the 7th, not the 8th.
	rank := uint64(max(1, math.Ceil(p.q*float64(n)*(1-0x1p-50))))
	if p.many != nil {
		return value.OfDouble(valueOf(p.many.at(min(rank, n))))
	}
	keys := p.sorted()
	return value.OfDouble(valueOf(keys[rank-1]))
}
