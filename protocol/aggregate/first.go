package aggregate

import (
	"encoding/binary"

	"github.com/hexpane/hexpane/protocol/value"
)

// first is FIRST(x) (sign −1) or LAST(x) (sign 1): the value of the earliest or the latest event time. Of readings at one
// time FIRST takes the smallest and LAST the largest value, so that the order in which they come does not matter.
type first struct {
	v    value.Value
	us   int64
	sign int
	kind value.Kind
}

func (f *first) Observe(v value.Value, us int64) {
	if v.IsNull() {
		return
	}
	if e := (entry{us, plain(v)}); f.v.IsNull() || e.compare(entry{f.us, f.v})*f.sign > 0 {
		f.v, f.us = e.v, e.us
	}
}

func (f *first) Merge(other State) {
	o := other.(*first)
	f.Observe(o.v, o.us)
}

// Append writes the value and then, if it is not NULL, its time as a varint.
func (f *first) Append(dst []byte) []byte {
	dst = value.Append(dst, f.v)
	if f.v.IsNull() {
		return dst
	}
	return binary.AppendVarint(dst, f.us)
}

func (f *first) Read(src []byte) ([]byte, error) {
	var err error
	if f.v, src, err = value.Read(src); err != nil || f.v.IsNull() {
		return src, err
	}
	us, n := binary.Varint(src)
	if n <= 0 || f.v.Kind() != f.kind {
		return nil, ErrCorrupt
	}
	f.us = us
	return src[n:], nil
}

func (f *first) Result() value.Value { return f.v }
