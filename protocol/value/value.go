// Package value holds one typed column value and everything both halves must agree on about it:
// its order, its binary key, its JSON and text forms.
//
//	value.go   the Value struct, constructors, accessors
//	order.go   Compare and Equal: one total order per kind, NULL first
//	binary.go  Append/Read: the bytes used in group keys, deltas and stored rows
//	text.go    parse, JSON and text forms
//	time.go    timestamps: microseconds since the epoch, told by magnitude or RFC 3339
//
// A Value is 32 bytes, is copied freely, and allocates only for strings. It does not compute:
// arithmetic and functions are in protocol/expr.
package value

import (
	"math"
	"time"
)

// Kind is the type of a value, and the first byte of its binary form: numbers are fixed for ever.
type Kind uint8

// The kinds of SQL values.
const (
	Null      Kind = 0
	Bool      Kind = 1
	Int       Kind = 2 // BIGINT, 64 bits signed
	Double    Kind = 3 // DOUBLE, IEEE 754
	Decimal   Kind = 4 // DECIMAL(p,s): a 64-bit integer of 10^-s
	String    Kind = 5
	Timestamp Kind = 6 // µs since 1970-01-01 UTC
	Cell      Kind = 7 // an H3 index; outside it is its hexadecimal string
)

var kindNames = [...]string{"NULL", "BOOLEAN", "BIGINT", "DOUBLE", "DECIMAL", "STRING", "TIMESTAMP", "CELL"}

// String gives the SQL name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "UNKNOWN"
}

// Numeric reports whether arithmetic applies to the kind.
func (k Kind) Numeric() bool { return k == Int || k == Double || k == Decimal }

// Value is one typed value. The zero Value is NULL.
type Value struct {
	str   string
	bits  uint64
	kind  Kind
	scale uint8
}

// OfBool, OfInt, OfDouble, OfString, OfTime, OfCell and OfDecimal make values.
func OfBool(b bool) Value {
	v := Value{kind: Bool}
	if b {
		v.bits = 1
	}
	return v
}

// OfInt makes a BIGINT.
func OfInt(i int64) Value { return Value{kind: Int, bits: uint64(i)} }

// OfDouble makes a DOUBLE. NaN has no place in SQL's order and becomes NULL.
func OfDouble(f float64) Value {
	if f != f {
		return Value{}
	}
	return Value{kind: Double, bits: math.Float64bits(f)}
}

// OfString makes a STRING.
func OfString(s string) Value { return Value{kind: String, str: s} }

// OfTime makes a TIMESTAMP from microseconds since the epoch.
func OfTime(micros int64) Value { return Value{kind: Timestamp, bits: uint64(micros)} }

// OfCell makes a CELL from an H3 index; 0 is no cell, thus NULL.
func OfCell(h uint64) Value {
	if h == 0 {
		return Value{}
	}
	return Value{kind: Cell, bits: h}
}

// OfDecimal makes a DECIMAL of unscaled · 10^-scale.
func OfDecimal(unscaled int64, scale uint8) Value {
	return Value{kind: Decimal, bits: uint64(unscaled), scale: scale}
}

// Kind of the value.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports NULL.
func (v Value) IsNull() bool { return v.kind == Null }

// Bool is true for a true BOOLEAN, and false for all else.
func (v Value) Bool() bool { return v.kind == Bool && v.bits == 1 }

// Int is the integer of BIGINT, TIMESTAMP (µs), DECIMAL (unscaled) or CELL.
func (v Value) Int() int64 { return int64(v.bits) }

// Scale of a DECIMAL.
func (v Value) Scale() uint8 { return v.scale }

// Cell is the H3 index.
func (v Value) Cell() uint64 { return v.bits }

// Str is the string of a STRING.
func (v Value) Str() string { return v.str }

// Time is the TIMESTAMP as a UTC time.
func (v Value) Time() time.Time { return time.UnixMicro(int64(v.bits)).UTC() }

// Float is any numeric value as a float64; 0 for others.
func (v Value) Float() float64 {
	switch v.kind {
	case Double:
		return math.Float64frombits(v.bits)
	case Int, Timestamp:
		return float64(int64(v.bits))
	case Decimal:
		return float64(int64(v.bits)) / pow10(v.scale)
	}
	return 0
}

func pow10(n uint8) float64 { return math.Pow10(int(n)) }
