package sql

import (
	"fmt"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
)

func withinText(d *plan.Pattern) string {
	if d.WithinUs == 0 {
		return ""
	}
	return spanText(d.WithinUs)
}

func relationNames(r Relation) []Expr {
	var names []Expr
	for _, c := range r.Columns {
		names = append(names, &Name{Ident: Ident{Name: c.Name}})
	}
	return names
}

func explainPattern(p *plan.Plan, d *plan.Pattern) string {
	r, stream := patternRoute(p, d), patternStream(p, d)
	columns := namesAsExprs(stream.GetColumns())
	t, what := &tree{line: "pattern " + d.Name + " over stream " + stream.GetName()}, "reading"
	var edge *tree
	if stream.GetId() == plan.FenceEvents {
		t.line, what = "pattern "+d.Name+" over "+stream.GetName(), "event"
		edge = t.add("core: each event at a fence, once no position can come any more that would change it")
	} else {
		edge = t.add("edge: each reading")
		explainReading(edge, stream)
	}
	if r.GetFilter() != nil {
		edge.add("filter   %s", Format(written(r.Filter, columns)))
	}
	var keys []string
	for _, k := range d.KeyExprs {
		keys = append(keys, Format(written(k, columns)))
	}
	core := t.add("core: each row")
	if len(keys) == 0 {
		edge.add("forward  each %s as a row", what)
		core.add("route    one partition: there is no PARTITION BY")
	} else {
		edge.add("forward  each %s as a row, by %s", what, strings.Join(keys, ", "))
		core.add("route    hash(%s) mod %d", strings.Join(keys, ", "), p.GetPartitions())
	}
	if d.OnArrival {
		core.add("arrive   matched with the rows that are there, in the order of their event times; what an earlier row changes is told again, or withdrawn")
	}
	core.add("wait     until the watermark has passed it; rows of a key in the order of their event times")
	core.add("late     what comes after the watermark goes to the table late")
	core.add("match    %s", shapeText(d, d.Shape, false))
	explainMatch(core, d, append(columns, &Name{Ident: Ident{Name: "ROWTIME"}}))
	return t.text()
}

func explainMatch(core *tree, d *plan.Pattern, columns []Expr) {
	names := append(columns[:len(columns):len(columns)], references(d, columns)...)
	for _, v := range d.Variables {
		if v.Define != nil {
			core.add("define   %s: %s", quoteName(Ident{Name: v.Name}), Format(written(v.Define, names)))
		} else {
			core.add("define   %s: any row", quoteName(Ident{Name: v.Name}))
		}
	}
	if d.WithinUs > 0 {
		core.add("within   %s from the first row to the last", spanText(d.WithinUs))
	} else {
		core.add("within   pattern.max_age: no WITHIN is given, and an older match that is not complete is given up, counted")
	}
	core.add("skip     %s", skipText(d))
	per := "one row per match"
	if d.AllRows {
		per = "all rows per match"
	}
	if d.OnArrival {
		per += ", to SELECT, push queries and viewers on arrival; to all"
	}
	core.add("emit     %s, once, when it is certain", per)
	for i, o := range d.Outputs {
		core.add("column   %s", definition(o.Name, Format(written(d.Measures[i], names))))
	}
	core.add("bound    per key: pattern.max_waiting rows that wait, pattern.max_rows that a match may need, pattern.max_partial partial matches; what is given up is counted")
}

func skipText(d *plan.Pattern) string {
	var to []string
	for _, v := range d.SkipTo {
		to = append(to, d.Variables[v].Name)
	}
	switch d.Skip {
	case plan.Skip_TO_NEXT_ROW:
		return "to the next row"
	case plan.Skip_TO_FIRST:
		return "to the first row of " + strings.Join(to, " or ")
	case plan.Skip_TO_LAST:
		return "to the last row of " + strings.Join(to, " or ")
	}
	return "past the last row"
}

// references writes what looks at other rows as it is called.
func references(d *plan.Pattern, columns []Expr) []Expr {
	var list []Expr
	for _, r := range d.References {
		var of *Ident
		var names []string
		for _, v := range r.Variables {
			names = append(names, d.Variables[v].Name)
		}
		if names != nil {
			of = &Ident{Name: strings.Join(names, "|")}
		}
		own := make([]Expr, len(columns))
		for i, c := range columns {
			own[i] = &Name{Table: of, Ident: c.(*Name).Ident}
		}
		c := &Call{Function: r.Kind.String()}
		switch {
		case r.Kind == plan.Reference_AGGREGATE && r.Argument == nil && of == nil:
			c = &Call{Function: r.Function, Star: true}
		case r.Kind == plan.Reference_AGGREGATE && r.Argument == nil:
			c = &Call{Function: r.Function, Args: []Expr{&Name{Table: of, Ident: Ident{Name: "rows"}}}}
		case r.Kind == plan.Reference_AGGREGATE:
			c = aggregateCall(&plan.Aggregate{Function: r.Function, Argument: r.Argument, Parameters: r.Parameters}, own)
		case r.Argument != nil:
			c.Args = []Expr{written(r.Argument, own)}
		}
		if back := r.Offset; back > 1 || back == 1 && r.Kind != plan.Reference_PREV {
			c.Args = append(c.Args, &Literal{Kind: NumberLiteral, Text: fmt.Sprint(back)})
		}
		list = append(list, c)
	}
	return list
}

// shapeText writes PATTERN (…) back. inner says that a choice needs brackets, and so does a sequence with a quantifier behind it.
func shapeText(d *plan.Pattern, s *plan.Shape, inner bool) string {
	name := func(v uint32) string { return quoteName(Ident{Name: d.Variables[v].Name}) }
	join := func(list []*plan.Shape, between string, one bool) string {
		var texts []string
		for _, s := range list {
			texts = append(texts, shapeText(d, s, one))
		}
		return strings.Join(texts, between)
	}
	text := ""
	switch x := s.GetNode().(type) {
	case *plan.Shape_Variable:
		return name(x.Variable)
	case *plan.Shape_Sequence:
		text = join(x.Sequence.Shapes, " ", true)
	case *plan.Shape_Alternation:
		text = join(x.Alternation.Shapes, " | ", false)
	case *plan.Shape_Repeat:
		return shapeText(d, x.Repeat.Shape, true) + timesText(x.Repeat)
	case *plan.Shape_Followed:
		text = "FOLLOWED BY "
		if x.Followed.Any {
			text += "ANY "
		}
		return text + shapeText(d, x.Followed.Shape, true)
	case *plan.Shape_Absent:
		var names []string
		for _, v := range x.Absent.Variables {
			names = append(names, name(v))
		}
		return "NOT FOLLOWED BY " + strings.Join(names, " | ")
	}
	if inner {
		return "(" + text + ")"
	}
	return text
}

func timesText(r *plan.Repeat) string {
	text := ""
	switch {
	case r.Least == 0 && r.Most == 0:
		text = "*"
	case r.Least == 1 && r.Most == 0:
		text = "+"
	case r.Least == 0 && r.Most == 1:
		text = "?"
	case r.Most == 0:
		text = fmt.Sprintf("{%d,}", r.Least)
	case r.Least == r.Most:
		text = fmt.Sprintf("{%d}", r.Least)
	default:
		text = fmt.Sprintf("{%d,%d}", r.Least, r.Most)
	}
	if r.Reluctant {
		text += "?"
	}
	return text
}
