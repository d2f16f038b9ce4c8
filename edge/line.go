package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/edge/dedupe"
	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
	"google.golang.org/protobuf/proto"
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
	in    chan ingest.Message
	plans chan *plan.Plan

	router  atomic.Pointer[router] // read by clients' goroutines
	backlog atomic.Int64           // bytes in the outbox
	version atomic.Uint64          // of the plan in force

	plan      *plan.Plan
	sources   map[uint32]*source
	table     *pane.Table
	decoded   payload.Batch
	rejects   []*wire.Rejected
	oldest    int64 // arrival of the oldest reading not yet forwarded, µs
	rowsSince time.Time
	lastWhole time.Time
	lastBeat  time.Time
	dirty     bool // the journal holds something that deltas were not cut of
	stats     func() *wire.Stats

	sent     map[uint32]int64 // the watermarks promised last, by stream
	holding  bool             // the core is away: what is cut waits in the store
	released time.Time        // when held ones went out last
	catching time.Time        // since when they do; zero: nothing is held
}

// maxRejectSamples bounds what one cut tells the core about rejected payloads; the counters count them all.
const maxRejectSamples = 16

// Bounds of what one reading and one rejected payload put into a batch: whatever devices send, a batch fits a message, since one
// that does not would stop the outbox for good.
const (
	maxTextBytes    = 64 << 10
	maxExcerptBytes = 512
)

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
	select {
	case l.in <- m:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run goes on until ctx ends; then it commits and cuts what came in.
func (l *line) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var batch []ingest.Message
	for {
		in := l.in
		if l.full() {
			in = nil // devices are held back, unacknowledged, until the core takes some
		}
		batch = batch[:0]
		select {
		case m := <-in:
			batch = l.gather(append(batch, m))
		case p := <-l.plans:
			if err := l.turn(nil, time.Now(), true); err != nil {
				return err
			}
			if err := l.adopt(p); err != nil {
				l.log.Error("the new plan can't run here; going on with the old one", "version", p.Version, "error", err)
			}
		case <-timer.C:
		case <-ctx.Done():
			return l.finish()
		}
		if err := l.turn(batch, time.Now(), false); err != nil {
			return err
		}
		timer.Reset(l.pause(time.Now()))
	}
}

// full: the outbox has no room for more.
func (l *line) full() bool {
	return l.backlog.Load()+l.store.Held().DeltaBytes > l.cfg.Store.OutboxBytes
}

// gather adds what else arrives within the linger, so that many messages share one fsync.
func (l *line) gather(batch []ingest.Message) []ingest.Message {
	timeout := time.NewTimer(l.cfg.Forward.Linger)
	defer timeout.Stop()
	for len(batch) < l.cfg.Forward.Batch {
		select {
		case m := <-l.in:
			batch = append(batch, m)
		case <-timeout.C:
			return batch
		}
	}
	return batch
}

func (l *line) finish() error {
	for {
		var batch []ingest.Message
		for len(batch) < l.cfg.Forward.Batch {
			select {
			case m := <-l.in:
				batch = append(batch, m)
				continue
			default:
			}
			break
		}
		if err := l.turn(batch, time.Now(), true); err != nil {
			return err
		}
		if len(batch) == 0 {
			return nil
		}
	}
}

// pause is how long nothing needs doing unless a message comes.
func (l *line) pause(now time.Time) time.Duration {
	next := l.lastBeat.Add(heartbeat)
	if l.dirty {
		next = l.lastWhole.Add(l.cfg.Forward.Deltas)
	}
	sooner := func(due time.Time) {
		if due.Before(next) {
			next = due
		}
	}
	switch {
	case l.table == nil:
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

// turn takes messages to durability: fold, commit (with a cut if one is due), acknowledge.
func (l *line) turn(batch []ingest.Message, now time.Time, whole bool) error {
	for _, m := range batch {
		l.take(store.Message{ArrivalUs: m.ArrivalUs, Topic: m.Topic, Payload: m.Payload}, now.UnixMicro(), true)
	}
	if len(batch) > 0 {
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
	whole = whole || beat || !l.holding && l.dirty && now.Sub(l.lastWhole) >= l.cfg.Forward.Deltas
	rows := whole || !l.holding && l.table.Rows() > 0 && now.Sub(l.rowsSince) >= l.cfg.Forward.Rows
	release := l.mayRelease(now)
	if len(batch) == 0 && !rows && !release {
		return nil
	}
	c := &store.Change{Rows: rows, Whole: whole}
	if !whole {
		for _, m := range batch {
			c.Messages = append(c.Messages, store.Message{ArrivalUs: m.ArrivalUs, Topic: m.Topic, Payload: m.Payload})
		}
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
		l.sentOut(c.Out)
	}
	committed := time.Now().UnixMicro()
	for _, m := range batch {
		l.m.endToEnd.Observe(float64(committed-m.ArrivalUs) / 1e6)
		if m.Done != nil {
			m.Done.Acknowledge(m.ID, m.QoS)
		}
	}
	return nil
}

// take decodes one message for each stream that reads its topic, and folds the readings.
func (l *line) take(m store.Message, now int64, forwardRows bool) {
	for _, s := range l.router.Load().find(m.Topic) {
		l.decoded.Reset()
		s.decoder.Decode(m.Topic, m.Payload, m.ArrivalUs, &l.decoded)
		accepted := 0
		for i := range l.decoded.Readings {
			r := &l.decoded.Readings[i]
			if len(m.Payload) > maxTextBytes/16 && textBytes(r.Row) > maxTextBytes {
				l.reject(s, m, &payload.Reject{Reason: "too_large", Detail: "its text is longer than 64 KiB", Sample: m.Payload[:256]})
				continue
			}
			if s.seen != nil && !s.seen.Add(m.ArrivalUs, r.Hash) {
				s.counters.duplicates++
				l.m.duplicates.Inc()
				continue
			}
			if !s.watermark.Observe(r.TimeUs, now) {
				l.m.future.WithLabelValues(s.def.Name).Inc()
			}
			if l.table.Rows() == 0 {
				l.rowsSince = time.UnixMicro(now)
			}
			l.table.Fold(s.def.Id, r.Row, r.TimeUs, forwardRows)
			accepted++
		}
		if accepted > 0 && (l.oldest == 0 || m.ArrivalUs < l.oldest) {
			l.oldest = m.ArrivalUs
		}
		s.counters.readings += uint64(accepted)
		l.m.readings.WithLabelValues(s.def.Name).Add(float64(accepted))
		for i := range l.decoded.Rejects {
			l.reject(s, m, &l.decoded.Rejects[i])
		}
	}
}

func (l *line) reject(s *source, m store.Message, r *payload.Reject) {
	s.counters.rejected++
	l.m.rejected.WithLabelValues(s.def.Name, r.Reason).Inc()
	if len(l.rejects) < maxRejectSamples {
		l.rejects = append(l.rejects, &wire.Rejected{Stream: s.def.Name, Topic: excerpt(m.Topic),
			Reason: excerpt(r.Reason + ": " + r.Detail), Sample: r.Sample, AtUs: m.ArrivalUs})
	}
}

// excerpt is text that a device chose, as valid UTF-8 of bounded length.
func excerpt(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxExcerptBytes)], "�") }

