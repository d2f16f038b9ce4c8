package core

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/hexpane/hexpane/core/join"
	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"github.com/hexpane/hexpane/protocol/wire"
)

// reader makes the panes of a view over rows that this core makes: another view's, or a join's. It is to them what an edge is to readings.
type reader struct {
	def    *plan.View
	filter expr.Func // nil: all
	keys   []expr.Func
	args   []expr.Func // nil: COUNT(*)
	layout aggregate.Layout
}

func newReader(def *plan.View) (*reader, error) {
	r := &reader{def: def}
	var err error
	compile := func(e *plan.Expr) (f expr.Func) {
		if e != nil && err == nil {
			if f, err = expr.Compile(e); err != nil {
				err = fmt.Errorf("view %s: %w", def.Name, err)
			}
		}
		return f
	}
	r.filter = compile(def.Filter)
	for _, k := range def.KeyExprs {
		r.keys = append(r.keys, compile(k))
	}
	for _, a := range def.Aggregates {
		r.args = append(r.args, compile(a.Argument))
	}
	if err == nil {
		r.layout, err = plan.Layout(def)
	}
	return r, err
}

// takes says whether the view wants the row, and of which group it is.
func (r *reader) takes(row []value.Value) (key []byte, ok bool) {
	if r.filter != nil && !r.filter(row).Bool() {
		return nil, false
	}
	for _, k := range r.keys {
		key = value.Append(key, k(row))
	}
	return key, true
}

func (r *reader) observe(partial aggregate.Partial, row []value.Value, us int64) {
	for i, s := range partial {
		argument := value.OfBool(true)
		if r.args[i] != nil {
			argument = r.args[i](row)
		}
		s.Observe(argument, us)
	}
}

// group is a key of a view in a pane.
type group struct {
	view uint32
	pane int64
	key  string
}

// givenRow is a row of a view as a view over it knows it.
type givenRow struct {
	view uint32
	name string
}

type gain struct {
	partial  aggregate.Partial
	readings uint64
}

// made takes a row of a join to the views over it.
func (p *partition) made(t *turn, source uint32, us int64, row []value.Value) {
	if p.pushes.wants(source) {
		t.pushed = append(t.pushed, pushedRow{source, slices.Clone(row)})
	}
	if source == plan.FenceEvents {
		p.sendOwn(t, us, row)
	}
	for _, r := range p.readers[source] {
		key, ok := r.takes(row)
		if !ok {
			continue
		}
		at := group{r.def.Id, window.Pane(us, r.def.PaneUs), string(key)}
		g := t.gained[at]
		if g == nil {
			if t.gained == nil {
				t.gained = map[group]*gain{}
			}
			g = &gain{partial: r.layout.New()}
			t.gained[at] = g
		}
		g.readings++
		r.observe(g.partial, row, us)
	}
}

// sendOwn takes an event at a fence to the patterns over them, each where its key is.
func (p *partition) sendOwn(t *turn, us int64, row []value.Value) {
	for _, r := range p.own {
		if r.filter != nil && !r.filter(row).Bool() {
			continue
		}
		var key []byte
		for _, k := range r.keys {
			key = value.Append(key, k(row))
		}
		p.write(t, key, func(l letter) letter { return l.routed(r.def.Id, us, value.AppendRow(nil, row)) })
	}
}

// changed takes what a view's row is now to the views over it; a nil row is none any more.
func (p *partition) changed(t *turn, v *plan.View, start, end int64, key []byte, row []value.Value) error {
	for _, r := range p.readers[v.Id] {
		if err := p.give(t, r, v, start, end, key, row); err != nil {
			return err
		}
	}
	return nil
}

