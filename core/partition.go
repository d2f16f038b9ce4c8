package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/core/fence"
	"github.com/hexpane/hexpane/core/intake"
	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/notify"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/core/store/local"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/window"
	"github.com/hexpane/hexpane/protocol/wire"
)

// partition is a deterministic state machine: one goroutine takes batches in stream order.
//
//	letters of other partitions → dedupe by (edge, epoch, seq) → merge deltas, keep rows → advance watermarks → fire or revise
//	→ one synced commit {state, applied seq, place in the stream, effects} → effects out
type partition struct {
	id      uint32
	cfg     *Config
	log     *slog.Logger
	m       *metrics
	store   *state.Store
	rollups *local.Store
	catalog *catalog
	live    *publisher
	sink    func(partition uint32) // effects wait in the store; nil: there is no history store
	bytes   *atomic.Uint64         // taken in, by all partitions

	plan     *plan.Plan
	streams  map[uint32]*streamState
	views    map[uint32]*merge.View
	finals   map[uint32]int64 // EMIT FINAL views: results are out up to this watermark, or will be with the commit under way
	applied  map[string]mark
	position uint64
	effects  uint64                   // last number used
	entries  map[byte]uint64          // numbers of the last rows of the core's own tables
	trimmed  map[uint32]uint64        // by table or pattern: rows up to this number are deleted
	oldest   int64                    // arrival of the oldest reading of the turn, µs
	retained map[uint32]int64         // by view: watermark at which old windows were dropped last
	givenUp  map[uint32]state.GivenUp // by view: windows that are dropped
	carries  bool                     // points carry their windows: influx.history
	memory   *merge.Memory
	unshown  []*unshown

	readers  map[uint32][]*reader // views over what is made here, by view or join
	joins    map[uint32]*joinState
	patterns map[uint32]*patternState
	routes   map[uint32]*routeState
	own      []*routeState     // of those, the ones whose rows this core makes
	relays   map[uint32]*relay // watermarks of what partitions make, by view or join
	sent     []uint64          // by partition: the last letter to it
	read     []uint64          // the last letter from it
	told     map[uint32]int64  // watermarks that other partitions know of, by view or join
	toldAt   int64
	mail     atomic.Bool // letters wait
	refused  refusedPoints
	rings    chan struct{}
	wake     func(partition uint32)
	joined   atomic.Int64 // rows that joins keep
	pushes   *pushes

	fences      *fenceBook // nil: in tests without
	edition     *edition   // the fences in use
	watchedPlan uint64     // version of the plan whose streams are watched
	watches     map[uint32]*fenceWatch
	happened    []fence.Event

	alerts   map[uint32]*alertState
	watched  map[uint32][]*alertState // by what they watch
	standing *standing
	notifier *notify.Notifier
	noticing noticing

	ended   map[uint32]int64 // events before are final, by pattern or table, as of
	endedAt int64            // this clock time, µs

	step func(done string) // crash.Here: where tests kill the core

	outputs map[uint32]int64 // watermarks of streams and views, as far as this turn

	mu      sync.Mutex // guards these two, which queries read: outputs, once all that is before them is in the store,
	settled map[uint32]int64
	emitted map[uint32]int64 // and finals
	since   map[uint32]int64 // of events: up to which time some were given up, by pattern or table
	asked   []*acknowledging // and these, which the next turn takes

	room *room // nil: in tests without
}

type mark struct{ epoch, seq uint64 }

// maxTurn is how many batches share one commit.
const maxTurn = 256

// idleTurn is how often watermarks are looked at when no batch comes.
const idleTurn = 250 * time.Millisecond

func (p *partition) run(ctx context.Context, in <-chan intake.Message) error {
	timer := time.NewTicker(idleTurn)
	defer timer.Stop()
	var batch []intake.Message
	for {
		batch = batch[:0]
		if err := p.hold(ctx); err != nil {
			return fmt.Errorf("partition %d: %w", p.id, err)
		}
		select {
		case m := <-in:
			batch = append(batch, m)
		gather:
			for len(batch) < maxTurn {
				select {
				case m := <-in:
					batch = append(batch, m)
				default:
					break gather
				}
			}
		case <-p.rings:
		case <-timer.C:
		case <-p.someUnshown():
		case <-ctx.Done():
			return nil
		}
		err := p.turn(ctx, batch, time.Now().UnixMicro())
		if err == nil {
			err = p.showSome()
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("partition %d: %w", p.id, err)
		}
	}
}

