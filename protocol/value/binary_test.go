package value_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// same is equality to the bit, but for −0, which is written as 0.
func same(a, b value.Value) bool {
	return a.Kind() == b.Kind() && a.Scale() == b.Scale() && a.Str() == b.Str() && value.Equal(a, b)
}

func TestRowsComeBackFromTheirBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := rapid.SliceOfN(anyValue(), 0, 8).Draw(t, "row")
		head, tail := []byte("head"), []byte{0xff, 0x00}
		written := append(value.AppendRow(head, row), tail...)
		if !bytes.HasPrefix(written, head) {
			t.Fatal("what stood before was written over")
		}
		got := make([]value.Value, len(row))
		rest, err := value.ReadRow(written[len(head):], got)
		if err != nil || !bytes.Equal(rest, tail) {
			t.Fatalf("rest %x, %v", rest, err)
		}
		for i := range row {
			if !same(got[i], row[i]) {
				t.Fatalf("value %d: %#v, was %#v", i, got[i], row[i])
			}
		}
	})
}

// The bytes are a group key: two values of one kind (and scale) have equal bytes exactly if they are equal.
func TestBytesAreEqualAsTheValuesAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyValue().Draw(t, "a"), anyValue().Draw(t, "b")
		if rapid.Bool().Draw(t, "alike") {
			b = a
		}
		alike := a.Kind() == b.Kind() && a.Scale() == b.Scale() && value.Equal(a, b)
		if got := bytes.Equal(value.Append(nil, a), value.Append(nil, b)); got != alike {
			t.Fatalf("%#v and %#v: equal bytes %v", a, b, got)
		}
	})
}

func TestMinusZeroIsZero(t *testing.T) {
	zero, minus := value.OfDouble(0), value.OfDouble(math.Copysign(0, -1))
	if !bytes.Equal(value.Append(nil, zero), value.Append(nil, minus)) || !value.Equal(zero, minus) {
		t.Error("0 and −0 are two group keys")
	}
}

// A string read must not change when the buffer it was read from is used again.
func TestStringsAreCopied(t *testing.T) {
	b := value.Append(nil, value.OfString("bus-7"))
	v, _, err := value.Read(b)
	clear(b)
	if err != nil || v.Str() != "bus-7" {
		t.Errorf("%q, %v", v.Str(), err)
	}
}

func TestCutBytesAreNoValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := value.Append(nil, anyValue().Draw(t, "v"))
		if _, _, err := value.Read(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")]); err == nil {
			t.Fatal("a part was taken for the whole")
		}
	})
}

// What Read takes at all it must be able to write again, and read back as the same.
func FuzzRead(f *testing.F) {
	for _, v := range []value.Value{{}, value.OfBool(true), value.OfInt(-7), value.OfDouble(1.5), value.OfDecimal(-1234, 2), value.OfString("Straße"),
		value.OfTime(1_700_000_000_000_000), value.OfCell(0x89283082803ffff)} {
		f.Add(value.Append(nil, v))
	}
	f.Add([]byte{5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{3, 1, 0, 0, 0, 0, 0, 0xf8, 0x7f}) // NaN
	f.Fuzz(func(t *testing.T, src []byte) {
		v, rest, err := value.Read(src)
		if err != nil {
			return
		}
		if len(rest) >= len(src) || !bytes.HasSuffix(src, rest) {
			t.Fatalf("%x: rest %x", src, rest)
		}
		written := value.Append(nil, v)
		again, none, err := value.Read(written)
		if err != nil || len(none) != 0 || !same(again, v) {
			t.Fatalf("%x is %#v, written %x, read %#v, %v", src, v, written, again, err)
		}
		_ = v.AppendJSON(nil)
		_ = v.Text()
	})
}

func BenchmarkAppend(b *testing.B) {
	row := []value.Value{value.OfString("bus-0042"), value.OfTime(1_700_000_000_000_000), value.OfDouble(48.1), value.OfCell(0x89283082803ffff)}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = value.AppendRow(dst[:0], row)
	}
}