func (p *partition) give(t *turn, r *reader, v *plan.View, start, end int64, key []byte, row []value.Value) error {
	name := state.RowName(start, key)
	id := givenRow{r.def.Id, string(name)}
	before, here := t.given[id]
	if !here {
		var err error
		if before, err = p.store.Given(p.id, r.def.Id, name); err != nil {
			return err
		}
	}
	var now []byte
	var at group
	var states []byte
	if row != nil {
		if own, ok := r.takes(row); ok {
			us := rowTime(v, start, end)
			at = group{r.def.Id, window.Pane(us, r.def.PaneUs), string(own)}
			if r.def.Inherits {
				at.pane = start
			}
			partial := r.layout.New()
			r.observe(partial, row, us)
			states = partial.Append(nil)
			now = letter(nil).share(r.def.Id, at.pane, own, nil, states)
		}
	}
	if bytes.Equal(before, now) {
		return nil
	}
	if t.given == nil {
		t.given = map[givenRow][]byte{}
	}
	t.given[id] = now
	if before != nil {
		old, _, err := letter(before).next()
		if err != nil {
			return fmt.Errorf("view %s: what a row gave: %w", r.def.Name, err)
		}
		if now == nil || old.us != at.pane || string(old.key) != at.key {
			p.write(t, old.key, func(l letter) letter { return l.share(r.def.Id, old.us, old.key, name, nil) })
		}
	}
	if now == nil {
		t.tx.DropGiven(p.id, r.def.Id, name)
		return nil
	}
	t.tx.Given(p.id, r.def.Id, name, now)
	p.write(t, []byte(at.key), func(l letter) letter { return l.share(r.def.Id, at.pane, []byte(at.key), name, states) })
	return nil
}

// rowTime is the event time of a view's row: the last moment of its window, as Flink's window_time; of a session its last reading.
func rowTime(v *plan.View, start, end int64) int64 {
	switch {
	case v.GapUs > 0:
		return end
	case v.WindowUs > 0:
		return start + v.WindowUs - 1
	}
	return 0
}

// write adds to the turn's letter for the partition of a group key.
func (p *partition) write(t *turn, key []byte, f func(letter) letter) {
	p.writeTo(t, wire.Partition(key, uint32(len(p.sent))), f)
}

func (p *partition) writeTo(t *turn, to uint32, f func(letter) letter) {
	if t.letters == nil {
		t.letters = make([]letter, len(p.sent))
	}
	if t.letters[to] == nil {
		t.letters[to] = newLetter(p.plan.Version)
	}
	t.letters[to] = f(t.letters[to])
}

// post puts the turn's letters into its transaction, with the watermarks that hold once they are read.
func (p *partition) post(t *turn) {
	for at, g := range t.gained {
		p.write(t, []byte(at.key), func(l letter) letter {
			return l.delta(at.view, at.pane, g.readings, []byte(at.key), g.partial.Append(nil))
		})
	}
	t.gained = nil
	if t.letters != nil || t.now-p.toldAt >= tellEvery {
		p.toldAt = t.now
		for source := range p.relays {
			us := p.sourceMark(source)
			if told, ok := p.told[source]; us <= dawn || ok && us <= told {
				continue
			}
			p.told[source] = us
			for to := range p.sent {
				p.writeTo(t, uint32(to), func(l letter) letter { return l.watermark(source, us) })
			}
		}
	}
	for to, l := range t.letters {
		if l != nil {
			p.sent[to]++
			t.tx.Letter(uint32(to), p.id, p.sent[to], l)
		}
	}
}

// tellEvery is how often watermarks go to other partitions when nothing else does, µs.
const tellEvery = 100_000

// delivered wakes the partitions that the turn wrote to; after its commit.
func (p *partition) delivered(t *turn) {
	for to, l := range t.letters {
		if l != nil {
			p.wake(uint32(to))
		}
	}
}

// sourceMark is what this partition promises of the rows that it makes: of a join, a pattern, or a view.
func (p *partition) sourceMark(source uint32) int64 {
	if j := p.joins[source]; j != nil {
		return j.Watermark(p.joinMarks(j))
	}
	if s := p.patterns[source]; s != nil {
		return p.patternMark(s)
	}
	if source == plan.FenceEvents {
		return p.eventsBefore(time.Minute)
	}
	v := p.views[source]
	if v == nil {
		return dawn
	}
	mark := p.inputMark(v.Def)
	switch {
	case !v.Def.EmitFinal || mark <= dawn:
		return mark
	case v.Def.GapUs > 0:
		return mark - v.Def.GapUs - v.Def.GraceUs - 1
	}
	if final, ok := p.finals[source]; ok {
		return final - v.Def.GraceUs
	}
	return dawn
}

// inputMark is the watermark of what a view reads: of a UNION ALL the lowest.
func (p *partition) inputMark(v *plan.View) int64 {
	if v.Core {
		return p.relays[v.Stream].output()
	}
	lowest := p.streams[v.Stream].output()
	for _, m := range v.More {
		lowest = min(lowest, p.streams[m.Stream].output())
	}
	return lowest
}

// relay is the watermark of rows that partitions make, as one of them sees it: the lowest that each of them told. None of them is ever idle, so
// it waits for all.
type relay struct{ marks []int64 }

