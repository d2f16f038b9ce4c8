package pattern

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// TestAGlanceRulesOutNoMatch: with and without glances random conditions over places and times have the same matches. Values are such
// that conditions are often decided by little: equal times, points that are near, at poles, on the date line, antipodes, off the globe, NULL.
func TestAGlanceRulesOutNoMatch(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 1))
	matches, looked, cases := 0, 0, 500
	if os.Getenv("HEXPANE_SOAK") == "1" {
		cases = 100_000
	}
	for n := range cases {
		m := &conditionMaker{Rand: random, builder: builder{&plan.Pattern{Id: 1, Name: "any", Columns: 4, WithinUs: 1 << 40, Skip: plan.Skip_TO_NEXT_ROW,
			Variables: []*plan.Variable{{Name: "A"}, {Name: "B"}}, Shape: shapeOf("A FOLLOWED BY B", map[string]uint32{"A": 0, "B": 1})}}}
		m.Pattern.Variables[1].Define = m.condition(2)
		with, without := mustNew(t, m.Pattern, Limits{}), mustNew(t, m.Pattern, Limits{})
		if with.variables[1].glance == nil {
			continue // it asks the row alone, or for a quotient of integers
		}
		without.variables[1].glance = nil
		k, l := with.NewKey(nil), without.NewKey(nil)
		var got, want []string
		for us, i := int64(1_700_000_000_000_000), 0; i < 30; i++ {
			us += []int64{0, 1, 999, 1000, 1001, 60_000_000}[random.IntN(6)]
			row := []value.Value{m.degree(90), m.degree(180), value.OfTime(us), m.amount()}
			with.Add(k, us, row)
			without.Add(l, us, row)
			with.Advance(k, us, func(m *Match) { got = append(got, m.ID) })
			without.Advance(l, us, func(m *Match) { want = append(want, m.ID) })
		}
		if matches += len(want); !slices.Equal(got, want) {
			t.Fatalf("%d: %v has %d matches with a glance, %d without", n, m.Pattern.Variables[1].Define, len(got), len(want))
		}
		for i := range k.parked { // and it does rule out something
			if with.key = k; !with.variables[1].glance.may(i) {
				looked++
			}
		}
	}
	t.Logf("soak: %d random conditions have the same matches with glances and without; %d matches, %d rows ruled out by a glance", cases, matches, looked)
	if matches < cases || looked < cases {
		t.Errorf("%d matches, %d ruled out: they say little", matches, looked)
	}
}

type conditionMaker struct {
	*rand.Rand
	builder
}

func (m *conditionMaker) degree(most float64) value.Value {
	switch m.IntN(12) {
	case 0:
		return value.Value{}
	case 1:
		return value.OfDouble(most)
	case 2:
		return value.OfDouble(-most)
	case 3:
		return value.OfDouble(m.NormFloat64() * most)
	case 4, 5:
		return value.OfDouble(most/2 + float64(m.IntN(3))/100)
	}
	return value.OfDouble(float64(m.IntN(3)) * math.Pow10(-m.IntN(9)))
}

func (m *conditionMaker) amount() value.Value {
	if m.IntN(6) == 0 {
		return value.Value{}
	}
	return value.OfDouble(float64(m.IntN(7)-3) * math.Pow10(3*m.IntN(4)-3))
}

func (m *conditionMaker) condition(depth int) *plan.Expr {
	if depth > 0 && m.IntN(4) == 0 {
		return call("AND", m.condition(depth-1), m.condition(depth-1))
	}
	compare := []string{"<", "<=", ">", ">="}[m.IntN(4)]
	if m.IntN(4) == 0 {
		return call(compare, m.before(2, aTime), call("+interval", column(2, aTime), literal(value.OfInt(m.Int64N(2000)-1000))))
	}
	return call(compare, m.number(3), m.number(3))
}

func (m *conditionMaker) before(c int, of value.Type) *plan.Expr {
	return m.of(plan.Reference_LAST, column(c, of), 0)
}

func (m *conditionMaker) number(depth int) *plan.Expr {
	choice := m.IntN(8)
	if depth == 0 {
		choice %= 3
	}
	switch choice {
	case 0:
		return column(3, aNumber)
	case 1:
		return literal(m.small())
	case 2:
		return m.before(3, aNumber)
	case 3:
		return call("-", call("UNIX_TIMESTAMP", column(2, aTime)), call("UNIX_TIMESTAMP", m.before(2, aTime)))
	case 4:
		return call("distance_m", m.before(0, aNumber), m.before(1, aNumber), column(0, aNumber), column(1, aNumber))
	}
	return call([]string{"+", "-", "*", "/"}[m.IntN(4)], m.number(depth-1), m.number(depth-1))
}

func (m *conditionMaker) small() value.Value { return value.OfDouble(float64(m.IntN(9)-3) / 4) }
