package sql

import (
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// Push is a SELECT … EMIT CHANGES, ready to run: rows of its sources, as they are made, become rows of its columns. It keeps nothing between rows.
type Push struct {
	Columns []Column
	Limit   int64 // rows after which it ends; −1: none
	Sources []PushSource
}

// PushSource makes rows of what one view, pattern, route or join gives. Of a view those are its outputs, window_start, window_end, revision and final.
type PushSource struct {
	ID      uint32
	filter  expr.Func // nil: all
	outputs []expr.Func
}

// Row makes a row; false if WHERE hides it.
func (s *PushSource) Row(in []value.Value) ([]value.Value, bool) {
	if s.filter != nil && !s.filter(in).Bool() {
		return nil, false
	}
	row := make([]value.Value, len(s.outputs))
	for i, f := range s.outputs {
		row[i] = f(in)
	}
	return row, true
}

// CompilePush checks a push query. If it reads streams, next is the plan with a Watch, of id watch, that brings their rows to the core; if it
// reads a view, next is p. now (µs) is what NOW() gives.
func CompilePush(p *plan.Plan, st *Select, now int64) (q *Push, next *plan.Plan, watch uint32, err error) {
	defer catch(&err)
	if st.Emit == EmitFinal {
		fail(st.EmitPos, "EMIT FINAL stands in CREATE VIEW; EMIT CHANGES of a view that was made with it gives what is final")
	}
	switch {
	case grouped(st) || st.Window != nil:
		fail(st.at, "a push query gives rows as they come and groups nothing: CREATE VIEW … AS SELECT does, and SELECT … FROM that view EMIT CHANGES follows it")
	case st.OrderBy != nil || st.Offset != nil:
		fail(st.at, "a push query gives rows as they come: it has no ORDER BY and no OFFSET")
	}
	noShift(st)
	q = &Push{Limit: -1}
	if st.Limit != nil {
		q.Limit = *st.Limit
	}
	if v, ok := findNamed(p.GetViews(), st.From); ok && st.Sub == nil && len(st.Joins) == 0 {
		s := &scope{Relation: ViewRelation(v), alias: st.Alias}
		nodes := newWork(p)
		var filter *plan.Expr
		if st.Where != nil {
			filter = (&binder{leaf: s.rowLeaf("WHERE"), now: &now, nodes: nodes}).condition(st.Where, "WHERE")
		}
		q.source(v.Id, s, st, filter, now, nodes)
		return q, p, 0, nil
	}
	if def, ok := findNamed(p.GetPatterns(), st.From); ok && st.Sub == nil && len(st.Joins) == 0 {
		s := &scope{Relation: PatternRelation(def), alias: st.Alias}
		nodes := newWork(p)
		var filter *plan.Expr
		if st.Where != nil {
			filter = (&binder{leaf: s.rowLeaf("WHERE"), now: &now, nodes: nodes}).condition(st.Where, "WHERE")
		}
		q.source(def.Id, s, st, filter, now, nodes)
		return q, p, 0, nil
	}
	next = proto.CloneOf(p)
	w := &plan.Watch{Id: nextID(next)}
	routed := false
	for _, sel := range alternatives(next, st) {
		nodes := newWork(p)
		v := &plan.View{}
		in, s := pushFrom(next, sel, v, nodes)
		if len(v.Joins) > 0 {
			unsupported(sel.Joins[0].Pos, "JOIN with a table's file in a push query")
		}
		if sel.Where != nil {
			b := &binder{leaf: s.rowLeaf("WHERE"), now: &now, nodes: nodes}
			v.Filter = and(v.Filter, b.condition(sel.Where, "WHERE"))
		}
		var id uint32
		var rest *plan.Expr
		routed = routed || in.made == nil
		switch {
		case in.join != nil:
			id, rest = in.join.settle(next, v.Filter)
		case in.made != nil:
			id, rest = in.made.id, v.Filter
		default:
			r := &plan.Route{Stream: in.stream.Id, Filter: v.Filter}
			for i, c := range in.stream.Columns {
				if c.Key {
					r.KeyExprs = append(r.KeyExprs, columnExpr(i, c.Type.Value()))
				}
			}
			id = route(next, r)
		}
		q.source(id, s, sel, rest, now, nodes)
		w.Sources = append(w.Sources, id)
	}
	if !routed { // the core has what it wants
		return q, p, 0, nil
	}
	next.Watches = append(next.Watches, w)
	next.Version++
	next.Fences = nil
	if n := size(next); n > maxPlan {
		fail(st.at, "all definitions together would have %d bytes; at most %d fit", n, maxPlan)
	}
	return q, next, w.Id, nil
}

// pushFrom is from, and takes a table that a topic fills as well.
func pushFrom(p *plan.Plan, sel *Select, v *plan.View, nodes *work) (*input, *scope) {
	if stream, ok := findNamed(p.GetStreams(), sel.From); ok && sel.Sub == nil && stream.Table && len(sel.Joins) == 0 {
		return &input{stream: stream}, &scope{Relation: StreamRelation(stream), alias: sel.Alias, nodes: nodes, width: len(stream.Columns)}
	}
	in, s := from(p, sel, v, nodes)
	if in.view != nil {
		unsupported(sel.From.Pos, "a push query over a sub-select of a view")
	}
	return in, s
}

func (q *Push) source(id uint32, s *scope, st *Select, filter *plan.Expr, now int64, nodes *work) {
	from := PushSource{ID: id}
	b := &binder{leaf: s.rowLeaf("SELECT"), now: &now, nodes: nodes}
	first := q.Columns == nil
	add := func(c Column, at Pos, e *plan.Expr) {
		if first {
			q.Columns = append(q.Columns, c)
		}
		from.outputs = append(from.outputs, compiled(at, e))
	}
	for i, item := range st.Items {
		if item.Expr == nil {
			for c, column := range s.Columns {
				s.nodes = nodes
				add(column, item.Pos, s.reference(c))
			}
			continue
		}
		e := b.bind(item.Expr)
		add(Column{outputName(item, i), typeOf(e)}, item.Pos, e)
	}
	if filter != nil {
		from.filter = compiled(st.at, filter)
	}
	q.Sources = append(q.Sources, from)
}

// Unwatch gives the plan without a Watch, and without what only it needed; with 0, without any.
func Unwatch(p *plan.Plan, watch uint32) *plan.Plan {
	next := proto.CloneOf(p)
	next.Watches = nil
	for _, w := range p.Watches {
		if watch != 0 && w.Id != watch {
			next.Watches = append(next.Watches, w)
		}
	}
	if len(next.Watches) == len(p.Watches) {
		return p
	}
	prune(next)
	next.Version++
	return next
}
