package local

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/window"
)

// Dropped is what was deleted of a level because there was too much of all.
type Dropped struct {
	View           uint32
	Size, From, To int64
	Bytes, Windows int64
}

// Trim deletes the blocks of a view in a partition that are kept no longer at a watermark. What the next level is still to be made of stays.
func (s *Store) Trim(v *plan.View, partition uint32, watermark int64) error {
	levels := Of(s.cfg.Levels, v)
	for i, l := range levels {
		if l.Keep == 0 {
			continue
		}
		before := watermark - l.Keep
		if i < len(levels)-1 {
			m, ok := s.mark(place{partition, v.Id, levels[i+1].Size})
			if !ok {
				continue
			}
			before = min(before, m.to)
		}
		if _, err := s.drop(place{partition, v.Id, l.Size}, window.Pane(before, l.chunk())); err != nil {
			return err
		}
	}
	return nil
}

// Shed deletes blocks while they are more than the limit: of the finest level, the oldest first, and never what a coarser one is still to be made of.
// views are those that there are.
func (s *Store) Shed(views []*plan.View) (all []Dropped, err error) {
	for s.cfg.MaxBytes > 0 {
		at, before, ok := s.excess(views)
		if !ok {
			return all, nil
		}
		d, err := s.drop(at, before)
		if err != nil {
			return all, err
		}
		all = append(all, d)
	}
	return nil, nil
}

// excess finds what is to go next; ok is false if all fits, or nothing may go.
func (s *Store) excess(views []*plan.View) (at place, before int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := int64(0)
	for _, m := range s.marks {
		total += m.bytes
	}
	if total <= s.cfg.MaxBytes {
		return at, 0, false
	}
	for p, m := range s.marks {
		i := slices.IndexFunc(views, func(v *plan.View) bool { return v.Id == p.view })
		if i < 0 || m.bytes == 0 {
			continue
		}
		to := window.Pane(m.from, Level{Size: p.size}.chunk()) + Level{Size: p.size}.chunk()
		until := m.to
		for _, l := range Of(s.cfg.Levels, views[i]) {
			if l.Size > p.size {
				until = math.MinInt64
				if coarser, ok := s.marks[place{p.partition, p.view, l.Size}]; ok {
					until = coarser.to
				}
				break
			}
		}
		if to > until {
			continue
		}
		if !ok || cmp.Or(cmp.Compare(p.size, at.size), cmp.Compare(m.from, s.marks[at].from), cmp.Compare(p.partition, at.partition), cmp.Compare(p.view, at.view)) < 0 {
			at, before, ok = p, to, true
		}
	}
	return at, before, ok
}

// drop deletes a level's windows before a time, which is a chunk's start.
func (s *Store) drop(at place, before int64) (d Dropped, err error) {
	m, ok := s.mark(at)
	if before = min(before, m.to); !ok || before <= m.from {
		return d, nil
	}
	now := s.disk.Now()
	defer func() { err = errors.Join(err, now.Close()) }()
	begin := window.Pane(m.from, Level{Size: at.size}.chunk()) // ranges that overlapped would make every iterator dearer
	d = Dropped{View: at.view, Size: at.size, From: m.from, To: before}
	if err := now.Blocks(at.partition, at.view, number(at.size), begin, before, nil, nil, func(_ int64, _, data []byte) (bool, error) {
		d.Bytes += int64(len(data))
		if b, err := readBlock(data); err == nil {
			d.Windows += int64(len(b.at))
		}
		return true, nil
	}); err != nil {
		return d, err
	}
	m.from, m.bytes, m.windows = before, max(0, m.bytes-d.Bytes), max(0, m.windows-d.Windows)
	change := s.disk.Begin()
	change.DropBlocks(at.partition, at.view, number(at.size), begin, before)
	change.Rollup(at.partition, at.view, number(at.size), m.encode())
	s.cfg.Step("rollup.dropping")
	if err := change.Commit(); err != nil {
		return d, err
	}
	s.cfg.Step("rollup.dropped")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks[at] = m
	return d, nil
}