// hold waits while the disk is full. It takes over a new plan meanwhile, which can only have less in it: what is deleted may be the room that is wanted.
func (p *partition) hold(ctx context.Context) error {
	for p.room.full() {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(measureEvery):
		}
		if p.catalog.plan().Version == p.plan.Version {
			continue
		}
		if err := p.turn(ctx, nil, time.Now().UnixMicro()); err != nil {
			return err
		}
		if err := p.store.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// turn applies batches, at clock time now, and commits.
func (p *partition) turn(ctx context.Context, batch []intake.Message, now int64) error {
	tx := p.store.Begin()
	t := &turn{tx: tx, now: now}
	if err := p.adopt(t); err != nil {
		return errors.Join(err, tx.Discard())
	}
	if err := p.adoptFences(t); err != nil {
		return errors.Join(err, tx.Discard())
	}
	p.oldest = 0
	trimmed, err := p.trim(t)
	if err != nil {
		return errors.Join(err, tx.Discard())
	}
	mailed, err := p.letters(t)
	if err != nil {
		return errors.Join(err, tx.Discard())
	}
	mailed = mailed || trimmed
	mailed = p.noteRefused(t) || mailed
	mailed = p.acknowledge(t) || mailed
	for _, m := range batch {
		p.bytes.Add(uint64(m.Bytes))
		if err := p.apply(ctx, t, m); err != nil {
			return errors.Join(err, tx.Discard())
		}
		p.step("turn.applied")
	}
	moved := p.advance(t)
	p.step("turn.advanced")
	if len(batch) == 0 && !moved && !t.adopted && !t.fenced && !mailed {
		p.finalAnyway(t)
		return tx.Discard()
	}
	p.advanceJoins(t)
	if err := p.advanceFences(t); err != nil {
		return errors.Join(err, tx.Discard())
	}
	p.advancePatterns(t)
	if err := p.flush(t); err != nil {
		return errors.Join(err, tx.Discard())
	}
	p.step("turn.flushed")
	p.advanceAlerts(t)
	p.finalEvents(t)
	p.post(t)
	if len(batch) > 0 {
		p.position = batch[len(batch)-1].Sequence
		tx.Position(p.id, p.position)
	}
	p.step("turn.gathered")
	if err := tx.Commit(); err != nil {
		return err
	}
	p.step("turn.committed")
	p.show()
	p.memory.Trim()
	if p.oldest > 0 {
		p.m.committed.Observe(float64(time.Now().UnixMicro()-p.oldest) / 1e6)
	}
	p.delivered(t)
	p.live.publish(t)
	p.live.alerts(p.standing, t.steps)
	p.notified(t)
	for _, a := range t.asked {
		close(a.done)
	}
	p.pushed(t)
	if p.fences != nil {
		p.fences.where.take(t.moved)
	}
	p.step("turn.published")
	if moved {
		if err := p.emitFinals(now); err != nil {
			return err
		}
	}
	p.step("turn.finals-out")
	if t.effects > 0 {
		p.sink(p.id)
	}
	return nil
}

// turn is what one commit gathers.
type turn struct {
	tx      *state.Tx
	now     int64
	adopted bool // a new plan
	fenced  bool // other fences
	effects int
	rows    []positioned // for the map, after the commit
	results []result     // for viewers of views, after the commit
	matches []shownMatch // for viewers of patterns, after the commit
	marks   map[uint32]int64

	gained  map[group]*gain     // what rows of joins add to views, until the turn's end
	letters []letter            // by partition
	pushed  []pushedRow         // for push queries, after the commit
	events  []toldEvent         // at fences, for viewers, after the commit
	moved   []moved             // who is in which fences now, after the commit
	given   map[givenRow][]byte // what rows give since this turn
	judged  []judgedRow
	steps   []alertStep      // for viewers, after the commit
	noticed map[string]int   // notices, by channel
	notices uint32           // so many
	asked   []*acknowledging // are answered after the commit
}

func (p *partition) apply(ctx context.Context, t *turn, m intake.Message) error {
	if m.Err != nil {
		p.m.corrupt.Inc()
		p.log.Error("a message that is no batch was skipped", "partition", p.id, "sequence", m.Sequence, "error", m.Err)
		return nil
	}
	b := m.Batch
	last := p.applied[b.Edge]
	if b.Epoch < last.epoch || b.Epoch == last.epoch && b.Seq <= last.seq {
		p.m.duplicates.Inc()
		return nil
	}
	if b.Epoch == last.epoch && b.Seq != last.seq+1 {
		p.m.gaps.Inc()
		p.log.Error("batches are missing", "partition", p.id, "edge", b.Edge, "after", last.seq, "came", b.Seq)
	}
	if b.PlanVersion > p.plan.Version {
		if err := p.catalog.wait(ctx, b.PlanVersion); err != nil {
			return err
		}
		if err := p.adopt(t); err != nil {
			return err
		}
	}
	p.m.batches.Inc()
	for _, d := range b.Deltas {
		if err := p.deltas(t, d); err != nil {
			p.skip(b, err)
		}
	}
	for _, r := range b.Rows {
		if err := p.rows(t, r, b.ReceivedUs); err != nil {
			p.skip(b, err)
		}
	}
	for _, w := range b.Watermarks {
		if s := p.streams[w.Stream]; s != nil {
			if !s.marks.Observe(b.Edge, w.Us, t.now) {
				p.m.future.WithLabelValues(s.def.Name).Inc()
				continue
			}
			t.tx.EdgeWatermark(p.id, w.Stream, b.Edge, w.Us)
		}
	}
	for _, r := range b.Rejected {
		p.rejected(t, r)
	}
	if b.Stats != nil {
		p.catalog.edges.heard(b, t.now)
	}
	if b.ReceivedUs > 0 && (p.oldest == 0 || b.ReceivedUs < p.oldest) {
		p.oldest = b.ReceivedUs
	}
	p.applied[b.Edge] = mark{b.Epoch, b.Seq}
	t.tx.Applied(p.id, b.Edge, b.Epoch, b.Seq)
	return nil
}

// skip tells of a part of a batch that can't be read: no honest edge sends one, and the rest goes on.
func (p *partition) skip(b *wire.Batch, err error) {
	p.m.corrupt.Inc()
	p.log.Error("part of a batch was skipped", "partition", p.id, "edge", b.Edge, "seq", b.Seq, "error", err)
}

func (p *partition) deltas(t *turn, d *wire.Deltas) error {
	v := p.views[d.View]
	if v == nil {
		p.m.unknown.Add(float64(d.Count)) // the view was dropped meanwhile
		return nil
	}
	watermark := p.inputMark(v.Def)
	keys, states := d.Keys, d.States
	store := viewStore{p, v.Def.Id}
	for i := range int(d.Count) {
		key, rest, err := v.ReadKey(keys)
		if err != nil {
			return err
		}
		var out merge.Outcome
		if states, out, err = v.Delta(d.PaneUs, key, states, watermark, store); err != nil {
			return err
		}
		var readings uint64
		if i < len(d.Readings) {
			readings = d.Readings[i]
		}
		p.judged(t, v, out, key, readings, watermark)
		keys = rest
	}
	return nil
}

// judged counts what was late, and notes what was too late.
func (p *partition) judged(t *turn, v *merge.View, out merge.Outcome, key []byte, readings uint64, watermark int64) {
	if out.Class == window.Late {
		p.m.late.WithLabelValues(v.Def.Name, window.Late.String()).Inc()
	}
	if out.Refused {
		p.m.late.WithLabelValues(v.Def.Name, window.TooLate.String()).Inc()
		p.tooLate(t, v, out, key, readings, watermark)
	}
}

// advance moves each stream's watermark as far as its edges allow.
func (p *partition) advance(t *turn) (moved bool) {
	t.marks = map[uint32]int64{}
	for id, s := range p.streams {
		us, m, ok := s.marks.Advance(t.now)
		if m {
			t.tx.Watermark(p.id, id, us)
			moved = true
		}
		if ok {
			t.marks[id] = us
		}
	}
	for _, v := range p.views {
		if us := p.inputMark(v.Def); us > dawn {
			t.marks[v.Def.Id] = us
			moved = moved || us > p.outputs[v.Def.Id]
		}
	}
	p.outputs = t.marks
	return moved
}

// show gives queries the watermarks of what was committed. Not before: a window would be called final that lacks the turn's readings.
func (p *partition) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled, p.emitted = maps.Clone(p.outputs), maps.Clone(p.finals)
}

