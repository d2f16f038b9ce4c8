package oracle_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/pattern"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/simulators/oracle"
)

// TestPatternsEqualNaive holds core/pattern against the naive matcher: random patterns over random rows, taken in at once, and one by one
// in disorder with the watermark behind and the state written and read again at every step.
func TestPatternsEqualNaive(t *testing.T) {
	cases := 5_000
	if os.Getenv("HEXPANE_SOAK") == "1" {
		cases = 100_000
	}
	random := rand.New(rand.NewPCG(20, 26))
	matched, refused := 0, map[string]int{}
	for done := 0; done < cases; {
		p := randomPattern(random)
		if _, err := pattern.New(p, pattern.Limits{Threads: 1 << 20}); err != nil {
			refused[err.Error()]++
			continue
		}
		done++
		rows := randomRows(random, 1+random.IntN(10))
		naive, err := oracle.MatchPattern(p, rows)
		if err != nil {
			t.Fatal(err)
		}
		if len(naive) > 0 {
			matched++
		}
		want := describeNaive(p, rows, naive)
		batch, step := describe(p, atOnce(t, p, rows)), describe(p, inSteps(t, p, rows, random))
		if p.Skip == plan.Skip_TO_NEXT_ROW {
			if !slices.Equal(batch, step) {
				t.Fatalf("case %d: %s\nrows %v\nin steps: %v\nat once:  %v", done, spell(p), rows, step, batch)
			}
			slices.SortFunc(batch, byFirst) // told in another order
			slices.SortFunc(step, byFirst)
			slices.SortFunc(want, byFirst)
		}
		if !slices.Equal(batch, want) || !slices.Equal(step, want) {
			t.Fatalf("case %d: %s\nrows %v\nnaive:    %v\nat once:  %v\nin steps: %v", done, spell(p), rows, want, batch, step)
		}
	}
	t.Logf("soak: %d random patterns over random rows equal the naive matcher; %d of them have matches; refused %v", cases, matched, refused)
	if matched < cases/4 {
		t.Errorf("only %d of %d cases have a match: they say little", matched, cases)
	}
}

func atOnce(t *testing.T, p *plan.Pattern, rows []oracle.PatternRow) []*pattern.Match {
	e := engine(t, p)
	k := e.NewKey([]byte("key"))
	for _, r := range rows {
		e.Add(k, r.Us, r.Values)
	}
	var found []*pattern.Match
	e.Advance(k, math.MaxInt64, func(m *pattern.Match) { found = append(found, m) })
	return found
}

// inSteps lets rows arrive up to 4 µs late behind the newest, which the watermark allows for.
func inSteps(t *testing.T, p *plan.Pattern, rows []oracle.PatternRow, random *rand.Rand) []*pattern.Match {
	const disorder = 4
	type arrival struct {
		at int64
		oracle.PatternRow
	}
	var arrivals []arrival
	for _, r := range rows {
		arrivals = append(arrivals, arrival{r.Us + random.Int64N(disorder+1), r})
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	e, other := engine(t, p), engine(t, p)
	k := e.NewKey([]byte("key"))
	var found []*pattern.Match
	emit := func(m *pattern.Match) { found = append(found, m) }
	for _, a := range arrivals {
		if !e.Add(k, a.Us, a.Values) {
			t.Fatal("a row within the disorder is late")
		}
		wake := e.Wake(k)
		before := len(found)
		if random.IntN(2) == 0 {
			e.Advance(k, a.at-disorder, emit)
			if len(found) > before && wake > a.at-disorder {
				t.Fatalf("found something at %d; was to wake at %d", a.at-disorder, wake)
			}
		}
		k = again(t, p, e, other, k)
		e, other = other, e
	}
	e.Advance(k, math.MaxInt64, emit)
	return found
}

// again writes the state and has another engine read it.
func again(t *testing.T, p *plan.Pattern, e, other *pattern.Engine, k *pattern.Key) *pattern.Key {
	bytes := e.Encode(nil, k)
	back, err := other.Decode([]byte("key"), bytes)
	if err != nil {
		t.Fatalf("%s: %v", spell(p), err)
	}
	if got := other.Encode(nil, back); !slices.Equal(got, bytes) {
		t.Fatalf("%s: written %x, read and written %x", spell(p), bytes, got)
	}
	return back
}

func engine(t *testing.T, p *plan.Pattern) *pattern.Engine {
	e, err := pattern.New(p, pattern.Limits{Threads: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// told is a match as text, and the number of its first row.
type told struct {
	first int64
	text  string
}

func byFirst(a, b told) int {
	return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.text, b.text))
}

func describe(p *plan.Pattern, matches []*pattern.Match) []told {
	var out []told
	for _, m := range matches {
		var rows []string
		for _, r := range m.Rows {
			rows = append(rows, fmt.Sprint(r.Values[columnID].Int(), r.Variable, texts(p, r.Measures)))
		}
		out = append(out, told{m.First, fmt.Sprint(m.First, m.Last, m.Length, rows)})
	}
	return out
}

func describeNaive(p *plan.Pattern, all []oracle.PatternRow, matches []oracle.PatternMatch) []told {
	var out []told
	for _, m := range matches {
		var rows []string
		skipped := len(m.Rows) - len(m.Measures)
		for i, measures := range m.Measures {
			row, v := m.Rows[skipped+i], m.Variables[skipped+i]
			rows = append(rows, fmt.Sprint(all[row].Values[columnID].Int(), p.Variables[v].Name, texts(p, measures)))
		}
		first, last := all[m.Rows[0]].Us, all[m.Rows[len(m.Rows)-1]].Us
		out = append(out, told{first, fmt.Sprint(first, last, len(m.Rows), rows)})
	}
	return out
}

// texts leaves out MATCH_NUMBER() where it counts the order of telling.
func texts(p *plan.Pattern, measures []value.Value) string {
	var list []string
	for i, v := range measures {
		if r := p.References[p.Measures[i].GetColumn()-patternColumns]; p.Skip == plan.Skip_TO_NEXT_ROW && r.Kind == plan.Reference_MATCH_NUMBER {
			continue
		}
		list = append(list, v.Text())
	}
	return strings.Join(list, "|")
}