func textBytes(row []value.Value) (n int) {
	for _, v := range row {
		n += len(v.Str())
	}
	return n
}

func (l *line) sentOut(out []store.Out) {
	for _, o := range out {
		l.backlog.Add(int64(len(o.Data)))
		l.m.outboxBatches.Inc()
		l.m.outboxBytes.Add(float64(len(o.Data)))
	}
	l.wake()
}

// adopt switches to a plan. Everything was cut before, so the journal is empty and a replay will run under the new one.
func (l *line) adopt(p *plan.Plan) error {
	if l.plan != nil && p.Version <= l.plan.Version {
		return nil
	}
	if err := l.install(p); err != nil {
		return err
	}
	data, err := proto.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	if err := l.store.SetPlan(data); err != nil {
		return err
	}
	l.log.Info("plan adopted", "version", p.Version, "streams", len(p.Streams), "views", len(p.Views))
	return nil
}

// install compiles a plan and keeps what is known of the streams that stay.
func (l *line) install(p *plan.Plan) error {
	table, err := pane.New(p)
	if err != nil {
		return err
	}
	sources := map[uint32]*source{}
	var list []*source
	for _, def := range p.Streams {
		s := l.sources[def.Id]
		if s == nil {
			if s, err = l.newSource(def); err != nil {
				return err
			}
		}
		sources[def.Id] = s
		list = append(list, s)
	}
	r, err := newRouter(list)
	if err != nil {
		return err
	}
	l.plan, l.table, l.sources = p, table, sources
	l.router.Store(r)
	l.version.Store(p.Version)
	l.m.planVersion.Set(float64(p.Version))
	return nil
}

func (l *line) newSource(def *plan.Stream) (*source, error) {
	d, err := payload.New(def)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", def.Name, err)
	}
	s := &source{def: def, decoder: d, watermark: pane.Watermark{Disorder: def.DisorderUs,
		MaxFuture: l.cfg.Time.MaxFuture.Microseconds(), IdleAfter: l.cfg.Time.Idle.Microseconds()}}
	if def.Dedupe != "none" {
		s.seen = dedupe.New(l.cfg.Dedupe.Horizon.Microseconds(), l.cfg.Dedupe.Limit)
	}
	return s, nil
}

// recover brings back what the store holds: plan, dedupe marks, watermarks, and the journal, folded again.
func (l *line) recover() error {
	data, err := l.store.Plan()
	if err != nil || data == nil {
		return err
	}
	p := new(plan.Plan)
	if err := proto.Unmarshal(data, p); err != nil {
		return fmt.Errorf("read the plan kept: %w", err)
	}
	if err := l.install(p); err != nil {
		return fmt.Errorf("install the plan kept: %w", err)
	}
	now := time.Now().UnixMicro()
	watermarks, err := l.store.Watermarks()
	if err != nil {
		return err
	}
	l.sent = watermarks
	for id, s := range l.sources {
		if us, ok := watermarks[id]; ok {
			s.watermark.Restore(us, now)
		}
	}
	err = l.store.Marks(func(m store.Marks) {
		if s := l.sources[m.Stream]; s != nil && s.seen != nil {
			s.seen.Load(dedupe.Mark{Generation: m.Bucket, Hashes: m.Hashes})
		}
	})
	replayed := 0
	err = errors.Join(err, l.store.Replay(func(m store.Message, rowsCut bool) {
		replayed++
		l.take(m, now, !rowsCut)
	}))
	if err == nil && replayed > 0 {
		l.log.Info("journal replayed", "messages", replayed)
		l.dirty = true
	}
	return err
}
