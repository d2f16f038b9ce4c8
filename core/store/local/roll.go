package local

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/window"
)

// What a commit and a block hold, about: bytes of states before they are compressed.
const (
	maxCommit = 8 << 20
	maxBlock  = 64 << 10
)

// Roll rolls up one run of time of one level of a view in a partition, and reports whether there was one. final is the time before which all of the view's
// windows have ended and are final. A level that fails is left as it is from then on, and so are the windows that it would have been made of.
func (s *Store) Roll(v *plan.View, partition uint32, final int64) (did bool, err error) {
	levels := Of(s.cfg.Levels, v)
	for i, l := range levels {
		at := place{partition, v.Id, l.Size}
		if s.dead[at] {
			break
		}
		r := &roller{store: s, view: v, place: at, level: l, final: final}
		if i > 0 {
			m, ok := s.mark(place{partition, v.Id, levels[i-1].Size})
			if !ok {
				break
			}
			r.below, r.final = &levels[i-1], m.to
		}
		if did, err := r.roll(); err != nil {
			s.dead[at] = true
			return false, fmt.Errorf("roll up %s into %s, partition %d: %w", v.Name, Name(l.Size), partition, err)
		} else if did {
			return true, nil
		}
	}
	return false, nil
}

// roller makes one commit of one level.
type roller struct {
	place
	store *Store
	view  *plan.View
	level Level
	below *Level // nil: the view's own windows
	final int64

	layout  aggregate.Layout
	blank   []byte
	scratch aggregate.Partial
	spare   []aggregate.Partial
	merging map[string]aggregate.Partial // of the window that is being merged, by key

	from   int64 // of the commit
	series map[string]*series
	bytes  int
}

func (r *roller) roll() (did bool, err error) {
	now := r.store.disk.Now()
	defer func() { err = errors.Join(err, now.Close()) }()
	m, known := r.store.mark(r.place)
	if !known {
		first, ok, err := r.first(now, math.MinInt64)
		if err != nil || !ok {
			return false, err
		}
		m.from = window.Pane(first, r.size)
		m.to = m.from
	}
	chunk := r.level.chunk()
	ready := window.Pane(r.final, chunk)
	if r.final == math.MinInt64 || m.to >= ready {
		return false, nil
	}
	next, ok, err := r.first(now, m.to)
	if err != nil {
		return false, err
	}
	if !ok || next >= ready {
		return true, r.commit(mark{m.from, ready, m.bytes, m.windows})
	}
	r.from = max(m.to, window.Pane(next, chunk))
	if r.layout, err = plan.Layout(r.view); err != nil {
		return false, err
	}
	r.blank = r.layout.New().Append(nil)
	r.scratch, r.merging, r.series = r.layout.New(), map[string]aggregate.Partial{}, map[string]*series{}
	to := window.Pane(r.from, chunk) + chunk
	if r.below == nil {
		m.to, err = r.own(now, to)
	} else {
		m.to, err = r.finer(now, to)
	}
	if err != nil {
		return false, err
	}
	return true, r.commit(m)
}

// first gives the first time from which on there is something to roll up.
func (r *roller) first(now Moment, from int64) (start int64, ok bool, err error) {
	if r.below == nil {
		return now.FirstWindow(r.partition, r.place.view, from)
	}
	at := from
	if from != math.MinInt64 {
		at = window.Pane(from, r.below.chunk()) // a block may begin before
	}
	err = now.Blocks(r.partition, r.place.view, number(r.below.Size), at, math.MaxInt64, nil, nil, func(us int64, _, _ []byte) (bool, error) {
		start, ok = max(us, from), true
		return false, nil
	})
	return start, ok, err
}

// own merges the view's own windows that start before to, or as many of them as fit into a commit; it gives the time up to which it came.
func (r *roller) own(now Moment, to int64) (int64, error) {
	at, full := r.from, false
	err := now.Windows(r.partition, r.place.view, r.from, to, func(start int64, group, stored []byte) (bool, error) {
		if into := window.Pane(start, r.size); into != at {
			r.finish(at)
			if at = into; r.bytes > maxCommit {
				full = true
				return false, nil
			}
		}
		revision, states, err := r.store.cfg.Split(stored)
		if err != nil {
			return false, err
		}
		if r.size == r.view.WindowUs { // they are as they are
			return true, r.keep(start, group, revision, states)
		}
		return true, r.merge(group, states)
	})
	if err != nil {
		return 0, err
	}
	if full {
		return at, nil
	}
	r.finish(at)
	return to, nil
}

