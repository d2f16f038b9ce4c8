package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Config of a load. For or Count is required.
type Config struct {
	Broker      string // tcp://host:port; required
	Username    string
	Password    string
	ClientID    string        // default "hexpane-load"; connections are numbered behind it
	Topic       string        // template with {device}; default "load/{device}/position"
	Devices     int           // default 1000
	Rate        float64       // readings a second over all devices; 0: as many as go
	QoS         byte          // 0 or 1
	BatchSize   int           // readings in a message, all of one device; default 1
	Format      string        // json, ndjson, senml, cbor, line, owntracks or sparkplug; default json
	Connections int           // default 8
	MaxInflight int           // unacknowledged messages of a connection; default 1000
	For         time.Duration // stop after so long
	Count       int64         // stop after so many readings
	Seed        int64         // of the readings' values
	GiveUp      time.Duration // fail after so long of trouble; default 30 s

	Every    time.Duration // between calls of Progress; default 5 s
	Progress func(Report)  // may be nil
	Log      *slog.Logger  // default: slog.Default
}

// Time that acknowledgements get once a run is interrupted.
const grace = 5 * time.Second

func (c *Config) complete() error {
	c.ClientID = cmp.Or(c.ClientID, "hexpane-load")
	if c.Format == "sparkplug" {
		c.Topic = cmp.Or(c.Topic, sparkplugTopic)
	}
	c.Topic = cmp.Or(c.Topic, "load/{device}/position")
	c.Devices = cmp.Or(c.Devices, 1000)
	c.BatchSize = cmp.Or(c.BatchSize, 1)
	c.Format = cmp.Or(c.Format, "json")
	c.Connections = min(cmp.Or(c.Connections, 8), c.Devices)
	c.MaxInflight = cmp.Or(c.MaxInflight, 1000)
	c.GiveUp = cmp.Or(c.GiveUp, 30*time.Second)
	c.Every = cmp.Or(c.Every, 5*time.Second)
	c.Log = cmp.Or(c.Log, slog.Default())
	switch {
	case c.For <= 0 && c.Count <= 0:
		return errors.New("load needs a bound: a time or a count")
	case c.MaxInflight < 1 || c.MaxInflight > 65535:
		return errors.New("load: max inflight is 1 to 65535, as MQTT numbers messages")
	case c.Devices < 0 || c.BatchSize < 0 || c.Rate < 0 || c.QoS > 1:
		return errors.New("load: devices, batch size and rate cannot be negative, QoS is 0 or 1")
	case !strings.Contains(c.Topic, "{device}") && c.Devices > 1:
		return fmt.Errorf("load: topic %q has no {device}", c.Topic)
	case formats[c.Format] == nil:
		return fmt.Errorf("load: format %q is none of %s", c.Format, formatNames())
	case slices.Contains(single, c.Format) && c.BatchSize > 1:
		return fmt.Errorf("load: a message of format %s holds one reading, not %d", c.Format, c.BatchSize)
	case c.Format == "sparkplug" && !strings.Contains(c.Topic, "{type}"):
		return fmt.Errorf("load: topic %q has no {type}, which Sparkplug's messages differ in", c.Topic)
	}
	return nil
}

// Run a load to its bound, and wait for what is unacknowledged. The report is right even when it fails.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if err := cfg.complete(); err != nil {
		return Report{}, err
	}
	l := &load{cfg: cfg, began: time.Now(), lines: make([]*line, cfg.Connections)}
	g, ctx := errgroup.WithContext(ctx)
	for i := range l.lines {
		l.lines[i] = l.line(i)
	}
	finished := make(chan struct{})
	go l.tell(finished)
	for _, n := range l.lines {
		g.Go(func() error { return n.run(ctx) })
	}
	err := g.Wait()
	close(finished)
	return l.report(), err
}

// load is a run; line is one of its connections, with its share of the devices.
type load struct {
	cfg    Config
	began  time.Time
	budget atomic.Int64 // readings given out
	lines  []*line
}

type line struct {
	*load
	number  int
	pipe    *pipe
	devices []device
	payload []byte
	stats   stats
	life    int64 // of the connection that births were published on; 0: none
}

func (l *load) line(i int) *line {
	n := &line{load: l, number: i}
	for d := i; d < l.cfg.Devices; d += l.cfg.Connections {
		n.devices = append(n.devices, newDevice(&l.cfg, d))
	}
	n.pipe = newPipe(&l.cfg, fmt.Sprintf("%s-%d", l.cfg.ClientID, i+1), n.stats.ack)
	return n
}

// run publishes until the bound or ctx ends, and gives what is unacknowledged then some time, GiveUp or grace: an interruption is no error, what
// stays unacknowledged is.
func (n *line) run(ctx context.Context) error {
	if err := n.pipe.open(ctx); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, n.pipe.wake)()
	err := n.feed(ctx)
	if ctx.Err() != nil {
		err = nil
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.cfg.GiveUp)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	return errors.Join(err, n.pipe.close(late))
}

// feed publishes by the schedule until the bound.
func (n *line) feed(ctx context.Context) error {
	render := formats[n.cfg.Format]
	var interval time.Duration
	if n.cfg.Rate > 0 {
		interval = time.Duration(float64(n.cfg.BatchSize*n.cfg.Connections) / n.cfg.Rate * float64(time.Second))
	}
	start := n.began.Add(interval * time.Duration(n.number) / time.Duration(n.cfg.Connections))
	for k := 0; ; k++ {
		due := time.Now()
		if interval > 0 {
			due = start.Add(interval * time.Duration(k))
		}
		if n.cfg.For > 0 && due.Sub(n.began) >= n.cfg.For {
			return nil
		}
		size := n.take()
		if size == 0 {
			return nil
		}
		if err := n.until(ctx, due); err != nil {
			return err
		}
		if n.cfg.For > 0 && time.Since(n.began) >= n.cfg.For {
			return nil // behind schedule; what is left of it stays unsent
		}
		if err := n.bear(ctx, due); err != nil {
			return err
		}
		d := &n.devices[k%len(n.devices)]
		topic, err := n.topicOf(d), error(nil)
		if n.payload, err = render(n.payload[:0], d, due, size); err != nil {
			return err
		}
		if err := n.pipe.publish(ctx, topic, n.payload, size, due); err != nil {
			return err
		}
		d.born = true
		n.stats.sent.Add(int64(size))
	}
}

// take a message's worth of readings from the count, or 0 when it is used up.
func (n *line) take() int {
	size := int64(n.cfg.BatchSize)
	if n.cfg.Count <= 0 {
		return int(size)
	}
	left := n.cfg.Count - (n.budget.Add(size) - size)
	return int(max(0, min(size, left)))
}

// until sleeps to the schedule; less than a millisecond ahead is near enough.
func (n *line) until(ctx context.Context, due time.Time) error {
	left := time.Until(due)
	if left < time.Millisecond {
		return ctx.Err()
	}
	if err := n.pipe.flush(); err != nil {
		return n.pipe.reopen(ctx)
	}
	select {
	case <-time.After(left):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell the progress from time to time.
func (l *load) tell(finished <-chan struct{}) {
	tick := time.NewTicker(l.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-finished:
			return
		case <-tick.C:
			if l.cfg.Progress != nil {
				l.cfg.Progress(l.report())
			}
		}
	}
}
