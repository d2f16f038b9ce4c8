package state

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// Rollups of windows: blocks of them, and of each level a mark that says what there is of it.

func blockKey(partition, view, level uint32, start int64, first []byte) []byte {
	return append(appendTime(key('b', view, partition, level), start), first...)
}

func rollupKey(partition, view, level uint32) []byte { return key('B', view, partition, level) }

// Block keeps a block of a level whose windows start at start and after, and whose first group is first.
func (t *Tx) Block(partition, view, level uint32, start int64, first, block []byte) {
	t.set(blockKey(partition, view, level, start, first), block)
}

// DropBlocks deletes a level's blocks that start in [from, before).
func (t *Tx) DropBlocks(partition, view, level uint32, from, before int64) {
	if t.err == nil {
		t.err = t.batch.DeleteRange(blockKey(partition, view, level, from, nil), blockKey(partition, view, level, before, nil), nil)
	}
}

// Rollup keeps a level's mark; DropRollups deletes all levels of a view in one partition.
func (t *Tx) Rollup(partition, view, level uint32, mark []byte) {
	t.set(rollupKey(partition, view, level), mark)
}

// DropRollups deletes all levels of a view in one partition.
func (t *Tx) DropRollups(partition, view uint32) {
	t.drop(key('b', view, partition))
	t.drop(key('B', view, partition))
}

// Rollups gives the marks of all levels.
func (s *Store) Rollups(f func(partition, view, level uint32, mark []byte) error) error {
	return s.scan([]byte{'B'}, []byte{'B' + 1}, func(k, v []byte) (bool, error) {
		if len(k) != 13 {
			return false, errCorrupt
		}
		return true, f(number(k[5:]), number(k[1:]), number(k[9:]), v)
	})
}

// Snapshot is the store at one moment. Close it soon: what is deleted meanwhile stays on disk.
type Snapshot struct{ snap *pebble.Snapshot }

// Snapshot takes one.
func (s *Store) Snapshot() *Snapshot { return &Snapshot{s.db.NewSnapshot()} }

// Close lets go of it.
func (n *Snapshot) Close() error { return n.snap.Close() }

// Windows is the store's.
func (n *Snapshot) Windows(partition, view uint32, from, to int64, f func(start int64, group, state []byte) (bool, error)) error {
	return windowsFrom(n.snap, partition, view, from, nil, to, f)
}

// WindowsOf gives one group's windows, of those that are every so many µs apart, that start in [from, to). f ends it with false.
func (n *Snapshot) WindowsOf(partition, view uint32, from, to, every int64, group []byte, f func(start int64, group, state []byte) (bool, error)) (err error) {
	it, err := n.snap.NewIter(&pebble.IterOptions{LowerBound: windowKey(partition, view, from, nil), UpperBound: after(key('v', view, partition))})
	if err != nil {
		return fmt.Errorf("scan core state: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; {
		start := readTime(it.Key()[9:])
		if start >= to {
			break
		}
		switch c := bytes.Compare(it.Key()[17:], group); {
		case c == 0:
			if more, err := f(start, group, it.Value()); err != nil || !more {
				return err
			}
			fallthrough
		case c > 0:
			if start > math.MaxInt64-every {
				return it.Error()
			}
			ok = it.SeekGE(windowKey(partition, view, start+every, group))
		default:
			ok = it.SeekGE(windowKey(partition, view, start, group))
		}
	}
	return it.Error()
}

// GivenUp is the store's.
func (n *Snapshot) GivenUp(partition, view uint32) (g GivenUp, ok bool, err error) {
	return givenUp(n.snap, partition, view)
}

// FirstWindow gives the start of the first window that starts at from or after.
func (n *Snapshot) FirstWindow(partition, view uint32, from int64) (start int64, ok bool, err error) {
	err = n.Windows(partition, view, from, math.MaxInt64, func(us int64, _, _ []byte) (bool, error) {
		start, ok = us, true
		return false, nil
	})
	return start, ok, err
}

// Rollup gives a level's mark, nil if there is none.
func (n *Snapshot) Rollup(partition, view, level uint32) ([]byte, error) {
	return get(n.snap, rollupKey(partition, view, level))
}

// Blocks gives a level's blocks that start in [from, to), by start, then group: all, or with low those that may hold a group from low to high, both
// included. f ends it with false.
func (n *Snapshot) Blocks(partition, view, level uint32, from, to int64, low, high []byte, f func(start int64, first, block []byte) (bool, error)) (err error) {
	it, err := n.snap.NewIter(&pebble.IterOptions{LowerBound: blockKey(partition, view, level, from, nil), UpperBound: blockKey(partition, view, level, to, nil)})
	if err != nil {
		return fmt.Errorf("scan core state: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	const head = 1 + 3*4
	for ok := it.First(); ok; {
		start := readTime(it.Key()[head:])
		if low != nil && bytes.Compare(it.Key()[head+8:], low) < 0 { // the last block of this start that begins at low or before
			if ok = it.SeekLT(append(blockKey(partition, view, level, start, low), 0)); !ok {
				break
			}
		}
		for ok && readTime(it.Key()[head:]) == start && (low == nil || bytes.Compare(it.Key()[head+8:], high) <= 0) {
			v, err := it.ValueAndErr()
			if err != nil {
				return err
			}
			if more, err := f(start, it.Key()[head+8:], v); err != nil || !more {
				return err
			}
			ok = it.Next()
		}
		if ok && readTime(it.Key()[head:]) == start {
			if start == math.MaxInt64 {
				break
			}
			ok = it.SeekGE(blockKey(partition, view, level, start+1, nil))
		}
	}
	return it.Error()
}
