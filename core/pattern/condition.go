package pattern

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// variable is a compiled plan.Variable.
type variable struct {
	name    value.Value
	eval    expr.Func // nil: every row
	needs   []int     // references the condition reads
	columns []int     // of the row, that it reads
	known   bool      // its answer depends on the row alone (and on those before it), so a row keeps it
	slots   uint64    // that it reads
	glance  *glance   // nil: none
}

func (e *Engine) compileVariables(p *plan.Pattern) error {
	if len(p.Variables) == 0 || len(p.Variables) > maxVariables {
		return fmt.Errorf("a pattern has 1 to %d variables, not %d", maxVariables, len(p.Variables))
	}
	for i, v := range p.Variables {
		c := variable{name: value.OfString(v.GetName()), known: true}
		if v.GetDefine() != nil {
			if err := e.compileCondition(&c, v.GetDefine()); err != nil {
				return fmt.Errorf("DEFINE %s: %w", v.GetName(), err)
			}
			if e.each && !c.known {
				c.glance = e.compileGlance(i, v.GetDefine())
			}
		}
		e.variables = append(e.variables, c)
	}
	if e.slots > 64 {
		return errors.New("DEFINE holds more than 64 of FIRST, LAST and aggregates: use fewer")
	}
	return nil
}

func (e *Engine) compileCondition(c *variable, define *plan.Expr) error {
	if k := define.GetType().Value().Kind; k != value.Bool && k != value.Null {
		return fmt.Errorf("a condition, not %s", k)
	}
	var err error
	if c.eval, err = expr.Compile(define); err != nil {
		return err
	}
	if c.needs, err = e.needs(define); err != nil {
		return err
	}
	for _, i := range columnsOf(define, nil) {
		if i < e.columns {
			c.columns = append(c.columns, i)
		}
	}
	for _, n := range c.needs {
		r := &e.references[n]
		switch {
		case r.kind == plan.Reference_MATCH_NUMBER:
			return errors.New("MATCH_NUMBER() is not known before there is a match: use it in MEASURES")
		case r.final:
			return errors.New("FINAL is for MEASURES")
		case !r.remembers():
			continue
		}
		if r.slot < 0 {
			r.slot = e.slots
			e.slots++
			e.slotOf = append(e.slotOf, n)
		}
		c.known = false
		c.slots |= 1 << min(r.slot, 63)
	}
	return nil
}

// needs gives the references that an expression reads.
func (e *Engine) needs(x *plan.Expr) ([]int, error) {
	if err := e.checkTypes(x); err != nil {
		return nil, err
	}
	var list []int
	for _, c := range columnsOf(x, nil) {
		if c >= e.columns+len(e.references) {
			return nil, fmt.Errorf("column %d is out of range", c)
		}
		if c >= e.columns {
			list = append(list, c-e.columns)
		}
	}
	return list, nil
}

// checkTypes holds the types that an expression announces for references against theirs.
func (e *Engine) checkTypes(x *plan.Expr) error {
	for _, a := range x.GetCall().GetArguments() {
		if err := e.checkTypes(a); err != nil {
			return err
		}
	}
	if _, ok := x.GetNode().(*plan.Expr_Column); !ok {
		return nil
	}
	i := int(x.GetColumn()) - e.columns
	if i < 0 || i >= len(e.references) {
		return nil
	}
	got, want := x.GetType().Value(), e.plan.References[i].GetType().Value()
	if got.Kind != want.Kind || got.Scale != want.Scale {
		return fmt.Errorf("reference %d is %s, not %s", i, want, got)
	}
	return nil
}

func insert(list []int, n int) []int {
	at, found := slices.BinarySearch(list, n)
	if found {
		return list
	}
	return slices.Insert(list, at, n)
}

// slot is what a thread remembers for one reference.
type slot struct {
	v      value.Value // FIRST, LAST
	n      int         // rows seen, of FIRST
	state  aggregate.State
	shared bool // another thread has the state too
}

// holds reports that row r may come next in thread t as a row of variable v.
func (e *Engine) holds(v int, t *thread, r *row) bool {
	c := &e.variables[v]
	if c.eval == nil {
		return true
	}
	if c.known && r.known>>v&1 == 1 {
		return r.truth>>v&1 == 1
	}
	for _, i := range c.columns {
		e.scratch[i] = r.values[i]
	}
	for _, n := range c.needs {
		e.scratch[e.columns+n] = e.look(&e.references[n], v, t, r)
	}
	ok := c.eval(e.scratch).Bool()
	if c.known {
		r.known |= 1 << v
		if ok {
			r.truth |= 1 << v
		}
	}
	return ok
}

// look gives a reference's value in the condition of variable v.
func (e *Engine) look(f *reference, v int, t *thread, r *row) value.Value {
	switch f.kind {
	case plan.Reference_PREV:
		return e.prev(f, r)
	case plan.Reference_CLASSIFIER:
		return e.variables[v].name
	case plan.Reference_FIRST:
		s := &t.slots[f.slot]
		if s.n == f.offset && f.of(v) {
			return f.arg(r.values)
		}
		return s.v
	case plan.Reference_LAST:
		return e.last(f, v, t, r)
	default:
		state := t.slots[f.slot].state
		if state == nil {
			state = f.empty
		}
		if f.of(v) {
			return aggregate.Peek(state, f.arg(r.values), r.us)
		}
		return state.Result()
	}
}

func (e *Engine) last(f *reference, v int, t *thread, r *row) value.Value {
	back := f.offset
	if f.of(v) {
		if back == 0 {
			return f.arg(r.values)
		}
		back--
	}
	if back == 0 {
		return t.slots[f.slot].v
	}
	return nthLast(f, t.last, back)
}

// nthLast gives the argument at the row of f's variables that is n such rows before their last.
func nthLast(f *reference, b *bound, n int) value.Value {
	for ; b != nil; b = b.before {
		if f.of(b.variable) {
			if n == 0 {
				return f.arg(b.row.values)
			}
			n--
		}
	}
	return value.Value{}
}

// prev looks at the rows of the key, whether the match took them or not.
func (e *Engine) prev(f *reference, r *row) value.Value {
	if p := e.key.at(r.index, f.offset); p != nil {
		return f.arg(p.values)
	}
	return value.Value{}
}

// remember takes row r into the slots of a thread, of which it is the only owner, as a row of variable v. Only what live says is
// ever looked at again.
func (e *Engine) remember(t *thread, r *row, v int, live uint64) {
	for i, n := range e.slotOf {
		f, s := &e.references[n], &t.slots[i]
		if live>>i&1 == 0 || !f.of(v) {
			continue
		}
		switch f.kind {
		case plan.Reference_FIRST:
			if s.n == f.offset {
				s.v = f.arg(r.values)
			}
			s.n = min(s.n+1, f.offset+1)
		case plan.Reference_LAST:
			s.v = f.arg(r.values)
		default:
			switch {
			case s.state == nil:
				s.state = f.maker()
			case s.shared:
				s.state = aggregate.Clone(s.state)
			}
			s.shared = false
			s.state.Observe(f.arg(r.values), r.us)
		}
	}
}
