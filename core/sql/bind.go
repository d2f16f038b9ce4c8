package sql

import (
	"strings"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Column is a named, typed column of a relation or a result.
type Column struct {
	Name string
	Type value.Type
}

// Relation is what a pull query reads: a view with its four extra columns, or a built-in table.
type Relation struct {
	Name    string
	Columns []Column
	Time    string     // the column that holds a row's event time; "": there is none
	View    *plan.View // nil: it is none

	fences []*plan.Fence // that a query may name
}

// scope is the relation whose columns names mean.
type scope struct {
	Relation
	alias *Ident
	parts []part       // nil: one relation, without joins
	exprs []*plan.Expr // what the columns are over the row that edges have; nil: its columns
	width int          // of that row
	nodes *work
}

// work is what planning one statement has made so far, and what it may name.
type work struct {
	n      int // expression nodes
	fences []*plan.Fence
}

func newWork(p *plan.Plan) *work { return &work{fences: p.GetFences()} }

// binder gives expressions types. leaf comes first for each sub-expression: it knows names, and after grouping
// also keys and aggregates; nil from it means "look inside".
type binder struct {
	leaf  func(Expr) *plan.Expr
	now   *int64 // nil: NOW() would make the result depend on when it is asked
	nodes *work  // how many were made so far
}

func (b *binder) bind(e Expr) *plan.Expr {
	b.charge(e.position(), 1)
	if bound := b.leaf(e); bound != nil {
		return bound
	}
	switch x := e.(type) {
	case *Literal:
		b.charge(x.Pos, len(x.Text)/16)
		return literalExpr(literalType(x), literalValue(x))
	case *Interval:
		fail(x.Pos, "an INTERVAL stands alone here; it is added to or taken from a TIMESTAMP")
	case *Cast:
		return b.cast(x)
	case *Call:
		return b.call(x)
	}
	fail(e.position(), "this has no meaning here")
	return nil
}

// charge bounds what a statement grows to: an alias may be used many times, and folding may join long texts.
func (b *binder) charge(at Pos, n int) {
	if b.nodes.n += n; b.nodes.n > maxNodes {
		fail(at, "the statement is too large once its aliases are written out")
	}
}

// condition binds what must be true or false.
func (b *binder) condition(e Expr, clause string) *plan.Expr {
	bound := b.bind(e)
	if k := typeOf(bound).Kind; k != value.Bool && k != value.Null {
		fail(e.position(), "%s takes a condition, not %s", clause, typeOf(bound))
	}
	return bound
}

// column finds a name among the scope's columns, and fails naming the nearest.
func (s *scope) column(n *Name) int {
	if n.Table != nil {
		of := s.relation(*n.Table)
		if i := s.within(of, n.Ident); i >= 0 {
			return i
		}
		fail(n.Ident.Pos, "no column `%s` in %s%s", n.Ident.Name, of.name, didYouMean(n.Ident.Name, s.names()[of.from:of.to]))
	}
	if i := s.find(n.Ident); i >= 0 {
		return i
	}
	in := s.Name
	for _, p := range s.relations()[1:] {
		in += " or " + p.name
	}
	fail(n.Ident.Pos, "no column `%s` in %s%s", n.Ident.Name, in, didYouMean(n.Ident.Name, s.names()))
	return -1
}

func (s *scope) find(name Ident) int {
	for i, c := range s.Columns {
		if name.Is(c.Name) {
			return i
		}
	}
	return -1
}

func (s *scope) names() []string {
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = c.Name
	}
	return names
}

// rowLeaf knows the columns of the scope and nothing else. Aggregates are refused in the clause.
func (s *scope) rowLeaf(clause string) func(Expr) *plan.Expr {
	return func(e Expr) *plan.Expr {
		switch x := e.(type) {
		case *Name:
			return s.reference(s.column(x))
		case *Call:
			if name, ok := aggregateName(x); ok {
				fail(x.Pos, "%s is an aggregate and cannot stand in %s", name, clause)
			}
		}
		return nil
	}
}

