package sql

import (
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"google.golang.org/protobuf/proto"
)

// BuiltInTables are read like views, and their names are taken.
var BuiltInTables = []string{"fence_events", "alerts", "late", "rejected", "edges"}

// Apply gives the plan after a CREATE or DROP, and a line that says what happened. The plan given is left alone. A
// statement that changes nothing (IF NOT EXISTS, IF EXISTS, the same definition again) gives it back as it is, so
// the version tells whether there is something to publish.
func Apply(p *plan.Plan, st Statement) (next *plan.Plan, message string, err error) {
	next, messages, err := ApplyAll(p, []Statement{st})
	if err != nil {
		return nil, "", err
	}
	return next, messages[0], nil
}

// ApplyAll does the same with several, in turn and up to the first error: the plan is the one after those before it, and there is a message for
// each of them. The version goes up by one for each that changes something. The fences that come with p stay with next: who puts it in force leaves them out.
func ApplyAll(p *plan.Plan, statements []Statement) (next *plan.Plan, messages []string, err error) {
	next, messages, err = changeAll(p, statements, false)
	if size(next) > maxPlan { // one of them is too many: it is found by measuring after each, which takes its time
		return changeAll(p, statements, true)
	}
	return next, messages, err
}

func changeAll(p *plan.Plan, statements []Statement, measure bool) (next *plan.Plan, messages []string, err error) {
	next = proto.CloneOf(p)
	if next == nil {
		next = &plan.Plan{}
	}
	before := next.Version
	for i, st := range statements {
		message, err := change(next, st, measure)
		if err != nil { // which left next half done
			if i > 0 {
				next, messages, _ = changeAll(p, statements[:i], false)
			} else {
				next = p
			}
			return next, messages, err
		}
		messages = append(messages, message)
	}
	if next.Version == before {
		next = p
	}
	return next, messages, nil
}

// size of a plan without what is there for planning alone.
func size(p *plan.Plan) int { return proto.Size(p) - proto.Size(&plan.Plan{Fences: p.Fences}) }

// change does one statement to a plan, and measures whether it still fits.
func change(p *plan.Plan, st Statement, measure bool) (message string, err error) {
	defer catch(&err)
	changed := false
	switch x := st.(type) {
	case *CreateStream:
		if x.Query != nil {
			message, changed = createQuery(p, x)
		} else {
			message, changed = createStream(p, x)
		}
	case *CreateTable:
		message, changed = createTable(p, x)
	case *CreateView:
		message, changed = createView(p, x)
	case *CreatePattern:
		message, changed = createPattern(p, x)
	case *CreateAlert:
		message, changed = createAlert(p, x)
	case *Drop:
		message, changed = drop(p, x)
	default:
		fail(st.Place(), "this statement changes no plan")
	}
	if changed {
		prune(p)
		if measure && size(p) > maxPlan {
			fail(st.Place(), "all definitions together would have %d bytes; at most %d fit", size(p), maxPlan)
		}
		p.Version++
	}
	return message, nil
}

func createStream(p *plan.Plan, st *CreateStream) (string, bool) {
	free(p, st.Create, "stream")
	old, exists := findNamed(p.Streams, st.Name)
	if exists && keep(st.Create, "stream", old.Name, old.Sql, st.Source()) {
		return "stream " + old.Name + " exists already", false
	}
	def := planStream(st)
	if exists {
		built(p, st.Name.Pos, "stream "+old.Name+" cannot be replaced", old.Id)
	} else if len(p.Streams) == maxDefined {
		fail(st.Name.Pos, "there are %d streams already; no more fit", maxDefined)
	}
	def.Id = nextID(p)
	p.Streams = put(p.Streams, def)
	return "stream " + def.Name + verb(exists), true
}

func kindOf(s *plan.Stream) string {
	if s.Table {
		return "table"
	}
	return "stream"
}

// createQuery is CREATE STREAM … AS SELECT.
func createQuery(p *plan.Plan, st *CreateStream) (string, bool) {
	free(p, st.Create, "stream")
	if s, ok := findNamed(p.Streams, st.Name); ok {
		fail(st.Name.Pos, "stream %s is one that devices fill; DROP STREAM first", s.Name)
	}
	old, exists := findNamed(p.Queries, st.Name)
	if exists && keep(st.Create, "stream", old.Name, old.Sql, st.Source()) {
		return "stream " + old.Name + " exists already", false
	}
	if exists {
		built(p, st.Name.Pos, "stream "+old.Name+" cannot be replaced", old.Id)
		p.Queries = without(p.Queries, old)
	} else if len(p.Queries) == maxDefined {
		fail(st.Name.Pos, "there are %d streams already; no more fit", maxDefined)
	}
	def := planQuery(p, st)
	def.Id = nextID(p)
	p.Queries = append(p.Queries, def)
	return "stream " + def.Name + verb(exists), true
}

