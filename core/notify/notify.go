// Package notify takes what alerts tell to people and systems outside, each channel from a durable queue of its own.
//
//	notify.go   channels: where they lead, Run: one loop per channel
//	message.go  a notice → the request that a channel's receiver wants
//
// A notice leaves its queue once the receiver took it. Whatever fails is tried again, in order, for as long as a notice may wait; a receiver that
// says that the message itself is wrong (400, 413, 422) gets no second chance with it. A core that is killed between sending and forgetting sends
// again, with the same id, by which a receiver knows it.
package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Kinds of channels.
const (
	Webhook      = "webhook"
	Slack        = "slack"
	Alertmanager = "alertmanager"
)

// Channel is one place to tell things to.
type Channel struct {
	Name, Kind string
	URL        string
	Secret     []byte // signs what goes to a webhook; nil: nothing is signed
}

// Config of all channels.
type Config struct {
	Channels []Channel
	Text     string        // of a message for people: text/template over a Notice
	MaxWait  int           // notices that wait in one channel; past it the oldest go, counted
	Keep     time.Duration // a notice that could not be delivered for so long goes, counted
	Timeout  time.Duration // of one request
	Backoff  time.Duration // before the first further try; it doubles, up to a minute
	Repeat   time.Duration // how often Alertmanager, which forgets, is told of what still stands
}

// Queue is where notices wait; the core's state is one. Keys sort by time.
type Queue interface {
	Notices(channel string, limit int, f func(key, notice []byte) error) error
	CountNotices(channel string) (int, error)
	DropNotices(channel string, keys [][]byte) error
}

// Notifier delivers.
type Notifier struct {
	cfg      Config
	queue    Queue
	log      *slog.Logger
	client   *http.Client
	text     *template.Template
	standing func(channel string) []Notice // alerts that fire and are told there
	channels []*channel
	outcomes *prometheus.CounterVec
	failures *prometheus.CounterVec
}

type channel struct {
	Channel
	wake chan struct{}

	mu      sync.Mutex
	waiting int
	failed  string // why the last try failed; "": it did not
}

// New makes a notifier; standing gives the alerts that fire and are told to a channel.
func New(cfg Config, queue Queue, standing func(channel string) []Notice, r prometheus.Registerer, log *slog.Logger) (*Notifier, error) {
	text, err := ParseText(cfg.Text)
	if err != nil {
		return nil, err
	}
	n := &Notifier{cfg: cfg, queue: queue, log: log, text: text, standing: standing, client: &http.Client{Timeout: cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}} // secrets go where the configuration says alone
	n.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_notices_total",
		Help: "Notices that left a channel's queue: sent, refused by the receiver, expired, or dropped past the bound."}, []string{"channel", "outcome"})
	n.failures = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_notice_failures_total",
		Help: "Tries that failed; the notice waits and is tried again."}, []string{"channel"})
	r.MustRegister(n.outcomes, n.failures)
	for _, c := range cfg.Channels {
		ch := &channel{Channel: c, wake: make(chan struct{}, 1)}
		if ch.waiting, err = queue.CountNotices(c.Name); err != nil {
			return nil, err
		}
		n.channels = append(n.channels, ch)
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_notices_waiting", Help: "Notices that wait in a channel's queue.",
			ConstLabels: prometheus.Labels{"channel": c.Name}}, func() float64 { return float64(ch.status().Waiting) }))
	}
	return n, nil
}

// Has reports whether there is a channel of a name.
func (n *Notifier) Has(name string) bool { return n.find(name) != nil }

// Names are the channels' names.
func (n *Notifier) Names() (names []string) {
	for _, c := range n.channels {
		names = append(names, c.Name)
	}
	return names
}

