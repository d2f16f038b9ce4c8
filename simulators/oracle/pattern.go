package oracle

import (
	"fmt"
	"math"
	"slices"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// PatternRow is a row of one key: its event time (µs) and its columns.
type PatternRow struct {
	Us     int64
	Values []value.Value
}

// PatternMatch is a match: for each row of it the index among all rows, the variable, and the measures there (of ONE ROW PER MATCH
// at the last row alone).
type PatternMatch struct {
	Rows      []int
	Variables []int
	Measures  [][]value.Value
}

// MatchPattern finds the matches of p in rows, which are all rows of one key, sorted. It does what the standard says and nothing to be fast:
// from each row on it tries one way after another, the preferred first, and every condition looks at all rows of the match anew.
func MatchPattern(p *plan.Pattern, rows []PatternRow) ([]PatternMatch, error) {
	m := &patternMatcher{Pattern: p, rows: rows}
	for _, v := range p.Variables {
		var f expr.Func
		if v.Define != nil {
			var err error
			if f, err = expr.Compile(v.Define); err != nil {
				return nil, err
			}
		}
		m.defines = append(m.defines, f)
	}
	var found []PatternMatch
	for start := 0; start < len(rows); {
		m.best = nil
		m.start = start
		if !m.try(p.Shape, place{next: start}, m.finish) {
			start++
			continue
		}
		match, err := m.told(len(found) + 1)
		if err != nil {
			return nil, err
		}
		found = append(found, match)
		start = m.skip(start)
	}
	return found, nil
}

type patternMatcher struct {
	*plan.Pattern
	rows    []PatternRow
	defines []expr.Func
	start   int
	best    *path
}

// path is the rows taken so far.
type path struct {
	rows, vars []int
}

func (p path) and(row, variable int) path {
	return path{append(slices.Clone(p.rows), row), append(slices.Clone(p.vars), variable)}
}

// place is how far a try has come: the row that is next, what was taken, and which variables may not be in the gap that follows.
type place struct {
	next   int
	taken  path
	absent []uint32
}

// try matches shape at a place, and goes on with rest. The first way in which all of it succeeds is the preferred one.
func (m *patternMatcher) try(s *plan.Shape, at place, rest func(place) bool) bool {
	switch x := s.Node.(type) {
	case *plan.Shape_Variable:
		if at.absent != nil || !m.within(at.next) || !m.is(int(x.Variable), at.next, at.taken) {
			return false
		}
		return rest(place{next: at.next + 1, taken: at.taken.and(at.next, int(x.Variable))})
	case *plan.Shape_Sequence:
		return m.trySequence(x.Sequence.Shapes, at, rest)
	case *plan.Shape_Alternation:
		return slices.ContainsFunc(x.Alternation.Shapes, func(s *plan.Shape) bool { return m.try(s, at, rest) })
	case *plan.Shape_Repeat:
		return m.tryRepeat(x.Repeat, 0, at, rest)
	case *plan.Shape_Followed:
		return m.tryFollowed(x.Followed, at, rest)
	case *plan.Shape_Absent:
		at.absent = append(slices.Clone(at.absent), x.Absent.Variables...)
		return rest(at)
	}
	panic("no such shape")
}

func (m *patternMatcher) trySequence(shapes []*plan.Shape, at place, rest func(place) bool) bool {
	if len(shapes) == 0 {
		return rest(at)
	}
	return m.try(shapes[0], at, func(p place) bool { return m.trySequence(shapes[1:], p, rest) })
}

func (m *patternMatcher) tryRepeat(r *plan.Repeat, done uint32, at place, rest func(place) bool) bool {
	more := func() bool {
		return (r.Most == 0 || done < r.Most) && m.try(r.Shape, at, func(p place) bool {
			if done >= r.Least && p.next == at.next {
				return false // an iteration that need not be, takes a row
			}
			return m.tryRepeat(r, done+1, p, rest)
		})
	}
	switch {
	case done < r.Least:
		return more()
	case r.Reluctant:
		return rest(at) || more()
	}
	return more() || rest(at)
}

func (m *patternMatcher) tryFollowed(f *plan.Followed, at place, rest func(place) bool) bool {
	firsts := firstVariables(f.Shape, nil)
	for next := at.next; next < len(m.rows) && m.within(next); next++ {
		if m.try(f.Shape, place{next: next, taken: at.taken}, rest) {
			return true
		}
		begins := slices.ContainsFunc(firsts, func(v int) bool { return m.is(v, next, at.taken) })
		if begins && !f.Any || m.isAny(at.absent, next, at.taken) {
			return false
		}
	}
	return false
}

// finish is the end of the pattern: rows that must not come do not come in all the time there is.
func (m *patternMatcher) finish(at place) bool {
	for next := at.next; at.absent != nil && next < len(m.rows) && m.within(next); next++ {
		if m.isAny(at.absent, next, at.taken) {
			return false
		}
	}
	m.best = &at.taken
	return true
}

func (m *patternMatcher) within(row int) bool {
	return row < len(m.rows) && (m.WithinUs == 0 || m.rows[row].Us-m.rows[m.start].Us <= m.WithinUs)
}

// firstVariables are those of which the first row of a shape can be; not of what may come after a shape that takes none.
func firstVariables(s *plan.Shape, list []int) []int {
	switch x := s.Node.(type) {
	case *plan.Shape_Variable:
		return append(list, int(x.Variable))
	case *plan.Shape_Sequence:
		for _, s := range x.Sequence.Shapes {
			if list = firstVariables(s, list); !maybeEmpty(s) {
				break
			}
		}
	case *plan.Shape_Alternation:
		for _, s := range x.Alternation.Shapes {
			list = firstVariables(s, list)
		}
	case *plan.Shape_Repeat:
		return firstVariables(x.Repeat.Shape, list)
	}
	return list
}

func maybeEmpty(s *plan.Shape) bool {
	switch x := s.Node.(type) {
	case *plan.Shape_Sequence:
		return !slices.ContainsFunc(x.Sequence.Shapes, func(s *plan.Shape) bool { return !maybeEmpty(s) })
	case *plan.Shape_Alternation:
		return slices.ContainsFunc(x.Alternation.Shapes, maybeEmpty)
	case *plan.Shape_Repeat:
		return x.Repeat.Least == 0 || maybeEmpty(x.Repeat.Shape)
	case *plan.Shape_Absent:
		return true
	}
	return false
}

func (m *patternMatcher) isAny(variables []uint32, row int, taken path) bool {
	return slices.ContainsFunc(variables, func(v uint32) bool { return m.is(int(v), row, taken) })
}

// is looks whether a row may be of a variable, after the rows taken.
func (m *patternMatcher) is(variable, row int, taken path) bool {
	if m.defines[variable] == nil {
		return true
	}
	with := taken.and(row, variable)
	return m.defines[variable](m.seen(with, len(with.rows)-1, 0)).Bool()
}

// seen is what an expression sees at the i-th row of a match: the columns, and the references.
func (m *patternMatcher) seen(match path, i, number int) []value.Value {
	out := slices.Clone(m.rows[match.rows[i]].Values)
	for _, r := range m.References {
		upTo := i
		if r.Final {
			upTo = len(match.rows) - 1
		}
		out = append(out, m.refer(r, path{match.rows[:upTo+1], match.vars[:upTo+1]}, number))
	}
	return out
}

func (m *patternMatcher) refer(r *plan.Reference, match path, number int) value.Value {
	last := len(match.rows) - 1
	var of []int // the rows of its variables
	for i, row := range match.rows {
		if len(r.Variables) == 0 || slices.Contains(r.Variables, uint32(match.vars[i])) {
			of = append(of, row)
		}
	}
	at := -1
	switch r.Kind {
	case plan.Reference_CLASSIFIER:
		return value.OfString(m.Variables[match.vars[last]].Name)
	case plan.Reference_MATCH_NUMBER:
		return value.OfInt(int64(number))
	case plan.Reference_AGGREGATE:
		return m.aggregate(r, of)
	case plan.Reference_PREV:
		at = match.rows[last] - int(r.Offset)
	case plan.Reference_FIRST:
		if int(r.Offset) < len(of) {
			at = of[r.Offset]
		}
	case plan.Reference_LAST:
		if int(r.Offset) < len(of) {
			at = of[len(of)-1-int(r.Offset)]
		}
	}
	if at < 0 {
		return value.Value{}
	}
	return m.argument(r, at)
}

func (m *patternMatcher) argument(r *plan.Reference, row int) value.Value {
	f, err := expr.Compile(r.Argument)
	if err != nil {
		panic(err)
	}
	return f(m.rows[row].Values)
}

// aggregate knows BIGINT arguments.
func (m *patternMatcher) aggregate(r *plan.Reference, rows []int) value.Value {
	var list []int64
	for _, row := range rows {
		if r.Argument == nil {
			list = append(list, 1)
		} else if v := m.argument(r, row); !v.IsNull() {
			list = append(list, v.Int())
		}
	}
	if r.Function == "COUNT" {
		return value.OfInt(int64(len(list)))
	}
	if r.Function == "COUNT_DISTINCT" {
		slices.Sort(list)
		return value.OfInt(int64(len(slices.Compact(list))))
	}
	if len(list) == 0 {
		return value.Value{}
	}
	if r.Function == "COLLECT_LIST" {
		text := "["
		for i, n := range list {
			if i > 0 {
				text += ","
			}
			text += fmt.Sprint(n)
		}
		return value.OfString(text + "]")
	}
	sum := int64(0)
	for _, n := range list {
		sum += n
	}
	switch r.Function {
	case "SUM":
		return value.OfInt(sum)
	case "AVG":
		return value.OfDouble(float64(sum) / float64(len(list)))
	case "MIN":
		return value.OfInt(slices.Min(list))
	case "MAX":
		return value.OfInt(slices.Max(list))
	}
	panic("the naive matcher does not know " + r.Function)
}

// told is the match found, with its measures.
func (m *patternMatcher) told(number int) (PatternMatch, error) {
	out := PatternMatch{Rows: m.best.rows, Variables: m.best.vars}
	for i := range m.best.rows {
		if !m.AllRows && i < len(m.best.rows)-1 {
			continue
		}
		row := m.seen(*m.best, i, number)
		var values []value.Value
		for _, x := range m.Measures {
			f, err := expr.Compile(x)
			if err != nil {
				return out, err
			}
			values = append(values, f(row))
		}
		out.Measures = append(out.Measures, values)
	}
	return out, nil
}

// skip gives where the next match may begin.
func (m *patternMatcher) skip(start int) int {
	first, last := math.MaxInt, -1
	for i, v := range m.best.vars {
		if slices.Contains(m.SkipTo, uint32(v)) {
			first, last = min(first, m.best.rows[i]), m.best.rows[i]
		}
	}
	switch {
	case m.Skip == plan.Skip_PAST_LAST_ROW:
		return m.best.rows[len(m.best.rows)-1] + 1
	case m.Skip == plan.Skip_TO_FIRST && last >= 0:
		return max(start+1, first)
	case m.Skip == plan.Skip_TO_LAST:
		return max(start+1, last)
	}
	return start + 1
}