// finer merges the blocks of the level below.
func (r *roller) finer(now Moment, to int64) (int64, error) {
	for at := r.from; at < to; at += r.size {
		if r.bytes > maxCommit {
			return at, nil
		}
		if err := eachBlock(now, r.place, r.below, at, at+r.size, nil, nil, r.blockInto(at)); err != nil {
			return 0, err
		}
		r.finish(at)
	}
	return to, nil
}

func (r *roller) blockInto(at int64) func(start int64, b *block) (bool, error) {
	return func(start int64, b *block) (bool, error) {
		columns := make([]*states, len(r.layout))
		var err error
		for i := range columns {
			if columns[i], err = b.states(i); err != nil {
				return false, err
			}
		}
		var all []byte
		for _, k := range b.keys {
			for w := k.from; w < k.to; w++ {
				if us := start + int64(b.at[w])*r.below.Size; us < at || us >= at+r.size {
					continue
				}
				all = all[:0]
				for _, c := range columns {
					all = append(all, c.of(w)...)
				}
				if err := r.merge(k.key, all); err != nil {
					return false, err
				}
			}
		}
		return true, nil
	}
}

// merge adds states to the window that is being merged.
func (r *roller) merge(group, states []byte) error {
	into, known := r.merging[string(group)]
	p := r.scratch
	if !known {
		if into = r.layout.New(); len(r.spare) > 0 {
			into, r.spare = r.spare[len(r.spare)-1], r.spare[:len(r.spare)-1]
		}
		r.merging[string(group)] = into
		p = into
	}
	if rest, err := p.Read(states); err != nil || len(rest) > 0 {
		return errCorrupt
	}
	if known {
		into.Merge(p)
	}
	return nil
}

// finish puts what was merged into the commit, as the windows that start at a time.
func (r *roller) finish(at int64) {
	for key, p := range r.merging {
		s := r.of(key, at, 0)
		for i, state := range p {
			n := len(s.states[i])
			s.states[i] = state.Append(s.states[i])
			s.lengths[i] = append(s.lengths[i], uint32(len(s.states[i])-n))
			r.bytes += len(s.states[i]) - n
		}
		r.spare = append(r.spare, p)
	}
	clear(r.merging)
}

// keep puts a window into the commit as it is.
func (r *roller) keep(start int64, group []byte, revision uint32, states []byte) error {
	s := r.of(string(group), start, revision)
	for i, state := range r.scratch {
		rest, err := state.Read(states)
		if err != nil {
			return errCorrupt
		}
		n := len(states) - len(rest)
		s.states[i], s.lengths[i] = append(s.states[i], states[:n]...), append(s.lengths[i], uint32(n))
		states = rest
		r.bytes += n
	}
	if len(states) > 0 {
		return errCorrupt
	}
	return nil
}

// of gives a key's series, with a window more.
func (r *roller) of(key string, start int64, revision uint32) *series {
	s := r.series[key]
	if s == nil {
		s = &series{key: key, states: make([][]byte, len(r.layout)), lengths: make([][]uint32, len(r.layout))}
		r.series[key] = s
	}
	s.at, s.revisions = append(s.at, uint32((start-r.from)/r.size)), append(s.revisions, revision)
	return s
}

// commit writes the blocks, and the mark behind them.
func (r *roller) commit(m mark) error {
	change := r.store.disk.Begin()
	var list []*series
	held := 0
	write := func() {
		if len(list) > 0 {
			data := appendBlock(nil, list, len(r.layout))
			change.Block(r.partition, r.place.view, number(r.size), r.from, []byte(list[0].key), data)
			m.bytes += int64(len(data))
		}
		list, held = list[:0], 0
	}
	for _, key := range slices.SortedFunc(maps.Keys(r.series), func(a, b string) int { return bytes.Compare([]byte(a), []byte(b)) }) {
		s := r.series[key]
		if n := s.bytes(); held > 0 && held+n > maxBlock {
			write()
		}
		list, held = append(list, s), held+s.bytes()
		m.windows += int64(len(s.at))
	}
	write()
	change.Rollup(r.partition, r.place.view, number(r.size), m.encode())
	r.store.cfg.Step("rollup.gathered")
	if err := change.Commit(); err != nil {
		return err
	}
	r.store.cfg.Step("rollup.committed")
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	r.store.marks[r.place] = m
	return nil
}
