package value

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Type is a column's declared type: a kind, and for DECIMAL its precision (digits) and scale.
type Type struct {
	Kind             Kind
	Precision, Scale uint8
}

// String gives the SQL spelling.
func (t Type) String() string {
	if t.Kind == Decimal {
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	}
	return t.Kind.String()
}

// Parse reads text as a value of type t, as a device's topic level, a CSV field or CAST would give it.
func Parse(t Type, s string) (Value, error) {
	bad := func() (Value, error) { return Value{}, fmt.Errorf("%q is no %s", s, t) }
	switch t.Kind {
	case String:
		return OfString(s), nil
	case Int:
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return bad()
		}
		return OfInt(i), nil
	case Double:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return bad()
		}
		return OfDouble(f), nil
	case Decimal:
		return parseDecimal(t, s)
	case Bool:
		switch strings.ToLower(s) {
		case "true":
			return OfBool(true), nil
		case "false":
			return OfBool(false), nil
		}
		return bad()
	case Timestamp:
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return OfTime(MicrosOfInt(i)), nil
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			if us, ok := MicrosOfNumber(f); ok {
				return OfTime(us), nil
			}
			return bad()
		}
		us, err := MicrosOfText(s)
		if err != nil {
			return bad()
		}
		return OfTime(us), nil
	case Cell:
		h, err := strconv.ParseUint(s, 16, 64)
		if err != nil || h == 0 {
			return bad()
		}
		return OfCell(h), nil
	}
	return bad()
}

// parseDecimal keeps every digit: more fraction digits than the scale are refused, not rounded away.
func parseDecimal(t Type, s string) (Value, error) {
	bad := func(why string) (Value, error) { return Value{}, fmt.Errorf("%q is no %s: %s", s, t, why) }
	whole, frac, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+"), ".")
	frac = strings.TrimRight(frac, "0")
	if len(frac) > int(t.Scale) {
		return bad("too many digits after the point")
	}
	digits := whole + frac + strings.Repeat("0", int(t.Scale)-len(frac))
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return bad("not a decimal number of at most 18 digits")
	}
	if t.Precision > 0 && t.Precision < 19 && float64(n) >= pow10(t.Precision) {
		return bad("too many digits")
	}
	i := int64(n)
	if strings.HasPrefix(s, "-") {
		i = -i
	}
	return OfDecimal(i, t.Scale), nil
}

// Text is the value as CSV and CAST AS STRING show it; NULL is "".
func (v Value) Text() string {
	switch v.kind {
	case Bool:
		return strconv.FormatBool(v.bits == 1)
	case Int:
		return strconv.FormatInt(int64(v.bits), 10)
	case Double:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case Decimal:
		return decimalText(int64(v.bits), v.scale)
	case String:
		return v.str
	case Timestamp:
		return FormatTime(int64(v.bits))
	case Cell:
		return strconv.FormatUint(v.bits, 16)
	}
	return ""
}

func decimalText(i int64, scale uint8) string {
	sign := ""
	u := uint64(i)
	if i < 0 {
		sign, u = "-", -u
	}
	s := strconv.FormatUint(u, 10)
	if scale == 0 {
		return sign + s
	}
	if pad := int(scale) + 1 - len(s); pad > 0 {
		s = strings.Repeat("0", pad) + s
	}
	cut := len(s) - int(scale)
	return sign + s[:cut] + "." + s[cut:]
}

// AppendJSON writes v as JSON: numbers plain, times RFC 3339, cells as their hexadecimal string.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case Null:
		return append(dst, "null"...)
	case Bool:
		return strconv.AppendBool(dst, v.bits == 1)
	case Int:
		return strconv.AppendInt(dst, int64(v.bits), 10)
	case Double:
		f := v.Float()
		if math.IsInf(f, 0) {
			return append(dst, "null"...)
		}
		if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
			return strconv.AppendFloat(dst, f, 'e', -1, 64)
		}
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	case Decimal:
		return append(dst, decimalText(int64(v.bits), v.scale)...)
	case Timestamp:
		dst = append(dst, '"')
		dst = time.UnixMicro(int64(v.bits)).UTC().AppendFormat(dst, time.RFC3339Nano)
		return append(dst, '"')
	case Cell:
		dst = append(dst, '"')
		dst = strconv.AppendUint(dst, v.bits, 16)
		return append(dst, '"')
	}
	b, _ := json.Marshal(v.str) // marshalling a string cannot fail
	return append(dst, b...)
}

// MarshalJSON makes a Value fit for encoding/json.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }
