package expr

import (
	"fmt"
	"math"

	"github.com/hexpane/hexpane/protocol/value"
)

// arithmetic: BIGINT with BIGINT stays BIGINT (division cuts toward zero), a DOUBLE makes it DOUBLE, DECIMALs are
// exact but for /, which gives DOUBLE.
var arithmetic = []function{
	{name: "+", usage: "+", typ: arithmeticType, make: binary(addDouble, addInt)},
	{name: "-", usage: "-", typ: arithmeticType, make: binary(subDouble, subInt)},
	{name: "*", usage: "*", typ: arithmeticType, make: makeMul},
	{name: "/", usage: "/", typ: arithmeticType, make: binary(divDouble, divInt)},
	{name: "%", usage: "%", typ: arithmeticType, make: binary(math.Mod, modInt)},
	{name: "NEG", usage: "-", typ: sameNumber, make: makeNeg},
}

func addDouble(a, b float64) float64 { return a + b }
func subDouble(a, b float64) float64 { return a - b }
func mulDouble(a, b float64) float64 { return a * b }

func divDouble(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

func divInt(a, b int64) (int64, bool) {
	if b == 0 || a == math.MinInt64 && b == -1 {
		return 0, false
	}
	return a / b, true
}

func modInt(a, b int64) (int64, bool) {
	if b == 0 {
		return 0, false
	}
	return a % b, true
}

func arithmeticType(f *function, args []value.Type) (value.Type, error) {
	if len(args) != 2 || !isNum.has(args[0].Kind) || !isNum.has(args[1].Kind) {
		if len(args) == 2 {
			return value.Type{}, fmt.Errorf("%s takes two numbers, not %s and %s", f.name, args[0], args[1])
		}
		return value.Type{}, fmt.Errorf("%s takes two numbers", f.name)
	}
	t, err := common(args[0], args[1])
	switch {
	case err != nil:
		return t, err
	case t.Kind == nothing:
		return value.Type{Kind: value.Int}, nil
	case t.Kind != value.Decimal:
		return t, nil
	case f.name == "/":
		return value.Type{Kind: value.Double}, nil
	case f.name == "*":
		t.Scale = scaleOf(args[0]) + scaleOf(args[1])
		if t.Scale > maxScale {
			return t, fmt.Errorf("%s * %s has more than %d digits after the point; CAST one to DOUBLE", args[0], args[1], maxScale)
		}
	}
	t.Precision = maxDigits
	return t, nil
}

func sameNumber(f *function, args []value.Type) (value.Type, error) {
	if err := check(f, args, 1, isNum); err != nil {
		return value.Type{}, err
	}
	if args[0].Kind == nothing {
		return value.Type{Kind: value.Int}, nil
	}
	return args[0], nil
}

// finite is f as a DOUBLE; what a DOUBLE cannot hold is NULL.
func finite(f float64) value.Value {
	if f-f != 0 {
		return value.Value{}
	}
	return value.OfDouble(f)
}

// binary makes the closures of an operator from its two forms.
func binary(double func(a, b float64) float64, integer func(a, b int64) (int64, bool)) func([]node, value.Type) (Func, error) {
	return func(args []node, t value.Type) (Func, error) {
		switch t.Kind {
		case value.Double:
			return doubles(args, double), nil
		case value.Decimal:
			return integers(convert(args[0], t), convert(args[1], t), integer, func(i int64) value.Value { return value.OfDecimal(i, t.Scale) }), nil
		}
		return integers(args[0].eval, args[1].eval, integer, value.OfInt), nil
	}
}

func doubles(args []node, op func(a, b float64) float64) Func {
	a, b := args[0].eval, args[1].eval
	if args[1].literal && !args[1].value.IsNull() { // speed * 3.6
		y := args[1].value.Float()
		return func(row []value.Value) value.Value {
			x := a(row)
			if x.IsNull() {
				return x
			}
			return finite(op(x.Float(), y))
		}
	}
	return func(row []value.Value) value.Value {
		x, y := a(row), b(row)
		if x.IsNull() || y.IsNull() {
			return value.Value{}
		}
		return finite(op(x.Float(), y.Float()))
	}
}

func integers(a, b Func, op func(a, b int64) (int64, bool), result func(int64) value.Value) Func {
	return func(row []value.Value) value.Value {
		x, y := a(row), b(row)
		if x.IsNull() || y.IsNull() {
			return value.Value{}
		}
		i, ok := op(x.Int(), y.Int())
		if !ok {
			return value.Value{}
		}
		return result(i)
	}
}

// makeMul differs in that decimals are multiplied as they are: the scales add up.
func makeMul(args []node, t value.Type) (Func, error) {
	if t.Kind == value.Decimal {
		return integers(args[0].eval, args[1].eval, mulInt, func(i int64) value.Value { return value.OfDecimal(i, t.Scale) }), nil
	}
	return binary(mulDouble, mulInt)(args, t)
}

func makeNeg(args []node, t value.Type) (Func, error) {
	zero := node{typ: value.Type{Kind: value.Int}, column: -1, eval: func([]value.Value) value.Value { return value.OfInt(0) }}
	return binary(subDouble, subInt)([]node{zero, args[0]}, t)
}
