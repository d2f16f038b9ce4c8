package pattern

import (
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// letters is a pattern over single letters, as scripts have them.
func letters(shape string, within int64, skip plan.Skip) *plan.Pattern {
	s := &script{p: &plan.Pattern{Id: 1, Name: "letters", Columns: 3, WithinUs: within, Skip: skip}, names: map[string]uint32{}}
	for i := range 26 {
		s.names[string(rune('A'+i))] = uint32(i)
		letter := call("=", column(letterColumn, aText), literal(value.OfString(string(rune('a'+i)))))
		s.p.Variables = append(s.p.Variables, &plan.Variable{Name: string(rune('A' + i)), Define: letter})
	}
	s.p.Shape = shapeOf(shape, s.names)
	return s.p
}

func letterRow(letter string, us int64) []value.Value {
	return []value.Value{value.OfString(letter), value.OfInt(us), value.OfTime(us)}
}

func mustNew(t testing.TB, p *plan.Pattern, l Limits) *Engine {
	t.Helper()
	e, err := New(p, l)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestMillionRowsOfOneKey: whatever a pattern waits for, a key keeps to its limits, and says what it gave up.
func TestMillionRowsOfOneKey(t *testing.T) {
	rows := 20_000
	if os.Getenv("HEXPANE_SOAK") == "1" {
		rows = 1_000_000
	}
	limits := Limits{Waiting: 1000, Rows: 1000, Threads: 100, Age: math.MaxInt64}
	lastly := func(p *plan.Pattern) *plan.Pattern { // A is true of all, and remembers all
		b := builder{p}
		p.Variables[0].Define = call(">=", b.aggregate("COUNT_DISTINCT", anInt, column(numberColumn, anInt), 0), literal(value.OfInt(0)))
		return p
	}
	for _, c := range []struct {
		name string
		p    *plan.Pattern
		gave func(Counts) uint64
	}{
		{"greedy without an end", letters("A+", 0, plan.Skip_PAST_LAST_ROW), func(c Counts) uint64 { return c.OverRows }},
		{"an end that never comes", letters("A+ B", 0, plan.Skip_PAST_LAST_ROW), func(c Counts) uint64 { return c.OverRows }},
		{"each row waits", letters("A FOLLOWED BY B", 0, plan.Skip_TO_NEXT_ROW), func(c Counts) uint64 { return c.OverThreads }},
		{"many ways", letters("(A | A FOLLOWED BY ANY A)+ B", 0, plan.Skip_PAST_LAST_ROW), func(c Counts) uint64 { return c.OverRows }},
		{"distinct values without end", lastly(letters("A+ B", 0, plan.Skip_PAST_LAST_ROW)), func(c Counts) uint64 { return c.OverRows }},
		{"many ways that differ", lastly(letters("A FOLLOWED BY ANY A FOLLOWED BY ANY A B", 0, plan.Skip_PAST_LAST_ROW)), func(c Counts) uint64 { return c.OverThreads }},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := rows
			if strings.HasPrefix(c.name, "many ways that") && rows < 1_000_000 {
				rows /= 10 // 70 µs each
			}
			e := mustNew(t, c.p, limits)
			k := e.NewKey(nil)
			most, matches := 0, 0
			before := heap()
			for i := range rows {
				us := int64(i)
				if !e.Add(k, us, letterRow("a", us)) {
					t.Fatal("late")
				}
				if i%64 == 0 {
					e.Advance(k, us-100, func(m *Match) { matches++ })
					most = max(most, k.Bytes())
				}
				if kept := len(k.rows); kept > limits.Rows+100 || len(k.waiting) > limits.Waiting+64 || k.threads > limits.Threads {
					t.Fatalf("%d rows kept, %d waiting, %d threads", kept, len(k.waiting), k.threads)
				}
			}
			grown := heap() - before
			runtime.KeepAlive(k)
			n := e.Counts()
			t.Logf("soak: %d rows of one key, %s: %d bytes at most by count, heap grew %d KB; given up %d for rows, %d for threads; %d matches told",
				rows, c.name, most, grown/1024, n.OverRows, n.OverThreads, matches)
			if c.gave(n) == 0 || n.Rows != uint64(rows) || n.Late != 0 {
				t.Errorf("counts %+v", n)
			}
			if most > 1<<20 || grown > 4<<20 {
				t.Errorf("%d bytes by count, the heap grew %d", most, grown)
			}
		})
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestAtALimitAMatchIsTold: an attempt given up tells the match it has, marked, and the next begins after it.
func TestAtALimitAMatchIsTold(t *testing.T) {
	e := mustNew(t, letters("A+", 0, plan.Skip_PAST_LAST_ROW), Limits{Rows: 10})
	k := e.NewKey(nil)
	var got []*Match
	for i := range int64(30) {
		e.Add(k, i, letterRow("a", i))
	}
	e.Advance(k, math.MaxInt64, func(m *Match) { got = append(got, m) })
	next := int64(0)
	for i, m := range got {
		if m.First != next || m.Cut != (i < len(got)-1) {
			t.Errorf("match %d: %+v; want the first row %d", i, m, next)
		}
		next = m.Last + 1
	}
	if next != 30 || len(got) < 2 {
		t.Errorf("%d matches up to %d", len(got), next)
	}
}

func TestAge(t *testing.T) {
	for _, skip := range []plan.Skip{plan.Skip_PAST_LAST_ROW, plan.Skip_TO_NEXT_ROW} {
		e := mustNew(t, letters("A FOLLOWED BY B", 0, skip), Limits{Age: 10})
		k := e.NewKey(nil)
		var got []int64
		for _, r := range []struct {
			letter string
			us     int64
		}{{"a", 0}, {"b", 11}, {"a", 20}, {"b", 30}} {
			e.Add(k, r.us, letterRow(r.letter, r.us))
		}
		e.Advance(k, 100, func(m *Match) { got = append(got, m.First) })
		if len(got) != 1 || got[0] != 20 || e.Counts().OverAge != 1 {
			t.Errorf("%s: matches at %v, %+v", skip, got, e.Counts())
		}
	}
}

// TestHurried: past Limits.Waiting the oldest rows do not wait for the watermark, and what comes before them is late.
func TestHurried(t *testing.T) {
	e := mustNew(t, letters("A B", 0, plan.Skip_PAST_LAST_ROW), Limits{Waiting: 3})
	k := e.NewKey(nil)
	matches := 0
	emit := func(*Match) { matches++ }
	for i, letter := range []string{"a", "b", "x", "y", "z"} {
		e.Add(k, int64(10+i), letterRow(letter, int64(10+i)))
		e.Advance(k, math.MinInt64, emit)
	}
	if n := e.Counts(); matches != 1 || n.Hurried != 2 || len(k.waiting) != 3 {
		t.Errorf("%d matches, %d waiting, %+v", matches, len(k.waiting), n)
	}
	if e.Add(k, 10, letterRow("q", 10)) || e.Counts().Late != 1 {
		t.Error("a row before those matched was taken")
	}
	if !e.Add(k, 11, letterRow("q", 11)) { // after b in the order of rows of one time
		t.Error("a row after those matched was refused")
	}
	e.Advance(k, 12, emit)
	if e.Add(k, 11, letterRow("r", 11)) || !e.Add(k, 12, letterRow("r", 12)) {
		t.Error("late is what is before the watermark, and nothing else")
	}
}

// TestIDs: a match's id is a function of the pattern, the key and its first and last row, also of rows that are equal in all.
func TestIDs(t *testing.T) {
	ids := map[string]string{}
	for _, c := range []struct{ name, pattern, key string }{{"one", "p", "k"}, {"again", "p", "k"}, {"key", "p", "l"}, {"pattern", "q", "k"}} {
		p := letters("A", 0, plan.Skip_PAST_LAST_ROW)
		p.Name = c.pattern
		e := mustNew(t, p, Limits{})
		k := e.NewKey([]byte(c.key))
		for range 3 {
			e.Add(k, 5, letterRow("a", 5))
		}
		n := 0
		e.Advance(k, math.MaxInt64, func(m *Match) {
			n++
			if was := ids[m.ID]; was != "" && c.name != "again" {
				t.Errorf("%s %d has the id of %s", c.name, n, was)
			} else if was == "" && c.name == "again" {
				t.Errorf("%s %d has another id", c.name, n)
			}
			ids[m.ID] = c.name
		})
		if n != 3 {
			t.Errorf("%d matches of three equal rows", n)
		}
	}
}
