package pattern

import (
	"errors"
	"fmt"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// reference is a compiled plan.Reference.
type reference struct {
	kind   plan.Reference_Kind
	vars   uint64 // a bit for each variable
	all    bool   // of the whole match
	arg    expr.Func
	maker  func() aggregate.State
	small  bool            // its state is a few bytes, whatever it has seen
	empty  aggregate.State // looked at, never changed
	blank  []byte          // it, written
	offset int
	final  bool
	slot   int // in a thread; −1: no condition asks for it, or it keeps nothing
}

const (
	maxReferences = 1024
	maxOffset     = 1000
)

func (e *Engine) compileReferences(p *plan.Pattern) error {
	if len(p.References) > maxReferences {
		return fmt.Errorf("the pattern has %d references; %d is the most", len(p.References), maxReferences)
	}
	for i, r := range p.References {
		c, err := compileReference(r, len(p.Variables), e.columns)
		if err != nil {
			return fmt.Errorf("reference %d: %w", i, err)
		}
		if c.kind == plan.Reference_PREV {
			e.before = max(e.before, c.offset)
		}
		e.references = append(e.references, c)
	}
	return nil
}

func compileReference(r *plan.Reference, variables, columns int) (reference, error) {
	c := reference{kind: r.GetKind(), all: len(r.GetVariables()) == 0, offset: int(r.GetOffset()), final: r.GetFinal(), slot: -1}
	if c.offset > maxOffset {
		return c, fmt.Errorf("%d rows away; %d is the furthest", c.offset, maxOffset)
	}
	for _, v := range r.GetVariables() {
		if int(v) >= variables {
			return c, fmt.Errorf("no variable %d", v)
		}
		c.vars |= 1 << v
	}
	if c.all {
		c.vars = ^uint64(0)
	}
	if r.GetArgument() != nil {
		if used := columnsOf(r.GetArgument(), nil); len(used) > 0 && used[len(used)-1] >= columns {
			return c, errors.New("its argument is over the row's columns alone")
		}
		var err error
		if c.arg, err = expr.Compile(r.GetArgument()); err != nil {
			return c, err
		}
	}
	t, err := c.typ(r)
	if got := r.GetType().Value(); err == nil && (t.Kind != got.Kind || t.Scale != got.Scale) {
		err = fmt.Errorf("%s gives %s where %s was announced", c.kind, t, got)
	}
	return c, err
}

// typ gives the type of what is referred to, and makes what an aggregate needs.
func (c *reference) typ(r *plan.Reference) (value.Type, error) {
	switch c.kind {
	case plan.Reference_PREV, plan.Reference_FIRST, plan.Reference_LAST:
		if c.arg == nil {
			return value.Type{}, fmt.Errorf("%s takes an argument", c.kind)
		}
		return r.GetArgument().GetType().Value(), nil
	case plan.Reference_AGGREGATE:
		return c.compileAggregate(r)
	case plan.Reference_CLASSIFIER:
		return value.Type{Kind: value.String}, nil
	case plan.Reference_MATCH_NUMBER:
		return value.Type{Kind: value.Int}, nil
	}
	return value.Type{}, fmt.Errorf("unknown kind %d", c.kind)
}

func (c *reference) compileAggregate(r *plan.Reference) (value.Type, error) {
	if c.arg == nil {
		if r.GetFunction() != "COUNT" {
			return value.Type{}, fmt.Errorf("%s takes an argument", r.GetFunction())
		}
		c.arg = func([]value.Value) value.Value { return value.OfBool(true) }
	}
	maker, t, err := aggregate.New(r.GetFunction(), r.GetArgument().GetType().Value(), r.GetParameters())
	if err != nil {
		return t, err
	}
	c.maker, c.empty = maker, maker()
	c.blank = c.empty.Append(nil)
	switch r.GetFunction() {
	case "COUNT", "SUM", "AVG", "MIN", "MAX", "STDDEV", "FIRST", "LAST":
		c.small = true
	}
	return t, nil
}

// of reports that rows of variable v are among the reference's.
func (c *reference) of(v int) bool { return c.vars>>v&1 == 1 }

// remembers reports that the reference's value depends on the rows a match has taken before.
func (c *reference) remembers() bool {
	switch c.kind {
	case plan.Reference_FIRST, plan.Reference_LAST, plan.Reference_AGGREGATE:
		return true
	}
	return false
}

// columnsOf gives the columns that an expression reads, sorted, each once.
func columnsOf(x *plan.Expr, list []int) []int {
	switch n := x.GetNode().(type) {
	case *plan.Expr_Column:
		list = insert(list, int(n.Column))
	case *plan.Expr_Call:
		for _, a := range n.Call.GetArguments() {
			list = columnsOf(a, list)
		}
	}
	return list
}
