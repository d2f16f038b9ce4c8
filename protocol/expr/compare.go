package expr

import (
	"cmp"
	"fmt"

	"github.com/hexpane/hexpane/protocol/value"
)

// comparisons order numbers by amount (DECIMAL with BIGINT exactly, with DOUBLE as doubles), text by its bytes,
// times, cells and booleans (FALSE first) by content. Any comparison with NULL is NULL.
var comparisons = []function{
	{name: "=", usage: "=", typ: compareType, make: makeCompare(equal)},
	{name: "<>", usage: "<>", typ: compareType, make: makeCompare(less | greater)},
	{name: "<", usage: "<", typ: compareType, make: makeCompare(less)},
	{name: "<=", usage: "<=", typ: compareType, make: makeCompare(less | equal)},
	{name: ">", usage: ">", typ: compareType, make: makeCompare(greater)},
	{name: ">=", usage: ">=", typ: compareType, make: makeCompare(greater | equal)},
	{name: "BETWEEN", usage: "BETWEEN", typ: betweenType, make: makeBetween},
	{name: "IN", usage: "IN", typ: inType, make: makeIn},
	{name: "GREATEST", usage: "GREATEST(x, …)", typ: commonType, make: makeExtreme(1)},
	{name: "LEAST", usage: "LEAST(x, …)", typ: commonType, make: makeExtreme(-1)},
}

// outcome is a set of the three results of a comparison; a comparison operator is one such set.
type outcome uint8

const (
	less outcome = 1 << iota
	equal
	greater
)

func (o outcome) has(order int) bool { return o>>(order+1)&1 == 1 }

// holds is has(cmp.Compare(x, y)) for what is never NaN.
func holds[T int64 | float64](o outcome, x, y T) bool {
	switch {
	case x < y:
		return o&less != 0
	case x > y:
		return o&greater != 0
	}
	return o&equal != 0
}

// Comparable says why values of two types cannot be compared.
func Comparable(a, b value.Type) error {
	if _, err := common(a, b); err != nil {
		return fmt.Errorf("%s cannot be compared with %s", a, b)
	}
	return nil
}

func compareType(f *function, args []value.Type) (value.Type, error) {
	if len(args) != 2 {
		return value.Type{}, fmt.Errorf("%s takes two values", f.name)
	}
	return value.Type{Kind: value.Bool}, Comparable(args[0], args[1])
}

func betweenType(_ *function, args []value.Type) (value.Type, error) {
	if len(args) != 3 {
		return value.Type{}, fmt.Errorf("BETWEEN takes a lower and an upper bound")
	}
	for _, a := range args[1:] {
		if err := Comparable(args[0], a); err != nil {
			return value.Type{}, err
		}
	}
	return value.Type{Kind: value.Bool}, nil
}

func inType(_ *function, args []value.Type) (value.Type, error) {
	if len(args) < 2 {
		return value.Type{}, fmt.Errorf("IN takes at least one value")
	}
	for _, a := range args[1:] {
		if err := Comparable(args[0], a); err != nil {
			return value.Type{}, err
		}
	}
	return value.Type{Kind: value.Bool}, nil
}

// comparer orders two values of these types, neither NULL.
func comparer(a, b value.Type) func(x, y value.Value) int {
	switch {
	case a.Kind == value.Decimal && b.Kind != value.Double || b.Kind == value.Decimal && a.Kind != value.Double:
		sa, sb := scaleOf(a), scaleOf(b)
		return func(x, y value.Value) int { return compareScaled(x.Int(), sa, y.Int(), sb) }
	case a.Kind.Numeric() && b.Kind.Numeric() && a.Kind != b.Kind:
		return func(x, y value.Value) int { return cmp.Compare(x.Float(), y.Float()) }
	}
	return value.Compare
}

func makeCompare(want outcome) func([]node, value.Type) (Func, error) {
	return func(args []node, _ value.Type) (Func, error) {
		a, b := args[0], args[1]
		if b.literal && b.value.IsNull() {
			return func([]value.Value) value.Value { return value.Value{} }, nil
		}
		if a.column >= 0 && b.literal {
			if f := columnWithLiteral(a, b, want); f != nil {
				return f, nil
			}
		}
		compare, x, y := comparer(a.typ, b.typ), a.eval, b.eval
		return func(row []value.Value) value.Value {
			v := x(row)
			if v.IsNull() {
				return v
			}
			w := y(row)
			if w.IsNull() {
				return w
			}
			return value.OfBool(want.has(compare(v, w)))
		}, nil
	}
}

