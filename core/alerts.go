package core

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/core/alert"
	"github.com/hexpane/hexpane/core/live"
	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/notify"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"github.com/prometheus/client_golang/prometheus"
)

// alertState is an alert's rule in this partition. A group's rows are all made in one partition, so each key is judged in one place.
//
//	rows of windows that fired, matches, settled events → judge: what the rule says of them → advanceAlerts, at the turn's end: steps of
//	alerts → alertStep: a row of the table alerts, a point, a frame for viewers
type alertState struct {
	*alert.Engine
	def           *plan.Alert
	when, recover expr.Func // recover nil: when it does not hold
	value         expr.Func // nil: none
	scores        []*scored // behind the row's columns
	refused       uint64    // that metrics know of
}

// judgedRow is a row of which a rule's conditions are known.
type judgedRow struct {
	alert *alertState
	key   string
	us    int64
	row   []value.Value // nil: there is none any more
}

// alertStep is a step in an alert's life, for viewers, after the commit.
type alertStep struct {
	def *plan.Alert
	alert.Transition
	partition uint32
	row       []value.Value // of the table; nil: it is pending, or was no more than that
}

// Places of a row of the table alerts.
const (
	alertName = iota
	alertKey
	alertOf
	alertSeverity
	alertTs
	alertSince
	alertValue
	alertCount
	alertBy
	alertRevised
	alertID
	alertStale
)

func newAlertState(p *plan.Plan, def *plan.Alert, cfg *Config, partitions int) (*alertState, error) {
	rule := alert.Rule{ID: def.Id, Windows: int(def.Windows), ForUs: def.ForUs, KeepUs: cfg.Alerts.Quiet.Microseconds()}
	rule.MaxLive = max(1, cfg.Alerts.MaxLive/partitions)
	s := &alertState{def: def}
	if i := slices.IndexFunc(p.Views, func(v *plan.View) bool { return v.Id == def.Source }); i < 0 {
		rule.QuietUs = max(1, cfg.Alerts.Quiet.Microseconds())
	} else if def.StaleUs > 0 {
		rule.StaleUs = stepOf(p.Views[i]) + def.StaleUs // silence begins where the window after the newest would have
	}
	s.Engine = alert.New(rule)
	var err error
	compile := func(e *plan.Expr) (f expr.Func) {
		if e != nil && err == nil {
			if f, err = expr.Compile(e); err != nil {
				err = fmt.Errorf("alert %s: %w", def.Name, err)
			}
		}
		return f
	}
	s.when, s.recover, s.value = compile(def.When), compile(def.Recover), compile(def.Value)
	if err == nil {
		s.scores, err = newScored(p, def, cfg, partitions)
	}
	return s, err
}

// checkAlerts refuses the alerts of a plan that another one does not have and that are to go where nothing goes; at is where the statement stands.
func checkAlerts(channels *notify.Notifier, old, next *plan.Plan, at sql.Pos) error {
	for _, def := range next.Alerts {
		if slices.ContainsFunc(old.GetAlerts(), func(d *plan.Alert) bool { return d.Id == def.Id }) {
			continue
		}
		for _, name := range def.Notify {
			if channels != nil && channels.Has(name) {
				continue
			}
			there := "none is configured"
			if channels != nil && len(channels.Names()) > 0 {
				there = "there are " + strings.Join(channels.Names(), ", ")
			}
			return &sql.Error{Line: at.Line, Column: at.Column, Message: fmt.Sprintf("there is no channel `%s` to notify: %s (alerts.webhooks, alerts.slack, alerts.alertmanager, alerts.email)", name, there)}
		}
	}
	return nil
}

// installAlerts makes the alerts of the plan; those there are stay.
func (p *partition) installAlerts() error {
	alerts := map[uint32]*alertState{}
	p.watched = map[uint32][]*alertState{}
	for _, def := range p.plan.Alerts {
		s := p.alerts[def.Id]
		if s == nil {
			var err error
			if s, err = newAlertState(p.plan, def, p.cfg, len(p.sent)); err != nil {
				return err
			}
		}
		alerts[def.Id] = s
		p.watched[def.Source] = append(p.watched[def.Source], s)
	}
	p.alerts = alerts
	return nil
}

