package core

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hexpane/hexpane/core/alert"
	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// standing is the alerts that are pending, firing or acknowledged, over all partitions, as of their commits.
type standing struct {
	mu      sync.Mutex
	alerts  map[standingKey]*standingAlert
	changes int64
}

type standingKey struct {
	rule uint32
	key  string
}

type standingAlert struct {
	alert.Live
	def       *plan.Alert
	partition uint32
}

// acknowledging asks a partition to note who takes care of an alert.
type acknowledging struct {
	rule   uint32
	key    string
	id, by string
	done   chan struct{} // closed after the commit
	fires  bool          // there was such an alert, and it fired
}

func newStanding() *standing { return &standing{alerts: map[standingKey]*standingAlert{}} }

func (s *standing) put(partition uint32, def *plan.Alert, l alert.Live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts[standingKey{def.Id, l.Key}] = &standingAlert{l, def, partition}
}

// take notes a step, and gives its number.
func (s *standing) take(step alertStep) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	at := standingKey{step.def.Id, step.Key}
	if step.To == alert.None || step.To == alert.Resolved {
		delete(s.alerts, at)
		return s.changes
	}
	l := alert.Live{ID: step.ID, Key: step.Key, State: step.To, Since: step.Since, Value: step.Value, By: step.By, Count: step.Count, Fired: step.Fired}
	s.alerts[at] = &standingAlert{l, step.def, step.partition}
	return s.changes
}

// list gives them, those that fired last first, pending ones at the end.
func (s *standing) list() []standingAlert {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]standingAlert, 0, len(s.alerts))
	for _, a := range s.alerts {
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b standingAlert) int {
		return cmp.Or(cmp.Compare(b.Fired, a.Fired), strings.Compare(a.def.Name, b.def.Name), strings.Compare(a.Key, b.Key))
	})
	return all
}

func (s *standing) find(id string) (standingAlert, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.alerts {
		if a.ID == id && id != "" {
			return *a, true
		}
	}
	return standingAlert{}, false
}

// acknowledge takes the acknowledgements that wait into a turn.
func (p *partition) acknowledge(t *turn) bool {
	p.mu.Lock()
	t.asked, p.asked = p.asked, nil
	p.mu.Unlock()
	for _, a := range t.asked {
		if s := p.alerts[a.rule]; s != nil {
			a.fires = s.Ack(a.key, a.id, a.by, t.now, func(step alert.Transition) { p.alertStep(t, s, step) })
		}
	}
	return len(t.asked) > 0
}

// Alerts gives the alerts that stand, filtered, ready for JSON.
func (c *Core) Alerts(q *api.AlertQuery) (any, error) {
	switch q.State {
	case "", "pending", "firing", "acknowledged":
	case "resolved":
		return nil, &api.RequestError{Status: http.StatusBadRequest, Message: "resolved alerts are history: SELECT … FROM alerts WHERE state = 'resolved'"}
	default:
		return nil, &api.RequestError{Status: http.StatusBadRequest, Message: fmt.Sprintf("a state is pending, firing or acknowledged, not %q", q.State)}
	}
	if q.Severity != "" && !slices.Contains(sql.Severities, q.Severity) {
		return nil, &api.RequestError{Status: http.StatusBadRequest, Message: fmt.Sprintf("a severity is %s, not %q", strings.Join(sql.Severities, ", "), q.Severity)}
	}
	for _, l := range q.Labels {
		if !strings.Contains(l, "=") {
			return nil, &api.RequestError{Status: http.StatusBadRequest, Message: fmt.Sprintf("label: %q is not NAME=VALUE", l)}
		}
	}
	list := []map[string]any{}
	for _, a := range c.standing.list() {
		if q.State != "" && q.State != a.State.String() || q.Severity != "" && q.Severity != a.def.Severity || q.Alert != "" && q.Alert != a.def.Name ||
			q.Key != "" && q.Key != keyText([]byte(a.Key)) || slices.ContainsFunc(q.Labels, func(l string) bool { return !hasLabel(a.def, l) }) {
			continue
		}
		list = append(list, c.alertJSON(&a))
	}
	rules := []map[string]any{}
	p := c.catalog.plan()
	for _, def := range p.Alerts {
		if q.Alert == "" || q.Alert == def.Name {
			rules = append(rules, map[string]any{"name": def.Name, "source": sql.AlertSource(p, def), "condition": def.Condition, "severity": def.Severity, "sql": def.Sql})
		}
	}
	return map[string]any{"alerts": list, "rules": rules, "channels": c.notifier.Status()}, nil
}