// columnWithLiteral is the predicate edges evaluate most, `speed > 30`, without an inner call.
func columnWithLiteral(a, b node, want outcome) Func {
	c := a.column
	switch {
	case a.typ.Kind == value.Double && b.typ.Kind.Numeric():
		y := b.value.Float()
		return func(row []value.Value) value.Value {
			if c >= len(row) || row[c].IsNull() {
				return value.Value{}
			}
			return value.OfBool(holds(want, row[c].Float(), y))
		}
	case a.typ.Kind == b.typ.Kind && (a.typ.Kind == value.Int || a.typ.Kind == value.Timestamp):
		y := b.value.Int()
		return func(row []value.Value) value.Value {
			if c >= len(row) || row[c].IsNull() {
				return value.Value{}
			}
			return value.OfBool(holds(want, row[c].Int(), y))
		}
	case a.typ.Kind == value.String && b.typ.Kind == value.String && want == equal:
		y := b.value.Str()
		return func(row []value.Value) value.Value {
			if c >= len(row) || row[c].IsNull() {
				return value.Value{}
			}
			return value.OfBool(row[c].Str() == y)
		}
	}
	return nil
}

// makeBetween: x >= low AND x <= high, with SQL's NULLs: FALSE if either bound says so, whatever the other.
func makeBetween(args []node, _ value.Type) (Func, error) {
	x, low, high := args[0].eval, args[1].eval, args[2].eval
	withLow, withHigh := comparer(args[0].typ, args[1].typ), comparer(args[0].typ, args[2].typ)
	return func(row []value.Value) value.Value {
		v := x(row)
		if v.IsNull() {
			return v
		}
		l, h := low(row), high(row)
		switch {
		case !l.IsNull() && withLow(v, l) < 0, !h.IsNull() && withHigh(v, h) > 0:
			return value.OfBool(false)
		case l.IsNull() || h.IsNull():
			return value.Value{}
		}
		return value.OfBool(true)
	}, nil
}

// makeIn: TRUE on a match; without one NULL if the list holds a NULL, else FALSE. Long lists of text literals
// are looked up instead of gone through.
func makeIn(args []node, _ value.Type) (Func, error) {
	if set := textSet(args); set != nil {
		x := args[0].eval
		return func(row []value.Value) value.Value {
			v := x(row)
			if v.IsNull() {
				return v
			}
			_, found := set[v.Str()]
			return value.OfBool(found)
		}, nil
	}
	x, items := args[0].eval, args[1:]
	compare := make([]func(x, y value.Value) int, len(items))
	for i, item := range items {
		compare[i] = comparer(args[0].typ, item.typ)
	}
	return func(row []value.Value) value.Value {
		v := x(row)
		if v.IsNull() {
			return v
		}
		result := value.OfBool(false)
		for i := range items {
			switch w := items[i].eval(row); {
			case w.IsNull():
				result = w
			case compare[i](v, w) == 0:
				return value.OfBool(true)
			}
		}
		return result
	}, nil
}

func textSet(args []node) map[string]struct{} {
	if len(args) < 8 || args[0].typ.Kind != value.String {
		return nil
	}
	set := make(map[string]struct{}, len(args))
	for _, a := range args[1:] {
		if !a.literal || a.value.IsNull() {
			return nil
		}
		set[a.value.Str()] = struct{}{}
	}
	return set
}

// commonType is the rule of functions over any number of values of one type.
func commonType(f *function, args []value.Type) (value.Type, error) {
	if len(args) == 0 {
		return value.Type{}, fmt.Errorf("%s takes at least 1 argument", f.usage)
	}
	t, err := Common(args...)
	if err != nil {
		return t, fmt.Errorf("%s: %w", f.usage, err)
	}
	return t, nil
}

// makeExtreme leaves NULLs out, as Postgres does.
func makeExtreme(sign int) func([]node, value.Type) (Func, error) {
	return func(args []node, t value.Type) (Func, error) {
		evals := converted(args, t)
		return func(row []value.Value) value.Value {
			var best value.Value
			for _, eval := range evals {
				if v := eval(row); !v.IsNull() && (best.IsNull() || value.Compare(v, best)*sign > 0) {
					best = v
				}
			}
			return best
		}, nil
	}
}

func converted(args []node, t value.Type) []Func {
	evals := make([]Func, len(args))
	for i, a := range args {
		evals[i] = convert(a, t)
	}
	return evals
}
