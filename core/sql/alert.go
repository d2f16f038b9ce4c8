package sql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

func createAlert(p *plan.Plan, st *CreateAlert) (string, bool) {
	free(p, st.Create, "alert")
	old, exists := findNamed(p.Alerts, st.Name)
	if exists && keep(st.Create, "alert", old.Name, old.Sql, st.Source()) {
		return "alert " + old.Name + " exists already", false
	}
	if !exists && len(p.Alerts) == maxDefined {
		fail(st.Name.Pos, "there are %d alerts already; no more fit", maxDefined)
	}
	def := planAlert(p, st)
	def.Id = nextID(p)
	p.Alerts = put(p.Alerts, def)
	if exists {
		return "alert " + def.Name + " replaced; what fired by the old rule is resolved", true
	}
	return "alert " + def.Name + " created", true
}

func dropAlert(p *plan.Plan, st *Drop) (string, bool) {
	a, ok := findNamed(p.Alerts, st.Name)
	if !ok {
		return missing(st, "alert", namesOf(p.Alerts)), false
	}
	p.Alerts = without(p.Alerts, a)
	return "alert " + a.Name + " dropped; what fired by it is resolved", true
}

// alertsOn gives the names of the alerts on a view or pattern.
func alertsOn(p *plan.Plan, id uint32) (names []string) {
	for _, a := range p.Alerts {
		if a.Source == id {
			names = append(names, a.Name)
		}
	}
	return names
}

// AlertSource is the name of what an alert watches.
func AlertSource(p *plan.Plan, a *plan.Alert) string { return sourceName(p, a.Source) }

// planAlert checks a CREATE ALERT and gives its definition, without an id.
func planAlert(p *plan.Plan, st *CreateAlert) *plan.Alert {
	def := &plan.Alert{Name: st.Name.Name, Sql: st.Source(), Severity: st.Severity, Windows: uint32(st.Windows), ForUs: st.For, StaleUs: st.Stale, Condition: Format(st.When)}
	rel := alertSource(p, st, def)
	nodes := newWork(p)
	s := &scope{Relation: rel, nodes: nodes, width: len(rel.Columns)}
	looks := &scores{def: def, on: rel.Name, width: s.width, nodes: nodes, view: rel.View}
	bind := func(e Expr, clause string) *plan.Expr {
		looks.row = s.rowLeaf(clause)
		bound := (&binder{leaf: looks.leaf, nodes: nodes}).condition(e, clause)
		if _, err := expr.Compile(bound); err != nil {
			fail(e.position(), "%s", err)
		}
		return bound
	}
	def.When = bind(st.When, "WHEN")
	if st.Recover != nil {
		def.Recover = bind(st.Recover, "RECOVER WHEN")
	}
	if def.Value = compared(def.When); def.Value != nil {
		if i := scoreIn(def.Value, s.width); i >= 0 {
			def.Value = def.Scores[i].Argument // of a score, what is scored
		}
	}
	for i, c := range st.Notify {
		if slices.ContainsFunc(st.Notify[:i], func(o Ident) bool { return o.Is(c.Name) }) {
			fail(c.Pos, "channel `%s` is named twice", c.Name)
		}
		def.Notify = append(def.Notify, c.Name)
	}
	for _, l := range st.Labels {
		if _, taken := findNamed(def.Labels, Ident{Name: l.Name.Name}); taken {
			fail(l.Name.Pos, "label `%s` is given twice", l.Name.Name)
		}
		def.Labels = append(def.Labels, &plan.Label{Name: l.Name.Name, Value: l.Value})
	}
	return def
}

// alertSource finds what an alert watches, and by which keys its alerts are told apart.
func alertSource(p *plan.Plan, st *CreateAlert, def *plan.Alert) Relation {
	instants := func(what string) {
		if st.Windows > 0 || st.For > 0 {
			fail(st.ForPos, "%s are moments, of which none lasts: FOR is for the rows of a view", what)
		}
		if st.Stale > 0 {
			fail(st.StalePos, "%s are moments, whose alert is over alerts.quiet after the last: STALE AFTER is for the windows of a view", what)
		}
	}
	if v, ok := findNamed(p.GetViews(), st.On); ok {
		if v.WindowUs == 0 && v.GapUs == 0 {
			unsupported(st.On.Pos, "an alert on a view without WINDOW ("+v.Name+" has none, so its rows have no time)")
		}
		if st.Stale > 0 && v.GapUs > 0 {
			fail(st.StalePos, "a session ends because its key is silent; STALE AFTER is for TUMBLING and HOPPING windows")
		}
		def.Source, def.Keys = v.Id, v.Keys
		return ViewRelation(v)
	}
	if d, ok := findNamed(p.GetPatterns(), st.On); ok {
		instants("matches")
		def.Source, def.Keys = d.Id, d.Keys
		return PatternRelation(d)
	}
	if st.On.Is(FenceEvents.Name) {
		instants("events at fences")
		def.Source = plan.FenceEvents
		for _, c := range FenceEvents.Columns[:2] { // device, fence
			def.Keys = append(def.Keys, &plan.Column{Name: c.Name, Type: planType(c.Type)})
		}
		return FenceEvents
	}
	for _, name := range append(namesOf(p.GetStreams()), namesOf(p.GetQueries())...) {
		if st.On.Is(name) {
			fail(st.On.Pos, "%s is a stream; an alert watches results: CREATE VIEW … FROM %s … makes some", name, name)
		}
	}
	names := append(append(namesOf(p.GetViews()), namesOf(p.GetPatterns())...), FenceEvents.Name)
	fail(st.On.Pos, "no view or pattern `%s`%s", st.On.Name, didYouMean(st.On.Name, names))
	return Relation{}
}

// compared finds the first number that a condition compares with something: what is shown beside an alert.
func compared(e *plan.Expr) *plan.Expr {
	c := e.GetCall()
	if c == nil {
		return nil
	}
	switch c.Function {
	case "=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN":
		for _, a := range c.Arguments {
			_, literal := a.Node.(*plan.Expr_Literal)
			if k := typeOf(a).Kind; !literal && (k == value.Int || k == value.Double || k == value.Decimal) {
				return a
			}
		}
	case "AND", "OR", "NOT":
		for _, a := range c.Arguments {
			if v := compared(a); v != nil {
				return v
			}
		}
	}
	return nil
}

func forText(a *plan.Alert) string {
	switch {
	case a.ForUs > 0:
		return spanText(a.ForUs)
	case a.Windows == 1:
		return "1 window"
	case a.Windows > 1:
		return strconv.Itoa(int(a.Windows)) + " windows"
	}
	return ""
}

func labelsText(a *plan.Alert) string {
	var all []string
	for _, l := range a.Labels {
		all = append(all, quoteName(Ident{Name: l.Name})+" = '"+strings.ReplaceAll(l.Value, "'", "''")+"'")
	}
	return strings.Join(all, ", ")
}
