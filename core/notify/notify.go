// Package notify takes what alerts tell to people and systems outside, each channel from a durable queue of its own.
//
//	notify.go   channels, their configuration and what is known of them
//	deliver.go  Run: one loop per channel, and what follows from each way in which a receiver fails
//	silence.go  silences: what is held back, until when
//	message.go  a notice, and the texts for people
//	webhook.go  notices → HTTP requests; mail.go  → e-mail
//
// A notice leaves its queue once the receiver took it. Whatever fails is tried again for as long as a notice may wait; the notices of one alert stay in
// order. One that its receiver takes amiss while it takes others holds nothing else up. A core that is killed between sending and forgetting sends
// again, with the same id, by which a receiver knows it. People are told of all alerts of a rule that step within a short while in one message.
package notify

import (
	"log/slog"
	"net/http"
	"slices"
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
	Email        = "email"
)

// Channel is one place to tell things to.
type Channel struct {
	Name, Kind string
	URL        string   // of all but e-mail
	Secret     []byte   // signs what goes to a webhook; nil: nothing is signed
	To         []string // who gets e-mail
	Text       string   // a line for people: text/template over a Notice; empty: DefaultText
	Body       string   // what a webhook gets: text/template over a Notice, which gives JSON; empty: the notice
}

// people reports whether people read what goes there, so that it is gathered into few messages.
func (c *Channel) people() bool { return c.Kind == Slack || c.Kind == Email }

// Config of all channels.
type Config struct {
	Channels []Channel
	Mail     Mail
	MaxWait  int           // notices that wait in one channel, or are held back; past it the oldest go, counted
	Keep     time.Duration // a notice that could not be delivered for so long goes, counted
	Group    time.Duration // people are told of what a rule's alerts did in this time at once
	Timeout  time.Duration // of one request
	Backoff  time.Duration // before the first further try; it doubles, up to MaxPause
	MaxPause time.Duration
	Repeat   time.Duration // how often Alertmanager, which forgets, is told of what still stands
}

// Queue is where notices wait; the core's state is one. Keys sort by time.
type Queue interface {
	Notices(channel string, limit int, f func(key, notice []byte) error) error
	CountNotices(channel string) (int, error)
	DropNotices(keys [][]byte) error
	// HoldNotice takes one out of the queue and holds it under its alert, ReleaseNotice puts that back, or, with nil, forgets it.
	HoldNotice(channel string, key []byte, alert string, notice []byte) error
	Held(channel string, f func(alert string, notice []byte) error) error
	ReleaseNotice(channel, alert string, notice []byte) error
}

// Notifier delivers.
type Notifier struct {
	cfg      Config
	queue    Queue
	silences *Silences
	log      *slog.Logger
	client   *http.Client
	subject  *template.Template
	standing func(channel string) []Notice // alerts that fire and are told there
	channels []*channel
	outcomes *prometheus.CounterVec
	failures *prometheus.CounterVec
}

type channel struct {
	Channel
	text *template.Template
	body *template.Template
	wake chan struct{}

	// The loop's alone.
	paused  int       // pauses since the receiver took anything
	until   time.Time // the channel is left alone
	aside   map[string]*aside
	rest    time.Time // until then nothing is due that people are to be told of
	repeats time.Time // Alertmanager is told again

	mailed   string // the message that some of who should get it have got
	mailedTo map[string]bool

	mu      sync.Mutex
	waiting int
	held    map[string]bool // by the id of the alert
	failed  string          // why the last try failed; "": it did not
	since   time.Time       // the first failure since
	next    time.Time       // when it is tried again
}

// New makes a notifier; standing gives the alerts that fire and are told to a channel.
func New(cfg Config, queue Queue, silences *Silences, standing func(channel string) []Notice, r prometheus.Registerer, log *slog.Logger) (*Notifier, error) {
	n := &Notifier{cfg: cfg, queue: queue, silences: silences, log: log, standing: standing, client: &http.Client{Timeout: cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}} // secrets go where the configuration says alone
	var err error
	if n.subject, err = ParseSubject(cfg.Mail.Subject); err != nil {
		return nil, err
	}
	n.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_notices_total",
		Help: "Notices that left a channel's queue: sent, silenced, refused by the receiver, expired, or dropped past the bound."}, []string{"channel", "outcome"})
	n.failures = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_notice_failures_total",
		Help: "Tries that failed; what was to be told waits and is tried again."}, []string{"channel"})
	r.MustRegister(n.outcomes, n.failures)
	for _, c := range cfg.Channels {
		ch := &channel{Channel: c, wake: make(chan struct{}, 1), aside: map[string]*aside{}, held: map[string]bool{}}
		if ch.text, err = ParseText(c.Text); err != nil {
			return nil, err
		}
		if ch.body, err = ParseBody(c.Body); err != nil {
			return nil, err
		}
		if ch.waiting, err = queue.CountNotices(c.Name); err != nil {
			return nil, err
		}
		if err = queue.Held(c.Name, func(alert string, _ []byte) error { ch.held[alert] = true; return nil }); err != nil {
			return nil, err
		}
		n.channels = append(n.channels, ch)
		gauge := func(name, help string, f func(Status) int) {
			r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{"channel": c.Name}},
				func() float64 { return float64(f(ch.status())) }))
		}
		gauge("hexpane_core_notices_waiting", "Notices that wait in a channel's queue.", func(s Status) int { return s.Waiting })
		gauge("hexpane_core_notices_held", "Alerts that fired and that a silence keeps from a channel.", func(s Status) int { return s.Held })
	}
	silences.changed = n.wakeAll
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
	i := slices.IndexFunc(n.channels, func(c *channel) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return n.channels[i]
}

// Added tells that so many notices were put into a channel's queue.
func (n *Notifier) Added(name string, count int) {
	if c := n.find(name); c != nil {
		c.count(count)
		c.nudge()
	}
}

func (n *Notifier) wakeAll() {
	for _, c := range n.channels {
		c.nudge()
	}
}

func (c *channel) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *channel) count(more int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting += more
}

// Status of a channel.
type Status struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind"`
	Waiting   int        `json:"waiting"` // notices in its queue
	Held      int        `json:"held"`    // alerts that a silence keeps from it
	LastError string     `json:"last_error,omitempty"`
	Failing   *time.Time `json:"failing_since,omitempty"`
	Next      *time.Time `json:"next_try,omitempty"`
}

func (c *channel) status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Name: c.Name, Kind: c.Kind, Waiting: c.waiting, Held: len(c.held), LastError: c.failed}
	if c.failed != "" {
		since, next := c.since.UTC(), c.next.UTC()
		s.Failing, s.Next = &since, &next
	}
	return s
}

// Status gives all channels'.
func (n *Notifier) Status() []Status {
	list := []Status{}
	for _, c := range n.channels {
		list = append(list, c.status())
	}
	return list
}