// output is the watermark of a stream, or of what a view reads, in this partition, for queries.
func (p *partition) output(id uint32) (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	us, ok := p.settled[id]
	return us, ok
}

// out is the watermark up to which a view's results are out, for queries: of an EMIT FINAL view what is told, which is soon after the watermark's commit.
func (p *partition) out(def *plan.View) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	us, ok := p.settled[def.Id]
	if def.EmitFinal && def.GapUs == 0 && ok {
		us, ok = p.emitted[def.Id]
	}
	if !ok {
		return dawn
	}
	return us
}

// flush stores what changed, and gathers what viewers and stores are to be told.
func (p *partition) flush(t *turn) error {
	for _, v := range p.views {
		watermark := p.inputMark(v.Def)
		var failed error
		sessions, wrote := v.Def.GapUs > 0, int64(math.MaxInt64)
		err := v.Flush(watermark, viewStore{p, v.Def.Id}, func(c merge.Change) {
			key := []byte(c.Key)
			if c.Stored != nil {
				t.tx.Window(p.id, v.Def.Id, c.Start, key, c.Stored)
				wrote = min(wrote, c.Start)
				if sessions {
					t.tx.Session(p.id, v.Def.Id, c.Start, c.Last, key)
				}
			}
			var err error
			switch {
			case c.Dropped:
				if sessions {
					t.tx.DropSession(p.id, v.Def.Id, c.Start, key)
				} else {
					t.tx.DropWindow(p.id, v.Def.Id, c.Start, key)
				}
				err = p.changed(t, v.Def, c.Start, 0, key, nil)
				p.judgeWindow(t, v, c.Start, key, nil)
				if c.Retracted {
					err = errors.Join(err, p.retract(t, v, c, watermark))
				}
			case c.Window == nil || v.Def.EmitFinal && !sessions: // these are told by emitFinals
			default:
				err = p.report(t, v, c.Start, key, c.Window, watermark, c.Fired)
			}
			failed = errors.Join(failed, err)
		})
		if err = errors.Join(err, failed); err != nil {
			return err
		}
		if err := p.retain(t, v, watermark, wrote); err != nil {
			return err
		}
	}
	return nil
}

