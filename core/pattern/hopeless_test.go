package pattern

import (
	"math"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
)

// TestLongRunsThatFail: what comes to nothing at the end of a long run is not gone through again from each of its rows.
func TestLongRunsThatFail(t *testing.T) {
	const run = 4000
	for _, shape := range []string{"A+ B", "A{5,} B", "(A | A A)+ FOLLOWED BY C X", "A A (A+ B | A C)"} {
		for _, within := range []int64{0, 3 * run} {
			e := mustNew(t, letters(shape, within, plan.Skip_PAST_LAST_ROW), Limits{})
			k := e.NewKey(nil)
			for us := range int64(run) {
				e.Add(k, us, letterRow("a", us))
			}
			for i, letter := range []string{"x", "c", "y"} {
				e.Add(k, run+int64(i), letterRow(letter, run+int64(i)))
			}
			matches := 0
			e.Advance(k, run+10, func(*Match) { matches++ })
			if matches != 0 || len(k.attempts) != 0 {
				t.Errorf("%s: %d matches, %d attempts", shape, matches, len(k.attempts))
			}
			if e.stamp > 20*run {
				t.Errorf("%s: %d steps for %d rows", shape, e.stamp, run)
			}
		}
	}
}

// TestMoreTime: what the time of one attempt ended, a later one may still reach.
func TestMoreTime(t *testing.T) {
	e := mustNew(t, letters("A+ B", 10, plan.Skip_PAST_LAST_ROW), Limits{})
	k := e.NewKey(nil)
	for _, us := range []int64{0, 5, 9} {
		e.Add(k, us, letterRow("a", us))
	}
	e.Add(k, 12, letterRow("b", 12))
	var firsts []int64
	e.Advance(k, math.MaxInt64, func(m *Match) { firsts = append(firsts, m.First) })
	if len(firsts) != 1 || firsts[0] != 5 {
		t.Errorf("matches from %v", firsts)
	}
}
