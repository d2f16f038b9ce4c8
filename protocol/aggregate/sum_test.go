package aggregate

import (
	"math"
	"math/big"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

var doubleType = value.Type{Kind: value.Double}

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
