package edge

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/edge/crash"
	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/reference"
	"github.com/hexpane/hexpane/protocol/wire"
)

// line is the straight line of one reading: decode → dedupe → fold → commit → acknowledge, and at intervals the cut. One
// goroutine runs it, so what it owns needs no lock.
type line struct {
	cfg   *Config
	log   *slog.Logger
	m     *metrics
	store *store.Store
	wake  func()               // the outbox has something new
	away  func() time.Duration // how long the core has not been reached
	queue *queue
	plans chan adoption

	router  atomic.Pointer[router] // read by clients' goroutines
	backlog atomic.Int64           // bytes in the outbox
	version atomic.Uint64          // of the plan in force
	refused atomic.Pointer[string] // why a newer one is not; nil: there is none

	plan      *plan.Plan
	contents  map[uint32]*reference.Table // of the tables that the plan's views join
	sources   map[uint32]*source
	table     *pane.Table
	decoded   payload.Batch
	messages  []store.Message // memory for the next commit's
	rejects   []*wire.Rejected
	oldest    int64 // arrival of the oldest reading not yet forwarded, µs
	rowsSince time.Time
	lastWhole time.Time
	lastBeat  time.Time
	dirty     bool // the journal holds something that deltas were not cut of
	journal   int  // bytes of messages in it since the last cut of deltas
	stats     func() *wire.Stats
	status    *status

	sent     map[uint32]int64 // the watermarks promised last, by stream
	holding  bool             // the core is away: what is cut waits in the store
	released time.Time        // when held ones went out last
	catching time.Time        // since when they do; zero: nothing is held
	thinned  uint64           // rows held up to this order were thinned

	heritage  []inheritance        // by layer
	inherited []store.Marks        // dedupe marks of these
	asked     time.Time            // since when it is not known what was delivered; zero: no turn yet
	delivered chan *wire.Delivered // what JetStream had last of this edge, once
	known     chan struct{}        // closed when it is settled
}

// newLine makes a line over a store that it has not read yet. Who assembles it says how to wake the uplink, and asks how long the
// core is away.
func newLine(cfg *Config, log *slog.Logger, m *metrics, s *store.Store, status *status, stats func() *wire.Stats) *line {
	return &line{cfg: cfg, log: log, m: m, store: s, status: status, stats: stats, queue: newQueue(2*cfg.Forward.Batch, cfg.Forward.QueueBytes), plans: make(chan adoption, 1),
		sent: map[uint32]int64{}, delivered: make(chan *wire.Delivered, 1), known: make(chan struct{})}
}

// heartbeat is how often watermarks go out when nothing else does.
const heartbeat = time.Second

// Wants reports whether any stream reads the topic.
func (l *line) Wants(topic string) bool {
	if r := l.router.Load(); r != nil && len(r.find(topic)) > 0 {
		return true
	}
	l.m.unmatched.Inc()
	return false
}

// Submit queues a message for the next commit.
func (l *line) Submit(ctx context.Context, m ingest.Message) error {
	if l.store.Space().Full() {
		return l.submitFull(ctx, m)
	}
	return l.queue.put(ctx, m)
}

// run goes on until ctx ends; then it commits and cuts what came in.
func (l *line) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var batch []ingest.Message
	for {
		in := l.queue.in
		l.store.Space().Look()
		if l.full() || l.store.Space().Full() {
			in = nil // devices are held back, unacknowledged, until the core takes some, or the disk has room
		}
		plans := l.plans
		if l.unknown() {
			plans = nil // the journal that there was is still to be cut under the plan that there is
		}
		batch = batch[:0]
		select {
		case m := <-in:
			batch = l.gather(append(batch, m))
		case d := <-l.delivered:
			if err := l.judge(d, time.Now()); err != nil {
				return err
			}
		case next := <-plans:
			if err := l.turn(nil, time.Now(), true); err != nil {
				return err
			}
			if err := l.adopt(next); err != nil {
				l.refuse(next.plan.Version, err)
			}
		case <-timer.C:
		case <-ctx.Done():
			return l.finish()
		}
		if err := l.turn(batch, time.Now(), false); err != nil {
			return err
		}
		l.queue.done(batch)
		l.show(time.Now())
		timer.Reset(l.pause(time.Now()))
	}
}

// full: the outbox has no room for more.
func (l *line) full() bool {
	return l.backlog.Load()+l.store.Held().DeltaBytes > l.cfg.Store.OutboxBytes
}

// gatherTick without a message ends a batch that somebody waits for; patientTick is how often one is looked at that nobody does.
const (
	gatherTick  = time.Millisecond
	patientTick = 4 * time.Millisecond
)

// gather adds what else arrives, so that many messages share one fsync: as long as messages keep coming, up to the linger. A
// device that waits for its acknowledgement before it goes on thus waits one tick, and a busy edge commits a few dozen times a
// second. At QoS 0 nobody waits, and the commit comes with the cut of the rows, which are forwarded no later for that. It looks
// once a tick instead of waking for each message.
func (l *line) gather(batch []ingest.Message) []ingest.Message {
	tick := time.NewTimer(gatherTick)
	defer tick.Stop()
	start, awaited, looked := time.Now(), false, 0
	first := time.UnixMicro(min(batch[0].ArrivalUs, start.UnixMicro()))
	for {
		now := <-tick.C
		before := len(batch)
		batch = l.drain(batch)
		for ; looked < len(batch) && !awaited; looked++ {
			awaited = batch[looked].QoS > 0
		}
		switch {
		case len(batch) == l.cfg.Forward.Batch:
			return batch
		case awaited && (len(batch) == before || now.Sub(start) >= l.cfg.Forward.Linger):
			return batch
		case !awaited && now.Sub(first) >= l.cfg.Forward.Rows:
			return batch
		case awaited:
			tick.Reset(gatherTick)
		default:
			tick.Reset(min(patientTick, max(l.cfg.Forward.Rows-now.Sub(first), 0)))
		}
	}
}

