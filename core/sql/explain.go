package sql

import (
	"fmt"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"google.golang.org/protobuf/proto"
)

// ExplainText shows what a statement, or what is behind a name, makes the edges do and the core do.
func ExplainText(p *plan.Plan, st *Explain, tables ...Relation) (text string, err error) {
	defer catch(&err)
	switch x := st.Statement.(type) {
	case nil:
		return explainName(p, *st.Name), nil
	case *Select:
		rel, err := Resolve(p, x, tables...)
		if err != nil {
			return "", err
		}
		others, err := ResolveJoins(p, x, tables...)
		if err != nil {
			return "", err
		}
		return explainSelect(x, rel, others, st.Scan), nil
	case *CreateStream:
		if x.Query != nil {
			return explainQuery(planQuery(proto.CloneOf(p), x)), nil
		}
		return explainStream(planStream(x)), nil
	case *CreateTable:
		if fromTopic(x) {
			return explainStream(planTopicTable(x)), nil
		}
		return explainTable(planTable(x)), nil
	case *CreatePattern:
		next := proto.CloneOf(p)
		return explainPattern(next, planPattern(next, x)), nil
	case *CreateAlert:
		return explainAlert(p, planAlert(p, x)), nil
	case *CreateView:
		next := proto.CloneOf(p)
		return explainView(next, planView(next, parts(next, x, nil))), nil
	}
	fail(st.Statement.Place(), "EXPLAIN is for CREATE STREAM, CREATE TABLE, CREATE VIEW, CREATE PATTERN, CREATE ALERT and SELECT")
	return "", nil
}

func explainName(p *plan.Plan, name Ident) string {
	if s, ok := findNamed(p.GetStreams(), name); ok {
		return explainStream(s)
	}
	if v, ok := findNamed(p.GetViews(), name); ok {
		return explainView(p, v)
	}
	if d, ok := findNamed(p.GetPatterns(), name); ok {
		return explainPattern(p, d)
	}
	if a, ok := findNamed(p.GetAlerts(), name); ok {
		return explainAlert(p, a)
	}
	if t, ok := findNamed(p.GetTables(), name); ok {
		return explainTable(t)
	}
	if q, ok := findNamed(p.GetQueries(), name); ok {
		return explainQuery(q)
	}
	names := append(append(namesOf(p.GetStreams()), namesOf(p.GetTables())...), namesOf(p.GetViews())...)
	names = append(append(names, namesOf(p.GetPatterns())...), namesOf(p.GetAlerts())...)
	fail(name.Pos, "no stream, table, view, pattern or alert `%s`%s", name.Name, didYouMean(name.Name, names))
	return ""
}

// tree is a line with lines below it.
type tree struct {
	line  string
	below []*tree
}

func (t *tree) add(format string, args ...any) *tree {
	t.below = append(t.below, &tree{line: fmt.Sprintf(format, args...)})
	return t.below[len(t.below)-1]
}

func (t *tree) text() string {
	var b strings.Builder
	b.WriteString(t.line + "\n")
	t.write(&b, "")
	return b.String()
}

func (t *tree) write(b *strings.Builder, indent string) {
	for i, c := range t.below {
		branch, next := "├─ ", "│  "
		if i == len(t.below)-1 {
			branch, next = "└─ ", "   "
		}
		b.WriteString(indent + branch + c.line + "\n")
		c.write(b, indent+next)
	}
}

func explainStream(s *plan.Stream) string {
	t := &tree{line: kindOf(s) + " " + s.Name}
	edge := t.add("edge: each reading")
	explainReading(edge, s)
	core := t.add("core")
	if s.Table {
		edge.add("forward  each reading as a row, by the table's key")
		core.add("rows     newest row per key")
		return t.text()
	}
	if s.Position == nil {
		core.add("nothing: no position, so no rows are forwarded")
		return t.text()
	}
	edge.add("forward  each reading as a row, for the map")
	core.add("rows     newest position per device")
	return t.text()
}

// explainReading is what edges do with a reading whatever the views.
func explainReading(t *tree, s *plan.Stream) {
	t.add("decode   %s from topic %s", s.Format, s.Topic)
	event := "time of arrival"
	switch s.Format {
	case "senml", "line", "sparkplug":
		event = "the message's own, or of arrival"
	}
	if s.Timestamp >= 0 {
		event = quoteName(Ident{Name: s.Columns[s.Timestamp].Name})
	}
	t.add("time     %s, up to %s out of order", event, spanText(s.DisorderUs))
	switch s.Dedupe {
	case "none":
		t.add("dedupe   none: all that arrives counts")
	case "content":
		t.add("dedupe   equal key, time and payload count once")
	default:
		t.add("dedupe   by the device's own counter %s", strings.TrimPrefix(s.Dedupe, "sequence:"))
	}
	if s.Overflow == "latest_per_pane" {
		t.add("overflow of an outage: the newest row of each key and pane is kept longest")
	}
}