func newRelay(partitions int) *relay {
	return &relay{slices.Repeat([]int64{dawn}, partitions)}
}

func (r *relay) output() int64 {
	if r == nil || len(r.marks) == 0 {
		return dawn
	}
	return slices.Min(r.marks)
}

// joinState is a join in this partition.
type joinState struct {
	*join.Join
	def         *plan.StreamJoin
	left, right uint32 // the streams
}

// routeState is where rows of a route go.
type routeState struct {
	def      *plan.Route
	width    int       // of the stream
	filter   expr.Func // these two of rows made here; edges have done it for streams
	keys     []expr.Func
	ends     []routeEnd
	patterns []*patternState
}

// newRoute makes the route of a plan.
func newRoute(def *plan.Route, streams map[uint32]*streamState) (*routeState, error) {
	if def.Stream != plan.FenceEvents {
		return &routeState{def: def, width: len(streams[def.Stream].def.Columns)}, nil
	}
	r := &routeState{def: def, width: len(sql.FenceEvents.Columns)}
	list := def.KeyExprs
	if def.Filter != nil {
		list = append(slices.Clone(list), def.Filter)
	}
	for _, e := range list {
		f, err := expr.Compile(e)
		if err != nil {
			return nil, fmt.Errorf("rows of %s for patterns: %w", sql.FenceEvents.Name, err)
		}
		r.keys = append(r.keys, f)
	}
	if n := len(def.KeyExprs); n < len(r.keys) {
		r.filter, r.keys = r.keys[n], r.keys[:n]
	}
	return r, nil
}

type routeEnd struct {
	join *joinState
	side int
}

func (p *partition) joinMarks(j *joinState) [2]int64 {
	return [2]int64{p.streams[j.left].output(), p.streams[j.right].output()}
}

// joinStore stores what a join keeps, in a turn.
type joinStore struct {
	p    *partition
	t    *turn
	join uint32
}

func (s joinStore) Keep(side int, us int64, number uint64, row []byte) {
	s.t.tx.JoinRow(s.p.id, s.join, byte(side), us, number, row)
}

func (s joinStore) Drop(side int, us int64, number uint64) {
	s.t.tx.DropJoinRow(s.p.id, s.join, byte(side), us, number)
}

// routed takes rows to the joins that want them.
func (p *partition) routed(t *turn, r *routeState, rows [][]value.Value) {
	if p.pushes.wants(r.def.Id) {
		for _, row := range rows {
			t.pushed = append(t.pushed, pushedRow{r.def.Id, row[:r.width]})
		}
	}
	for _, s := range r.patterns {
		p.take(t, s, rows, r.width)
	}
	for _, end := range r.ends {
		j, id := end.join, end.join.def.Id
		store := joinStore{p, t, id}
		emit := func(us int64, row []value.Value) { p.made(t, id, us, row) }
		marks := p.joinMarks(j)
		for _, row := range rows {
			if j.Take(end.side, row[r.width].Int(), row[:r.width], marks, store, emit) {
				p.m.joinLate.Inc()
			}
		}
		for over := j.Len() - p.cfg.Join.MaxRows; over > 0 && j.Shed(store, emit); over-- {
			p.m.joinShed.Inc()
		}
	}
}

// advanceJoins lets joins go on as far as the watermarks are.
func (p *partition) advanceJoins(t *turn) {
	kept := 0
	for id, j := range p.joins {
		j.Advance(p.joinMarks(j), joinStore{p, t, id}, func(us int64, row []value.Value) { p.made(t, id, us, row) })
		kept += j.Len()
	}
	p.joined.Store(int64(kept))
}

// letters takes in what other partitions, and this one, wrote, and reports whether there was any.
func (p *partition) letters(t *turn) (bool, error) {
	if !p.mail.Swap(false) {
		return false, nil
	}
	any := false
	shares := map[group]map[string][]byte{}
	marks := map[uint32]map[int]int64{}
	for from := range p.sent {
		read := 0
		err := p.store.Letters(p.id, uint32(from), p.read[from]+1, maxLetters, func(number uint64, data []byte) error {
			any = true
			read++
			p.read[from] = number
			t.tx.DropLetter(p.id, uint32(from), number)
			version, l, err := letter(data).version()
			if err == nil && version > p.plan.Version {
				err = p.adopt(t)
			}
			for err == nil && len(l) > 0 {
				var e entry
				if e, l, err = l.next(); err == nil {
					err = p.entered(t, from, e, shares, marks)
				}
			}
			return err
		})
		if err != nil {
			return any, err
		}
		if read == maxLetters {
			p.mail.Store(true) // there may be more
		}
	}
	for at, rows := range shares {
		if err := p.regroup(t, at, rows); err != nil {
			return any, err
		}
	}
	for source, list := range marks { // valid after all that the letters carry
		for from, us := range list {
			if r := p.relays[source]; r != nil && us > r.marks[from] {
				r.marks[from] = us
				t.tx.EdgeWatermark(p.id, source, fmt.Sprint(from), us)
			}
		}
	}
	return any, nil
}

