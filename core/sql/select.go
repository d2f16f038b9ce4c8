package sql

import (
	"math"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Query is a compiled pull query. It keeps nothing between runs.
type Query struct {
	columns     []Column
	where       expr.Func // nil: all rows
	groups      *groups   // nil: rows go through one by one
	outputs     []expr.Func
	order       []orderKey
	limit       int64 // −1: none; those that offset leaves out among them
	offset      int64
	hints       hints
	joins       []pullJoin
	shift       shiftedTimes
	sliced      []byte // see Sliced
	states      []int  // of the view: see States
	bucket      int64  // µs: windows are put into larger ones of this size; 0: not
	step        int64  // see Step
	bucketStart int    // the column of their start; their end follows
}

// groups is what a query with GROUP BY or aggregates has besides. Outputs, order and having then
// work on a group's keys and results.
type groups struct {
	keys      []expr.Func
	arguments []expr.Func // nil: COUNT(*)
	layout    aggregate.Layout
	time      int // the column with a row's event time, or −1
	having    expr.Func
}

type orderKey struct {
	eval       expr.Func
	descending bool
	nullsFirst bool
}

// Resolve finds the relation that a SELECT reads: a view of the plan, or one of the tables given.
func Resolve(p *plan.Plan, st *Select, tables ...Relation) (r Relation, err error) {
	defer catch(&err)
	if st.Sub != nil {
		unsupported(st.Sub.at, "a sub-select outside of CREATE VIEW")
	}
	r = resolve(p, st.From, tables)
	r.fences = p.GetFences()
	return r, nil
}

func resolve(p *plan.Plan, name Ident, tables []Relation) Relation {
	if v, ok := findNamed(p.GetViews(), name); ok {
		return ViewRelation(v)
	}
	if def, ok := findNamed(p.GetPatterns(), name); ok {
		return PatternRelation(def)
	}
	names := append(namesOf(p.GetViews()), namesOf(p.GetPatterns())...)
	for _, t := range tables {
		if name.Is(t.Name) {
			return t
		}
		names = append(names, t.Name)
	}
	if s, ok := findNamed(p.GetStreams(), name); ok {
		fail(name.Pos, "%s is a stream and keeps no rows to select; CREATE VIEW … AS SELECT … FROM %s keeps some", s.Name, s.Name)
	}
	if q, ok := findNamed(p.GetQueries(), name); ok {
		fail(name.Pos, "%s is a stream and keeps no rows to select; CREATE VIEW … AS SELECT … FROM %s keeps some", q.Name, q.Name)
	}
	fail(name.Pos, "no view or table `%s`%s", name.Name, didYouMean(name.Name, names))
	return Relation{}
}

// CompileSelect checks a pull query over rel and what is joined to it, and makes it runnable. now (µs) is what NOW() gives.
func CompileSelect(st *Select, rel Relation, now int64, joined ...Relation) (q *Query, err error) {
	defer catch(&err)
	switch {
	case st.Emit != EmitUnsaid:
		unsupported(st.EmitPos, "EXPLAIN of a push query")
	case len(st.Joins) != len(joined):
		unsupported(st.Joins[0].Pos, "JOIN here")
	}
	nodes := &work{fences: rel.fences}
	s := &scope{Relation: rel, alias: st.Alias}
	q = &Query{limit: -1, hints: hints{}, shift: shiftOf(rel, st.Shift)}
	if len(joined) > 0 {
		q.joinPull(s, st, joined, now, nodes)
	}
	if st.Limit != nil {
		q.limit = *st.Limit
	}
	if st.Offset != nil {
		q.offset = *st.Offset
		if q.limit > 0 {
			q.limit = min(q.limit, math.MaxInt64-q.offset) + q.offset
		}
	}
	var where *plan.Expr
	if st.Where != nil {
		b := &binder{leaf: s.rowLeaf("WHERE"), now: &now, nodes: nodes}
		where = b.condition(st.Where, "WHERE")
		q.where = compiled(st.Where.position(), where)
		q.hints.take(rel, 0, where)
		q.hintJoined(where, rel, joined)
	}
	if grouped(st) || st.Window != nil {
		g := q.bindGroups(s, st, now, nodes)
		q.step = q.stepOf(rel, where, g)
		q.nameSlices(rel, where, g)
		return q, nil
	}
	q.bindRows(s, st, now, nodes)
	return q, nil
}

// Columns of the result.
func (q *Query) Columns() []Column { return q.columns }

func grouped(st *Select) bool {
	if len(st.GroupBy) > 0 || st.Having != nil {
		return true
	}
	for _, item := range st.Items {
		if item.Expr != nil && hasAggregate(item.Expr) {
			return true
		}
	}
	for _, o := range st.OrderBy {
		if hasAggregate(o.Expr) {
			return true
		}
	}
	return false
}

func compiled(at Pos, e *plan.Expr) expr.Func {
	f, err := expr.Compile(e)
	if err != nil {
		fail(at, "%s", err)
	}
	return f
}

func (q *Query) output(item Item, e *plan.Expr) {
	q.columns = append(q.columns, Column{outputName(item, len(q.columns)), typeOf(e)})
	q.outputs = append(q.outputs, compiled(item.Pos, e))
}

// bindRows is a query without groups. ORDER BY may name any column of the relation, or an alias.
func (q *Query) bindRows(s *scope, st *Select, now int64, nodes *work) {
	b := &binder{leaf: s.rowLeaf("SELECT"), now: &now, nodes: nodes}
	if st.Items[0].Expr == nil {
		for i, c := range s.Columns {
			q.columns = append(q.columns, c)
			q.outputs = append(q.outputs, compiled(st.Items[0].Pos, columnExpr(i, c.Type)))
		}
	} else {
		for _, item := range st.Items {
			q.output(item, b.bind(item.Expr))
		}
	}
	q.bindOrder(st, b)
}

func (q *Query) bindGroups(s *scope, st *Select, now int64, nodes *work) *grouping {
	if st.Items[0].Expr == nil {
		fail(st.Items[0].Pos, "* cannot stand beside GROUP BY or aggregates")
	}
	g := newGrouping(s, st, q.rewindow(s, st), &now, nodes)
	q.groups = &groups{time: slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == s.Time })}
	for _, k := range g.keys {
		q.groups.keys = append(q.groups.keys, compiled(k.expr.position(), k.bound))
	}
	b := g.binder(false)
	for _, item := range st.Items {
		q.output(item, b.bind(item.Expr))
	}
	if st.Having != nil {
		q.groups.having = compiled(st.Having.position(), g.binder(true).condition(st.Having, "HAVING"))
	}
	q.bindOrder(st, g.binder(true))
	q.states = g.states
	for i, a := range g.aggregates {
		maker, err := makerOf(a, g.merges[i])
		if err != nil {
			fail(st.at, "%s", err)
		}
		var argument expr.Func
		if a.Argument != nil {
			argument = compiled(st.at, a.Argument)
		}
		q.groups.layout = append(q.groups.layout, maker)
		q.groups.arguments = append(q.groups.arguments, argument)
	}
	return g
}