// report makes a window's row for viewers and, once it has fired, a point for the history store.
func (p *partition) report(t *turn, v *merge.View, start int64, key []byte, w *merge.Window, watermark int64, fired bool) error {
	row, ok, err := v.Shape().Row(nil, start, key, w, watermark)
	if err != nil {
		return err
	}
	err = p.changed(t, v.Def, start, w.End, key, row)
	if fired {
		p.judgeWindow(t, v, start, key, row)
	}
	if err == nil && !ok && fired && p.sink != nil && (w.Revision > 0 || p.carries) { // a result may have left, which HAVING hides now, or will be asked for with another HAVING
		var line []byte
		if line, err = retraction(v.Def, start, key, w.Revision, p.carried(v, key, w, false)); err == nil {
			p.effect(t, line)
		}
	}
	if err != nil || !ok {
		return err
	}
	told := resultOf(v.Def, string(key), start, w, row)
	told.early = !fired
	t.results = append(t.results, told)
	if fired && p.sink != nil { // a point costs more than all else
		line, err := point(v.Def, start, key, row, p.carried(v, key, w, false))
		if err != nil {
			return err
		}
		p.effect(t, line)
	}
	return nil
}

// retract takes back the point of a session that is part of another one now, or of a window with nothing left in it. Of sessions viewers
// need no word, since they see the newest session of a key, which is the joined one or a later one.
func (p *partition) retract(t *turn, v *merge.View, c merge.Change, watermark int64) error {
	if p.sink == nil {
		return nil
	}
	_, ok, err := v.Shape().Row(nil, c.Start, []byte(c.Key), c.Window, watermark)
	if err != nil || !ok && v.Def.GapUs > 0 && !p.carries {
		return err
	}
	line, err := retraction(v.Def, c.Start, []byte(c.Key), c.Window.Revision, p.carried(v, []byte(c.Key), c.Window, true))
	if err == nil {
		p.effect(t, line)
	}
	return err
}

// emitFinals reports the windows of EMIT FINAL views whose grace ended: exactly once each, since the mark up to which that was
// done is committed with the effects.
func (p *partition) emitFinals(now int64) error {
	for id, v := range p.views {
		watermark := p.inputMark(v.Def)
		from, done := p.finals[id]
		if !v.Def.EmitFinal || v.Def.GapUs > 0 || done && watermark <= from {
			continue
		}
		if !done {
			from = -1 << 62
		}
		t := &turn{tx: p.store.Begin(), now: now, marks: p.outputs}
		span := v.Def.WindowUs + v.Def.GraceUs
		err := v.Scan(from-span+1, watermark-span+1, p.panes(id), func(start int64, key []byte, w *merge.Window) (bool, error) {
			return true, p.report(t, v, start, key, w, watermark, true)
		})
		if err != nil {
			return errors.Join(err, t.tx.Discard())
		}
		t.tx.Final(p.id, id, watermark)
		p.finals[id] = watermark // which alerts and views over it look at
		p.advanceAlerts(t)
		p.post(t)
		p.step("finals.gathered")
		if err := t.tx.Commit(); err != nil {
			return err
		}
		p.show()
		p.step("finals.committed")
		p.delivered(t)
		p.live.publish(t)
		p.live.alerts(p.standing, t.steps)
		p.notified(t)
		p.pushed(t)
		if t.effects > 0 {
			p.sink(p.id)
		}
	}
	return nil
}
