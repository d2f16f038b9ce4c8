package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// stored is what a column of a file is, past how its bytes lie.
type stored struct {
	kind  value.Kind // Null: of no kind that is read
	scale int        // of a DECIMAL
	unit  int64      // of a TIMESTAMP: ns
}

func storedAs(e *format.SchemaElement) stored {
	switch l := e.LogicalType.Value.(type) {
	case *format.DecimalType:
		return stored{kind: value.Decimal, scale: int(l.Scale)}
	case *format.TimestampType:
		if l.Unit.Value != nil {
			return stored{kind: value.Timestamp, unit: l.Unit.Value.Duration().Nanoseconds()}
		}
	case *format.DateType:
		return stored{kind: value.Timestamp, unit: (24 * time.Hour).Nanoseconds()}
	case *format.StringType, *format.EnumType, *format.JsonType:
		return stored{kind: value.String}
	case nil, *format.IntType:
	default:
		return stored{}
	}
	if e.ConvertedType.Valid && e.LogicalType.Value == nil {
		switch e.ConvertedType.V {
		case deprecated.Decimal:
			return stored{kind: value.Decimal, scale: int(e.Scale.V)}
		case deprecated.TimestampMillis:
			return stored{kind: value.Timestamp, unit: int64(time.Millisecond)}
		case deprecated.TimestampMicros:
			return stored{kind: value.Timestamp, unit: int64(time.Microsecond)}
		case deprecated.Date:
			return stored{kind: value.Timestamp, unit: (24 * time.Hour).Nanoseconds()}
		case deprecated.TimeMillis, deprecated.TimeMicros, deprecated.Interval, deprecated.Bson:
			return stored{}
		}
	}
	switch e.Type.V {
	case format.Boolean:
		return stored{kind: value.Bool}
	case format.Int32, format.Int64:
		return stored{kind: value.Int}
	case format.Float, format.Double:
		return stored{kind: value.Double}
	case format.ByteArray:
		return stored{kind: value.String}
	}
	return stored{}
}

// converter gives values of a column as those of a type: of the same kind, numbers as a wider kind, text as whatever it reads as.
func converter(l leaf, to value.Type) (func(raw) (value.Value, error), error) {
	e := &l.element
	from := storedAs(e)
	no := func() error {
		name := fmt.Sprint(e.Type.V)
		if e.LogicalType.Value != nil {
			name = e.LogicalType.String()
		}
		return fmt.Errorf("it is %s in the file, which can't be read as %s", name, to)
	}
	integer := func(r raw) int64 { return integerOf(e, r) }
	unsigned := false
	if t, ok := e.LogicalType.Value.(*format.IntType); ok {
		unsigned = !t.IsSigned
	}
	if c := e.ConvertedType; c.Valid && slices.Contains([]deprecated.ConvertedType{deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64}, c.V) {
		unsigned = true
	}
	if unsigned {
		integer = func(r raw) int64 { return int64(r.number) }
	}
	switch {
	case from.kind == value.String:
		return textConverter(to), nil
	case from.kind == value.Bool && to.Kind == value.Bool:
		return func(r raw) (value.Value, error) { return value.OfBool(r.number&1 == 1), nil }, nil
	case from.kind == value.Int && to.Kind == value.Int, from.kind == value.Int && to.Kind == value.Timestamp:
		return func(r raw) (value.Value, error) {
			n := integer(r)
			if unsigned && n < 0 {
				return value.Value{}, fmt.Errorf("%d is no BIGINT", r.number)
			}
			if to.Kind == value.Timestamp {
				n = value.MicrosOfInt(n)
				return value.OfTime(n), nil
			}
			return value.OfInt(n), nil
		}, nil
	case from.kind == value.Int && to.Kind == value.Double:
		return func(r raw) (value.Value, error) {
			if unsigned {
				return value.OfDouble(float64(r.number)), nil
			}
			return value.OfDouble(float64(integer(r))), nil
		}, nil
	case from.kind == value.Int && to.Kind == value.Cell && e.Type.V == format.Int64:
		return func(r raw) (value.Value, error) { return cellOf(r.number) }, nil
	case from.kind == value.Double && to.Kind == value.Double:
		return func(r raw) (value.Value, error) {
			if e.Type.V == format.Float {
				return value.OfDouble(float64(math.Float32frombits(uint32(r.number)))), nil
			}
			return value.OfDouble(math.Float64frombits(r.number)), nil
		}, nil
	case from.kind == value.Timestamp && to.Kind == value.Timestamp:
		return func(r raw) (value.Value, error) { return timeOf(integer(r), from.unit) }, nil
	case from.kind == value.Decimal && (to.Kind == value.Decimal || to.Kind == value.Double), from.kind == value.Int && to.Kind == value.Decimal:
		if from.scale < 0 || from.scale > 38 {
			return nil, no()
		}
		return func(r raw) (value.Value, error) {
			n, ok := decimalOf(e, r)
			if !ok || unsigned && int64(r.number) < 0 {
				return value.Value{}, fmt.Errorf("a DECIMAL has more than 18 digits")
			}
			if to.Kind == value.Double {
				return value.OfDouble(float64(n) / math.Pow10(from.scale)), nil
			}
			if n, ok = rescale(n, from.scale, int(to.Scale)); !ok || to.Precision > 0 && to.Precision < 19 && math.Abs(float64(n)) >= math.Pow10(int(to.Precision)) {
				return value.Value{}, fmt.Errorf("a value has too many digits for %s", to)
			}
			return value.OfDecimal(n, to.Scale), nil
		}, nil
	}
	return nil, no()
}

func integerOf(e *format.SchemaElement, r raw) int64 {
	if e.Type.V == format.Int32 {
		return int64(int32(r.number))
	}
	return int64(r.number)
}

// decimalOf reads the unscaled number: an integer, or big-endian bytes in two's complement.
func decimalOf(e *format.SchemaElement, r raw) (int64, bool) {
	if e.Type.V == format.Int32 || e.Type.V == format.Int64 {
		return integerOf(e, r), true
	}
	if len(r.bytes) == 0 {
		return 0, false
	}
	fill := byte(0)
	if r.bytes[0]&0x80 != 0 {
		fill = 0xff
	}
	b := r.bytes
	for len(b) > 8 {
		if b[0] != fill {
			return 0, false
		}
		b = b[1:]
	}
	var wide [8]byte
	for i := range wide {
		wide[i] = fill
	}
	copy(wide[8-len(b):], b)
	if wide[0]&0x80 != fill&0x80 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(wide[:])), true
}

func timeOf(n, unitNs int64) (value.Value, error) {
	const usNs = int64(time.Microsecond)
	if unitNs < usNs {
		q := n / usNs
		if n%usNs < 0 {
			q--
		}
		return value.OfTime(q), nil
	}
	by := unitNs / usNs
	if n > math.MaxInt64/by || n < math.MinInt64/by {
		return value.Value{}, fmt.Errorf("a time is out of range")
	}
	return value.OfTime(n * by), nil
}

func cellOf(h uint64) (value.Value, error) {
	if !cell.Valid(h) {
		return value.Value{}, fmt.Errorf("%x is no H3 cell", h)
	}
	return value.OfCell(h), nil
}

func textConverter(to value.Type) func(raw) (value.Value, error) {
	return func(r raw) (value.Value, error) {
		if !utf8.Valid(r.bytes) {
			return value.Value{}, fmt.Errorf("a text is not UTF-8")
		}
		v, err := value.Parse(to, string(r.bytes))
		if err == nil && v.Kind() == value.Cell {
			return cellOf(v.Cell())
		}
		return v, err
	}
}
