package aggregate

import (
	"slices"

	"github.com/hexpane/hexpane/protocol/value"
)

// Tally is COUNT, COUNT(DISTINCT x), or SUM of BIGINTs or DECIMALs, over values that come and go. Its result is at any time that of a State that
// observed those that are there.
type Tally struct {
	kind   tallyKind
	n      uint64 // values there
	sum    intSum
	hashes distinct
	times  []uint32 // how often each of the hashes is there
}

type tallyKind uint8

const (
	tallyCount tallyKind = iota
	tallySum
	tallyDistinct
)

// NewTally makes the tally of an aggregate of which s is a state; nil if there is none.
func NewTally(s State) *Tally {
	switch s := s.(type) {
	case *count:
		return &Tally{kind: tallyCount}
	case *intSum:
		return &Tally{kind: tallySum, sum: intSum{scale: s.scale, decimal: s.decimal}}
	case *distinct:
		return &Tally{kind: tallyDistinct}
	}
	return nil
}

// Put adds a value. It reports false, and is good for nothing more, if results would not be exact, or not grow with each
// value: more different values than COUNT(DISTINCT x) counts exactly, or one below zero in a sum.
func (t *Tally) Put(v value.Value) bool {
	if v.IsNull() {
		return true
	}
	t.n++
	switch t.kind {
	case tallySum:
		t.sum.add(v)
		return v.Int() >= 0 && t.sum.hi == 0 && int64(t.sum.lo) >= 0
	case tallyDistinct:
		h := hashOf(v)
		i, there := t.hashes.find(h)
		if !there {
			if len(t.times) == exactly {
				return false
			}
			t.hashes.hashes, t.times = slices.Insert(t.hashes.hashes, i, h), slices.Insert(t.times, i, 0)
		}
		t.times[i]++
	}
	return true
}

// Take takes a value away that was put.
func (t *Tally) Take(v value.Value) {
	if v.IsNull() {
		return
	}
	t.n--
	switch t.kind {
	case tallySum:
		t.sum.plus(-v.Int()>>63, uint64(-v.Int()))
	case tallyDistinct:
		i, _ := t.hashes.find(hashOf(v))
		if t.times[i]--; t.times[i] == 0 {
			t.hashes.hashes, t.times = slices.Delete(t.hashes.hashes, i, i+1), slices.Delete(t.times, i, i+1)
		}
	}
}

// With gives the result with one more value, and leaves the tally as it is.
func (t *Tally) With(v value.Value) value.Value {
	switch t.kind {
	case tallyCount:
		c := count(t.n)
		return Peek(&c, v, 0)
	case tallySum:
		s := t.sum
		s.seen = t.n > 0
		return Peek(&s, v, 0)
	}
	return Peek(&t.hashes, v, 0)
}