func (b *binder) call(c *Call) *plan.Expr {
	if strings.EqualFold(c.Function, "NOW") && len(c.Args) == 0 && !c.Star {
		if b.now == nil {
			fail(c.Pos, "NOW() cannot stand in a view, pattern or alert: its result must not depend on when it is computed")
		}
		return literalExpr(value.Type{Kind: value.Timestamp}, value.OfTime(*b.now))
	}
	name, ok := expr.Canonical(c.Function)
	if !ok {
		noFunction(c)
	}
	if c.Star || c.Distinct {
		fail(c.Pos, "%s takes no * and no DISTINCT", name)
	}
	if shifted := b.shift(c, name); shifted != nil {
		return shifted
	}
	args := make([]*plan.Expr, len(c.Args))
	for i, a := range c.Args {
		args[i] = b.bind(a)
	}
	if name == plan.InFence {
		args = b.inFence(c, args)
	}
	coerce(name, c.Args, args)
	types := make([]value.Type, len(args))
	for i, a := range args {
		types[i] = typeOf(a)
	}
	t, err := expr.Signature(name, types)
	if err != nil {
		fail(c.Pos, "%s", err)
	}
	return b.folded(c.Pos, callExpr(name, t, args))
}

// shift is TIMESTAMP ± INTERVAL.
func (b *binder) shift(c *Call, name string) *plan.Expr {
	if name != "+" && name != "-" || len(c.Args) != 2 {
		return nil
	}
	base, by := c.Args[0], c.Args[1]
	if _, ok := base.(*Interval); ok && name == "+" {
		base, by = by, base
	}
	interval, ok := by.(*Interval)
	if !ok {
		return nil
	}
	x := b.bind(base)
	if lit, ok := base.(*Literal); ok && lit.Kind == StringLiteral {
		x = coerced(lit, value.Type{Kind: value.Timestamp})
	}
	if k := typeOf(x).Kind; k != value.Timestamp && k != value.Null {
		fail(c.Pos, "an INTERVAL is added to or taken from a TIMESTAMP, not %s", typeOf(x))
	}
	micros := interval.Micros
	if name == "-" {
		micros = -micros
	}
	shift := literalExpr(value.Type{Kind: value.Int}, value.OfInt(micros))
	return b.folded(c.Pos, callExpr("+interval", value.Type{Kind: value.Timestamp}, []*plan.Expr{x, shift}))
}

func (b *binder) cast(c *Cast) *plan.Expr {
	x := b.bind(c.X)
	if err := expr.CanCast(typeOf(x), c.Type); err != nil {
		fail(c.Pos, "%s", err)
	}
	return b.folded(c.Pos, callExpr("CAST", c.Type, []*plan.Expr{x}))
}

func noFunction(c *Call) {
	upper := strings.ToUpper(c.Function)
	switch {
	case upper == "TUMBLE", upper == "HOP", upper == "SESSION":
		fail(c.Pos, "%s stands in GROUP BY", upper)
	case scoreForms[upper] != "":
		fail(c.Pos, "%s stands in WHEN and RECOVER WHEN of an alert on a view", upper)
	}
	fail(c.Pos, "no function `%s`%s", shorten(c.Function), didYouMean(c.Function, append(append(expr.Names(), aggregateNames...), scoreNames...)))
}

// folded checks the call and computes it now if all of it is known: NOW() − INTERVAL '5' MINUTE is a literal then,
// from which a store can tell what to read. The check compiles only this call, with its arguments'
// insides left out, so that checking a deep expression stays linear.
func (b *binder) folded(at Pos, e *plan.Expr) *plan.Expr {
	probe := &plan.Expr{Type: e.Type, Node: &plan.Expr_Call{Call: &plan.Call{Function: e.GetCall().Function}}}
	known := true
	for _, a := range e.GetCall().Arguments {
		if a.GetCall() != nil {
			a = columnExpr(0, typeOf(a))
		}
		_, literal := a.Node.(*plan.Expr_Literal)
		known = known && literal
		probe.GetCall().Arguments = append(probe.GetCall().Arguments, a)
	}
	f, err := expr.Compile(probe)
	if err != nil {
		fail(at, "%s", err)
	}
	if !known {
		return e
	}
	v := f(nil)
	b.charge(at, len(v.Str())/16)
	return literalExpr(typeOf(e), v)
}
