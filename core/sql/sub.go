package sql

import (
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// maxSubs is how deep sub-selects may stand in one another.
const maxSubs = 16

// fromSub reads a sub-select, or a query that has a name.
func fromSub(p *plan.Plan, sel *Select, v *plan.View, nodes *work) (*input, *scope) {
	sub, name := sel.Sub, "the sub-select"
	if sel.query != 0 {
		name = sel.From.Name
		v.Queries = append(v.Queries, sel.query)
	}
	in, inner := subSource(p, sub, v, nodes)
	s := &scope{Relation: Relation{Name: name}, alias: sel.Alias, nodes: nodes, width: inner.width, exprs: []*plan.Expr{}}
	b := &binder{leaf: inner.rowLeaf("a sub-select"), nodes: nodes}
	add := func(name string, at Pos, e *plan.Expr) {
		if s.find(Ident{Name: name}) >= 0 {
			fail(at, "two columns of the sub-select are named `%s`; give one of them another name: AS other", name)
		}
		s.Columns, s.exprs = append(s.Columns, Column{name, typeOf(e)}), append(s.exprs, e)
	}
	for i, item := range sub.Items {
		if item.Expr == nil {
			for c, column := range inner.Columns {
				add(column.Name, item.Pos, inner.reference(c))
			}
			continue
		}
		add(outputName(item, i), item.Pos, b.bind(item.Expr))
	}
	if sub.union != nil {
		sub.union.like(s, sub.at)
	}
	for _, j := range sel.Joins {
		if in.atCore() {
			unsupported(j.Pos, "JOIN over a view or a join of streams")
		}
		if j.Within != nil {
			unsupported(j.Pos, "a join of a sub-select with a stream")
		}
	}
	s.join(p, sel, v, nodes)
	return in, s
}

func subSource(p *plan.Plan, sub *Select, v *plan.View, nodes *work) (*input, *scope) {
	switch {
	case groupsItself(sub):
		unsupported(sub.at, "a SELECT that groups in a UNION ALL or in CREATE STREAM … AS")
	case sub.Window != nil:
		fail(sub.Window.Pos, "WINDOW stands in the SELECT that groups")
	case sub.OrderBy != nil || sub.Limit != nil || sub.Offset != nil:
		fail(sub.at, "a stream has no end, so a sub-select of it has no order and no limit")
	case sub.Emit != EmitUnsaid:
		fail(sub.EmitPos, "EMIT stands in the outer SELECT")
	}
	in, s := from(p, sub, v, nodes)
	s.where(sub.Where, v)
	return in, s
}

func groupsItself(sub *Select) bool {
	if sub.GroupBy != nil || sub.Having != nil {
		return true
	}
	for _, item := range sub.Items {
		if item.Expr != nil && hasAggregate(item.Expr) {
			return true
		}
	}
	return false
}

// where adds a condition to the view's filter.
func (s *scope) where(e Expr, v *plan.View) {
	if e == nil {
		return
	}
	b := &binder{leaf: s.rowLeaf("WHERE"), nodes: s.nodes}
	v.Filter = and(v.Filter, b.condition(e, "WHERE"))
}

// reference gives column i, as an expression over what edges have.
func (s *scope) reference(i int) *plan.Expr {
	if s.exprs == nil {
		return columnExpr(i, s.Columns[i].Type)
	}
	if s.nodes.n += weight(s.exprs[i]); s.nodes.n > maxNodes {
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

// queryOf reads a query's SELECT again; it was checked when it was made.
func queryOf(q *plan.Query) *Select {
	statements, err := Parse(q.Sql)
	if err != nil {
		panic(err)
	}
	sub := statements[0].(*CreateStream).Query
	for _, s := range append([]*Select{sub}, sub.More...) {
		s.at = Pos{}
	}
	return sub
}

// planQuery checks a CREATE STREAM … AS SELECT, and finds its columns.
func planQuery(p *plan.Plan, st *CreateStream) *plan.Query {
	q := &plan.Query{Name: st.Name.Name, Sql: st.Source()}
	outer := &Select{Sub: st.Query, Items: []Item{{}}}
	for _, one := range alternatives(p, outer) {
		nodes := newWork(p)
		v := &plan.View{Name: st.Name.Name}
		in, s := from(p, one, v, nodes)
		q.Uses = append(q.Uses, v.Queries...)
		for _, j := range v.Joins {
			q.Uses = append(q.Uses, j.Table)
		}
		switch {
		case in.stream != nil:
			q.Uses = append(q.Uses, in.stream.Id)
		case in.join != nil:
			q.Uses = append(q.Uses, in.join.left.Id, in.join.right.Id)
		}
		if in.made != nil {
			unsupported(st.Query.From.Pos, "CREATE STREAM … AS SELECT … FROM "+in.made.name)
		}
		if in.view != nil {
			fail(st.Query.From.Pos, "%s is a view, whose rows change; a view over it is made with CREATE VIEW", in.view.Name)
		}
		if q.Columns != nil {
			continue
		}
		for _, c := range s.Columns {
			if c.Type.Kind == value.Null {
				fail(st.Query.at, "column `%s` is always NULL and so has no type; CAST it", c.Name)
			}
			q.Columns = append(q.Columns, &plan.Column{Name: c.Name, Type: planType(c.Type)})
		}
	}
	return q
}
