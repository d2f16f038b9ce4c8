package core

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/hexpane/hexpane/core/alert"
	"github.com/hexpane/hexpane/core/notify"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/prometheus/client_golang/prometheus"
)

// newNotifier makes what delivers notices, and drops those of channels that are configured no more.
func newNotifier(cfg *Config, store roomy, standing *standing, r prometheus.Registerer, log *slog.Logger) (*notify.Notifier, *notify.Silences, error) {
	channels, err := cfg.channels()
	if err != nil {
		return nil, nil, err
	}
	names, err := store.NoticeChannels()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		if slices.ContainsFunc(channels.Channels, func(c notify.Channel) bool { return c.Name == name }) {
			continue
		}
		n, err := store.DropChannel(name)
		if err != nil {
			return nil, nil, err
		}
		log.Error("alerts waited for a channel that is configured no more; they are dropped", "channel", name, "dropped", n)
	}
	silences, err := notify.OpenSilences(store, cfg.Alerts.MaxSilences)
	if err != nil {
		return nil, nil, err
	}
	n, err := notify.New(channels, store, silences, standing.toldTo, r, log)
	return n, silences, err
}

// noticing numbers what a partition tells to channels.
type noticing struct {
	us     int64          // clock time of the last turn that told anything; of later ones it is later, whatever the clock does
	undone map[string]int // by alert: how often a revision took its ground away
}

// restoreNotices reads how often alerts were resolved by a revision: an alert may fire anew after that, at the same time and so with the same id.
func (p *partition) restoreNotices() error {
	p.noticing = noticing{p.store.LastNotice(p.id), map[string]int{}}
	row := make([]value.Value, len(ownTables["alerts"]))
	return p.store.Entries(state.TableAlerts, p.id, func(stored []byte) (bool, error) {
		err := readEntry(stored, row)
		if err == nil && row[alertOf].Text() == alert.Resolved.String() && row[alertRevised].Bool() {
			p.noticing.undone[row[alertID].Text()]++
		}
		return true, err
	})
}

// notices puts a step into the queues of the rule's channels. Its id is made of the alert's, which is of rule, key and time, and of the step: who is told
// twice knows it, also when a core put back from a backup goes through the same once more.
func (p *partition) notices(t *turn, def *plan.Alert, step alert.Transition) {
	again := p.noticing.undone[step.ID]
	if step.Revised {
		if len(p.noticing.undone) > p.cfg.State.TableRows {
			clear(p.noticing.undone)
		}
		p.noticing.undone[step.ID]++
	}
	n := noticeOf(def, step)
	n.ToldUs, n.ID = t.now, step.ID+"-"+step.To.String()
	if again > 0 {
		n.ID += fmt.Sprint("-", again)
	}
	for _, name := range def.Notify {
		if p.notifier == nil || !p.notifier.Has(name) {
			continue // its configuration is gone, which the start said
		}
		if t.noticed == nil {
			t.noticed = map[string]int{}
			p.noticing.us = max(t.now, p.noticing.us+1)
		}
		t.notices++
		t.tx.Notice(name, p.noticing.us, p.id, t.notices, n.Append(nil))
		t.noticed[name]++
	}
}

// notified wakes the channels; after the commit.
func (p *partition) notified(t *turn) {
	for name, n := range t.noticed {
		p.notifier.Added(name, n)
	}
}

func noticeOf(def *plan.Alert, step alert.Transition) notify.Notice {
	n := notify.Notice{AlertID: step.ID, Alert: def.Name, Key: keyText([]byte(step.Key)), Keys: map[string]string{}, State: step.To.String(), Severity: def.Severity,
		Condition: def.Condition, At: time.UnixMicro(step.Us).UTC(), Since: time.UnixMicro(step.Since).UTC(), Fired: time.UnixMicro(step.Fired).UTC(),
		Count: step.Count, By: step.By, Revised: step.Revised, Stale: step.Stale, Labels: map[string]string{}}
	if !math.IsNaN(step.Value) && !math.IsInf(step.Value, 0) {
		n.Value = &step.Value
	}
	maps.Copy(n.Keys, keysOf(def, step.Key))
	for _, l := range def.Labels {
		n.Labels[l.Name] = l.Value
	}
	return n
}

// keysOf names the values of a key.
func keysOf(def *plan.Alert, key string) map[string]string {
	keys := map[string]string{}
	rest := []byte(key)
	for _, c := range def.Keys {
		v, more, err := value.Read(rest)
		if err != nil {
			break
		}
		keys[c.Name], rest = v.Text(), more
	}
	return keys
}

func (a *standingAlert) notice() notify.Notice {
	return noticeOf(a.def, alert.Transition{ID: a.ID, Key: a.Key, To: a.State, Us: a.Fired, Fired: a.Fired, Since: a.Since, Value: a.Value, By: a.By, Count: a.Count})
}

// toldTo gives the alerts that fire and that a channel is told of.
func (s *standing) toldTo(channel string) (list []notify.Notice) {
	for _, a := range s.list() {
		if a.ID != "" && slices.Contains(a.def.Notify, channel) {
			list = append(list, a.notice())
		}
	}
	return list
}