func explainView(p *plan.Plan, v *plan.View) string {
	var stream *plan.Stream
	for _, s := range p.GetStreams() {
		if s.Id == v.Stream {
			stream = s
		}
	}
	if v.Core {
		return explainDerived(p, v)
	}
	t := &tree{line: "view " + v.Name + " over stream " + stream.GetName()}
	edge := t.add("edge: each reading")
	explainReading(edge, stream)
	columns := explainJoins(edge, p, v, stream)
	if v.Filter != nil {
		edge.add("filter   %s", Format(written(v.Filter, columns)))
	}
	for _, m := range plan.Sides(v)[1:] {
		explainSide(t, p, m)
	}
	edge.add("key      %s", keysText(v, columns))
	if v.PaneUs > 0 {
		edge.add("pane     %s of event time", spanText(v.PaneUs))
	} else {
		edge.add("pane     one for ever")
	}
	if others := sharing(p, v); len(others) > 0 {
		edge.add("share    its look-up and equal aggregates with %s", strings.Join(others, ", "))
	}
	edge.add("observe  %s", strings.Join(aggregateTexts(v, columns), ", "))
	edge.add("forward  what each pane gained, merged per key")
	explainCore(t.add("core: each delta"), p, v, columns)
	return t.text()
}

// sharing names the other views that have the same panes on an edge.
func sharing(p *plan.Plan, v *plan.View) (others []string) {
	group, err := plan.Group(v)
	for _, o := range p.GetViews() {
		if same, e := plan.Group(o); err == nil && e == nil && same == group && o.Name != v.Name {
			others = append(others, o.Name)
		}
	}
	return others
}

func explainTable(def *plan.Table) string {
	t := &tree{line: "table " + def.Name}
	core := t.add("core")
	core.add("read     %s, %s, and again when it changes", def.File, def.Format)
	core.add("send     its rows to the edges whose views join it")
	return t.text()
}

// explainJoins shows the look-ups, and gives the names of the columns after them.
func explainJoins(edge *tree, p *plan.Plan, v *plan.View, stream *plan.Stream) []Expr {
	columns := namesAsExprs(stream.GetColumns())
	for _, j := range v.Joins {
		for _, t := range p.GetTables() {
			if t.Id != j.Table {
				continue
			}
			var terms []string
			for _, c := range t.Columns {
				name := &Name{Table: &Ident{Name: t.Name}, Ident: Ident{Name: c.Name}}
				if c.Key {
					terms = append(terms, Format(&Call{Function: "=", Args: []Expr{name, written(j.On[len(terms)], columns)}}))
				}
			}
			missing := "drop what finds none"
			if j.Left {
				missing = "NULLs for what finds none"
			}
			edge.add("join     %s of %d rows on %s; %s", t.Name, t.Rows, strings.Join(terms, " AND "), missing)
			for _, c := range t.Columns {
				columns = append(columns, &Name{Table: &Ident{Name: t.Name}, Ident: Ident{Name: c.Name}})
			}
		}
	}
	return columns
}

func explainCore(core *tree, p *plan.Plan, v *plan.View, columns []Expr) {
	after := afterGrouping(v, columns)
	if len(v.Keys) == 0 {
		core.add("route    one partition: there is no key")
	} else {
		core.add("route    hash(%s) mod %d", strings.Join(namesOf(v.Keys), ", "), p.GetPartitions())
	}
	core.add("merge    panes of all edges into %s", windowText(v))
	if v.AdvanceUs > 0 {
		core.add("slide    each window is %d panes, merged by two stacks; a key keeps up to %d", v.WindowUs/v.PaneUs, (v.WindowUs+v.AdvanceUs)/v.PaneUs)
	}
	if v.WindowUs > 0 || v.GapUs > 0 {
		core.add("late     %s", lateText(v.GraceUs))
	}
	if v.Having != nil {
		core.add("having   %s", Format(written(v.Having, after)))
	}
	for i, o := range v.Outputs {
		core.add("column   %s", definition(o.Name, Format(written(v.OutputExprs[i], after))))
	}
	if v.EmitFinal {
		core.add("emit     once, when final")
	} else {
		core.add("emit     each change")
	}
	if v.RetentionUs > 0 {
		core.add("keep     %s, counted back from the watermark", spanText(v.RetentionUs))
	} else {
		core.add("keep     for good")
	}
}

func explainSelect(st *Select, rel Relation, joined []Relation, how func(v *plan.View, q *Query) []string) string {
	q, err := CompileSelect(st, rel, 0, joined...)
	if err != nil {
		panic(err) // it is an *Error
	}
	t := &tree{line: "select from " + rel.Name}
	t.add("edge: nothing")
	core := t.add("core: each partition's rows")
	scan := "all rows"
	if start, end := q.TimeRange(); start != Everything || end != Everything {
		scan = "rows within a range of time"
	}
	scanned := core.add("scan     %s", scan)
	if how != nil && rel.View != nil {
		for _, line := range how(rel.View, q) {
			scanned.add("%s", line)
		}
	}
	for i, j := range st.Joins {
		core.add("join     all rows of %s, found by hash: %s", joined[i].Name, Format(j.On))
	}
	if st.Where != nil {
		core.add("filter   %s", Format(st.Where))
	}
	if q.groups != nil {
		core.add("group    by %d keys, %d aggregates", len(q.groups.keys), len(q.groups.layout))
	}
	if st.Having != nil {
		core.add("having   %s", Format(st.Having))
	}
	for i, c := range q.columns {
		if st.Items[0].Expr != nil {
			core.add("column   %s", definition(c.Name, Format(st.Items[i].Expr)))
		}
	}
	for _, o := range st.OrderBy {
		core.add("order    by %s", Format(o.Expr))
	}
	if st.Limit != nil {
		core.add("limit    %d", *st.Limit)
	}
	if st.Offset != nil {
		core.add("offset   %d", *st.Offset)
	}
	return t.text()
}
