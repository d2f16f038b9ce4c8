package aggregate

import (
	"math/rand/v2"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
)

// TestPeek holds Peek against a state that really observes, and sees that neither it nor a clone changes what was peeked at.
func TestPeek(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for _, argument := range []value.Type{{Kind: value.Int}, {Kind: value.Double}, {Kind: value.Decimal, Precision: 10, Scale: 2}, {Kind: value.String}} {
		for _, name := range []string{"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "STDDEV", "PERCENTILE", "MIN", "MAX", "FIRST", "LAST", "COLLECT_LIST", "TOPK", "SPAN"} {
			parameters := map[string][]float64{"PERCENTILE": {0.5}, "TOPK": {3}}[name]
			maker, _, err := New(name, argument, parameters)
			if err != nil {
				continue // a sum of texts
			}
			s := maker()
			for i := range 1200 { // past the bound to which distinct values are counted exactly
				v, us := some(random, argument), int64(i)
				before := string(s.Append(nil))
				got, clone := Peek(s, v, us), Clone(s)
				clone.Observe(some(random, argument), us)
				if after := string(s.Append(nil)); after != before {
					t.Fatalf("%s of %s: Peek or a clone changed the state", name, argument)
				}
				s.Observe(v, us)
				if want := s.Result(); got != want {
					t.Fatalf("%s of %s after %d: Peek says %s, and it is %s", name, argument, i, got.Text(), want.Text())
				}
			}
		}
	}
}

func some(random *rand.Rand, t value.Type) value.Value {
	n := random.Int64N(3000)
	switch {
	case n%10 == 0:
		return value.Value{}
	case t.Kind == value.Int:
		return value.OfInt(n)
	case t.Kind == value.Double:
		return value.OfDouble(float64(n) / 8)
	case t.Kind == value.Decimal:
		return value.OfDecimal(n, t.Scale)
	}
	return value.OfString(value.OfInt(n).Text())
}