// makerOf makes an aggregate's states, or those that merge another's.
func makerOf(a, merges *plan.Aggregate) (func() aggregate.State, error) {
	if merges != nil {
		return newMergedState(merges)
	}
	return plan.State(a)
}

func upperOf(c *Call) string { return strings.ToUpper(c.Function) }

func isWindowCall(c *Call) bool {
	switch upperOf(c) {
	case "TUMBLE", "HOP", "SESSION":
		return true
	}
	return false
}

// bindOrder: an alias of the select list goes first, then a place in it (ORDER BY 2), then an expression.
func (q *Query) bindOrder(st *Select, b *binder) {
	for _, o := range st.OrderBy {
		key := orderKey{descending: o.Descending, nullsFirst: o.NullsFirst}
		switch x := o.Expr.(type) {
		case *Literal:
			if x.Kind != NumberLiteral {
				fail(x.Pos, "a literal orders nothing")
			}
			key.eval = q.outputs[place(x, len(q.columns))-1]
		case *Name:
			for i, item := range st.Items {
				if item.Alias != nil && x.Table == nil && sameIdent(x.Ident, *item.Alias) {
					key.eval = q.outputs[i]
				}
			}
		}
		if key.eval == nil {
			key.eval = compiled(o.Expr.position(), b.bind(o.Expr))
		}
		q.order = append(q.order, key)
	}
}

// anything stands for a row in COUNT(*).
var anything = value.OfBool(true)