// restoreAlerts reads what is stored of each alert, and deletes what is of none.
func (p *partition) restoreAlerts() error {
	err := errors.Join(p.installAlerts(), p.restoreNotices())
	if err != nil {
		return err
	}
	if p.entries[state.TableAlerts], err = p.store.LastEntry(state.TableAlerts, p.id); err != nil {
		return err
	}
	tx := p.store.Begin()
	dropped := false
	for id, s := range p.alerts {
		err = errors.Join(err, p.store.AlertKeys(p.id, id, func(key string, stored []byte) error {
			if e := s.Restore(key, stored); e != nil { // better than a core that does not start
				p.log.Error("what an alert knows of a key can't be read; it begins anew", "alert", s.def.Name, "key", keyText([]byte(key)), "error", e)
				tx.AlertKey(p.id, id, key, nil)
				dropped = true
			}
			return nil
		}), p.restoreScores(id, s))
		s.Passed(p.alertMark(s))
		var shown []alertStep
		s.Each(func(l alert.Live) {
			p.standing.put(p.id, s.def, l)
			step := alertStep{def: s.def, partition: p.id, Transition: alert.Transition{ID: l.ID, Key: l.Key, To: l.State, Us: l.Fired, Since: l.Since, Fired: l.Fired,
				Value: l.Value, By: l.By, Count: l.Count}}
			if l.ID != "" {
				step.row = alertRow(s.def, step.Transition)
			}
			shown = append(shown, step)
		})
		p.live.alerts(p.standing, shown)
		p.countAlerts(s)
	}
	ids, e := p.store.Alerts()
	for _, id := range ids {
		if p.alerts[id] == nil {
			tx.DropAlert(p.id, id)
			dropped = true
		}
	}
	if err = errors.Join(err, e); err != nil || !dropped {
		return errors.Join(err, tx.Discard())
	}
	return tx.Commit()
}

// adoptAlerts goes over to a new plan: what fired by a rule that is gone is resolved.
func (p *partition) adoptAlerts(t *turn) error {
	old := p.alerts
	if err := p.installAlerts(); err != nil {
		return err
	}
	for id, s := range old {
		if p.alerts[id] != nil {
			continue
		}
		s.Close(t.now, func(step alert.Transition) { p.alertStep(t, s, step) })
		t.tx.DropAlert(p.id, id)
		for _, m := range []*prometheus.GaugeVec{p.m.alertsLive, p.m.scoredKeys, p.m.scoredBytes} {
			m.DeleteLabelValues(s.def.Name, fmt.Sprint(p.id))
		}
	}
	return nil
}

// judgeWindow judges the row of a window that fired, or of one that is no more; a nil row is none.
func (p *partition) judgeWindow(t *turn, v *merge.View, start int64, key []byte, row []value.Value) {
	if len(p.watched[v.Def.Id]) > 0 {
		p.judge(t, v.Def.Id, start, string(key), row)
	}
}

// judge lets the rules on a source see a row at the turn's end: in which order rows came within a turn changes nothing.
func (p *partition) judge(t *turn, source uint32, us int64, key string, row []value.Value) {
	for _, s := range p.watched[source] {
		t.judged = append(t.judged, judgedRow{s, key, us, row})
	}
}

// judgement is what a rule says of a row.
func (s *alertState) judgement(j judgedRow) alert.Row {
	r := alert.Row{Us: j.us, Gone: j.row == nil, Value: math.NaN()}
	row := j.row
	if len(s.scores) > 0 {
		row = s.scoreRow(j.key, j.us, row)
	}
	if row == nil {
		return r
	}
	r.Holds = isTrue(s.when(row))
	if r.Recovers = !r.Holds; s.recover != nil {
		r.Recovers = isTrue(s.recover(row))
	}
	if s.value != nil {
		if v := s.value(row); !v.IsNull() {
			r.Value = v.Float()
		}
	}
	return r
}

func isTrue(v value.Value) bool { return !v.IsNull() && v.Bool() }

// advanceAlerts lets rules follow the turn's rows and watermarks, and keeps what changed.
func (p *partition) advanceAlerts(t *turn) {
	slices.SortStableFunc(t.judged, func(a, b judgedRow) int { // revisions of a row stay in order
		return cmp.Or(cmp.Compare(a.alert.def.Id, b.alert.def.Id), cmp.Compare(a.us, b.us), strings.Compare(a.key, b.key))
	})
	for _, j := range t.judged {
		j.alert.Row(j.key, j.alert.judgement(j), func(step alert.Transition) { p.alertStep(t, j.alert, step) })
	}
	t.judged = nil
	for _, def := range p.plan.Alerts { // in order, so that entries are numbered the same in each run
		s := p.alerts[def.Id]
		mark := p.alertMark(s)
		if mark > dawn {
			s.Advance(mark, func(step alert.Transition) { p.alertStep(t, s, step) })
		}
		s.Changed(func(key string, state []byte) { t.tx.AlertKey(p.id, def.Id, key, state) })
		p.keepScores(t, s, mark)
		p.countAlerts(s)
	}
}

