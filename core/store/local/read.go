package local

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
)

// Window is a window that is read. It is good during the call.
type Window struct {
	Start, Size int64
	Key         []byte
	Revision    uint32
	RolledUp    bool // so it is final

	layout  aggregate.Layout
	partial aggregate.Partial
	raw     []byte    // of one that is the view's own: its states,
	ends    []int     // and where each of them ends, once that is known
	block   *block    // of one that is rolled up,
	columns []*states // its aggregates' states, as far as they were wanted
	row     int       // and where it is in them
}

// State gives an aggregate's encoded state.
func (w *Window) State(i int) ([]byte, error) {
	if w.block == nil {
		if err := w.split(); err != nil {
			return nil, err
		}
		from := 0
		if i > 0 {
			from = w.ends[i-1]
		}
		return w.raw[from:w.ends[i]], nil
	}
	if w.columns[i] == nil {
		var err error
		if w.columns[i], err = w.block.states(i); err != nil {
			return nil, err
		}
	}
	return w.columns[i].of(w.row), nil
}

// Partial gives all states.
func (w *Window) Partial() (aggregate.Partial, error) {
	if w.block == nil {
		return w.partial, w.split()
	}
	for i, s := range w.partial {
		state, err := w.State(i)
		if err != nil {
			return nil, err
		}
		if rest, err := s.Read(state); err != nil || len(rest) > 0 {
			return nil, errCorrupt
		}
	}
	return w.partial, nil
}

// split reads the states of a window that is the view's own, which shows where they end.
func (w *Window) split() error {
	if len(w.ends) > 0 || len(w.partial) == 0 {
		return nil
	}
	rest := w.raw
	var err error
	for _, s := range w.partial {
		if rest, err = s.Read(rest); err != nil {
			return errCorrupt
		}
		w.ends = append(w.ends, len(w.raw)-len(rest))
	}
	if len(rest) > 0 {
		return errCorrupt
	}
	return nil
}

// exact reports that windows of a size answer a question that looks at steps.
func exact(own, step, size int64) bool {
	return size == own || step != store.Own && (step == store.Any || step%size == 0)
}

// Pieces says how a question about a tumbling view would be read in a partition.
func (s *Store) Pieces(now Moment, q *store.Question, partition uint32) ([]Piece, error) {
	levels, err := s.levels(now, q.View, partition)
	if err != nil {
		return nil, err
	}
	return pieces(q.View.WindowUs, q.From, q.To, q.Step, levels), nil
}

// levels are those that hold anything of a view in a partition, the finest first.
func (s *Store) levels(now Moment, v *plan.View, partition uint32) (levels []held, err error) {
	for _, size := range s.sizes(partition, v.Id) {
		stored, err := now.Rollup(partition, v.Id, number(size))
		if err != nil {
			return nil, err
		}
		if stored == nil {
			continue
		}
		m, err := readMark(stored)
		if err != nil {
			return nil, fmt.Errorf("rollups of %s, partition %d: %w", v.Name, partition, err)
		}
		levels = append(levels, held{size, m.from, m.to})
	}
	return levels, nil
}

// Since gives the time from which on the levels have all windows that are exact for a step, of a view whose own windows are kept from a time on.
func (s *Store) Since(now Moment, v *plan.View, partition uint32, step, kept int64) (int64, error) {
	levels, err := s.levels(now, v, partition)
	for _, l := range levels {
		if exact(v.WindowUs, step, l.size) && l.to >= kept {
			kept = min(kept, l.from)
		}
	}
	return kept, err
}

