package state

import (
	"encoding/binary"
	"fmt"
	"math"
)

// What views over views and joins keep: letters between partitions, what each row of a view gave, rows that joins keep.

func letterKey(to, from uint32, number uint64) []byte {
	return binary.BigEndian.AppendUint64(key('m', to, from), number)
}

func givenKey(partition, view uint32, row []byte) []byte {
	return append(key('g', view, partition), row...)
}

// groupKey is the prefix of what makes up one group.
func groupKey(partition, view uint32, pane int64, group []byte) []byte {
	k := appendTime(key('c', view, partition), pane)
	return append(binary.BigEndian.AppendUint32(k, uint32(len(group))), group...)
}

func joinKey(partition, join uint32, side byte, us int64, number uint64) []byte {
	return binary.BigEndian.AppendUint64(appendTime(append(key('j', join, partition), side), us), number)
}

// Letter leaves something for a partition, which reads it after the commit.
func (t *Tx) Letter(to, from uint32, number uint64, data []byte) {
	t.set(letterKey(to, from, number), data)
}

// DropLetter deletes one that was read.
func (t *Tx) DropLetter(to, from uint32, number uint64) { t.delete(letterKey(to, from, number)) }

func (t *Tx) delete(k []byte) {
	if t.err == nil {
		t.err = t.batch.Delete(k, nil)
	}
}

// Given notes what a row of the view below gives a view now; DropGiven that it gives nothing.
func (t *Tx) Given(partition, view uint32, row, given []byte) {
	t.set(givenKey(partition, view, row), given)
}

// DropGiven deletes what a row gave.
func (t *Tx) DropGiven(partition, view uint32, row []byte) { t.delete(givenKey(partition, view, row)) }

// Share notes a row's states where its group is; DropShare takes them back.
func (t *Tx) Share(partition, view uint32, pane int64, group, row, states []byte) {
	t.set(append(groupKey(partition, view, pane, group), row...), states)
}

// DropShare deletes a row's states.
func (t *Tx) DropShare(partition, view uint32, pane int64, group, row []byte) {
	t.delete(append(groupKey(partition, view, pane, group), row...))
}

// DropShares deletes the states of all groups whose panes start before a time, and DropAllGiven what rows gave that begin before one: rows' names
// begin with their windows' starts, as RowName makes them.
func (t *Tx) DropShares(partition, view uint32, before int64) {
	if t.err == nil {
		t.err = t.batch.DeleteRange(key('c', view, partition), appendTime(key('c', view, partition), before), nil)
	}
}

// DropAllGiven deletes what rows gave whose windows start before a time.
func (t *Tx) DropAllGiven(partition, view uint32, before int64) {
	if t.err == nil {
		t.err = t.batch.DeleteRange(givenKey(partition, view, nil), givenKey(partition, view, RowName(before, nil)), nil)
	}
}

// RowName names a row of a view by its window's start and its group key.
func RowName(start int64, group []byte) []byte { return append(appendTime(nil, start), group...) }

// JoinRow keeps a row for a join; DropJoinRow lets go of it.
func (t *Tx) JoinRow(partition, join uint32, side byte, us int64, number uint64, row []byte) {
	t.set(joinKey(partition, join, side, us, number), row)
}

// DropJoinRow deletes a row that a join kept.
func (t *Tx) DropJoinRow(partition, join uint32, side byte, us int64, number uint64) {
	t.delete(joinKey(partition, join, side, us, number))
}

// DropJoin deletes all that a join kept, and its watermarks.
func (t *Tx) DropJoin(partition, join uint32) {
	t.drop(key('j', join, partition))
	t.drop(key('w', partition, join))
}

// Letters gives up to limit letters to a partition from another, from a number on.
func (s *Store) Letters(to, from uint32, number uint64, limit int, f func(number uint64, data []byte) error) error {
	prefix := key('m', to, from)
	return s.scan(letterKey(to, from, number), after(prefix), func(k, v []byte) (bool, error) {
		limit--
		if err := f(binary.BigEndian.Uint64(k[len(prefix):]), v); err != nil {
			return false, fmt.Errorf("letter from partition %d to %d: %w", from, to, err)
		}
		return limit > 0, nil
	})
}

// LastLetter gives the highest number among the letters that wait.
func (s *Store) LastLetter(to, from uint32) (uint64, error) { return s.lastNumber(key('m', to, from)) }

// Given gives what a row gives a view; nil if nothing.
func (s *Store) Given(partition, view uint32, row []byte) ([]byte, error) {
	return s.get(givenKey(partition, view, row))
}

// Shares gives the states of each row of one group. f ends it with false.
func (s *Store) Shares(partition, view uint32, pane int64, group []byte, f func(row, states []byte) (bool, error)) error {
	prefix := groupKey(partition, view, pane, group)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) { return f(k[len(prefix):], v) })
}

// JoinRows gives all rows that a join keeps in one partition.
func (s *Store) JoinRows(partition, join uint32, f func(side byte, us int64, number uint64, row []byte) error) error {
	prefix := key('j', join, partition)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if len(k) != len(prefix)+17 {
			return false, errCorrupt
		}
		at := len(prefix)
		number := binary.BigEndian.Uint64(k[at+9:])
		if number == math.MaxUint64 {
			return false, errCorrupt
		}
		return true, f(k[at], readTime(k[at+1:]), number, v)
	})
}
