package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// What a view that does not say gets.
const (
	// defaultGrace is ksqlDB's. Late readings of an edge that was cut off for hours are the reason to be here, and
	// waiting costs nothing but the final mark: results show at once and closed panes are kept anyway.
	defaultGrace = 24 * 3600_000_000
	// defaultFinalGrace: who asks for EMIT FINAL wants one result, when the watermark passes the window's end.
	defaultFinalGrace = 0
	defaultRetention  = 7 * 24 * 3600_000_000
)

// viewColumns are what every view has besides its outputs.
var viewColumns = []Column{
	{"window_start", value.Type{Kind: value.Timestamp}}, {"window_end", value.Type{Kind: value.Timestamp}},
	{"revision", value.Type{Kind: value.Int}}, {"final", value.Type{Kind: value.Bool}},
}

// ViewRelation is a view as pull queries see it: its outputs, then window_start, window_end, revision and final.
func ViewRelation(v *plan.View) Relation {
	r := Relation{Name: v.Name, Time: "window_start", View: v}
	for _, c := range v.Outputs {
		r.Columns = append(r.Columns, Column{c.Name, c.Type.Value()})
	}
	r.Columns = append(r.Columns, viewColumns...)
	return r
}

// StreamRelation is a stream's columns.
func StreamRelation(s *plan.Stream) Relation {
	r := Relation{Name: s.Name, Columns: columnsOf(s.Columns)}
	if s.Timestamp >= 0 {
		r.Time = r.Columns[s.Timestamp].Name
	}
	return r
}

// planView checks a CREATE VIEW and gives its definition, without an id. The routes and joins that it needs are put into the plan.
func planView(p *plan.Plan, st *CreateView) *plan.View {
	var all []*plan.View
	for _, sel := range alternatives(p, st.Query) {
		all = append(all, planSelect(p, sel, &plan.View{Name: st.Name.Name, Sql: st.Source()}))
	}
	return unite(st.Query.at, all)
}

func planSelect(p *plan.Plan, sel *Select, v *plan.View) *plan.View {
	nodes := newWork(p)
	in, s := from(p, sel, v, nodes)
	if sel.OrderBy != nil || sel.Limit != nil || sel.Offset != nil {
		fail(sel.at, "a view has no order and no limit; they stand in the SELECT that reads it")
	}
	window, groupBy := windowOf(sel, in, s)
	if in.view != nil {
		overWindow(v, sel, window, in.view)
		if v.Inherits {
			groupBy = slices.DeleteFunc(groupBy, func(e Expr) bool { n, ok := e.(*Name); return ok && isBound(n, s) })
		}
	} else {
		setWindow(v, sel, window)
	}
	s.where(sel.Where, v)
	items := viewItems(s, sel, groupBy)
	g := newGrouping(s, &Select{Items: items}, groupBy, nil, nodes)
	g.windowed = in.view == nil || s.Time != ""
	for _, k := range g.keys {
		if typeOf(k.bound).Kind == value.Null {
			fail(k.expr.position(), "NULL groups nothing")
		}
		v.Keys = append(v.Keys, &plan.Column{Name: k.name, Type: k.bound.Type})
		v.KeyExprs = append(v.KeyExprs, k.bound)
	}
	outputs := g.binder(false)
	for _, item := range items {
		addOutput(v, item, outputs.bind(item.Expr))
	}
	if sel.Having != nil {
		v.Having = g.binder(true).condition(sel.Having, "HAVING")
	}
	if len(g.aggregates) == 0 { // a group there is, is a count
		g.aggregates = []*plan.Aggregate{{Function: "COUNT", Type: planType(value.Type{Kind: value.Int})}}
	}
	if v.GapUs > 0 { // the core finds sessions by it
		g.aggregates = append(g.aggregates, &plan.Aggregate{Function: "SPAN", Type: planType(value.Type{Kind: value.Int})})
	}
	v.Aggregates = g.aggregates
	for _, e := range append(v.OutputExprs, v.Having) {
		g.settle(e)
	}
	switch {
	case in.stream != nil:
		v.Stream = in.stream.Id
	case in.view != nil:
		v.Stream = in.view.Id
	case in.made != nil:
		v.Core, v.Stream = true, in.made.id
	default:
		v.Core = true
		v.Stream, v.Filter = in.join.settle(p, v.Filter)
	}
	compiles(sel.at, v)
	return v
}

// viewItems leaves out window_start and window_end under their own names, which every view has anyway.
func viewItems(s *scope, sel *Select, groupBy []Expr) []Item {
	var items []Item
	aggregates := len(groupBy) > 0
	for _, item := range sel.Items {
		if item.Expr == nil {
			fail(item.Pos, "a view names its columns; * is for the SELECT that reads it")
		}
		aggregates = aggregates || hasAggregate(item.Expr)
		if n, ok := item.Expr.(*Name); ok && s.find(n.Ident) < 0 {
			i, bound := windowBounds[strings.ToUpper(n.Ident.Name)]
			if bound && (item.Alias == nil || item.Alias.Is(viewColumns[i].Name)) {
				continue
			}
		}
		items = append(items, item)
	}
	if !aggregates {
		b := &binder{leaf: s.rowLeaf("SELECT"), nodes: &work{fences: s.nodes.fences}}
		for _, item := range items { // a misspelt aggregate is the likelier mistake
			b.bind(item.Expr)
		}
		fail(sel.at, "a view groups its stream: it needs an aggregate (COUNT(*), AVG(x) …) or GROUP BY")
	}
	if len(items) == 0 {
		fail(sel.at, "a view needs a column besides its window's bounds")
	}
	return items
}

// addOutput names the column; names that nobody chose are made unique, chosen ones must be.
func addOutput(v *plan.View, item Item, e *plan.Expr) {
	name := outputName(item, len(v.Outputs))
	if typeOf(e).Kind == value.Null {
		fail(item.Expr.position(), "column `%s` is always NULL and so has no type; CAST it", name)
	}
	for _, c := range viewColumns {
		if strings.EqualFold(name, c.Name) {
			fail(item.Pos, "every view has a column `%s` already; choose another name", c.Name)
		}
	}
	taken := func(name string) bool { _, ok := findNamed(v.Outputs, Ident{Name: name}); return ok }
	if taken(name) && item.Alias != nil {
		fail(item.Alias.Pos, "two columns are named `%s`", name)
	}
	base := name
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	v.Outputs = append(v.Outputs, &plan.Column{Name: name, Type: e.Type})
	v.OutputExprs = append(v.OutputExprs, e)
}

// compiles makes sure that what is planned can run: an edge must never be the first to find out.
func compiles(at Pos, v *plan.View) {
	all := append([]*plan.Expr{v.Filter, v.Having}, v.KeyExprs...)
	all = append(all, v.OutputExprs...)
	for _, a := range v.Aggregates {
		all = append(all, a.Argument)
	}
	for _, j := range v.Joins {
		all = append(all, j.On...)
	}
	for _, e := range all {
		if e == nil {
			continue
		}
		if _, err := expr.Compile(e); err != nil {
			fail(at, "%s", err)
		}
	}
	if _, err := plan.Layout(v); err != nil {
		fail(at, "%s", err)
	}
}
