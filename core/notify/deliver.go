package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	burst    = 100    // messages at a time
	scan     = 10_000 // notices looked at for them
	strikes  = 3      // messages in a row that a receiver takes amiss, after which it is the receiver
	asideMax = 1000   // what is set aside at a time
	longest  = time.Duration(1<<63 - 1)
)

var errEnough = errors.New("enough")

// aside is what a receiver took amiss, and that goes on later: an alert or, for people, a rule.
type aside struct {
	tries  int
	at     time.Time
	proven bool // others were taken since: it is not the receiver
}

// message is what is told at once.
type message struct {
	about   string   // the alert, or, for people, the rule
	keys    [][]byte // of its notices
	notices []Notice // for people one of each alert, the last
	count   int      // for people: alerts, of which there may be more than notices
	first   int64    // when the first was told
}

// failure is why a message was not taken, other than what the network has to say.
type failure struct {
	text  string
	busy  bool          // it is the receiver, not the message
	final bool          // the message is wrong, unless the receiver finds that of all
	after time.Duration // it wants to be left alone for so long
}

func (f *failure) Error() string { return f.text }

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

func (n *Notifier) run(ctx context.Context, c *channel) error {
	for {
		wait, err := n.pass(ctx, c)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-c.wake:
		}
		timer.Stop()
	}
}

// pass delivers what is due, and gives how long there is nothing to do.
func (n *Notifier) pass(ctx context.Context, c *channel) (time.Duration, error) {
	now := time.Now()
	if err := errors.Join(n.release(c, now), n.trim(c)); err != nil {
		return 0, err
	}
	if left := c.until.Sub(now); left > 0 {
		return n.unsilenced(c, now, left), nil
	}
	if left := c.rest.Sub(now); left > 0 && left <= n.cfg.Group {
		return n.unsilenced(c, now, left), nil
	}
	messages, next, err := n.due(c, now)
	if err != nil {
		return 0, err
	}
	amiss := 0
	for _, m := range messages {
		if c.aside[m.about] != nil && c.aside[m.about].at.After(now) {
			continue // an earlier step of the same was taken amiss just now
		}
		err := n.send(ctx, c, m)
		if ctx.Err() != nil {
			return 0, nil
		}
		var f *failure
		known := errors.As(err, &f)
		switch a := c.aside[m.about]; {
		case err == nil:
			amiss = 0
			n.took(c, m.about)
			if err := n.gone(c, "sent", m.keys); err != nil {
				return 0, err
			}
		case known && f.final && a != nil && a.proven:
			n.log.Error("a receiver refuses an alert while it takes others; it is given up", "channel", c.Name, "alert", m.notices[0].Alert, "id", m.notices[0].ID, "error", err)
			delete(c.aside, m.about)
			if err := n.gone(c, "refused", m.keys); err != nil {
				return 0, err
			}
		case known && !f.busy && len(c.aside) < asideMax:
			if a == nil {
				a = &aside{}
				c.aside[m.about] = a
			}
			a.at = time.Now().Add(n.backoff(a.tries))
			a.tries++
			n.fail(c, err, a.at)
			if amiss++; amiss == strikes {
				n.pause(c, 0, err)
			}
		default:
			after := time.Duration(0)
			if known {
				after = f.after
			}
			n.pause(c, after, err)
		}
		if time.Now().Before(c.until) {
			return n.unsilenced(c, now, time.Until(c.until)), nil
		}
	}
	if c.Kind == Alertmanager && !now.Before(c.repeats) {
		told, err := n.repeat(ctx, c)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			n.pause(c, 0, err)
		case told > 0:
			n.took(c, "")
		}
		c.repeats = now.Add(n.cfg.Repeat)
	}
	if c.Kind == Alertmanager {
		next = min(next, time.Until(c.repeats))
	}
	if len(messages) > 0 {
		next = 0 // there may be more
	} else if c.people() {
		c.rest = now.Add(min(next, n.cfg.Group/10)) // not all is looked at with each that comes
	}
	return n.unsilenced(c, now, next), nil
}

