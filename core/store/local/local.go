// Package local keeps the history of views in the core's own database: their windows, once final, merged into larger ones, level by level, so that a year
// is small and any aggregate of it is still exact.
//
//	local.go   Store: the levels, and what there is of each
//	level.go   sizes, and how long they are kept
//	roll.go    final windows → blocks of larger ones, a run of time a commit
//	trim.go    what is too old, or too much
//	pieces.go  which level answers which part of a question
//	read.go    blocks and the view's own windows → what a question wants
//	block.go   the bytes of a block
//
// A level is made by merging aggregates' states, of the windows of the level below it, never by aggregating results: so percentiles and distinct counts of
// a day are those of its readings. Only windows that are final are read, which change no more; so what is rolled up never has to be done again. Blocks and
// the mark up to which there are some are one commit: a core that is killed goes on behind the mark. The package has no clock, and knows neither batches nor
// SQL; what is final it is told.
package local

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/hexpane/hexpane/protocol/plan"
)

// Disk is where windows and blocks are; the core's state is one.
type Disk interface {
	Now() Moment
	Begin() Change
	Rollups(f func(partition, view, level uint32, mark []byte) error) error
}

// Moment is a disk as it was at one time. A level's number is its size in seconds.
type Moment interface {
	Windows(partition, view uint32, from, to int64, f func(start int64, group, stored []byte) (bool, error)) error
	WindowsOf(partition, view uint32, from, to, every int64, group []byte, f func(start int64, group, stored []byte) (bool, error)) error
	FirstWindow(partition, view uint32, from int64) (start int64, ok bool, err error)
	Rollup(partition, view, level uint32) ([]byte, error)
	Blocks(partition, view, level uint32, from, to int64, low, high []byte, f func(start int64, first, block []byte) (bool, error)) error
	Close() error
}

// Change is one commit.
type Change interface {
	Block(partition, view, level uint32, start int64, first, block []byte)
	DropBlocks(partition, view, level uint32, from, before int64)
	DropRollups(partition, view uint32)
	Rollup(partition, view, level uint32, mark []byte)
	Commit() error
}

// Config of a Store.
type Config struct {
	Levels   []Level
	MaxBytes int64 // of all blocks; 0: any
	// Split takes a stored window of a tumbling view apart: its revision, and its aggregates' states one after another.
	Split func(stored []byte) (revision uint32, states []byte, err error)
	// Step is called between the steps of a commit, where tests kill the core.
	Step func(done string)
}

// Store is the rollups of all views. It is safe for concurrent use; Roll, Trim, Shed and Forget are for one goroutine.
type Store struct {
	cfg  Config
	disk Disk

	mu    sync.Mutex
	marks map[place]mark
	dead  map[place]bool // what failed: it is not rolled up any more, until the core starts again
}

// place is a level of a view in a partition.
type place struct {
	partition, view uint32
	size            int64
}

// mark says what there is of a level: all windows that start in [from, to).
type mark struct {
	from, to int64
	bytes    int64 // of blocks
	windows  int64
}

// New finds what there is on disk.
func New(cfg Config, disk Disk) (*Store, error) {
	s := &Store{cfg: cfg, disk: disk, marks: map[place]mark{}, dead: map[place]bool{}}
	if s.cfg.Step == nil {
		s.cfg.Step = func(string) {}
	}
	err := disk.Rollups(func(partition, view, level uint32, stored []byte) error {
		m, err := readMark(stored)
		if err != nil {
			return fmt.Errorf("rollups of view %d, partition %d: %w", view, partition, err)
		}
		s.marks[place{partition, view, int64(level) * second}] = m
		return nil
	})
	return s, err
}

func (m mark) encode() []byte {
	dst := binary.AppendVarint([]byte{1}, m.from)
	dst = binary.AppendVarint(dst, m.to)
	dst = binary.AppendUvarint(dst, uint64(m.bytes))
	return binary.AppendUvarint(dst, uint64(m.windows))
}

func readMark(src []byte) (m mark, err error) {
	if len(src) == 0 || src[0] != 1 {
		return m, errCorrupt
	}
	src = src[1:]
	for _, into := range []*int64{&m.from, &m.to} {
		us, n := binary.Varint(src)
		if n <= 0 {
			return m, errCorrupt
		}
		*into, src = us, src[n:]
	}
	for _, into := range []*int64{&m.bytes, &m.windows} {
		u, n := binary.Uvarint(src)
		if n <= 0 || u > math.MaxInt64 {
			return m, errCorrupt
		}
		*into, src = int64(u), src[n:]
	}
	if len(src) > 0 || m.from > m.to {
		return m, errCorrupt
	}
	return m, nil
}

func number(size int64) uint32 { return uint32(size / second) }

func (s *Store) mark(at place) (mark, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.marks[at]
	return m, ok
}

// sizes are those of the levels of a view in a partition that hold anything, the finest first: those configured, and those that once were.
func (s *Store) sizes(partition, view uint32) (sizes []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := range s.marks {
		if at.partition == partition && at.view == view {
			sizes = append(sizes, at.size)
		}
	}
	slices.Sort(sizes)
	return sizes
}

// Rolled gives the time up to which the windows of a view are rolled up in a partition: those before need not be kept for it. math.MaxInt64: the view is
// not rolled up.
func (s *Store) Rolled(v *plan.View, partition uint32) int64 {
	levels := Of(s.cfg.Levels, v)
	if len(levels) == 0 {
		return math.MaxInt64
	}
	if m, ok := s.mark(place{partition, v.Id, levels[0].Size}); ok {
		return m.to
	}
	return math.MinInt64
}

// Held is what there is of a size of windows.
type Held struct{ Size, From, To int64 }

// Held gives the levels of a view, the finest first: from the first window that starts in any partition to the end that all of them have.
func (s *Store) Held(view uint32) (all []Held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, m := range s.marks {
		if at.view != view || m.from == m.to {
			continue
		}
		i := slices.IndexFunc(all, func(h Held) bool { return h.Size == at.size })
		if i < 0 {
			all = append(all, Held{at.size, m.from, m.to})
			continue
		}
		all[i].From, all[i].To = min(all[i].From, m.from), min(all[i].To, m.to)
	}
	slices.SortFunc(all, func(a, b Held) int { return cmp.Compare(a.Size, b.Size) })
	return all
}

// Usage is what a level of a view takes, in all partitions.
type Usage struct {
	View           uint32
	Size           int64
	Bytes, Windows int64
}

// Usage of each level of each view.
func (s *Store) Usage() (all []Usage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, m := range s.marks {
		i := slices.IndexFunc(all, func(u Usage) bool { return u.View == at.view && u.Size == at.size })
		if i < 0 {
			i = len(all)
			all = append(all, Usage{View: at.view, Size: at.size})
		}
		all[i].Bytes += m.bytes
		all[i].Windows += m.windows
	}
	return all
}

// Forget deletes the levels of views that are no more.
func (s *Store) Forget(is func(view uint32) bool) error {
	type of struct{ partition, view uint32 }
	gone := map[of]bool{}
	s.mu.Lock()
	for at := range s.marks {
		if !is(at.view) {
			gone[of{at.partition, at.view}] = true
		}
	}
	s.mu.Unlock()
	for at := range gone {
		change := s.disk.Begin()
		change.DropRollups(at.partition, at.view)
		if err := change.Commit(); err != nil {
			return err
		}
		s.mu.Lock()
		for p := range s.marks {
			if p.partition == at.partition && p.view == at.view {
				delete(s.marks, p)
			}
		}
		s.mu.Unlock()
	}
	return nil
}
