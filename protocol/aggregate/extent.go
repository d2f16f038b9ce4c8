package aggregate

import (
	"encoding/binary"

	"github.com/hexpane/hexpane/protocol/value"
)

// extent is SPAN, which no statement names: the first and the last event time. The planner puts it last into the views with session
// windows, whose bounds the core finds from it.
type extent struct {
	first, last int64
	some        bool
}

// Bounds gives the first and the last event time (µs) that a SPAN observed; ok is false if nothing was, or s is none.
func Bounds(s State) (first, last int64, ok bool) {
	n, is := s.(*extent)
	if !is || !n.some {
		return 0, 0, false
	}
	return n.first, n.last, true
}

func (s *extent) Observe(v value.Value, us int64) {
	if !v.IsNull() {
		s.extend(us, us)
	}
}

func (s *extent) extend(first, last int64) {
	if !s.some {
		s.first, s.last, s.some = first, last, true
		return
	}
	s.first, s.last = min(s.first, first), max(s.last, last)
}

func (s *extent) Merge(other State) {
	if o := other.(*extent); o.some {
		s.extend(o.first, o.last)
	}
}

// Append writes 0, or 1 and then the first as a varint and how much later the last is as a uvarint.
func (s *extent) Append(dst []byte) []byte {
	if !s.some {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(append(dst, 1), s.first)
	return binary.AppendUvarint(dst, uint64(s.last-s.first))
}

func (s *extent) Read(src []byte) ([]byte, error) {
	if len(src) == 0 || src[0] > 1 {
		return nil, ErrCorrupt
	}
	some, src := src[0] == 1, src[1:]
	*s = extent{some: some}
	if !some {
		return src, nil
	}
	first, n := binary.Varint(src)
	if n <= 0 {
		return nil, ErrCorrupt
	}
	src = src[n:]
	length, n := binary.Uvarint(src)
	if n <= 0 || int64(length) < 0 || first+int64(length) < first {
		return nil, ErrCorrupt
	}
	s.first, s.last = first, first+int64(length)
	return src[n:], nil
}

// Result is how long the span is, µs; NULL if there is none.
func (s *extent) Result() value.Value {
	if !s.some {
		return value.Value{}
	}
	return value.OfInt(s.last - s.first)
}