// due gives what is to be told now, the oldest first, and how long nothing else is. What is silenced, too old or unreadable goes.
func (n *Notifier) due(c *channel, now time.Time) (list []*message, next time.Duration, err error) {
	next = longest
	about := map[string]*message{}
	over := map[string][][]byte{} // outcome → keys
	err = n.queue.Notices(c.Name, scan, func(key, text []byte) error {
		key = slices.Clone(key)
		notice, err := ReadNotice(text)
		if err != nil {
			n.log.Error("a notice can't be read, and is dropped", "channel", c.Name, "error", err)
			over["refused"] = append(over["refused"], key)
			return nil
		}
		if now.Sub(time.UnixMicro(notice.ToldUs)) > n.cfg.Keep {
			n.log.Error("an alert could not be told for longer than alerts.keep, and is dropped", "channel", c.Name, "alert", notice.Alert, "key", notice.Key, "id", notice.ID)
			over["expired"] = append(over["expired"], key)
			return nil
		}
		if quiet, err := n.silenced(c, key, &notice, now); quiet || err != nil {
			return err
		}
		name := notice.AlertID
		if c.people() {
			name = notice.Alert
		}
		if a := c.aside[name]; a != nil && a.at.After(now) {
			next = min(next, a.at.Sub(now))
			return nil
		}
		if m := about[name]; m != nil && c.people() {
			m.add(key, notice)
			return nil
		}
		if len(list) == burst {
			return errEnough
		}
		m := &message{about: name, first: notice.ToldUs}
		m.add(key, notice)
		list, about[name] = append(list, m), m
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	for outcome, keys := range over {
		err = errors.Join(err, n.gone(c, outcome, keys))
	}
	if !c.people() {
		return list, next, err
	}
	list = slices.DeleteFunc(list, func(m *message) bool { // others of the rule may follow soon
		left := time.UnixMicro(m.first).Add(n.cfg.Group).Sub(now)
		if left <= 0 || left > n.cfg.Group { // or the clock was put back
			return false
		}
		next = min(next, left)
		return true
	})
	return list, next, err
}

// add takes a notice in; of each alert the last one counts.
func (m *message) add(key []byte, notice Notice) {
	m.keys = append(m.keys, key)
	i := slices.IndexFunc(m.notices, func(o Notice) bool { return o.AlertID == notice.AlertID })
	switch {
	case i >= 0:
		m.notices[i] = notice
	case len(m.notices) < maxLines:
		m.notices = append(m.notices, notice)
		fallthrough
	default:
		m.count++
	}
}

// took notes that a receiver took something.
func (n *Notifier) took(c *channel, about string) {
	now := time.Now()
	delete(c.aside, about)
	for _, a := range c.aside {
		a.proven = true
		if c.paused > 0 {
			a.at = now
		}
	}
	c.paused = 0
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != "" && len(c.aside) == 0 {
		n.log.Info("a channel takes alerts again", "channel", c.Name)
		c.failed = ""
	}
}

func (n *Notifier) fail(c *channel, err error, next time.Time) {
	n.failures.WithLabelValues(c.Name).Inc()
	c.mu.Lock()
	first := c.failed == ""
	if first {
		c.since = time.Now()
	}
	c.failed, c.next = err.Error(), next
	c.mu.Unlock()
	if first {
		n.log.Warn("a channel takes no alerts; they wait and are tried again", "channel", c.Name, "error", err)
	}
}

// pause leaves a channel alone for a while, for longer each time.
func (n *Notifier) pause(c *channel, least time.Duration, err error) {
	c.until = time.Now().Add(max(n.backoff(c.paused), min(least, time.Hour)))
	c.paused++
	n.fail(c, err, c.until)
}

func (n *Notifier) backoff(tries int) time.Duration {
	wait := min(n.cfg.MaxPause, n.cfg.Backoff<<min(tries, 20))
	return wait + time.Duration(rand.Int64N(int64(wait)/4+1))
}

// trim drops the oldest of what is too much.
func (n *Notifier) trim(c *channel) error {
	over := c.status().Waiting - n.cfg.MaxWait
	if over <= 0 {
		return nil
	}
	var keys [][]byte
	err := n.queue.Notices(c.Name, over, func(key, _ []byte) error {
		keys = append(keys, slices.Clone(key))
		return nil
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	n.log.Error("more alerts wait for a channel than alerts.max_waiting; the oldest are dropped", "channel", c.Name, "dropped", len(keys))
	return n.gone(c, "dropped", keys)
}

// gone takes notices out of the queue.
func (n *Notifier) gone(c *channel, outcome string, keys [][]byte) error {
	if err := n.queue.DropNotices(keys); err != nil {
		return err
	}
	n.outcomes.WithLabelValues(c.Name, outcome).Add(float64(len(keys)))
	c.count(-len(keys))
	return nil
}

// silenced keeps a notice back if a silence says so, and reports whether it did. That an alert fired is held until the silence is over, or it is; its end
// is told if its beginning was.
func (n *Notifier) silenced(c *channel, key []byte, notice *Notice, now time.Time) (bool, error) {
	held := c.holds(notice.AlertID)
	switch {
	case held && notice.State == "resolved": // nobody heard of it
		if err := n.queue.ReleaseNotice(c.Name, notice.AlertID, nil); err != nil {
			return true, err
		}
		c.hold(notice.AlertID, false)
		n.outcomes.WithLabelValues(c.Name, "silenced").Inc()
		return true, n.gone(c, "silenced", [][]byte{key})
	case held: // it is acknowledged, or fires again: its newest step is held in place of the one before
		n.outcomes.WithLabelValues(c.Name, "silenced").Inc()
	case notice.State == "resolved" || len(n.silences.Of(notice, now)) == 0:
		return false, nil
	case notice.State == "acknowledged": // that it fired was told
		return true, n.gone(c, "silenced", [][]byte{key})
	case c.status().Held >= n.cfg.MaxWait:
		n.log.Error("silences hold more alerts back than alerts.max_waiting; one is dropped", "channel", c.Name, "alert", notice.Alert, "key", notice.Key)
		return true, n.gone(c, "dropped", [][]byte{key})
	}
	if err := n.queue.HoldNotice(c.Name, key, notice.AlertID, notice.Append(nil)); err != nil {
		return true, err
	}
	c.hold(notice.AlertID, true)
	c.count(-1)
	return true, nil
}

// release lets go of what no silence holds back any more.
func (n *Notifier) release(c *channel, now time.Time) error {
	if c.status().Held == 0 {
		return nil
	}
	var free []Notice
	err := n.queue.Held(c.Name, func(_ string, text []byte) error {
		notice, err := ReadNotice(text)
		if err == nil && len(n.silences.Of(&notice, now)) == 0 {
			free = append(free, notice)
		}
		return err
	})
	for _, notice := range free {
		notice.ToldUs = now.UnixMicro() // it waits from now on
		if err := errors.Join(err, n.queue.ReleaseNotice(c.Name, notice.AlertID, notice.Append(nil))); err != nil {
			return err
		}
		c.hold(notice.AlertID, false)
		c.count(1)
	}
	return err
}

// unsilenced is a wait, cut short where a silence ends that may hold something back.
func (n *Notifier) unsilenced(c *channel, now time.Time, wait time.Duration) time.Duration {
	end := n.silences.next(now)
	if end.IsZero() || c.status().Held == 0 {
		return wait
	}
	return min(wait, time.Until(end)+time.Millisecond)
}

func (c *channel) holds(alert string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[alert]
}

func (c *channel) hold(alert string, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if delete(c.held, alert); on {
		c.held[alert] = true
	}
}

// send tells a message.
func (n *Notifier) send(ctx context.Context, c *channel, m *message) error {
	switch c.Kind {
	case Email:
		return n.mail(ctx, c, m)
	case Slack:
		return n.slack(ctx, c, m)
	case Alertmanager:
		if m.notices[0].State == "acknowledged" { // which it does not know
			return nil
		}
		return n.alert(ctx, c, m.notices[:1])
	}
	return n.webhook(ctx, c, &m.notices[0])
}
