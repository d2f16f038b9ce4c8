package payload

import (
	"fmt"
	"math"
	"strconv"
	"time"
	"unsafe"

	"github.com/hexpane/hexpane/protocol/value"
)

// convert makes a typed value of a token of b that is not null. Strings that read as the type wanted are taken: devices
// send numbers so. Nothing in the value refers to b.
func (d *Decoder) convert(t value.Type, b []byte, k *token) (value.Value, error) {
	switch k.kind {
	case tokenNumber:
		return d.number(t, b[k.start:k.end], k)
	case tokenString:
		text := b[k.start:k.end]
		if k.escaped {
			d.scratch = unescape(d.scratch[:0], text)
			text = d.scratch
		}
		return d.text(t, text)
	case tokenTrue, tokenFalse:
		switch t.Kind {
		case value.Bool:
			return value.OfBool(k.kind == tokenTrue), nil
		case value.String:
			return value.OfString(k.kind.String()), nil
		}
	}
	return value.Value{}, fmt.Errorf("want %s, found %s", t, k.kind)
}

// text converts a string.
func (d *Decoder) text(t value.Type, text []byte) (value.Value, error) {
	switch {
	case t.Kind == value.String:
		return value.OfString(d.names.text(text)), nil
	case t.Kind == value.Timestamp && len(text) > len("2006-01-02") && text[4] == '-':
		// No number looks so: value.Parse would fail to read one twice before it tried this.
		if at, err := time.Parse(time.RFC3339Nano, view(text)); err == nil {
			return value.OfTime(at.UnixMicro()), nil
		}
	}
	return value.Parse(t, view(text))
}

// view is b as a string, for callees that don't keep it.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (d *Decoder) number(t value.Type, text []byte, k *token) (value.Value, error) {
	switch t.Kind {
	case value.Double:
		if f, ok := k.float(text); ok {
			return value.OfDouble(f), nil
		}
	case value.Int:
		if i, ok := k.whole(text); ok {
			return value.OfInt(i), nil
		}
	case value.Timestamp:
		if i, ok := k.whole(text); ok && k.plain {
			return value.OfTime(value.MicrosOfInt(i)), nil
		}
		if f, ok := k.float(text); ok {
			if us, ok := value.MicrosOfNumber(f); ok {
				return value.OfTime(us), nil
			}
		}
	case value.Decimal:
		if v, ok := k.decimal(t); ok {
			return v, nil
		}
		return value.Parse(t, view(text))
	case value.String:
		if _, ok := k.float(text); ok {
			return value.OfString(d.names.text(text)), nil
		}
	}
	return value.Value{}, fmt.Errorf("want %s, found the number %s", t, text)
}

// whole is the number as an int64, if it is one: also written as 60.0 or 6e1, and however many its digits.
func (k *token) whole(text []byte) (int64, bool) {
	m, exp := k.mantissa, k.exp
	if !k.exact {
		var ok bool
		if m, exp, ok = significant(text, k.exp); !ok {
			return 0, false
		}
	}
	for ; exp < 0 && m != 0; exp++ {
		if m%10 != 0 {
			return 0, false
		}
		m /= 10
	}
	for ; exp > 0 && m != 0; exp-- {
		if m > math.MaxInt64/10 {
			return 0, false
		}
		m *= 10
	}
	switch {
	case m <= math.MaxInt64 && k.negative:
		return -int64(m), true
	case m <= math.MaxInt64:
		return int64(m), true
	case m == 1<<63 && k.negative:
		return math.MinInt64, true
	}
	return 0, false
}

// significant gathers a long number's digits without the zeros at its ends. More than fit are no int64: either it is
// larger, or it has a fraction. exp is the exponent of the last digit.
func significant(text []byte, exp int) (m uint64, e int, ok bool) {
	zeros, digits := 0, 0
	for _, c := range text {
		switch {
		case c|0x20 == 'e':
			return m, exp + zeros, true
		case c == '0':
			zeros++
		case c-'1' < 9:
			if digits > 0 {
				digits += zeros
			}
			if digits++; digits > maxDigits {
				return 0, 0, false
			}
			if m > 0 {
				for range zeros {
					m *= 10
				}
			}
			m, zeros = m*10+uint64(c-'0'), 0
		case c != '.' && c != '-':
			return 0, 0, false // NaN
		}
	}
	return m, exp + zeros, true
}

var powersOf10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
	1e19, 1e20, 1e21, 1e22}

// short reports digits and a power of ten that a float64 holds exactly each: double then needs one operation, which rounds
// as it should.
func (k *token) short() bool { return k.exact && k.mantissa < 1<<53 && uint(k.exp+22) <= 44 }

func (k *token) double() float64 {
	f := float64(int64(k.mantissa))
	if k.negative {
		f = -f
	}
	if k.exp < 0 {
		return f / powersOf10[-k.exp]
	}
	return f * powersOf10[k.exp]
}

// float is the nearest float64, if it is finite.
func (k *token) float(text []byte) (float64, bool) {
	if k.short() {
		return k.double(), true
	}
	f, err := strconv.ParseFloat(view(text), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// decimal is the number as a DECIMAL, for the usual ones; value.Parse takes or refuses the others.
func (k *token) decimal(t value.Type) (value.Value, bool) {
	if !k.exact || k.scientific {
		return value.Value{}, false
	}
	m, exp := k.mantissa, k.exp
	for ; exp < -int(t.Scale); exp++ {
		if m%10 != 0 {
			return value.Value{}, false
		}
		m /= 10
	}
	for ; exp > -int(t.Scale); exp-- {
		if m >= 1<<50 {
			return value.Value{}, false
		}
		m *= 10
	}
	if m >= 1<<53 || t.Precision > 0 && (int(t.Precision) >= len(powersOf10) || float64(m) >= powersOf10[t.Precision]) {
		return value.Value{}, false
	}
	i := int64(m)
	if k.negative {
		i = -i
	}
	return value.OfDecimal(i, t.Scale), true
}