func (n *Notifier) find(name string) *channel {
	for _, c := range n.channels {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Added tells that so many notices were put into a channel's queue.
func (n *Notifier) Added(name string, count int) {
	c := n.find(name)
	if c == nil {
		return
	}
	c.mu.Lock()
	c.waiting += count
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Status of a channel.
type Status struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Waiting   int    `json:"waiting"`
	LastError string `json:"last_error,omitempty"`
}

func (c *channel) status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Status{c.Name, c.Kind, c.waiting, c.failed}
}

// Status gives all channels'.
func (n *Notifier) Status() []Status {
	list := []Status{}
	for _, c := range n.channels {
		list = append(list, c.status())
	}
	return list
}

// Run delivers until ctx ends. Channels do not wait for one another.
func (n *Notifier) Run(ctx context.Context) error {
	var all sync.WaitGroup
	failed := make([]error, len(n.channels))
	for i, c := range n.channels {
		all.Go(func() { failed[i] = n.run(ctx, c) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(failed...)
}

// burst is how many notices are read at once.
const burst = 100

type waiting struct{ key, notice []byte }

func (n *Notifier) run(ctx context.Context, c *channel) error {
	tries := 0
	repeat := time.NewTicker(n.cfg.Repeat)
	defer repeat.Stop()
	for {
		list, err := n.read(c)
		if err != nil {
			return err
		}
		ok := true
		for _, w := range list {
			if ok, err = n.deliver(ctx, c, w); err != nil || !ok {
				break
			}
			tries = 0
		}
		if err != nil {
			return err
		}
		wait := time.Duration(1<<62 - 1)
		switch {
		case !ok:
			wait = min(time.Minute, n.cfg.Backoff<<min(tries, 20))
			wait += time.Duration(rand.Int64N(int64(wait)/4 + 1))
			tries++
		case len(list) > 0:
			wait = 0
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-n.news(c, ok):
		case <-repeat.C:
			if ok && c.Kind == Alertmanager {
				if err := n.repeat(ctx, c); err != nil {
					n.fail(c, err)
				}
			}
		}
		timer.Stop()
	}
}

// news is heard unless a failure is being waited out.
func (n *Notifier) news(c *channel, ok bool) <-chan struct{} {
	if !ok {
		return nil
	}
	return c.wake
}

// read gives the oldest notices, once what is too old or too many is gone.
func (n *Notifier) read(c *channel) (list []waiting, err error) {
	over := c.status().Waiting - n.cfg.MaxWait
	var drop [][]byte
	outcome := ""
	err = n.queue.Notices(c.Name, max(burst, over), func(key, notice []byte) error {
		w := waiting{slices.Clone(key), slices.Clone(notice)}
		switch {
		case len(drop) < over:
			drop, outcome = append(drop, w.key), "dropped"
		case len(list) < burst:
			list = append(list, w)
		}
		return nil
	})
	if err == nil && len(drop) > 0 {
		n.log.Error("more alerts wait for a channel than alerts.max_waiting; the oldest are dropped", "channel", c.Name, "dropped", len(drop))
		err = n.gone(c, outcome, drop...)
	}
	return list, err
}

func (n *Notifier) gone(c *channel, outcome string, keys ...[]byte) error {
	if err := n.queue.DropNotices(c.Name, keys); err != nil {
		return err
	}
	n.outcomes.WithLabelValues(c.Name, outcome).Add(float64(len(keys)))
	c.mu.Lock()
	c.waiting -= len(keys)
	c.mu.Unlock()
	return nil
}

func (n *Notifier) fail(c *channel, err error) {
	n.failures.WithLabelValues(c.Name).Inc()
	c.mu.Lock()
	first := c.failed == ""
	c.failed = err.Error()
	c.mu.Unlock()
	if first {
		n.log.Warn("a channel takes no alerts; they wait and are tried again", "channel", c.Name, "error", err)
	}
}

// deliver reports whether the notice left the queue.
func (n *Notifier) deliver(ctx context.Context, c *channel, w waiting) (bool, error) {
	notice, err := ReadNotice(w.notice)
	if err != nil {
		n.log.Error("a notice can't be read, and is dropped", "channel", c.Name, "error", err)
		return true, n.gone(c, "refused", w.key)
	}
	if time.Since(time.UnixMicro(notice.ToldUs)) > n.cfg.Keep {
		n.log.Error("an alert could not be told for longer than alerts.keep, and is dropped", "channel", c.Name, "alert", notice.Alert, "key", notice.Key, "id", notice.ID)
		return true, n.gone(c, "expired", w.key)
	}
	err = n.send(ctx, c, notice)
	var refused *refusal
	switch {
	case errors.As(err, &refused) && refused.final():
		n.log.Error("a channel's receiver refused an alert for good", "channel", c.Name, "alert", notice.Alert, "id", notice.ID, "error", err)
		return true, n.gone(c, "refused", w.key)
	case err != nil:
		if ctx.Err() == nil {
			n.fail(c, err)
		}
		return false, nil
	}
	c.mu.Lock()
	c.failed = ""
	c.mu.Unlock()
	return true, n.gone(c, "sent", w.key)
}

// refusal is an answer other than 2xx.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", r.status, r.text))
}

func (r *refusal) final() bool { return r.status == 400 || r.status == 413 || r.status == 422 }

func (n *Notifier) send(ctx context.Context, c *channel, notice Notice) error {
	req, err := n.request(c, notice, time.Now())
	if err != nil || req == nil {
		return err
	}
	return n.do(ctx, req)
}

func (n *Notifier) do(ctx context.Context, req *http.Request) error {
	answer, err := n.client.Do(req.WithContext(ctx))
	if err != nil {
		var u *url.Error // its text has the address, which may be a secret
		if errors.As(err, &u) {
			err = u.Err
		}
		return err
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 200)) // for the log
	if answer.StatusCode/100 != 2 {
		return &refusal{answer.StatusCode, string(text)}
	}
	return nil
}

// repeat tells Alertmanager what still stands: else it takes it for resolved after a while, or forgot it over a restart.
func (n *Notifier) repeat(ctx context.Context, c *channel) error {
	for list := n.standing(c.Name); len(list) > 0; {
		some := list[:min(len(list), burst)]
		list = list[len(some):]
		req, err := alertmanagerRequest(c.URL, some, n.until())
		if err != nil {
			return err
		}
		if err := n.do(ctx, req); err != nil {
			return err
		}
	}
	return nil
}

// until is when Alertmanager takes a firing alert for resolved unless it hears of it again: four repeats.
func (n *Notifier) until() time.Time { return time.Now().Add(4 * n.cfg.Repeat) }
