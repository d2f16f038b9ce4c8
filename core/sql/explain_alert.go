package sql

import (
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
)

func listAlerts(p *plan.Plan) (r Result) {
	r.Columns = []Column{{"name", text}, {"source", text}, {"condition", text}, {"for", text}, {"severity", text}, {"notify", text}, {"sql", text}}
	for _, a := range p.GetAlerts() {
		r.Rows = append(r.Rows, texts(a.Name, sourceName(p, a.Source), a.Condition, forText(a), a.Severity, strings.Join(a.Notify, ", "), a.Sql))
	}
	return r
}

// alertParts is what an alert is made of, for EXPLAIN and DESCRIBE.
func alertParts(p *plan.Plan, a *plan.Alert) (parts [][2]string) {
	add := func(name, text string) {
		if text != "" {
			parts = append(parts, [2]string{name, text})
		}
	}
	columns := alertColumns(p, a)
	calls := scoreCalls(a, columns)
	columns = append(columns, calls...)
	key := strings.Join(namesOf(a.Keys), ", ")
	if key == "" {
		key = "none: one alert of all rows"
	}
	add("key", key)
	add("when", Format(written(a.When, columns)))
	add("for", forText(a))
	if a.Recover != nil {
		add("recover", Format(written(a.Recover, columns)))
	}
	if a.StaleUs > 0 {
		add("stale", "after "+spanText(a.StaleUs)+" without a window")
	}
	for i, c := range calls {
		add("score", Format(c)+": "+scoreWarmUp(a.Scores[i]))
	}
	add("severity", a.Severity)
	add("notify", strings.Join(a.Notify, ", "))
	add("labels", labelsText(a))
	return parts
}

// alertColumns names what WHEN is evaluated over.
func alertColumns(p *plan.Plan, a *plan.Alert) []Expr {
	if a.Source == plan.FenceEvents {
		return relationNames(FenceEvents)
	}
	for _, v := range p.GetViews() {
		if v.Id == a.Source {
			return relationNames(ViewRelation(v))
		}
	}
	for _, d := range p.GetPatterns() {
		if d.Id == a.Source {
			return relationNames(PatternRelation(d))
		}
	}
	return nil
}

func describeAlert(p *plan.Plan, a *plan.Alert) (r Result) {
	r.Columns = []Column{{"part", text}, {"text", text}}
	r.Rows = append(r.Rows, texts("on", sourceName(p, a.Source)))
	for _, part := range alertParts(p, a) {
		r.Rows = append(r.Rows, texts(part[0], part[1]))
	}
	return r
}

func explainAlert(p *plan.Plan, a *plan.Alert) string {
	t := &tree{}
	var core *tree
	switch {
	case a.Source == plan.FenceEvents:
		t.line = "alert " + a.Name + " on fence_events"
		t.add("edge: nothing")
		core = t.add("core: each event, once no position can come any more that would change it")
	case alertsPattern(p, a):
		t.line = "alert " + a.Name + " on pattern " + sourceName(p, a.Source)
		t.add("edge: nothing")
		core = t.add("core: each match")
	default:
		t.line = "alert " + a.Name + " on view " + sourceName(p, a.Source)
		t.add("edge: nothing")
		core = t.add("core: each window's row once the watermark has passed it, and each revision")
	}
	for _, part := range alertParts(p, a) {
		core.add("%-8s %s", part[0], part[1])
	}
	if a.Recover == nil && (a.Source == plan.FenceEvents || alertsPattern(p, a)) {
		core.add("resolve  alert.quiet after the last one")
	}
	return t.text()
}

func alertsPattern(p *plan.Plan, a *plan.Alert) bool {
	for _, d := range p.GetPatterns() {
		if d.Id == a.Source {
			return true
		}
	}
	return false
}
