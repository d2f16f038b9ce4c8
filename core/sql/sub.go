package sql

import (
	"github.com/hexpane/hexpane/protocol/plan"
	"google.golang.org/protobuf/proto"
)

// maxSubs is how deep sub-selects may stand in one another.
const maxSubs = 16

// from finds what a view reads: a stream, or a sub-select over one, whose columns are written out where they are used and whose WHERE and
// JOINs become the view's. Edges see one filter and one list of joins, however the statement was written.
func from(p *plan.Plan, sel *Select, v *plan.View, nodes *int) (*plan.Stream, *scope) {
	if sel.Sub == nil {
		stream := streamOf(p, sel)
		s := &scope{Relation: StreamRelation(stream), alias: sel.Alias, nodes: nodes, width: len(stream.Columns)}
		s.join(p, sel, v, nodes)
		return stream, s
	}
	stream, inner := fromSub(p, sel.Sub, v, nodes)
	s := &scope{Relation: Relation{Name: "the sub-select"}, alias: sel.Alias, nodes: nodes, width: inner.width, exprs: []*plan.Expr{}}
	b := &binder{leaf: inner.rowLeaf("a sub-select"), nodes: nodes}
	add := func(name string, at Pos, e *plan.Expr) {
		if s.find(Ident{Name: name}) >= 0 {
			fail(at, "two columns of the sub-select are named `%s`; give one of them another name: AS other", name)
		}
		s.Columns, s.exprs = append(s.Columns, Column{name, typeOf(e)}), append(s.exprs, e)
	}
	for i, item := range sel.Sub.Items {
		if item.Expr == nil {
			for c, column := range inner.Columns {
				add(column.Name, item.Pos, inner.reference(c))
			}
			continue
		}
		if hasAggregate(item.Expr) {
			unsupported(item.Pos, "a sub-select that groups")
		}
		add(outputName(item, i), item.Pos, b.bind(item.Expr))
	}
	s.join(p, sel, v, nodes)
	return stream, s
}

func fromSub(p *plan.Plan, sub *Select, v *plan.View, nodes *int) (*plan.Stream, *scope) {
	switch {
	case sub.GroupBy != nil || sub.Having != nil:
		unsupported(sub.at, "a sub-select that groups")
	case sub.Window != nil:
		fail(sub.Window.Pos, "WINDOW stands in the outer SELECT, which groups")
	case sub.OrderBy != nil || sub.Limit != nil || sub.Offset != nil:
		fail(sub.at, "a stream has no end, so a sub-select of it has no order and no limit")
	case sub.Emit != EmitUnsaid:
		fail(sub.EmitPos, "EMIT stands in the outer SELECT")
	}
	stream, s := from(p, sub, v, nodes)
	s.where(sub.Where, v)
	return stream, s
}

// where adds a condition to the view's filter.
func (s *scope) where(e Expr, v *plan.View) {
	if e == nil {
		return
	}
	b := &binder{leaf: s.rowLeaf("WHERE"), nodes: s.nodes}
	condition := b.condition(e, "WHERE")
	if v.Filter != nil {
		condition = callExpr("AND", typeOf(v.Filter), []*plan.Expr{v.Filter, condition})
	}
	v.Filter = condition
}

// reference gives column i, as an expression over what edges have.
func (s *scope) reference(i int) *plan.Expr {
	if s.exprs == nil {
		return columnExpr(i, s.Columns[i].Type)
	}
	if *s.nodes += weight(s.exprs[i]); *s.nodes > maxNodes {
		fail(Pos{}, "the statement is too large once its sub-selects are written out")
	}
	return proto.CloneOf(s.exprs[i])
}

func weight(e *plan.Expr) int {
	n := 1
	for _, a := range e.GetCall().GetArguments() {
		n += weight(a)
	}
	return n
}
