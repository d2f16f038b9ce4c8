package sql

import (
	"slices"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// A join that says no GRACE PERIOD takes late rows for this long. One that is LEFT shows rows that found none only then, so it waits for none.
const defaultJoinGrace = 3600_000_000

// streamJoin is a join of two streams while a statement is planned: the routes are known once all conditions are.
type streamJoin struct {
	def         *plan.StreamJoin
	left, right *plan.Stream
	leftKeys    []*plan.Expr // over each side's own columns
	rightKeys   []*plan.Expr
}

// joined plans FROM a JOIN b WITHIN … ON …, or a stream with a table that a topic fills.
func joined(p *plan.Plan, sel *Select, left *plan.Stream, nodes *work) (*input, *scope) {
	if len(sel.Joins) > 1 {
		unsupported(sel.Joins[1].Pos, "a second JOIN beside a join of streams")
	}
	j := sel.Joins[0]
	if view, ok := findNamed(p.GetViews(), j.Table); ok {
		unsupported(j.Table.Pos, "joining a view ("+view.Name+" is one; what can be joined is a TABLE, or a stream WITHIN a time)")
	}
	if t, ok := findNamed(p.GetTables(), j.Table); ok {
		fail(j.Within.Pos, "%s is a table, whose rows have no time; leave WITHIN out", t.Name)
	}
	if def, ok := findNamed(p.GetPatterns(), j.Table); ok {
		unsupported(j.Table.Pos, "joining a pattern ("+def.Name+" is one)")
	}
	right, ok := findNamed(p.GetStreams(), j.Table)
	if !ok {
		names := append(namesOf(p.GetTables()), namesOf(p.GetStreams())...)
		fail(j.Table.Pos, "no table and no stream `%s`%s", j.Table.Name, didYouMean(j.Table.Name, names))
	}
	def := &plan.StreamJoin{Outer: j.Left, Latest: right.Table}
	switch {
	case right.Table && j.Within != nil:
		fail(j.Within.Pos, "%s is a table: a row meets the one that was newest at its own time; leave WITHIN out", right.Name)
	case !right.Table && j.Within == nil:
		fail(j.Pos, "rows of two streams are joined within a time, or they would have to be kept for ever: JOIN %s WITHIN 10 MINUTES ON …", right.Name)
	case j.Within != nil:
		def.BeforeUs, def.AfterUs = j.Within.Before, j.Within.After
		if j.Within.Grace != nil {
			def.GraceUs = *j.Within.Grace
		} else if !j.Left {
			def.GraceUs = defaultJoinGrace
		}
	}
	s := &scope{Relation: Relation{Name: left.Name, Columns: append(columnsOf(left.Columns), columnsOf(right.Columns)...)}, alias: sel.Alias, nodes: nodes,
		width: len(left.Columns) + len(right.Columns)}
	s.parts = []part{{left.Name, sel.Alias, 0, len(left.Columns)}, {right.Name, j.Alias, len(left.Columns), s.width}}
	if s.parts[0].shown() == s.parts[1].shown() {
		fail(j.Table.Pos, "`%s` is named twice; give one of them another name: JOIN %s AS other", right.Name, right.Name)
	}
	s.qualifyAll(sel)
	s.qualify(j.On)
	sj := &streamJoin{def: def, left: left, right: right}
	sj.on(s, j, nodes)
	return &input{join: sj}, s
}

// on takes ON apart into keys, which rows must have equal, and what else must hold of two rows.
func (sj *streamJoin) on(s *scope, j Join, nodes *work) {
	b := &binder{leaf: s.rowLeaf("ON"), nodes: nodes}
	n := len(sj.left.Columns)
	for _, e := range conjuncts(j.On) {
		if c, ok := e.(*Call); ok && c.Function == "=" {
			both := []*plan.Expr{b.bind(c.Args[0]), b.bind(c.Args[1])}
			coerce("=", c.Args, both)
			if sideOf(both[0], n) == rightSide {
				slices.Reverse(both)
			}
			if sideOf(both[0], n) == leftSide && sideOf(both[1], n) == rightSide {
				x, y := typeOf(both[0]), typeOf(both[1])
				if x.Kind != y.Kind || x.Kind == value.Decimal && x.Scale != y.Scale {
					fail(c.Pos, "one side is %s and the other %s; CAST one: CAST(… AS %s)", x, y, x)
				}
				sj.leftKeys = append(sj.leftKeys, both[0])
				sj.rightKeys = append(sj.rightKeys, shifted(both[1], -n))
				continue
			}
		}
		sj.def.Condition = and(sj.def.Condition, b.condition(e, "ON"))
	}
	if len(sj.leftKeys) == 0 {
		fail(j.On.position(), "ON needs a column of %s that equals one of %s: rows meet by key", sj.left.Name, sj.right.Name)
	}
	if !sj.def.Latest {
		return
	}
	for i, c := range sj.right.Columns {
		of := slices.IndexFunc(sj.rightKeys, func(e *plan.Expr) bool { x, ok := e.Node.(*plan.Expr_Column); return ok && int(x.Column) == i })
		if c.Key != (of >= 0) {
			fail(j.On.position(), "a table is joined by all of its key, and by nothing else; of %s that is: %s", sj.right.Name, s.example(s.parts[1], &plan.Table{Columns: sj.right.Columns}))
		}
	}
}

type side uint8

const (
	noSide side = iota
	leftSide
	rightSide
	bothSides
)

// sideOf tells of which of two rows, one behind the other from column n on, an expression is.
func sideOf(e *plan.Expr, n int) side {
	if c, ok := e.GetNode().(*plan.Expr_Column); ok {
		if int(c.Column) < n {
			return leftSide
		}
		return rightSide
	}
	all := noSide
	for _, a := range e.GetCall().GetArguments() {
		all |= sideOf(a, n)
	}
	return all
}

// shifted moves an expression's columns.
func shifted(e *plan.Expr, by int) *plan.Expr {
	e = proto.CloneOf(e)
	var move func(*plan.Expr)
	move = func(e *plan.Expr) {
		if c, ok := e.GetNode().(*plan.Expr_Column); ok {
			c.Column = uint32(int(c.Column) + by)
		}
		for _, a := range e.GetCall().GetArguments() {
			move(a)
		}
	}
	move(e)
	return e
}

func and(a, b *plan.Expr) *plan.Expr {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	return callExpr("AND", value.Type{Kind: value.Bool}, []*plan.Expr{a, b})
}

// terms are what a chain of ANDs is made of.
func terms(e *plan.Expr) []*plan.Expr {
	if e == nil {
		return nil
	}
	if c := e.GetCall(); c.GetFunction() == "AND" {
		var all []*plan.Expr
		for _, a := range c.Arguments {
			all = append(all, terms(a)...)
		}
		return all
	}
	return []*plan.Expr{e}
}

// settle gives the join its routes. What the filter says of one side alone goes to the edges, and only what is left of it is returned: but for the
// right side of a LEFT join, whose rows decide what comes with NULLs.
func (sj *streamJoin) settle(p *plan.Plan, filter *plan.Expr) (id uint32, rest *plan.Expr) {
	n := len(sj.left.Columns)
	var left, right *plan.Expr
	for _, t := range terms(filter) {
		switch of := sideOf(t, n); {
		case of == leftSide && isBool(t):
			left = and(left, t)
		case of == rightSide && isBool(t) && !sj.def.Outer && !sj.def.Latest:
			right = and(right, shifted(t, -n))
		default:
			rest = and(rest, t)
		}
	}
	for i, k := range sj.rightKeys { // NULL equals nothing
		right = and(right, callExpr("IS NOT NULL", value.Type{Kind: value.Bool}, []*plan.Expr{k}))
		if !sj.def.Outer {
			left = and(left, callExpr("IS NOT NULL", value.Type{Kind: value.Bool}, []*plan.Expr{sj.leftKeys[i]}))
		}
	}
	sj.def.Left = route(p, &plan.Route{Stream: sj.left.Id, Filter: left, KeyExprs: sj.leftKeys})
	sj.def.Right = route(p, &plan.Route{Stream: sj.right.Id, Filter: right, KeyExprs: sj.rightKeys})
	for _, j := range p.Joins {
		if sj.def.Id = j.Id; proto.Equal(j, sj.def) {
			return j.Id, rest
		}
	}
	sj.def.Id = nextID(p)
	p.Joins = append(p.Joins, sj.def)
	return sj.def.Id, rest
}

// route finds the route in the plan or adds it, and gives its id.
func route(p *plan.Plan, r *plan.Route) uint32 {
	for _, known := range p.Routes {
		if r.Id = known.Id; proto.Equal(known, r) {
			return r.Id
		}
	}
	r.Id = nextID(p)
	p.Routes = append(p.Routes, r)
	return r.Id
}

// prune takes joins and routes out of the plan that no view, pattern or push query needs any more.
func prune(p *plan.Plan) {
	needed := map[uint32]bool{}
	for _, v := range p.Views {
		needed[v.Stream] = true
	}
	for _, def := range p.Patterns {
		needed[def.Stream] = true
	}
	for _, w := range p.Watches {
		for _, id := range w.Sources {
			needed[id] = true
		}
	}
	p.Joins = slices.DeleteFunc(p.Joins, func(j *plan.StreamJoin) bool { return !needed[j.Id] })
	for _, j := range p.Joins {
		needed[j.Left], needed[j.Right] = true, true
	}
	gone := map[uint32]bool{} // routes of streams that went: nobody but push queries had them
	p.Routes = slices.DeleteFunc(p.Routes, func(r *plan.Route) bool {
		lost := r.Stream != plan.FenceEvents && !slices.ContainsFunc(p.Streams, func(s *plan.Stream) bool { return s.Id == r.Stream })
		gone[r.Id] = lost
		return lost || !needed[r.Id]
	})
	p.Joins = slices.DeleteFunc(p.Joins, func(j *plan.StreamJoin) bool {
		gone[j.Id] = gone[j.Left] || gone[j.Right]
		return gone[j.Id]
	})
	p.Watches = slices.DeleteFunc(p.Watches, func(w *plan.Watch) bool {
		return slices.ContainsFunc(w.Sources, func(id uint32) bool { return gone[id] })
	})
}