// maxLetters is how many letters of one partition a turn takes.
const maxLetters = 64

func (p *partition) entered(t *turn, from int, e entry, shares map[group]map[string][]byte, marks map[uint32]map[int]int64) error {
	if e.kind == 'w' {
		if marks[e.id] == nil {
			marks[e.id] = map[int]int64{}
		}
		marks[e.id][from] = e.us
		return nil
	}
	if e.kind == 'r' {
		return p.came(t, e)
	}
	v := p.views[e.id]
	if v == nil {
		return nil // it was dropped meanwhile
	}
	if e.kind == 'd' {
		watermark := p.inputMark(v.Def)
		_, out, err := v.Delta(e.us, e.key, e.states, watermark, viewStore{p, e.id})
		if err == nil {
			p.judged(t, v, out, e.key, e.readings, watermark)
		}
		return err
	}
	at := group{e.id, e.us, string(e.key)}
	if shares[at] == nil {
		shares[at] = map[string][]byte{}
	}
	row := string(e.row)
	if len(e.states) == 0 {
		shares[at][row] = nil
		t.tx.DropShare(p.id, e.id, e.us, e.key, e.row)
		return nil
	}
	shares[at][row] = append([]byte(nil), e.states...)
	t.tx.Share(p.id, e.id, e.us, e.key, e.row, e.states)
	return nil
}

// came takes in a row that a partition made for patterns.
func (p *partition) came(t *turn, e entry) error {
	r := p.routes[e.id]
	if r == nil {
		return nil // the pattern was dropped meanwhile
	}
	row := make([]value.Value, r.width, r.width+1)
	if rest, err := value.ReadRow(e.row, row); err != nil || len(rest) > 0 {
		return fmt.Errorf("a row for patterns over %s: %w", sql.FenceEvents.Name, value.ErrCorrupt)
	}
	p.routed(t, r, [][]value.Value{append(row, value.OfTime(e.us))})
	return nil
}

// regroup makes a group anew of what its rows give, those of the turn before those stored.
func (p *partition) regroup(t *turn, at group, turned map[string][]byte) error {
	v := p.views[at.view]
	if v == nil {
		return nil
	}
	layout, err := plan.Layout(v.Def)
	if err != nil {
		return err
	}
	var all aggregate.Partial
	merge := func(states []byte) error {
		part := layout.New()
		if rest, err := part.Read(states); err != nil || len(rest) > 0 {
			return fmt.Errorf("view %s: what a row gave: %w", v.Def.Name, value.ErrCorrupt)
		}
		if all == nil {
			all = part
		} else {
			all.Merge(part)
		}
		return nil
	}
	for _, states := range turned {
		if states != nil {
			err = merge(states)
		}
		if err != nil {
			return err
		}
	}
	err = p.store.Shares(p.id, at.view, at.pane, []byte(at.key), func(row, states []byte) (bool, error) {
		if _, newer := turned[string(row)]; newer {
			return true, nil
		}
		err := merge(states)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	watermark := p.inputMark(v.Def)
	out, err := v.Replace(at.pane, []byte(at.key), all, watermark, viewStore{p, at.view})
	if err == nil {
		p.judged(t, v, out, []byte(at.key), uint64(len(turned)), watermark)
	}
	return err
}

// backfill gives a new view over a view what there is.
func (p *partition) backfill(t *turn, r *reader, below *merge.View) error {
	mark := p.inputMark(below.Def)
	return below.Scan(math.MinInt64, math.MaxInt64, p.panes(below.Def.Id), func(start int64, key []byte, w *merge.Window) (bool, error) {
		row, ok, err := below.Shape().Row(nil, start, key, w, mark)
		if err != nil || !ok || below.Def.EmitFinal && !row[len(row)-1].Bool() {
			return err == nil, err
		}
		err = p.give(t, r, below.Def, start, w.End, key, row)
		return err == nil, err
	})
}
