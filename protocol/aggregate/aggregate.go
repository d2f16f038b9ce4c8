// Package aggregate holds the mergeable states that panes are made of: observe, merge, encode.
//
//	aggregate.go  State, Layout and Partial: what the rest of hexpane sees
//	count.go, sum.go, avg.go, extreme.go   one aggregate a file
//
// The laws each state keeps, and tests check: Merge is commutative and associative (doubles but for the
// last bit), an empty state is its identity, and Read(Append(s)) = s. The package has no clock, no keys and
// no windows: those are protocol/window's and the stages'.
package aggregate

import (
	"errors"
	"fmt"

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
	// Read replaces the state by one read off src, and gives the rest.
	Read(src []byte) ([]byte, error)
	// Result is what SQL shows for it.
	Result() value.Value
}

// New gives a maker of empty states for an SQL aggregate, and the result's type. The argument's type is
// the zero Type for COUNT(*).
func New(function string, argument value.Type, _ []float64) (func() State, value.Type, error) {
	result, err := ResultType(function, argument)
	if err != nil {
		return nil, value.Type{}, err
	}
	switch function {
	case "COUNT":
		return func() State { return new(count) }, result, nil
	case "SUM":
		if argument.Kind == value.Double {
			return func() State { return new(doubleSum) }, result, nil
		}
		return func() State { return &intSum{scale: argument.Scale, decimal: argument.Kind == value.Decimal} }, result, nil
	case "AVG":
		if argument.Kind == value.Double {
			return func() State { return &avg{sum: new(doubleSum)} }, result, nil
		}
		return func() State {
			return &avg{sum: &intSum{scale: argument.Scale, decimal: argument.Kind == value.Decimal}}
		}, result, nil
	case "MIN":
		return func() State { return &extreme{sign: -1} }, result, nil
	default: // MAX; ResultType knows no other
		return func() State { return &extreme{sign: 1} }, result, nil
	}
}

// ResultType gives the type of an aggregate's result, or why there is none.
func ResultType(function string, argument value.Type) (value.Type, error) {
	switch function {
	case "COUNT":
		return value.Type{Kind: value.Int}, nil
	case "SUM":
		switch argument.Kind {
		case value.Decimal:
			return value.Type{Kind: value.Decimal, Precision: 18, Scale: argument.Scale}, nil
		case value.Int, value.Double:
			return argument, nil
		}
		return value.Type{}, fmt.Errorf("SUM takes a number, not %s", argument)
	case "AVG":
		if !argument.Kind.Numeric() {
			return value.Type{}, fmt.Errorf("AVG takes a number, not %s", argument)
		}
		return value.Type{Kind: value.Double}, nil
	case "MIN", "MAX":
		return argument, nil
	}
	return value.Type{}, fmt.Errorf("no aggregate %s", function)
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
