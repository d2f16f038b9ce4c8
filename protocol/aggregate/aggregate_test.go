package aggregate

import (
	"bytes"
	"math"
	"math/big"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

var doubleType = value.Type{Kind: value.Double}

func genValue(kind value.Kind) *rapid.Generator[value.Value] {
	return rapid.Custom(func(t *rapid.T) value.Value {
		if rapid.IntRange(0, 9).Draw(t, "null") == 0 {
			return value.Value{}
		}
		switch kind {
		case value.Int:
			return value.OfInt(rapid.Int64().Draw(t, "i"))
		case value.Decimal:
			return value.OfDecimal(rapid.Int64Range(-1e12, 1e12).Draw(t, "d"), 2)
		}
		return value.OfDouble(rapid.Float64Range(-1e9, 1e9).Draw(t, "f"))
	})
}

// observe splits values over parts states, each value to a drawn one.
func observe(t *rapid.T, maker func() State, values []value.Value, parts int) []State {
	states := make([]State, parts)
	for i := range states {
		states[i] = maker()
	}
	for _, v := range values {
		states[rapid.IntRange(0, parts-1).Draw(t, "part")].Observe(v, 0)
	}
	return states
}

func clone(t *rapid.T, maker func() State, s State) State {
	c := maker()
	rest, err := c.Read(s.Append(nil))
	if err != nil || len(rest) != 0 {
		t.Fatalf("read own bytes: %v, %d left", err, len(rest))
	}
	if !bytes.Equal(c.Append(nil), s.Append(nil)) {
		t.Fatalf("bytes change over a round trip")
	}
	return c
}

func same(a, b value.Value) bool {
	if a.Kind() == value.Double && b.Kind() == value.Double {
		d := math.Abs(a.Float() - b.Float())
		return d <= 4e-16*math.Max(math.Abs(a.Float()), math.Abs(b.Float()))
	}
	return value.Equal(a, b)
}

func TestMergeLaws(t *testing.T) {
	for _, function := range []string{"COUNT", "SUM", "AVG", "MIN", "MAX"} {
		for _, kind := range []value.Kind{value.Int, value.Double, value.Decimal} {
			t.Run(function+"_"+kind.String(), func(t *testing.T) {
				maker, _, err := New(function, value.Type{Kind: kind, Precision: 18, Scale: 2}, nil)
				if err != nil {
					t.Fatal(err)
				}
				rapid.Check(t, func(t *rapid.T) {
					values := rapid.SliceOfN(genValue(kind), 0, 30).Draw(t, "values")
					whole := maker()
					for _, v := range values {
						whole.Observe(v, 0)
					}
					s := observe(t, maker, values, 3)
					left := clone(t, maker, s[0]) // (a+b)+c
					left.Merge(s[1])
					left.Merge(s[2])
					bc := clone(t, maker, s[2]) // a+(c+b)
					bc.Merge(s[1])
					right := clone(t, maker, s[0])
					right.Merge(bc)
					right.Merge(maker()) // identity
					for name, got := range map[string]State{"left": left, "right": right} {
						if !same(got.Result(), whole.Result()) {
							t.Fatalf("%s: %s, observed whole %s", name, got.Result().Text(), whole.Result().Text())
						}
					}
				})
			})
		}
	}
}

func TestSumsAgainstBigNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		maker, _, _ := New("SUM", doubleType, nil)
		s, exact := maker(), new(big.Float).SetPrec(2000)
		for _, f := range rapid.SliceOfN(rapid.Float64Range(-1e15, 1e15), 1, 100).Draw(t, "floats") {
			s.Observe(value.OfDouble(f), 0)
			exact.Add(exact, new(big.Float).SetFloat64(f))
		}
		want, _ := exact.Float64()
		if got := s.Result().Float(); math.Abs(got-want) > 1e-15*math.Abs(want)+1e-15 {
			t.Fatalf("sum %v, exactly %v", got, want)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		maker, _, _ := New("SUM", value.Type{Kind: value.Int}, nil)
		s, exact := maker(), new(big.Int)
		for _, i := range rapid.SliceOfN(rapid.Int64(), 1, 20).Draw(t, "ints") {
			s.Observe(value.OfInt(i), 0)
			exact.Add(exact, big.NewInt(i))
		}
		if got := s.Result(); exact.IsInt64() != (got.Kind() == value.Int) || exact.IsInt64() && exact.Int64() != got.Int() {
			t.Fatalf("sum %s, exactly %s", got.Text(), exact)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, function := range []string{"COUNT", "SUM", "AVG", "MIN"} {
			for _, kind := range []value.Kind{value.Int, value.Double} {
				maker, _, _ := New(function, value.Type{Kind: kind}, nil)
				s := maker()
				rest, err := s.Read(src)
				if err == nil && len(rest) > len(src) {
					t.Fatal("more left than given")
				}
				if err == nil {
					s.Merge(maker())
					s.Result()
				}
			}
		}
	})
}

func BenchmarkObserve(b *testing.B) {
	for _, function := range []string{"COUNT", "SUM", "AVG", "MAX"} {
		b.Run(function, func(b *testing.B) {
			b.ReportAllocs()
			maker, _, _ := New(function, doubleType, nil)
			s, v := maker(), value.OfDouble(12.5)
			for b.Loop() {
				s.Observe(v, 0)
			}
		})
	}
}

func BenchmarkMerge(b *testing.B) {
	b.ReportAllocs()
	maker, _, _ := New("AVG", doubleType, nil)
	s, o := maker(), maker()
	o.Observe(value.OfDouble(3), 0)
	for b.Loop() {
		s.Merge(o)
	}
}
