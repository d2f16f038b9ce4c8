package core

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hexpane/hexpane/core/alert"
	"github.com/hexpane/hexpane/core/notify"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/prometheus/client_golang/prometheus"
)

// channels are those that the configuration names, in order of their names; an error names the key.
func (c *Config) channels() (list []notify.Channel, err error) {
	for _, group := range []struct {
		key, kind string
		urls      map[string]string
	}{{"webhooks", notify.Webhook, c.Alerts.Webhooks}, {"slack", notify.Slack, c.Alerts.Slack}, {"alertmanager", notify.Alertmanager, c.Alerts.Alertmanager}} {
		for name, address := range group.urls {
			key := "alerts." + group.key + "." + name
			u, err := url.Parse(address)
			switch {
			case name == "" || len(name) > 100 || strings.ContainsRune(name, 0):
				return nil, fmt.Errorf("%s: a channel's name has 1 to 100 bytes", key)
			case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "": // the address may be a secret
				return nil, fmt.Errorf("%s: not an address such as https://example.org/hook", key)
			case slices.ContainsFunc(list, func(o notify.Channel) bool { return o.Name == name }):
				return nil, fmt.Errorf("%s: two channels have this name", key)
			}
			list = append(list, notify.Channel{Name: name, Kind: group.kind, URL: address})
		}
	}
	slices.SortFunc(list, func(a, b notify.Channel) int { return strings.Compare(a.Name, b.Name) })
	for name, text := range c.Alerts.Secrets {
		i := slices.IndexFunc(list, func(o notify.Channel) bool { return o.Name == name && o.Kind == notify.Webhook })
		if i < 0 {
			return nil, fmt.Errorf("alerts.secrets.%s: there is no webhook of this name", name)
		}
		if list[i].Secret, err = notify.ParseSecret(text); err != nil || len(list[i].Secret) == 0 {
			return nil, fmt.Errorf("alerts.secrets.%s: behind whsec_ base64 is wanted", name)
		}
	}
	if _, err := notify.ParseText(c.Alerts.Text); err != nil {
		return nil, fmt.Errorf("alerts.text: %w", err)
	}
	return list, nil
}

// newNotifier makes what delivers notices, and drops those of channels that are configured no more.
func newNotifier(cfg *Config, store *state.Store, standing *standing, r prometheus.Registerer, log *slog.Logger) (*notify.Notifier, error) {
	channels, err := cfg.channels()
	if err != nil {
		return nil, err
	}
	names, err := store.NoticeChannels()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if slices.ContainsFunc(channels, func(c notify.Channel) bool { return c.Name == name }) {
			continue
		}
		var keys [][]byte
		err := store.Notices(name, math.MaxInt, func(key, _ []byte) error {
			keys = append(keys, slices.Clone(key))
			return nil
		})
		if err = errors.Join(err, store.DropNotices(name, keys)); err != nil {
			return nil, err
		}
		log.Error("alerts waited for a channel that is configured no more; they are dropped", "channel", name, "dropped", len(keys))
	}
	return notify.New(notify.Config{Channels: channels, Text: cfg.Alerts.Text, MaxWait: cfg.Alerts.MaxWaiting, Keep: cfg.Alerts.Keep, Timeout: 10 * time.Second,
		Backoff: time.Second, Repeat: time.Minute}, store, standing.toldTo, r, log)
}

// notices puts a step into the queues of the rule's channels.
func (p *partition) notices(t *turn, def *plan.Alert, step alert.Transition) {
	for _, name := range def.Notify {
		if p.notifier == nil || !p.notifier.Has(name) {
			continue // its configuration is gone, which the start said
		}
		p.noticed++
		n := noticeOf(def, step)
		n.ToldUs, n.ID = t.now, step.ID+"-"+step.To.String()+"-"+state.NoticeID(p.id, p.noticed, t.now)
		t.tx.Notice(name, t.now, p.id, p.noticed, n.Append(nil))
		if t.noticed == nil {
			t.noticed = map[string]int{}
		}
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
		Count: step.Count, By: step.By, Revised: step.Revised, Labels: map[string]string{}}
	if !math.IsNaN(step.Value) {
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

// toldTo gives the alerts that fire and that a channel was told of.
func (s *standing) toldTo(channel string) (list []notify.Notice) {
	for _, a := range s.list() {
		if a.ID != "" && slices.Contains(a.def.Notify, channel) {
			list = append(list, noticeOf(a.def, alert.Transition{ID: a.ID, Key: a.Key, To: alert.Firing, Us: a.Fired, Fired: a.Fired, Since: a.Since,
				Value: a.Value, By: a.By, Count: a.Count}))
		}
	}
	return list
}
