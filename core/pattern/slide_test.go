package pattern

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// TestSlidingChangesNoMatch: attempts that slide find what those find that begin anew, whatever the conditions, in steps and over restarts.
func TestSlidingChangesNoMatch(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 2))
	shapes := []string{"A+? B", "A+ B", "A{3,}? B", "A{2,} B", "A+? (B | C)", "A (A A)+? B", "A{2,} (B | A C)", "A+ B?"}
	slides, matches, cases := 0, 0, 500
	if os.Getenv("HEXPANE_SOAK") == "1" {
		cases = 100_000
	}
	for n := range cases {
		shape := shapes[random.IntN(len(shapes))]
		p := &plan.Pattern{Id: 1, Name: "any", Columns: 3, WithinUs: 1 + random.Int64N(20), AllRows: true, Skip: []plan.Skip{plan.Skip_PAST_LAST_ROW, plan.Skip_TO_LAST}[random.IntN(2)],
			Variables: []*plan.Variable{{Name: "A"}, {Name: "B"}, {Name: "C"}}, Shape: shapeOf(shape, map[string]uint32{"A": 0, "B": 1, "C": 2})}
		if p.Skip == plan.Skip_TO_LAST {
			p.SkipTo = []uint32{0}
		}
		m := &slideMaker{random, builder{p}}
		if random.IntN(3) == 0 {
			p.Variables[0].Define = call("<", column(1, anInt), literal(value.OfInt(2)))
		}
		p.Variables[1].Define, p.Variables[2].Define = m.condition(), m.condition()
		with, without := mustNew(t, p, Limits{}), mustNew(t, p, Limits{})
		without.slider = nil
		k, l := with.NewKey(nil), without.NewKey(nil)
		var got, want []string
		tell := func(list *[]string) func(*Match) {
			return func(m *Match) { *list = append(*list, fmt.Sprint(m.ID, m.Length, m.Number)) }
		}
		us := int64(0)
		for range 60 {
			us += random.Int64N(4)
			row := []value.Value{m.small(), value.OfInt(random.Int64N(3)), value.OfInt(us)}
			with.Add(k, us, row)
			without.Add(l, us, row)
			with.Advance(k, us, tell(&got))
			without.Advance(l, us, tell(&want))
			if len(k.attempts) > 0 && k.attempts[0].slid != nil {
				slides++
			}
			if len(k.attempts) != len(l.attempts) || len(k.attempts) > 0 && k.attempts[0].first.index != l.attempts[0].first.index {
				t.Fatalf("%d: %s: attempts are elsewhere", n, shape)
			}
			if random.IntN(20) == 0 {
				var err error
				if k, err = with.Decode(nil, with.Encode(nil, k)); err != nil {
					t.Fatal(err)
				}
			}
		}
		with.Advance(k, math.MaxInt64, tell(&got))
		without.Advance(l, math.MaxInt64, tell(&want))
		if matches += len(want); !slices.Equal(got, want) {
			t.Fatalf("%d: %s within %d, B %v, C %v:\nsliding %v\nnot     %v", n, shape, p.WithinUs, p.Variables[1].Define, p.Variables[2].Define, got, want)
		}
	}
	t.Logf("soak: %d random patterns find the same where attempts slide and where none does; %d matches, %d times an attempt had slid", cases, matches, slides)
	if matches < cases || slides < cases {
		t.Errorf("%d matches, %d times an attempt had slid: they say little", matches, slides)
	}
}

type slideMaker struct {
	*rand.Rand
	builder
}

// small is a number for sums: seldom below zero, NULL, or so large that sums run over.
func (m *slideMaker) small() value.Value {
	switch m.IntN(40) {
	case 0:
		return value.Value{}
	case 1:
		return value.OfInt(-5)
	case 2:
		return value.OfInt(math.MaxInt64 / 2)
	}
	return value.OfInt(m.Int64N(4))
}

func (m *slideMaker) condition() *plan.Expr {
	if n := m.IntN(6); n < 2 {
		return call([]string{"AND", "OR"}[n], m.condition(), m.condition())
	}
	var of []uint32
	if m.IntN(3) == 0 {
		of = []uint32{uint32(m.IntN(3))}
	}
	x := column(0, anInt)
	least := literal(value.OfInt(m.Int64N(7)))
	switch m.IntN(8) {
	case 0:
		return call(">=", m.aggregate("COUNT", anInt, nil, of...), literal(value.OfInt(2+m.Int64N(6))))
	case 1:
		return call("<=", literal(value.OfInt(2+m.Int64N(3))), m.aggregate("COUNT_DISTINCT", anInt, x, of...))
	case 2, 3:
		return call(">", m.aggregate("SUM", anInt, x, of...), call("+", least, call("*", literal(value.OfInt(4)), column(1, anInt))))
	case 4:
		return call("=", m.of(plan.Reference_LAST, column(1, anInt), of...), column(1, anInt))
	case 5:
		return call(">", m.of(plan.Reference_PREV, x), least)
	case 6:
		return call(">", m.of(plan.Reference_FIRST, x, of...), least) // does not slide, but of B and C
	}
	return call("<", m.aggregate("MAX", anInt, x, of...), least) // nor does this
}

// TestSlidingPastWhatIsCountedExactly: more different values within the time than COUNT(DISTINCT x) counts exactly.
func TestSlidingPastWhatIsCountedExactly(t *testing.T) {
	p := &plan.Pattern{Id: 1, Name: "many", Columns: 3, WithinUs: 1100, Variables: []*plan.Variable{{Name: "A"}, {Name: "B"}}, Shape: shapeOf("A+? B", map[string]uint32{"A": 0, "B": 1})}
	p.Variables[1].Define = call(">=", builder{p}.aggregate("COUNT_DISTINCT", anInt, column(0, anInt)), literal(value.OfInt(1040)))
	var ends [2][]int64
	for i := range ends {
		e := mustNew(t, p, Limits{})
		if i == 1 {
			e.slider = nil
		}
		k := e.NewKey(nil)
		for us := range int64(2800) {
			x := us % 900
			if us > 1500 {
				x = us
			}
			e.Add(k, us, []value.Value{value.OfInt(x), value.OfInt(0), value.OfInt(us)})
		}
		e.Advance(k, math.MaxInt64, func(m *Match) { ends[i] = append(ends[i], m.First, m.Last) })
	}
	if !slices.Equal(ends[0], ends[1]) || len(ends[0]) == 0 {
		t.Errorf("matches %v; without sliding %v", ends[0], ends[1])
	}
}
