package expr

import (
	"fmt"

	"github.com/hexpane/hexpane/protocol/value"
)

// maxScale and maxDigits bound a DECIMAL, which is a 64-bit integer.
const (
	maxScale  = 18
	maxDigits = 18
)

// Common gives the type that values of all these types can be turned into without loss of meaning: the same kind,
// or numbers (a DOUBLE among them makes it DOUBLE, else a DECIMAL makes it DECIMAL).
func Common(types ...value.Type) (value.Type, error) {
	var t value.Type
	for _, u := range types {
		var err error
		if t, err = common(t, u); err != nil {
			return value.Type{}, err
		}
	}
	return t, nil
}

func common(a, b value.Type) (value.Type, error) {
	switch {
	case a.Kind == nothing:
		return b, nil
	case b.Kind == nothing:
		return a, nil
	case a.Kind.Numeric() && b.Kind.Numeric():
		switch {
		case a.Kind == value.Double || b.Kind == value.Double:
			return value.Type{Kind: value.Double}, nil
		case a == b:
			return a, nil
		}
		return value.Type{Kind: value.Decimal, Precision: maxDigits, Scale: max(scaleOf(a), scaleOf(b))}, nil
	case a.Kind == b.Kind:
		return a, nil
	}
	return value.Type{}, fmt.Errorf("%s and %s do not mix", a, b)
}

func scaleOf(t value.Type) uint8 {
	if t.Kind == value.Decimal {
		return t.Scale
	}
	return 0
}

// convert gives n's values in type t, which Common has named.
func convert(n node, t value.Type) Func {
	eval := n.eval
	switch {
	case n.typ.Kind == t.Kind && (t.Kind != value.Decimal || n.typ.Scale == t.Scale), n.typ.Kind == nothing:
		return eval
	case t.Kind == value.Double:
		return func(row []value.Value) value.Value {
			v := eval(row)
			if v.IsNull() {
				return v
			}
			return value.OfDouble(v.Float())
		}
	default: // a DECIMAL of a larger scale
		up := t.Scale - scaleOf(n.typ)
		return func(row []value.Value) value.Value {
			v := eval(row)
			if v.IsNull() {
				return v
			}
			return upscale(v.Int(), up, t.Scale)
		}
	}
}
