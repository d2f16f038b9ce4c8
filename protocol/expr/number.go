package expr

import (
	"math"

	"github.com/hexpane/hexpane/protocol/value"
)

// numbers follow ksqlDB: ROUND(x) of a DOUBLE is a BIGINT with ties going up, ROUND(x, digits) stays a DOUBLE,
// FLOOR and CEIL keep the type.
var numbers = []function{
	{name: "ABS", usage: "ABS(number)", typ: sameNumber, make: makeAbs},
	{name: "SIGN", usage: "SIGN(number)", typ: takes(value.Int, isNum), make: makeSign},
	{name: "SQRT", usage: "SQRT(number)", typ: takes(value.Double, isNum), make: makeSqrt},
	{name: "FLOOR", usage: "FLOOR(number)", typ: sameNumber, make: makeWhole(math.Floor, false)},
	{name: "CEIL", usage: "CEIL(number)", typ: sameNumber, make: makeWhole(math.Ceil, true)},
	{name: "ROUND", usage: "ROUND(number [, digits])", typ: roundType, make: makeRound},
}

func makeAbs(args []node, t value.Type) (Func, error) {
	eval := args[0].eval
	return func(row []value.Value) value.Value {
		v := eval(row)
		switch {
		case v.IsNull():
			return v
		case t.Kind == value.Double:
			return value.OfDouble(math.Abs(v.Float()))
		}
		i := v.Int()
		if i < 0 {
			i = -i
		}
		switch {
		case i < 0: // the one integer without an opposite
			return value.Value{}
		case t.Kind == value.Decimal:
			return value.OfDecimal(i, t.Scale)
		}
		return value.OfInt(i)
	}, nil
}

func makeSign(args []node, _ value.Type) (Func, error) {
	eval := args[0].eval
	return func(row []value.Value) value.Value {
		v := eval(row)
		switch f := v.Float(); {
		case v.IsNull():
			return v
		case f > 0:
			return value.OfInt(1)
		case f < 0:
			return value.OfInt(-1)
		}
		return value.OfInt(0)
	}, nil
}

func makeSqrt(args []node, _ value.Type) (Func, error) {
	eval := args[0].eval
	return func(row []value.Value) value.Value {
		v := eval(row)
		if v.IsNull() {
			return v
		}
		return finite(math.Sqrt(v.Float()))
	}, nil
}

// makeWhole is FLOOR or CEIL.
func makeWhole(double func(float64) float64, up bool) func([]node, value.Type) (Func, error) {
	return func(args []node, t value.Type) (Func, error) {
		eval := args[0].eval
		return func(row []value.Value) value.Value {
			v := eval(row)
			switch {
			case v.IsNull() || t.Kind == value.Int:
				return v
			case t.Kind == value.Double:
				return value.OfDouble(double(v.Float()))
			}
			unit := powers[t.Scale]
			rest := v.Int() % unit
			i := v.Int() - rest
			ok := true
			if rest < 0 && !up {
				i, ok = subInt(i, unit)
			} else if rest > 0 && up {
				i, ok = addInt(i, unit)
			}
			if !ok {
				return value.Value{}
			}
			return value.OfDecimal(i, t.Scale)
		}, nil
	}
}

func roundType(f *function, args []value.Type) (value.Type, error) {
	if err := check(f, args, 1, isNum, isInt); err != nil {
		return value.Type{}, err
	}
	if args[0].Kind == value.Decimal || args[0].Kind == value.Double && len(args) == 2 {
		return args[0], nil
	}
	return value.Type{Kind: value.Int}, nil
}

func makeRound(args []node, t value.Type) (Func, error) {
	eval, source := args[0].eval, args[0].typ.Kind
	digits := func([]value.Value) value.Value { return value.OfInt(0) }
	if len(args) == 2 {
		digits = args[1].eval
	}
	return func(row []value.Value) value.Value {
		v, d := eval(row), digits(row)
		if v.IsNull() || d.IsNull() {
			return value.Value{}
		}
		n := max(-400, min(400, d.Int()))
		switch {
		case source == value.Double && t.Kind == value.Int:
			return wholeNumber(roundUp(v.Float()))
		case source == value.Double:
			return finite(roundDigits(v.Float(), int(n)))
		case source == value.Decimal:
			i, ok := roundScaled(v.Int(), int64(t.Scale)-n)
			if !ok {
				return value.Value{}
			}
			return value.OfDecimal(i, t.Scale)
		}
		i, ok := roundScaled(v.Int(), -n)
		if !ok {
			return value.Value{}
		}
		return value.OfInt(i)
	}, nil
}

// roundUp rounds to the nearest whole number, halves toward +∞.
func roundUp(f float64) float64 {
	r := math.Round(f)
	if f < 0 && f-r == 0.5 {
		r++
	}
	return r
}

func roundDigits(f float64, digits int) float64 {
	if digits >= 0 {
		p := math.Pow10(digits)
		if scaled := f * p; !math.IsInf(scaled, 0) && !math.IsInf(p, 0) {
			return roundUp(scaled) / p
		}
		return f
	}
	p := math.Pow10(-digits)
	if math.IsInf(p, 0) {
		return 0
	}
	return roundUp(f/p) * p
}

// roundScaled makes the last `zeros` digits zero.
func roundScaled(i, zeros int64) (int64, bool) {
	switch {
	case zeros <= 0:
		return i, true
	case zeros > 18:
		return 0, true
	}
	p := powers[zeros]
	q, r := i/p, i%p
	switch { // halves up, as for doubles
	case r > 0 && r >= p-r:
		q++
	case r < 0 && -r > p+r:
		q--
	}
	return mulInt(q, p)
}

// wholeNumber is f as a BIGINT; NULL out of its range.
func wholeNumber(f float64) value.Value {
	if f >= -0x1p63 && f < 0x1p63 {
		return value.OfInt(int64(f))
	}
	return value.Value{}
}