func hasLabel(def *plan.Alert, label string) bool {
	name, v, _ := strings.Cut(label, "=")
	return slices.ContainsFunc(def.Labels, func(l *plan.Label) bool { return l.Name == name && l.Value == v })
}

func (c *Core) alertJSON(a *standingAlert) map[string]any {
	labels := map[string]string{}
	for _, l := range a.def.Labels {
		labels[l.Name] = l.Value
	}
	m := map[string]any{"alert": a.def.Name, "key": keyText([]byte(a.Key)), "keys": keysOf(a.def, a.Key), "state": a.State.String(), "severity": a.def.Severity,
		"condition": a.def.Condition, "since": value.FormatTime(a.Since), "labels": labels}
	if a.ID != "" {
		m["id"], m["fired"] = a.ID, value.FormatTime(a.Fired)
	}
	if !math.IsNaN(a.Value) && !math.IsInf(a.Value, 0) {
		m["value"] = a.Value
	}
	if n := a.notice(); a.ID != "" {
		if ids := c.silences.Of(&n, time.Now()); len(ids) > 0 {
			m["silenced_by"] = ids
		}
	}
	if a.By != "" {
		m["acknowledged_by"] = a.By
	}
	if a.Count > 0 {
		m["count"] = a.Count
	}
	return m
}

// AckAlert notes who takes care of an alert; once it is durable, the alert is given as it is then. Doing so twice is no error.
func (c *Core) AckAlert(ctx context.Context, id, by string) (any, error) {
	none := &api.RequestError{Status: http.StatusNotFound, Message: fmt.Sprintf("no alert %q fires; GET /api/v1/alerts lists those that do", id)}
	a, ok := c.standing.find(id)
	if !ok {
		return nil, none
	}
	if a.State == alert.Firing {
		if err := c.room.spare(); err != nil { // no turn would take it
			return nil, err
		}
		ask := &acknowledging{rule: a.def.Id, key: a.Key, id: id, by: by, done: make(chan struct{})}
		p := c.partitions[a.partition]
		p.mu.Lock()
		p.asked = append(p.asked, ask)
		p.mu.Unlock()
		p.nudge()
		select {
		case <-ask.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.stopping:
			return nil, &api.RequestError{Status: http.StatusServiceUnavailable, Message: "the core stops; try again"}
		}
		if a, ok = c.standing.find(id); !ok {
			return nil, none
		}
	}
	return c.alertJSON(&a), nil
}

// MakeAlert makes a rule of a column and a threshold: a CREATE ALERT, whose text is in the answer.
func (c *Core) MakeAlert(ctx context.Context, q *api.NewAlert) (any, error) {
	bad := func(format string, args ...any) (any, error) {
		return nil, &api.RequestError{Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
	}
	source, column, ok := strings.Cut(q.MetricID, ".")
	if !ok || source == "" || column == "" {
		return bad("metric_id: %q is not VIEW.COLUMN", q.MetricID)
	}
	operators := []string{">", ">=", "<", "<=", "=", "<>"}
	names := []string{"above", "at_least", "below", "at_most", "equal", "not_equal"}
	op := slices.Index(operators, q.Condition)
	if q.Condition == "!=" {
		op = 5
	}
	if op < 0 {
		op = slices.Index(names, q.Condition)
	}
	if op < 0 {
		return bad("condition: %q is none of %s", q.Condition, strings.Join(operators, " "))
	}
	if q.Threshold == nil {
		return bad("threshold: a number is wanted")
	}
	severity := cmp.Or(q.Severity, "warning")
	if !slices.Contains(sql.Severities, severity) {
		return bad("severity: %q is none of %s", severity, strings.Join(sql.Severities, ", "))
	}
	number := plainNumber(*q.Threshold)
	name := q.Name
	if name == "" {
		name = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
				return r
			}
			return '_'
		}, fmt.Sprintf("%s_%s_%s_%s", source, column, names[op], number))
	}
	text := fmt.Sprintf("CREATE ALERT %s ON %s WHEN %s %s %s SEVERITY %s", quoted(name), quoted(source), quoted(column), operators[op], number, severity)
	for i, channel := range strings.FieldsFunc(q.NotificationMethod, func(r rune) bool { return r == ',' }) {
		text += []string{" NOTIFY ", ", "}[min(i, 1)] + quoted(strings.TrimSpace(channel))
	}
	answer, err := c.Execute(ctx, text)
	if err != nil {
		return nil, err
	}
	return map[string]any{"name": name, "sql": text, "messages": answer.Messages}, nil
}

// plainNumber writes a number as people do, 1000000, where that is not too long.
func plainNumber(x float64) string {
	if abs := math.Abs(x); abs != 0 && (abs < 1e-6 || abs >= 1e15) {
		return value.OfDouble(x).Text()
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}
