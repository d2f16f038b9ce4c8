package expr

import (
	"fmt"
	"math"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
)

// castName is CAST in a plan: one argument, and the expression's type says what to.
const castName = "CAST"

// CanCast says why a type cannot be cast to another. Text casts to and from everything; text that is no such value
// becomes NULL. Doubles and decimals become BIGINT by cutting; BIGINT and TIMESTAMP cast as epoch milliseconds (as
// in ksqlDB), though to TIMESTAMP the magnitude tells the unit, as it does in payloads.
func CanCast(from, to value.Type) error {
	ok := from.Kind == to.Kind || from.Kind == nothing || from.Kind.Numeric() && to.Kind.Numeric()
	switch to.Kind {
	case nothing:
		ok = from.Kind == nothing
	case value.String:
		ok = true
	case value.Timestamp:
		ok = ok || from.Kind == value.Int
	case value.Int:
		ok = ok || from.Kind == value.Timestamp
	}
	if ok = ok || from.Kind == value.String && to.Kind != nothing; !ok {
		return fmt.Errorf("%s cannot be cast to %s", from, to)
	}
	if to.Kind == value.Decimal && (to.Scale > maxScale || to.Precision > maxDigits) {
		return fmt.Errorf("%s has more than %d digits", to, maxDigits)
	}
	return nil
}

func cast(n node, t value.Type) Func {
	eval := n.eval
	if n.typ.Kind == t.Kind && t.Kind != value.Decimal {
		return eval
	}
	one := castOne(n.typ.Kind, t)
	return func(row []value.Value) value.Value {
		v := eval(row)
		if v.IsNull() {
			return v
		}
		return one(v)
	}
}

func castOne(from value.Kind, t value.Type) func(value.Value) value.Value {
	switch {
	case t.Kind == value.String:
		return func(v value.Value) value.Value { return value.OfString(v.Text()) }
	case from == value.String:
		return func(v value.Value) value.Value { return parse(t, v.Str()) }
	case t.Kind == value.Double:
		return func(v value.Value) value.Value { return value.OfDouble(v.Float()) }
	case t.Kind == value.Int && from == value.Timestamp:
		return func(v value.Value) value.Value { return value.OfInt(floorDiv(v.Int(), 1000)) }
	case t.Kind == value.Int && from == value.Decimal:
		return func(v value.Value) value.Value { return value.OfInt(v.Int() / powers[min(v.Scale(), maxScale)]) }
	case t.Kind == value.Int:
		return func(v value.Value) value.Value { return wholeNumber(math.Trunc(v.Float())) }
	case t.Kind == value.Timestamp:
		return func(v value.Value) value.Value { return value.OfTime(value.MicrosOfInt(v.Int())) }
	case t.Kind == value.Decimal && from == value.Double:
		return func(v value.Value) value.Value {
			i := wholeNumber(math.Round(v.Float() * math.Pow10(int(t.Scale))))
			if i.IsNull() {
				return i
			}
			return fit(i.Int(), t)
		}
	case t.Kind == value.Decimal:
		return func(v value.Value) value.Value {
			i, ok := rescale(v.Int(), min(v.Scale(), maxScale), t.Scale)
			if !ok {
				return value.Value{}
			}
			return fit(i, t)
		}
	}
	return func(value.Value) value.Value { return value.Value{} }
}

// fit is i·10^-scale as a DECIMAL, NULL if it has more digits than the type allows.
func fit(i int64, t value.Type) value.Value {
	if p := t.Precision; p > 0 && p <= maxDigits && (i >= powers[p] || i <= -powers[p]) {
		return value.Value{}
	}
	return value.OfDecimal(i, t.Scale)
}

// parse reads text with value.Parse; a DECIMAL is cut to its scale by rounding first, as CAST does with numbers.
func parse(t value.Type, s string) value.Value {
	s = strings.TrimSpace(s)
	if !strings.ContainsAny(s, "0123456789abcdefABCDEF") && t.Kind != value.Bool {
		return value.Value{}
	}
	if t.Kind == value.Decimal {
		_, fraction, _ := strings.Cut(s, ".")
		wide := value.Type{Kind: value.Decimal, Scale: uint8(max(int(t.Scale), min(len(fraction), maxScale)))}
		v, err := value.Parse(wide, s)
		if err != nil {
			return value.Value{}
		}
		i, ok := rescale(v.Int(), wide.Scale, t.Scale)
		if !ok {
			return value.Value{}
		}
		return fit(i, t)
	}
	v, err := value.Parse(t, s)
	if err != nil {
		return value.Value{}
	}
	return v
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
