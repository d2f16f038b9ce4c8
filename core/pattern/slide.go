package pattern

import (
	"math"
	"slices"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Many patterns ask something of all rows within a time, as "five uses in three cities within an hour": (U{4,}? L), where L asks for counts. An attempt
// at it mostly comes to nothing when its time is over, and the next one would go through all its rows but the first again. It need not: with a row
// more in front, the counts are no smaller; so at a row where the older attempt saw no L, the younger sees none either. What
// is left is to take the first row out of the counts. So the attempt slides: it becomes the next one, at the cost of one row.
//
// That holds where one variable, which asks at most of the row alone, is repeated without end, and what comes last asks for no less than
// counts, distinct counts and sums that grow (slider). Attempts that slid have no thread's memory; once a row may end the match, the attempt
// begins again at its first row and goes through all, as any other (unslide).

// slider is how the attempts of a pattern slide.
type slider struct {
	variable int       // that is repeated
	chain    []sliding // after 1, 2, 3 … rows; the last goes on for ever
	slots    []int     // that hold tallies, in the order of slid.tallies
	blank    thread
}

type sliding struct {
	state int
	ends  []int // variables that end the match
}

// slid is what an attempt has in place of a thread's memory.
type slid struct {
	rows    int
	tallies []*aggregate.Tally
}

// compileSlider leaves slider nil for a pattern whose attempts do not slide.
func (e *Engine) compileSlider() {
	first := e.states[0].options
	if e.each || e.within == math.MaxInt64 || len(first) != 1 || first[0].kind != taken {
		return
	}
	s := &slider{variable: first[0].step.variable, blank: thread{slots: make([]slot, e.slots)}}
	if c := &e.variables[s.variable]; c.eval != nil && !c.known {
		return
	}
	for next := first[0].step.state; len(s.chain) == 0 || next != s.chain[len(s.chain)-1].state; {
		one, after, ok := s.link(e, next)
		if n := len(s.chain); !ok || n > 0 && slices.ContainsFunc(s.chain[n-1].ends, func(v int) bool { return !slices.Contains(one.ends, v) }) {
			return
		}
		s.chain, next = append(s.chain, one), after
	}
	for _, v := range s.chain[len(s.chain)-1].ends {
		if define := e.plan.Variables[v].GetDefine(); define != nil && !s.rises(e, define) {
			return
		}
		for _, n := range e.variables[v].needs {
			if f := &e.references[n]; f.kind == plan.Reference_AGGREGATE && f.of(s.variable) && !slices.Contains(s.slots, f.slot) {
				s.slots = append(s.slots, f.slot)
			}
		}
	}
	e.slider = s
}

// link looks at a state: either one more row comes, or the end.
func (s *slider) link(e *Engine, state int) (one sliding, next int, ok bool) {
	one, next = sliding{state: state}, -1
	if e.states[state].accepts {
		return one, next, false
	}
	for _, o := range e.states[state].options {
		end := &e.states[o.step.state]
		switch {
		case o.kind != taken:
			return one, next, false
		case end.accepts && len(end.options) == 0:
			one.ends = append(one.ends, o.step.variable)
		case o.step.variable == s.variable && next < 0:
			next = o.step.state
		default:
			return one, next, false
		}
	}
	return one, next, next >= 0
}

// rises reports that a condition that holds still does with another row in front.
func (s *slider) rises(e *Engine, x *plan.Expr) bool {
	args := x.GetCall().GetArguments()
	switch x.GetCall().GetFunction() {
	case "AND", "OR":
		return !slices.ContainsFunc(args, func(a *plan.Expr) bool { return !s.rises(e, a) })
	case ">", ">=":
		return s.grows(e, args[0]) && s.stays(e, args[1]) || s.stays(e, x)
	case "<", "<=":
		return s.stays(e, args[0]) && s.grows(e, args[1]) || s.stays(e, x)
	}
	return s.stays(e, x)
}

// grows is about a tally.
func (s *slider) grows(e *Engine, x *plan.Expr) bool {
	n := int(x.GetColumn()) - e.columns
	if _, column := x.GetNode().(*plan.Expr_Column); !column || n < 0 {
		return false
	}
	f := &e.references[n]
	return f.kind == plan.Reference_AGGREGATE && f.of(s.variable) && aggregate.NewTally(f.empty) != nil
}

// stays reports that another row in front changes nothing.
func (s *slider) stays(e *Engine, x *plan.Expr) bool {
	needs, err := e.needs(x)
	return err == nil && !slices.ContainsFunc(needs, func(n int) bool {
		f := &e.references[n]
		return f.remembers() && f.of(s.variable) && (f.kind != plan.Reference_LAST || f.offset > 0)
	})
}

// slide makes of an attempt whose time is over, and that came to nothing, the one that begins at the next row. It reports false if it can't be.
func (e *Engine) slide(k *Key, a *attempt) bool {
	if e.slider == nil || a.best != nil || a.slid == nil && !e.gather(k, a) {
		return false
	}
	s := a.slid
	for i, t := range s.tallies {
		t.Take(e.tallied(i, a.first))
	}
	if s.rows--; s.rows == 0 {
		return false
	}
	a.first = k.rows[a.first.index+1-k.base]
	k.next = a.first.index
	return true
}

// gather makes the tallies of an attempt that did not slide yet. Its only thread took all rows there are: what can be taken else, ends a match.
func (e *Engine) gather(k *Key, a *attempt) bool {
	s := &slid{}
	for _, slot := range e.slider.slots {
		s.tallies = append(s.tallies, aggregate.NewTally(e.references[e.slotOf[slot]].empty))
	}
	for _, r := range k.rows[a.first.index-k.base : k.cursor-k.base] {
		if !e.put(s, r) {
			return false
		}
	}
	a.slid = s
	k.learn(a.first.index, false)
	return true
}

func (e *Engine) put(s *slid, r *row) bool {
	s.rows++
	for i, t := range s.tallies {
		if !t.Put(e.tallied(i, r)) {
			return false
		}
	}
	return true
}

func (e *Engine) tallied(i int, r *row) value.Value {
	return e.references[e.slotOf[e.slider.slots[i]]].arg(r.values)
}

// slideOver takes row r in. It reports false if that is for a thread to do: the attempt then has one again.
func (e *Engine) slideOver(k *Key, a *attempt, r *row) bool {
	s, over := a.slid, e.slider
	takes := e.holds(over.variable, nil, r)
	for _, v := range over.chain[min(s.rows, len(over.chain))-1].ends {
		takes = takes && !e.endsSlid(s, v, r)
	}
	if takes && e.put(s, r) {
		return true
	}
	rows := k.rows[a.first.index-k.base : k.cursor-k.base]
	e.restart(a, rows[0])
	for _, r := range rows[1:] {
		e.step(a, r)
	}
	return false
}

// endsSlid is holds for an attempt that slid.
func (e *Engine) endsSlid(s *slid, v int, r *row) bool {
	c := &e.variables[v]
	if c.eval == nil || c.known {
		return e.holds(v, nil, r)
	}
	for _, i := range c.columns {
		e.scratch[i] = r.values[i]
	}
	for _, n := range c.needs {
		f := &e.references[n]
		var x value.Value
		switch tally := slices.Index(e.slider.slots, f.slot); {
		case tally >= 0 && f.of(v):
			x = s.tallies[tally].With(f.arg(r.values))
		case tally >= 0:
			x = s.tallies[tally].With(value.Value{})
		case f.kind == plan.Reference_LAST && f.of(e.slider.variable) && !f.of(v):
			x = f.arg(e.key.at(r.index, 1).values)
		default:
			x = e.look(f, v, &e.slider.blank, r)
		}
		e.scratch[e.columns+n] = x
	}
	return c.eval(e.scratch).Bool()
}
