// Package aggregate holds the mergeable states that panes are made of: observe, merge, encode.
//
//	aggregate.go  State, Layout and Partial: what the rest of hexpane sees
//	function.go   the aggregates' names, arguments and results
//	count.go, distinct.go, sum.go, avg.go, stddev.go, percentile.go, extreme.go, first.go, collect.go, topk.go, extent.go
//	              one aggregate a file
//	peek.go, tally.go   for patterns: one value more, without a change; values that come and go
//	buckets.go, registers.go   what sketches are made of: DDSketch, HyperLogLog
//
// The laws each state keeps, and tests check: Merge is commutative and associative (doubles but for the
// last bit), an empty state is its identity, Read(Append(s)) = s, and a state read from any bytes has a bounded size.
// What is no sum of doubles has the same bytes however its readings came together. The package has no clock, no keys
// and no windows: those are protocol/window's and the stages'.
package aggregate

import (
	"errors"

	"github.com/hexpane/hexpane/protocol/value"
)

// ErrCorrupt says that bytes are no state of this aggregate.
var ErrCorrupt = errors.New("aggregate: corrupt state")

// State is one aggregate of one group key in one pane.
type State interface {
	// Observe adds v, seen at event time us (µs). NULL changes nothing.
	Observe(v value.Value, us int64)
	// Merge adds what other, a state of the same aggregate, has seen.
	Merge(other State)
	// Append writes the state after dst.
	Append(dst []byte) []byte
	// Read replaces the state by one read off src, and gives the rest. After an error the state is good for another Read only.
	Read(src []byte) ([]byte, error)
	// Result is what SQL shows for it.
	Result() value.Value
}

// Layout makes the partials of one view.
type Layout []func() State

// Partial is the state of one group key in one pane: one State per aggregate of the view.
type Partial []State

// New makes an empty partial.
func (l Layout) New() Partial {
	p := make(Partial, len(l))
	for i, maker := range l {
		p[i] = maker()
	}
	return p
}

// Merge adds other, a partial of the same layout.
func (p Partial) Merge(other Partial) {
	for i, s := range p {
		s.Merge(other[i])
	}
}

// Append writes the states in turn.
func (p Partial) Append(dst []byte) []byte {
	for _, s := range p {
		dst = s.Append(dst)
	}
	return dst
}

// Read fills the partial from src and gives the rest.
func (p Partial) Read(src []byte) ([]byte, error) {
	var err error
	for _, s := range p {
		if src, err = s.Read(src); err != nil {
			return nil, err
		}
	}
	return src, nil
}