// Read gives the windows of a tumbling view that a question wants, in one partition: the coarsest that are exact for it, each reading once. They come
// by time as far as they are of different blocks, within a block by key.
func (s *Store) Read(ctx context.Context, now Moment, q *store.Question, partition uint32, f func(w *Window) (more bool, err error)) error {
	list, err := s.Pieces(now, q, partition)
	if err != nil {
		return err
	}
	layout, err := plan.Layout(q.View)
	if err != nil {
		return err
	}
	w := &Window{layout: layout, partial: layout.New()}
	low, high, whole := bounds(q)
	ended := false
	give := func() (bool, error) {
		more, err := f(w)
		ended = !more
		return more, err
	}
	for _, p := range list {
		if p.Size == 0 {
			err = s.own(now, q, partition, p, low, whole, w, give)
		} else {
			err = s.rolled(ctx, now, q, partition, p, low, high, w, give)
		}
		if err != nil || ended {
			return err
		}
	}
	return nil
}

// own reads the view's own windows.
func (s *Store) own(now Moment, q *store.Question, partition uint32, p Piece, key []byte, whole bool, w *Window, give func() (bool, error)) error {
	w.Size, w.RolledUp, w.block = q.View.WindowUs, false, nil
	one := func(start int64, group, stored []byte) (bool, error) {
		var err error
		w.Start, w.Key, w.ends = start, group, w.ends[:0]
		if w.Revision, w.raw, err = s.cfg.Split(stored); err != nil {
			return false, fmt.Errorf("view %s: %w", q.View.Name, err)
		}
		return give()
	}
	if whole {
		return now.WindowsOf(partition, q.View.Id, p.From, p.To, q.View.WindowUs, key, one)
	}
	return now.Windows(partition, q.View.Id, p.From, p.To, one)
}

// rolled reads blocks.
func (s *Store) rolled(ctx context.Context, now Moment, q *store.Question, partition uint32, p Piece, low, high []byte, w *Window, give func() (bool, error)) error {
	w.Size, w.RolledUp = p.Size, true
	at := place{partition, q.View.Id, p.Size}
	err := eachBlock(now, at, &Level{Size: p.Size}, p.From, p.To, low, high, func(start int64, b *block) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		w.block, w.columns = b, make([]*states, len(w.layout))
		first := 0
		if low != nil {
			first = sort.Search(len(b.keys), func(i int) bool { return string(b.keys[i].key) >= string(low) })
		}
		for _, k := range b.keys[first:] {
			if high != nil && string(k.key) > string(high) {
				break
			}
			w.Key = k.key
			for w.row = k.from; w.row < k.to; w.row++ {
				w.Start = start + int64(b.at[w.row])*p.Size
				if w.Start < p.From || w.Start >= p.To {
					continue
				}
				if w.Revision = 0; b.revised != nil {
					w.Revision = b.revised[w.row]
				}
				if more, err := give(); err != nil || !more {
					return false, err
				}
			}
		}
		return true, nil
	})
	if errors.Is(err, errCorrupt) {
		return fmt.Errorf("rollup %s of %s, partition %d: %w", Name(p.Size), q.View.Name, partition, err)
	}
	return err
}

// eachBlock reads the blocks that may hold windows of [from, to).
func eachBlock(now Moment, at place, l *Level, from, to int64, low, high []byte, f func(start int64, b *block) (bool, error)) error {
	return now.Blocks(at.partition, at.view, number(l.Size), window.Pane(from, l.chunk()), to, low, high, func(start int64, _, data []byte) (bool, error) {
		b, err := readBlock(data)
		if err != nil {
			return false, err
		}
		return f(start, b)
	})
}

// bounds are the first and the last group key that a question can want, encoded; nil: any. whole says that it is one.
func bounds(q *store.Question) (low, high []byte, whole bool) {
	for i, v := range q.Keys {
		if v.IsNull() {
			break
		}
		low = value.Append(low, v)
		whole = i == len(q.View.Keys)-1
	}
	if low == nil || whole {
		return low, low, whole
	}
	high = append([]byte(nil), low...)
	for i := len(high) - 1; i >= 0; i-- {
		if high[i]++; high[i] != 0 {
			return low, high[:i+1], false
		}
	}
	return nil, nil, false
}
