package sql

import (
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
)

func explainQuery(q *plan.Query) string {
	t := &tree{line: "stream " + q.Name + " made of others"}
	t.add("edge: nothing for it alone; it is written out in the views that read it")
	t.add("core: nothing for it alone")
	return t.text()
}

// explainSide is one more SELECT of a UNION ALL.
func explainSide(t *tree, p *plan.Plan, side *plan.View) {
	for _, s := range p.GetStreams() {
		if s.Id != side.Stream {
			continue
		}
		edge := t.add("edge: each reading of stream %s, too", s.Name)
		explainReading(edge, s)
		columns := explainJoins(edge, p, side, s)
		if side.Filter != nil {
			edge.add("filter   %s", Format(written(side.Filter, columns)))
		}
		edge.add("key      %s", keysText(side, columns))
		edge.add("observe  %s", strings.Join(aggregateTexts(side, columns), ", "))
	}
}

// explainDerived is a view whose panes the core makes: over another view, or over a join of streams.
func explainDerived(p *plan.Plan, v *plan.View) string {
	t := &tree{line: "view " + v.Name + " over " + SourceName(p, v)}
	var columns []Expr
	var rows *tree
	for _, below := range p.GetViews() {
		if below.Id == v.Stream {
			t.add("edge: nothing; see EXPLAIN %s", quoteName(Ident{Name: below.Name}))
			columns = namesAsExprs(below.Outputs)
			rows = t.add("core: each row of %s that changes, where it is", below.Name)
		}
	}
	for _, d := range p.GetPatterns() {
		if d.Id == v.Stream {
			t.add("edge: nothing; see EXPLAIN %s", quoteName(Ident{Name: d.Name}))
			columns = relationNames(PatternRelation(d))
			rows = t.add("core: each match of %s, where it is found", d.Name)
		}
	}
	for _, j := range p.GetJoins() {
		if j.Id == v.Stream {
			columns = explainJoin(t, p, j)
			rows = t.add("core: each row of the join, where it is made")
		}
	}
	if v.Stream == plan.FenceEvents {
		t.add("edge: the rows of streams with a position, as for the map")
		columns = nil
		for _, c := range FenceEvents.Columns {
			columns = append(columns, &Name{Ident: Ident{Name: c.Name}})
		}
		rows = t.add("core: each event at a fence, once no position can come any more that would change it")
	}
	if v.Filter != nil {
		rows.add("filter   %s", Format(written(v.Filter, columns)))
	}
	rows.add("key      %s", keysText(v, columns))
	if v.Inherits {
		rows.add("pane     the window that the row is of")
	} else if v.PaneUs > 0 {
		rows.add("pane     %s of event time", spanText(v.PaneUs))
	} else {
		rows.add("pane     one for ever")
	}
	rows.add("observe  %s", strings.Join(aggregateTexts(v, columns), ", "))
	if v.Upserts {
		rows.add("keep     what each row gave last, to take it back")
	}
	rows.add("send     to the partition of its key, in the commit that made the row")
	explainCore(t.add("core: what comes of it"), p, v, columns)
	return t.text()
}

// explainJoin shows both routes and the join, and gives the names of its columns.
func explainJoin(t *tree, p *plan.Plan, j *plan.StreamJoin) (columns []Expr) {
	left, right := sides(p, j)
	names := map[uint32]*plan.Stream{j.Left: left, j.Right: right}
	var on []string
	for _, id := range []uint32{j.Left, j.Right} {
		s := names[id]
		edge := t.add("edge: each reading of %s %s", kindOf(s), s.Name)
		explainReading(edge, s)
		own := namesAsExprs(s.Columns)
		for _, r := range p.GetRoutes() {
			if r.Id != id {
				continue
			}
			if r.Filter != nil {
				edge.add("filter   %s", Format(written(r.Filter, own)))
			}
			var keys []string
			for _, k := range r.KeyExprs {
				keys = append(keys, Format(written(k, own)))
			}
			on = append(on, strings.Join(keys, ", "))
			edge.add("forward  each reading as a row, by %s", strings.Join(keys, ", "))
		}
		for _, c := range s.Columns {
			columns = append(columns, &Name{Table: &Ident{Name: s.Name}, Ident: Ident{Name: c.Name}})
		}
	}
	core := t.add("core: each row")
	core.add("route    hash(%s) mod %d", on[0], p.GetPartitions())
	if j.Latest {
		core.add("wait     until the watermark of %s passes it", left.Name)
		core.add("join     the row of %s that was newest at its time", right.Name)
		core.add("keep     of %s the newest row per key, and newer ones", right.Name)
	} else {
		core.add("join     rows of %s from %s before to %s after it", right.Name, spanText(j.BeforeUs), spanText(j.AfterUs))
		core.add("late     taken up to %s behind the watermark, then counted", spanText(j.GraceUs))
		core.add("keep     of %s for %s, of %s for %s of event time", left.Name, spanText(j.AfterUs+j.GraceUs), right.Name, spanText(j.BeforeUs+j.GraceUs))
	}
	if j.Condition != nil {
		core.add("if       %s", Format(written(j.Condition, columns)))
	}
	if j.Outer {
		core.add("missing  NULLs for what finds none, once none can come any more")
	}
	return columns
}
