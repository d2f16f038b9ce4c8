package aggregate

import (
	"math/rand/v2"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
)

// TestTallyIsTheStateOfWhatIsThere: whatever was put and taken, a tally shows what a state shows that observed what is left, and one more.
func TestTallyIsTheStateOfWhatIsThere(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	makers := []func() State{func() State { return new(count) }, func() State { return new(intSum) },
		func() State { return &intSum{scale: 2, decimal: true} }, func() State { return new(distinct) }}
	for i, maker := range makers {
		tally, there := NewTally(maker()), []value.Value(nil)
		for range 3000 {
			v := value.OfInt(random.Int64N(50))
			switch {
			case i == 2:
				v = value.OfDecimal(random.Int64N(50), 2)
			case i == 3:
				v = value.OfString(v.Text())
			}
			if random.IntN(10) == 0 {
				v = value.Value{}
			}
			if random.IntN(2) == 0 && len(there) > 0 {
				tally.Take(there[0])
				there = there[1:]
				continue
			}
			s := maker()
			for _, w := range there {
				s.Observe(w, 0)
			}
			if got := tally.With(value.Value{}); got != s.Result() {
				t.Fatalf("%d: %v of %v, not %v", i, got, there, s.Result())
			}
			if got, want := tally.With(v), Peek(s, v, 0); got != want {
				t.Fatalf("%d: %v of %v and %v, not %v", i, got, there, v, want)
			}
			if there = append(there, v); !tally.Put(v) {
				t.Fatalf("%d: %v refused", i, v)
			}
		}
	}
	if NewTally(new(doubleSum)) != nil || NewTally(new(extreme)) != nil {
		t.Error("doubles err in their last bit, and an extreme does not say what was below it")
	}
	if NewTally(new(intSum)).Put(value.OfInt(-1)) {
		t.Error("a sum that may fall does not grow")
	}
}