// drain adds what is there.
func (l *line) drain(batch []ingest.Message) []ingest.Message {
	for len(batch) < l.cfg.Forward.Batch {
		select {
		case m := <-l.queue.in:
			batch = append(batch, m)
		default:
			return batch
		}
	}
	return batch
}

func (l *line) finish() error {
	for {
		var batch []ingest.Message
		if !l.store.Space().Full() { // what waits stays unacknowledged then
			batch = l.drain(nil)
		}
		if err := l.turn(batch, time.Now(), true); err != nil {
			return err
		}
		l.queue.done(batch)
		if len(batch) == 0 {
			return nil
		}
	}
}

// pause is how long nothing needs doing unless a message comes.
func (l *line) pause(now time.Time) time.Duration {
	next := l.lastBeat.Add(heartbeat)
	if l.dirty && l.table != nil {
		next = l.lastWhole.Add(l.cutEvery())
	}
	sooner := func(due time.Time) {
		if due.Before(next) {
			next = due
		}
	}
	switch {
	case l.table == nil:
	case l.unknown() && !l.holding:
		next = now.Add(heartbeat / 4)
	case l.holding:
		next = l.lastWhole.Add(heartbeat)
	default:
		if l.table.Rows() > 0 {
			sooner(l.rowsSince.Add(l.cfg.Forward.Rows))
		}
		if !l.store.Held().Empty() {
			sooner(l.released.Add(releaseEvery))
		}
	}
	return max(next.Sub(now), 0)
}

// What a cut of deltas may cost the link and the core: a delta each cutCost, and a partition's batch as much as batchDeltas of them.
const (
	cutCost     = 250 * time.Microsecond
	batchDeltas = 100
)

// cutEvery is how often deltas go out: soon while there are few, and rarely when each reading's key has one, so that panes do
// what they are for and many readings share a delta.
func (l *line) cutEvery() time.Duration {
	cost := time.Duration(l.table.Deltas()+batchDeltas*int(l.plan.Partitions)) * cutCost
	return min(max(l.cfg.Forward.Rows, cost), l.cfg.Forward.Deltas)
}

// A journal this long is dropped before the store flushes it, if a delta then stands for this much of it at least: a flush writes
// all of what the cut would have made needless, and writes it again when it compacts.
const (
	journalBytes  = 4 << 20
	journalPerKey = 1 << 10
)

// journalMost is how many bytes of messages the journal takes before deltas are cut of it.
func (l *line) journalMost() int { return max(journalBytes, l.table.Deltas()*journalPerKey) }

// turn takes messages to durability: fold, commit (with a cut if one is due), acknowledge.
func (l *line) turn(batch []ingest.Message, now time.Time, whole bool) error {
	for _, m := range batch {
		l.take(store.Message{ArrivalUs: m.ArrivalUs, Topic: m.Topic, Payload: m.Payload}, now.UnixMicro(), true)
	}
	for _, m := range batch {
		l.journal += len(m.Topic) + len(m.Payload)
		l.dirty = true
	}
	if l.table == nil {
		return nil
	}
	l.reach(now)
	beat := now.Sub(l.lastBeat) >= heartbeat
	if beat && l.full() { // nobody hears it, and it takes room
		l.lastBeat, beat = now, false
	}
	whole = whole || beat || !l.holding && l.dirty && (now.Sub(l.lastWhole) >= l.cutEvery() || l.journal >= l.journalMost())
	rows := whole || !l.holding && l.table.Rows() > 0 && now.Sub(l.rowsSince) >= l.cfg.Forward.Rows
	release := l.mayRelease(now)
	if l.unknown() && !l.holding { // no batch can be numbered yet
		whole, rows, release = false, false, false
	}
	if len(batch) == 0 && !rows && !release {
		return nil
	}
	c := &store.Change{Rows: rows, Whole: whole}
	if !whole {
		c.Messages = l.messages[:0]
		for _, m := range batch {
			c.Messages = append(c.Messages, store.Message{ArrivalUs: m.ArrivalUs, Topic: m.Topic, Payload: m.Payload})
		}
		l.messages = c.Messages
	}
	var pieces []pane.Piece // live ones before those held
	if release {
		var err error
		if pieces, err = l.release(c, now); err != nil {
			return err
		}
	}
	if rows || release {
		if err := l.cut(c, pieces, now); err != nil {
			return err
		}
	}
	if err := l.store.Commit(c); err != nil {
		return err
	}
	l.settle(c, now)
	if len(c.Out) > 0 {
		crash.Here("line.cut-committed")
		l.sentOut(c.Out)
	}
	clear(l.messages)
	committed := time.Now().UnixMicro()
	for _, m := range batch {
		l.m.endToEnd.Observe(float64(committed-m.ArrivalUs) / 1e6)
		if m.Done != nil {
			crash.Here("line.before-ack")
			m.Done.Acknowledge(m.ID, m.QoS)
		}
	}
	return nil
}

func (l *line) sentOut(out []store.Out) {
	for _, o := range out {
		l.backlog.Add(int64(len(o.Data)))
		l.m.outboxBatches.Inc()
		l.m.outboxBytes.Add(float64(len(o.Data)))
	}
	l.wake()
}