func createView(p *plan.Plan, st *CreateView) (string, bool) {
	free(p, st.Create, "view")
	if strings.Contains(st.Name.Name, "#") {
		fail(st.Name.Pos, "names with # are those of sub-selects")
	}
	old, exists := findNamed(p.Views, st.Name)
	if exists && (sameDefinition(old.Sql, st.Source()) || st.IfNotExists && !st.OrReplace) {
		return "view " + old.Name + " exists already", false
	}
	var before []*plan.View
	if exists {
		built(p, st.Name.Pos, "view "+old.Name+" cannot be replaced", old.Id)
		before = dropParts(p, old)
	}
	def := planView(p, parts(p, st, before))
	if exists && evolve(old, def) {
		p.Views = put(p.Views, def)
		return "view " + def.Name + " changed; what it holds stays", true
	}
	if exists && !st.OrReplace {
		fail(st.Name.Pos, "view %s exists with another definition, whose windows do not fit this one: it reads, groups or windows otherwise, or has an aggregate that is new; "+
			"CREATE OR REPLACE VIEW drops them and begins anew", old.Name)
	}
	if !exists && len(p.Views) >= maxDefined {
		fail(st.Name.Pos, "there are %d views already; no more fit", maxDefined)
	}
	def.Id = nextID(p)
	p.Views = put(p.Views, def)
	if exists {
		return "view " + def.Name + " replaced; the windows that it held are dropped", true
	}
	return "view " + def.Name + " created", true
}

func verb(exists bool) string {
	if exists {
		return " replaced"
	}
	return " created"
}

// keep reports that what exists stays: IF NOT EXISTS, or the same definition again, so that starting twice
// with the same file is no error. Another definition needs OR REPLACE.
func keep(c Create, kind, name, old, new string) bool {
	switch {
	case sameDefinition(old, new):
		return true
	case c.OrReplace:
		return false
	case c.IfNotExists:
		return true
	}
	fail(c.Name.Pos, "%s %s exists with another definition; use CREATE OR REPLACE %s", kind, name, strings.ToUpper(kind))
	return false
}

// free refuses a name that means something else. Streams, tables, views, patterns, alerts and built-in tables share one space of names.
func free(p *plan.Plan, c Create, kind string) {
	for _, b := range BuiltInTables {
		if strings.EqualFold(c.Name.Name, b) {
			fail(c.Name.Pos, "%s is a built-in table", b)
		}
	}
	folded := Ident{Name: c.Name.Name} // "Vehicles" and vehicles at once would only confuse
	if v, ok := findNamed(p.Views, folded); ok && (kind != "view" || !c.Name.Is(v.Name)) {
		fail(c.Name.Pos, "%s is a view", v.Name)
	}
	if s, ok := findNamed(p.Streams, folded); ok && (kind != kindOf(s) || !c.Name.Is(s.Name)) {
		fail(c.Name.Pos, "%s is a %s", s.Name, kindOf(s))
	}
	if q, ok := findNamed(p.Queries, folded); ok && (kind != "stream" || !c.Name.Is(q.Name)) {
		fail(c.Name.Pos, "%s is a stream", q.Name)
	}
	if d, ok := findNamed(p.Patterns, folded); ok && (kind != "pattern" || !c.Name.Is(d.Name)) {
		fail(c.Name.Pos, "%s is a pattern", d.Name)
	}
	if a, ok := findNamed(p.Alerts, folded); ok && (kind != "alert" || !c.Name.Is(a.Name)) {
		fail(c.Name.Pos, "%s is an alert", a.Name)
	}
	if t, ok := findNamed(p.Tables, folded); ok && (kind != "table" || !c.Name.Is(t.Name)) {
		fail(c.Name.Pos, "%s is a table", t.Name)
	}
}

