package sql

import (
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// MatchColumns are what every row of a pattern has behind its own columns: the match's name, and the event times of its first and last row.
var MatchColumns = []Column{{"match_id", text}, {"match_start", value.Type{Kind: value.Timestamp}}, {"match_end", value.Type{Kind: value.Timestamp}}}

// ArrivalColumns are behind those of a pattern with EMIT ON ARRIVAL: how often the match has changed, whether the watermark has passed it, and whether it
// is none any more.
var ArrivalColumns = []Column{{"revision", value.Type{Kind: value.Int}}, {"final", value.Type{Kind: value.Bool}}, {"withdrawn", value.Type{Kind: value.Bool}}}

// PatternRelation is a pattern as SELECTs see it: its columns, then match_id, match_start and match_end, and of some ArrivalColumns.
func PatternRelation(def *plan.Pattern) Relation {
	return Relation{Name: def.Name, Columns: append(columnsOf(def.Outputs), addedColumns(def)...), Time: "match_end"}
}

func addedColumns(def *plan.Pattern) []Column {
	if def.OnArrival {
		return slices.Concat(MatchColumns, ArrivalColumns)
	}
	return MatchColumns
}

// PatternSource is the name of the stream that a pattern reads.
func PatternSource(p *plan.Plan, def *plan.Pattern) string {
	if s := patternStream(p, def); s != nil {
		return s.Name
	}
	return ""
}

func patternRoute(p *plan.Plan, def *plan.Pattern) *plan.Route {
	for _, r := range p.GetRoutes() {
		if r.Id == def.Stream {
			return r
		}
	}
	return nil
}

func patternStream(p *plan.Plan, def *plan.Pattern) *plan.Stream {
	if patternRoute(p, def).GetStream() == plan.FenceEvents {
		return fenceEvents()
	}
	for _, s := range p.GetStreams() {
		if s.Id == patternRoute(p, def).GetStream() {
			return s
		}
	}
	return nil
}

// fenceEvents is fence_events in the shape of a stream.
func fenceEvents() *plan.Stream {
	s := &plan.Stream{Id: plan.FenceEvents, Name: FenceEvents.Name}
	for i, c := range FenceEvents.Columns {
		s.Columns = append(s.Columns, &plan.Column{Name: c.Name, Type: planType(c.Type)})
		if c.Name == FenceEvents.Time {
			s.Timestamp = int32(i)
		}
	}
	return s
}

// PatternKey gives of an output the key (PARTITION BY) that it shows as it is, else −1.
func PatternKey(def *plan.Pattern, output int) int {
	return slices.IndexFunc(def.KeyExprs, func(k *plan.Expr) bool { return proto.Equal(k, def.Measures[output]) })
}

func createPattern(p *plan.Plan, st *CreatePattern) (string, bool) {
	free(p, st.Create, "pattern")
	old, exists := findNamed(p.Patterns, st.Name)
	if exists && keep(st.Create, "pattern", old.Name, old.Sql, st.Source()) {
		return "pattern " + old.Name + " exists already", false
	}
	if exists {
		built(p, st.Name.Pos, "pattern "+old.Name+" cannot be replaced", old.Id)
	} else if len(p.Patterns) == maxDefined {
		fail(st.Name.Pos, "there are %d patterns already; no more fit", maxDefined)
	}
	def := planPattern(p, st)
	def.Id = nextID(p)
	p.Patterns = put(p.Patterns, def)
	if exists {
		return "pattern " + def.Name + " replaced; what it waited for and its matches are dropped", true
	}
	return "pattern " + def.Name + " created", true
}

// planPattern checks a CREATE PATTERN and gives its definition, without an id. Its route is put into the plan.
func planPattern(p *plan.Plan, st *CreatePattern) *plan.Pattern {
	sel, m := st.Query, st.Query.Match
	bareMatch(sel)
	nodes := newWork(p)
	stream, s, v := patternInput(p, sel, st.Name.Name, nodes)
	def := &plan.Pattern{Name: st.Name.Name, Sql: st.Source(), Columns: uint32(len(stream.Columns) + 1), AllRows: m.AllRows, Skip: m.Skip,
		WithinUs: m.Within, Queries: v.Queries, OnArrival: sel.Emit == EmitOnArrival}
	b := &matchBinder{def: def, scope: s, stream: stream, nodes: nodes, known: map[string]int{}, subsets: map[string][]uint32{}, defining: -1}
	b.variables(m)
	out := &scope{Relation: Relation{Name: st.Name.Name}, alias: m.Alias, nodes: nodes, exprs: []*plan.Expr{}}
	b.keys(m, out)
	patternOrder(m, stream, s)
	b.defines(m)
	if gap := m.Shape.leading(); gap != nil {
		fail(gap.Pos, "a pattern begins with a row: nothing is there yet that FOLLOWED BY or NOT FOLLOWED BY could follow")
	}
	if end := m.Shape.waiting(); end != nil && m.Within == 0 {
		fail(end.Pos, "NOT FOLLOWED BY at the end of a pattern needs WITHIN: else nobody knows when to stop waiting")
	}
	b.measures(m, out)
	b.outputs(sel, out)
	filter := v.Filter
	for _, c := range b.common(m) {
		filter = and(filter, c)
	}
	patternCompiles(sel.at, def, filter)
	def.Stream = route(p, &plan.Route{Stream: stream.Id, Filter: filter, KeyExprs: def.KeyExprs})
	return def
}

// bareMatch refuses what a SELECT has besides, each with what to do instead.
func bareMatch(sel *Select) {
	switch {
	case sel.Where != nil:
		fail(sel.Where.position(), "WHERE over matches stands where the pattern is read: SELECT … FROM pattern WHERE …; rows are chosen before with FROM (SELECT * FROM stream WHERE …)")
	case sel.Window != nil || sel.GroupBy != nil || sel.Having != nil:
		fail(sel.at, "a pattern groups nothing; a view over it does: CREATE VIEW … AS SELECT … FROM pattern GROUP BY …")
	case sel.OrderBy != nil || sel.Limit != nil || sel.Offset != nil:
		fail(sel.at, "a pattern has no order and no limit; they stand in the SELECT that reads it")
	}
}

// patternInput finds the stream that a pattern reads, and its columns; the view returned holds the filter.
func patternInput(p *plan.Plan, sel *Select, name string, nodes *work) (*plan.Stream, *scope, *plan.View) {
	source := *sel
	source.Match, source.Items = nil, []Item{{}}
	if sel.Sub == nil {
		for _, b := range BuiltInTables {
			if sel.From.Is(b) && b != FenceEvents.Name {
				unsupported(sel.From.Pos, "a pattern over "+b)
			}
		}
	}
	all := alternatives(p, &source)
	if len(all) > 1 {
		unsupported(sel.Match.Pos, "a pattern over a UNION ALL")
	}
	v := &plan.View{Name: name}
	in, s := from(p, all[0], v, nodes)
	switch {
	case in.view != nil:
		unsupported(sel.Match.Pos, "a pattern over a view (its rows change after they were matched)")
	case in.made != nil && in.made.id == plan.FenceEvents:
		return fenceEvents(), s, v
	case in.made != nil:
		unsupported(sel.Match.Pos, "a pattern over "+in.made.name+" (its rows are made at the core)")
	case in.join != nil || len(v.Joins) > 0:
		unsupported(sel.Match.Pos, "a pattern over a join")
	}
	return in.stream, s, v
}

// patternOrder holds ORDER BY against the event time, by which rows are ordered anyway.
func patternOrder(m *Match, stream *plan.Stream, s *scope) {
	if m.Order == nil {
		return
	}
	o := m.Order[0]
	name, ok := o.Expr.(*Name)
	switch {
	case !ok:
		fail(o.Expr.position(), "rows are ordered by event time: ORDER BY the stream's event-time column, or ROWTIME")
	case o.Descending:
		fail(o.Expr.position(), "rows come in the order of their event times; leave DESC out")
	case len(m.Order) > 1:
		fail(m.Order[1].Expr.position(), "rows are ordered by event time alone; those of one time by their columns, so that no order of arrival matters")
	}
	if s.find(name.Ident) < 0 && name.Ident.Is("ROWTIME") {
		return
	}
	if c, ok := s.reference(s.column(name)).Node.(*plan.Expr_Column); !ok || int32(c.Column) != stream.Timestamp {
		event := "the arrival (ROWTIME), as the stream names no timestamp"
		if stream.Timestamp >= 0 {
			event = "`" + stream.Columns[stream.Timestamp].Name + "`"
		}
		fail(name.Ident.Pos, "rows are ordered by event time, which in %s is %s, not `%s`", stream.Name, event, name.Ident.Name)
	}
}

// matchBinder gives MATCH_RECOGNIZE its expressions: over a row's columns, its event time, and the references.
type matchBinder struct {
	def      *plan.Pattern
	scope    *scope
	stream   *plan.Stream
	nodes    *work
	known    map[string]int // references by their bytes
	subsets  map[string][]uint32
	defining int // the variable whose DEFINE is bound; −1: MEASURES
	names    []Ident
}

// variables finds the variables of PATTERN, in order, and the subsets.
func (b *matchBinder) variables(m *Match) {
	b.def.Shape = b.shape(m.Shape)
	for _, sub := range m.Subsets {
		if vars, _ := b.variable(sub.Name); vars != nil {
			fail(sub.Name.Pos, "`%s` is named twice", sub.Name.Name)
		}
		var of []uint32
		for _, name := range sub.Of {
			v := b.mustFind(name)
			for _, one := range v {
				if !slices.Contains(of, one) {
					of = append(of, one)
				}
			}
		}
		b.subsets[sub.Name.Name] = of
		b.names = append(b.names, sub.Name)
	}
	if m.SkipTo != nil {
		b.def.SkipTo = b.mustFind(*m.SkipTo)
	}
}

// variable gives the variables that a name stands for: one, or those of a subset; nil if it is no such name.
func (b *matchBinder) variable(name Ident) (vars []uint32, subset bool) {
	for i, v := range b.def.Variables {
		if name.Is(v.Name) {
			return []uint32{uint32(i)}, false
		}
	}
	for n, of := range b.subsets {
		if name.Is(n) {
			return of, true
		}
	}
	return nil, false
}

func (b *matchBinder) mustFind(name Ident) []uint32 {
	vars, _ := b.variable(name)
	if vars == nil {
		fail(name.Pos, "no variable `%s` in PATTERN%s", name.Name, didYouMean(name.Name, b.variableNames()))
	}
	return vars
}

func (b *matchBinder) variableNames() []string {
	names := namesOf(b.def.Variables)
	for n := range b.subsets {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// shape makes the plan's tree, and variables of names as they come.
func (b *matchBinder) shape(s *Shape) *plan.Shape {
	var parts []*plan.Shape
	if s.Kind != AbsentShape {
		for _, one := range s.Parts {
			parts = append(parts, b.shape(one))
		}
	}
	switch s.Kind {
	case VariableShape:
		return &plan.Shape{Node: &plan.Shape_Variable{Variable: b.use(s.Name)}}
	case SequenceShape:
		return &plan.Shape{Node: &plan.Shape_Sequence{Sequence: &plan.Shapes{Shapes: parts}}}
	case ChoiceShape:
		return &plan.Shape{Node: &plan.Shape_Alternation{Alternation: &plan.Shapes{Shapes: parts}}}
	case RepeatShape:
		return &plan.Shape{Node: &plan.Shape_Repeat{Repeat: &plan.Repeat{Shape: parts[0], Least: s.Least, Most: s.Most, Reluctant: s.Reluctant}}}
	case FollowedShape:
		return &plan.Shape{Node: &plan.Shape_Followed{Followed: &plan.Followed{Shape: parts[0], Any: s.Any}}}
	}
	absent := &plan.Absent{}
	for _, one := range s.Parts {
		absent.Variables = append(absent.Variables, b.use(one.Name))
	}
	return &plan.Shape{Node: &plan.Shape_Absent{Absent: absent}}
}

func (b *matchBinder) use(name Ident) uint32 {
	for i, v := range b.def.Variables {
		if name.Is(v.Name) {
			return uint32(i)
		}
	}
	if len(b.def.Variables) == maxVariables {
		fail(name.Pos, "a pattern has at most %d variables", maxVariables)
	}
	b.def.Variables = append(b.def.Variables, &plan.Variable{Name: name.Name})
	return uint32(len(b.def.Variables) - 1)
}

func (b *matchBinder) defines(m *Match) {
	for i, d := range m.Defines {
		vars, subset := b.variable(d.Name)
		switch {
		case subset:
			fail(d.Name.Pos, "`%s` is a SUBSET; conditions are those of its variables", d.Name.Name)
		case vars == nil:
			fail(d.Name.Pos, "`%s` is defined and is not in PATTERN%s", d.Name.Name, didYouMean(d.Name.Name, namesOf(b.def.Variables)))
		}
		for _, before := range m.Defines[:i] {
			if sameIdent(before.Name, d.Name) {
				fail(d.Name.Pos, "`%s` is defined twice; join the conditions with AND", d.Name.Name)
			}
		}
		b.defining = int(vars[0])
		b.def.Variables[vars[0]].Define = b.binder().condition(d.Condition, "DEFINE "+d.Name.Name)
	}
	b.defining = -1
}

// keys binds PARTITION BY, and shows the keys first.
func (b *matchBinder) keys(m *Match, out *scope) {
	kb := &binder{leaf: b.scope.rowLeaf("PARTITION BY"), nodes: b.nodes}
	for i, e := range m.Keys {
		bound := kb.bind(e)
		if typeOf(bound).Kind == value.Null {
			fail(e.position(), "NULL parts nothing")
		}
		name := ""
		if n, ok := e.(*Name); ok {
			name = b.scope.Columns[b.scope.column(n)].Name
		} else {
			name = "key_" + string(rune('1'+i%9))
		}
		b.def.Keys = append(b.def.Keys, &plan.Column{Name: name, Type: bound.Type})
		b.def.KeyExprs = append(b.def.KeyExprs, bound)
		if !m.AllRows {
			show(out, name, e.position(), proto.CloneOf(bound))
		}
	}
	if m.AllRows {
		for i, c := range b.scope.Columns {
			show(out, c.Name, m.Pos, b.scope.reference(i))
		}
	}
}

// show adds a column that the outer SELECT may name.
func show(out *scope, name string, at Pos, e *plan.Expr) {
	if out.find(Ident{Name: name}) >= 0 {
		fail(at, "two columns are named `%s`; give the measure another name", name)
	}
	out.Columns, out.exprs = append(out.Columns, Column{name, typeOf(e)}), append(out.exprs, e)
}

func (b *matchBinder) measures(m *Match, out *scope) {
	for _, item := range m.Measures {
		e := b.binder().bind(item.Expr)
		if typeOf(e).Kind == value.Null {
			fail(item.Expr.position(), "measure `%s` is always NULL and so has no type; CAST it", item.Alias.Name)
		}
		show(out, item.Alias.Name, item.Alias.Pos, e)
	}
}

// outputs writes out what the outer SELECT lists.
func (b *matchBinder) outputs(sel *Select, out *scope) {
	outer := &binder{leaf: out.rowLeaf("SELECT over matches; it stands in MEASURES"), nodes: b.nodes}
	for i, item := range sel.Items {
		if item.Expr == nil {
			for c, column := range out.Columns {
				b.output(column.Name, item.Pos, out.reference(c))
			}
			continue
		}
		b.output(outputName(item, i), item.Pos, outer.bind(item.Expr))
	}
	if len(b.def.Outputs) == 0 {
		fail(sel.at, "a pattern needs a column: MEASURES names some, and so does PARTITION BY")
	}
}

func (b *matchBinder) output(name string, at Pos, e *plan.Expr) {
	if typeOf(e).Kind == value.Null {
		fail(at, "column `%s` is always NULL and so has no type; CAST it", name)
	}
	for i, c := range addedColumns(b.def) {
		if strings.EqualFold(name, c.Name) {
			which := ""
			if i >= len(MatchColumns) {
				which = " with EMIT ON ARRIVAL"
			}
			fail(at, "every pattern%s has a column `%s` already; choose another name", which, c.Name)
		}
	}
	if _, taken := findNamed(b.def.Outputs, Ident{Name: name}); taken {
		fail(at, "two columns are named `%s`; give one of them another name: AS other", name)
	}
	b.def.Outputs = append(b.def.Outputs, &plan.Column{Name: name, Type: e.Type})
	b.def.Measures = append(b.def.Measures, e)
}

// patternCompiles makes sure that what is planned can run; the shape is the engine's to judge.
func patternCompiles(at Pos, def *plan.Pattern, filter *plan.Expr) {
	all := append([]*plan.Expr{filter}, def.KeyExprs...)
	all = append(all, def.Measures...)
	for _, v := range def.Variables {
		all = append(all, v.Define)
	}
	for _, e := range all {
		if e == nil {
			continue
		}
		if _, err := expr.Compile(e); err != nil {
			fail(at, "%s", err)
		}
	}
}
