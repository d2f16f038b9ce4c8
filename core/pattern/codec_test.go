package pattern

import (
	"math"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
)

func codecPatterns() []*plan.Pattern {
	deep := letters("A+ FOLLOWED BY ANY B (C | D)*", 50, plan.Skip_PAST_LAST_ROW)
	deep.Variables[1].Define = call(">=", builder{deep}.aggregate("COUNT_DISTINCT", anInt, column(letterColumn, aText)), literal(letterRow("", 2)[numberColumn]))
	return []*plan.Pattern{deep, letters("A FOLLOWED BY B", 50, plan.Skip_TO_NEXT_ROW), letters("A NOT FOLLOWED BY B", 20, plan.Skip_PAST_LAST_ROW)}
}

// FuzzDecode: no bytes break a key, and what is read is written as it was and can go on.
func FuzzDecode(f *testing.F) {
	for i, p := range codecPatterns() {
		e := mustNew(f, p, Limits{})
		k := e.NewKey(nil)
		f.Add(i, e.Encode(nil, k)[9:])
		for us, letter := range []string{"a", "x", "a", "b", "d", "a"} {
			e.Add(k, int64(us), letterRow(letter, int64(us)))
			e.Advance(k, int64(us-2), nil)
			f.Add(i, e.Encode(nil, k)[9:])
		}
	}
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		p := codecPatterns()[uint(which)%3]
		e := mustNew(t, p, Limits{})
		state := append(e.Encode(nil, e.NewKey(nil))[:9], body...) // the version and the fingerprint are right
		k, err := e.Decode(nil, state)
		if err != nil {
			return
		}
		again, err := e.Decode(nil, e.Encode(nil, k))
		if err != nil {
			t.Fatalf("%x was read, and what was written of it was not: %v", state, err)
		}
		var one, two []string
		for _, d := range []struct {
			k   *Key
			ids *[]string
		}{{k, &one}, {again, &two}} {
			e.Add(d.k, 1<<40, letterRow("b", 1<<40))
			e.Advance(d.k, math.MaxInt64, func(m *Match) { *d.ids = append(*d.ids, m.ID) })
		}
		if !slices.Equal(one, two) {
			t.Fatalf("%x goes on as %v, and written again as %v", state, one, two)
		}
	})
}

// TestDecodeRefuses what another pattern or version wrote, and what is cut off or too long.
func TestDecodeRefuses(t *testing.T) {
	list := codecPatterns()
	e := mustNew(t, list[0], Limits{})
	k := e.NewKey(nil)
	for us := range int64(5) {
		e.Add(k, us, letterRow("a", us))
	}
	e.Advance(k, 3, nil)
	good := e.Encode(nil, k)
	if _, err := e.Decode(nil, good); err != nil {
		t.Fatal(err)
	}
	if _, err := mustNew(t, list[1], Limits{}).Decode(nil, good); err == nil {
		t.Error("another pattern's state was taken")
	}
	for n := range good {
		if _, err := e.Decode(nil, good[:n]); err == nil {
			t.Errorf("the first %d bytes of %d were taken", n, len(good))
		}
	}
	if _, err := e.Decode(nil, append(slices.Clone(good), 0)); err == nil {
		t.Error("a byte too many was taken")
	}
	good[0]++
	if _, err := e.Decode(nil, good); err == nil {
		t.Error("another version was taken")
	}
}

// TestLowerLimits: a key of larger limits comes within those of now.
func TestLowerLimits(t *testing.T) {
	for _, p := range []*plan.Pattern{letters("A FOLLOWED BY B", 0, plan.Skip_TO_NEXT_ROW), letters("A (FOLLOWED BY ANY A)* B", 0, plan.Skip_PAST_LAST_ROW)} {
		e := mustNew(t, p, Limits{})
		k := e.NewKey(nil)
		for us := range int64(500) {
			e.Add(k, us, letterRow("a", us))
		}
		e.Advance(k, 400, nil)
		lower := mustNew(t, p, Limits{Rows: 50, Threads: 20, Waiting: 10})
		k, err := lower.Decode(nil, e.Encode(nil, k))
		if err != nil {
			t.Fatal(err)
		}
		lower.Advance(k, 401, nil)
		if len(k.rows) > 52 || k.threads > 20 || len(k.waiting) > 10 {
			t.Errorf("%d rows, %d threads, %d waiting", len(k.rows), k.threads, len(k.waiting))
		}
	}
}