func drop(p *plan.Plan, st *Drop) (string, bool) {
	switch st.Kind {
	case "TABLE":
		return dropTable(p, st)
	case "VIEW":
		v, ok := findNamed(p.Views, st.Name)
		if !ok {
			return missing(st, "view", namesOf(p.Views)), false
		}
		built(p, st.Name.Pos, "view "+v.Name+" cannot be dropped", v.Id)
		p.Views = without(p.Views, v)
		dropParts(p, v)
		return "view " + v.Name + " dropped", true
	case "ALERT":
		return dropAlert(p, st)
	case "PATTERN":
		d, ok := findNamed(p.Patterns, st.Name)
		if !ok {
			return missing(st, "pattern", namesOf(p.Patterns)), false
		}
		built(p, st.Name.Pos, "pattern "+d.Name+" cannot be dropped", d.Id)
		p.Patterns = without(p.Patterns, d)
		return "pattern " + d.Name + " dropped", true
	}
	if q, ok := findNamed(p.Queries, st.Name); ok {
		built(p, st.Name.Pos, "stream "+q.Name+" cannot be dropped", q.Id)
		p.Queries = without(p.Queries, q)
		return "stream " + q.Name + " dropped", true
	}
	s, ok := findNamed(p.Streams, st.Name)
	if !ok || s.Table {
		return missing(st, "stream", append(namesOf(p.Streams), namesOf(p.Queries)...)), false
	}
	built(p, st.Name.Pos, "stream "+s.Name+" cannot be dropped", s.Id)
	p.Streams = without(p.Streams, s)
	return "stream " + s.Name + " dropped", true
}

func missing(st *Drop, kind string, names []string) string {
	if !st.IfExists {
		fail(st.Name.Pos, "no %s `%s`%s", kind, st.Name.Name, didYouMean(st.Name.Name, names))
	}
	return "no " + kind + " " + st.Name.Name
}

// built refuses what would take the ground from under a view, or a stream made of others.
func built(p *plan.Plan, at Pos, what string, id uint32) {
	views, patterns := readersOf(p, id)
	if len(views) > 0 {
		fail(at, "%s: %s on it; DROP VIEW first", what, readers("view", views))
	}
	if len(patterns) > 0 {
		fail(at, "%s: %s on it; DROP PATTERN first", what, readers("pattern", patterns))
	}
	if alerts := alertsOn(p, id); len(alerts) > 0 {
		fail(at, "%s: %s on it; DROP ALERT first", what, readers("alert", alerts))
	}
	for _, q := range p.Queries {
		if slices.Contains(q.Uses, id) {
			fail(at, "%s: stream %s is made of it; DROP STREAM first", what, q.Name)
		}
	}
}

func readers(kind string, names []string) string {
	if len(names) == 1 {
		return kind + " " + names[0] + " is built"
	}
	return kind + "s " + strings.Join(names, ", ") + " are built"
}

func nextID(p *plan.Plan) uint32 {
	id := max(1, p.NextId)
	p.NextId = id + 1
	return id
}

type named interface {
	comparable
	GetName() string
}

func findNamed[D named](list []D, name Ident) (D, bool) {
	for _, d := range list {
		if name.Is(d.GetName()) {
			return d, true
		}
	}
	var none D
	return none, false
}

// put sets def where its namesake is, else at the end.
func put[D named](list []D, def D) []D {
	for i, d := range list {
		if strings.EqualFold(d.GetName(), def.GetName()) {
			list[i] = def
			return list
		}
	}
	return append(list, def)
}

func without[D named](list []D, def D) []D {
	var rest []D
	for _, d := range list {
		if d != def {
			rest = append(rest, d)
		}
	}
	return rest
}

func namesOf[D named](list []D) []string {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = d.GetName()
	}
	return names
}

// sameDefinition compares token by token, so that blanks, comments and the case of keywords do not matter, nor
// whether it says OR REPLACE or IF NOT EXISTS.
func sameDefinition(a, b string) (same bool) {
	var err error
	defer func() { same = same && err == nil }()
	defer catch(&err)
	x, y := newLexer(a), newLexer(b)
	s, t := header(x), header(y)
	for {
		if s.kind != t.kind || s.text != t.text && !(s.kind == wordToken && strings.EqualFold(s.text, t.text)) {
			return false
		}
		if s.kind == endToken {
			return true
		}
		s, t = x.next(), y.next()
	}
}

// header passes CREATE … up to the name. The name cannot be one of these words without quotes but for IF.
func header(l *lexer) token {
	words := map[string]bool{"CREATE": true, "OR": true, "REPLACE": true, "STREAM": true, "TABLE": true, "VIEW": true, "PATTERN": true, "ALERT": true, "IF": true, "NOT": true, "EXISTS": true}
	t := l.next()
	for t.kind == wordToken && words[strings.ToUpper(t.text)] {
		t = l.next()
	}
	return t
}
