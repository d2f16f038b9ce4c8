package value_test

import (
	"math"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// anyValue draws a value of any kind, with the corners more often than chance would.
func anyValue() *rapid.Generator[value.Value] {
	return rapid.Custom(func(t *rapid.T) value.Value {
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			return value.Value{}
		case 1:
			return value.OfBool(rapid.Bool().Draw(t, "bool"))
		case 2:
			return value.OfInt(anyInt().Draw(t, "int"))
		case 3:
			return value.OfDouble(anyDouble().Draw(t, "double"))
		case 4:
			return value.OfDecimal(anyInt().Draw(t, "unscaled"), rapid.Uint8Range(0, 18).Draw(t, "scale"))
		case 5:
			return value.OfString(rapid.String().Draw(t, "string"))
		case 6:
			return value.OfTime(anyInt().Draw(t, "us"))
		}
		return value.OfCell(rapid.Uint64().Draw(t, "cell"))
	})
}

func anyInt() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 1 << 53, 1<<53 + 1, -1<<53 - 1}))
}

func anyDouble() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1),
		math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 1 << 63, -1 << 63, 0.1}))
}

func TestNoNumberIsNull(t *testing.T) {
	if !value.OfDouble(math.NaN()).IsNull() {
		t.Error("NaN is no NULL")
	}
	if !value.OfCell(0).IsNull() {
		t.Error("cell 0 is no NULL")
	}
	var zero value.Value
	if !zero.IsNull() || zero.Kind() != value.Null {
		t.Error("the zero Value is no NULL")
	}
}

func TestAccessorsGiveWhatWasPutIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i, s, scale := anyInt().Draw(t, "i"), rapid.String().Draw(t, "s"), rapid.Uint8Range(0, 18).Draw(t, "scale")
		if v := value.OfInt(i); v.Int() != i || v.Kind() != value.Int || v.Float() != float64(i) {
			t.Errorf("BIGINT %d: %v", i, v)
		}
		if v := value.OfTime(i); v.Int() != i || v.Kind() != value.Timestamp || v.Time().UnixMicro() != i {
			t.Errorf("TIMESTAMP %d: %v", i, v)
		}
		if v := value.OfDecimal(i, scale); v.Int() != i || v.Scale() != scale || v.Float() != float64(i)/math.Pow10(int(scale)) {
			t.Errorf("DECIMAL %d, %d: %v", i, scale, v)
		}
		if v := value.OfString(s); v.Str() != s || v.Float() != 0 || v.Bool() {
			t.Errorf("STRING %q: %v", s, v)
		}
	})
}

func TestKindNames(t *testing.T) {
	for k, want := range map[value.Kind]string{value.Null: "NULL", value.Bool: "BOOLEAN", value.Int: "BIGINT", value.Double: "DOUBLE",
		value.Decimal: "DECIMAL", value.String: "STRING", value.Timestamp: "TIMESTAMP", value.Cell: "CELL", 99: "UNKNOWN"} {
		if k.String() != want {
			t.Errorf("kind %d is %s, want %s", k, k, want)
		}
	}
	if got := (value.Type{Kind: value.Decimal, Precision: 9, Scale: 2}).String(); got != "DECIMAL(9,2)" {
		t.Error(got)
	}
}