// alertMark is the start of which all earlier windows were judged, or what all events are told before. Of a pattern it is what was matched up to: that
// a match may still come which began before it keeps no alert waiting.
func (p *partition) alertMark(s *alertState) int64 {
	if d := p.patterns[s.def.Source]; d != nil {
		return p.routeMark(d.stream)
	}
	mark := p.sourceMark(s.def.Source)
	if v := p.views[s.def.Source]; v != nil && v.Def.WindowUs > 0 && mark > dawn {
		step := stepOf(v.Def)
		mark = window.Pane(mark-(v.Def.WindowUs-step), step)
	}
	return mark
}

// stepOf is the time from the start of a window to that of the next.
func stepOf(v *plan.View) int64 { return cmp.Or(v.AdvanceUs, v.WindowUs) }

func (p *partition) countAlerts(s *alertState) {
	p.m.alertsLive.WithLabelValues(s.def.Name, fmt.Sprint(p.id)).Set(float64(s.Live()))
	if n := s.Refused(); n > s.refused {
		p.m.alertsRefused.WithLabelValues(s.def.Name).Add(float64(n - s.refused))
		s.refused = n
	}
}

// alertStep is where a step of an alert goes, once: to the history, to the history store, and, after the commit, to viewers.
func (p *partition) alertStep(t *turn, s *alertState, step alert.Transition) {
	told := alertStep{def: s.def, Transition: step, partition: p.id}
	if step.ID != "" {
		told.row = alertRow(s.def, step)
		p.afterFinal(tableID(state.TableAlerts), "alerts", step.Us)
		p.entry(t, state.TableAlerts, told.row...)
		p.effect(t, alertPoint(s.def, told.row))
		p.notices(t, s.def, step)
		p.m.alertSteps.WithLabelValues(s.def.Name, step.To.String()).Inc()
	}
	t.steps = append(t.steps, told)
}

func alertRow(def *plan.Alert, step alert.Transition) []value.Value {
	row := make([]value.Value, len(ownTables["alerts"]))
	row[alertName], row[alertKey], row[alertOf] = value.OfString(def.Name), value.OfString(keyText([]byte(step.Key))), value.OfString(step.To.String())
	row[alertSeverity], row[alertTs], row[alertSince] = value.OfString(def.Severity), value.OfTime(step.Us), value.OfTime(step.Since)
	if !math.IsNaN(step.Value) {
		row[alertValue] = value.OfDouble(step.Value)
	}
	if step.Count > 0 {
		row[alertCount] = value.OfInt(int64(step.Count))
	}
	if step.By != "" {
		row[alertBy] = value.OfString(step.By)
	}
	row[alertRevised], row[alertID] = value.OfBool(step.Revised), value.OfString(step.ID)
	row[alertStale] = value.OfBool(step.Stale)
	return row
}

// alertPoint is a point of measurement alerts: a step of an alert, at its time.
func alertPoint(def *plan.Alert, row []value.Value) []byte {
	pair := func(i int) influx.Pair { return influx.Pair{Name: ownTables["alerts"][i].Name, Value: row[i]} }
	point := influx.Point{Measurement: "alerts", TimeUs: row[alertTs].Int(),
		Tags: []influx.Pair{pair(alertName), pair(alertKey), pair(alertSeverity), pair(alertOf)}}
	for i := alertSince; i < len(row); i++ {
		point.Fields = append(point.Fields, pair(i))
	}
	point.Fields = append(point.Fields, influx.Pair{Name: "condition", Value: value.OfString(def.Condition)})
	return point.Line()
}

var alertColumns = func() (columns []live.Column) {
	for i := range ownTables["alerts"] {
		c := &ownTables["alerts"][i]
		columns = append(columns, live.Column{Name: c.Name, Kind: value.Kind(c.Type.Kind)})
	}
	return append(columns, live.Column{Name: "condition", Kind: value.String})
}()

// keptAlerts is how many of the alerts changed last a topic gives who subscribes to it.
const keptAlerts = 500

// alerts gives viewers each alert as it is after its last step: all of them, and those of each rule.
func (l *publisher) alerts(s *standing, steps []alertStep) {
	by := map[string][]live.Row{}
	for _, step := range steps {
		order := s.take(step)
		if step.row == nil {
			continue
		}
		row := live.Row{Key: step.ID, Order: order, Values: append(slices.Clone(step.row), value.OfString(step.def.Condition))}
		by["alerts:*"] = append(by["alerts:*"], row)
		by["alerts:"+step.def.Name] = append(by["alerts:"+step.def.Name], row)
	}
	for name, rows := range by {
		topic := l.hub.Topic(name, alertColumns, false)
		topic.Put(rows, 0, false)
		topic.Trim(keptAlerts)
	}
}
