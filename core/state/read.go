package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// scan calls f with each key from lower to upper; key and value are valid only in the call. f ends it with false.
func (s *Store) scan(lower, upper []byte, f func(k, v []byte) (bool, error)) (err error) {
	return scan(s.db, lower, upper, f)
}

func scan(r pebble.Reader, lower, upper []byte, f func(k, v []byte) (bool, error)) (err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("scan core state: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		more, err := f(it.Key(), it.Value())
		if err != nil || !more {
			return err
		}
	}
	return it.Error()
}

func (s *Store) get(k []byte) ([]byte, error) { return get(s.db, k) }

func get(r pebble.Reader, k []byte) ([]byte, error) {
	v, closer, err := r.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read core state: %w", err)
	}
	defer closer.Close()
	return append([]byte(nil), v...), nil
}

// Position gives the partition's place in the stream; 0 at first.
func (s *Store) Position(partition uint32) (uint64, error) {
	v, err := s.get(positionKey(partition))
	if err != nil || len(v) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(v), nil
}

// Applied gives what was applied last of each edge.
func (s *Store) Applied(partition uint32, f func(edge string, epoch, seq uint64)) error {
	prefix := key('a', partition)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if len(v) != 16 {
			return false, errCorrupt
		}
		f(string(k[len(prefix):]), binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:]))
		return true, nil
	})
}

// Watermarks gives all watermarks of a partition; edge is "" for a stream's output.
func (s *Store) Watermarks(partition uint32, f func(stream uint32, edge string, us int64)) error {
	prefix := key('w', partition)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if len(v) != 8 || len(k) < 9 {
			return false, errCorrupt
		}
		f(binary.BigEndian.Uint32(k[5:]), string(k[9:]), int64(binary.BigEndian.Uint64(v)))
		return true, nil
	})
}

// Final gives the watermark up to which a view's EMIT FINAL results are out.
func (s *Store) Final(partition, view uint32) (us int64, ok bool, err error) {
	v, err := s.get(key('f', partition, view))
	if err != nil || len(v) != 8 {
		return 0, false, err
	}
	return int64(binary.BigEndian.Uint64(v)), true, nil
}

// GivenUp is what was deleted of a view's windows in one partition because of their age: all that started in [First, Before), but for sessions that went on.
// None started before First.
type GivenUp struct{ First, Before int64 }

// GivenUp says so; ok is false if nothing ever was.
func (s *Store) GivenUp(partition, view uint32) (g GivenUp, ok bool, err error) {
	return givenUp(s.db, partition, view)
}

func givenUp(r pebble.Reader, partition, view uint32) (g GivenUp, ok bool, err error) {
	v, err := get(r, key('e', partition, view))
	if err != nil || v == nil {
		return g, false, err
	}
	if len(v) != 16 {
		return g, false, errCorrupt
	}
	return GivenUp{readTime(v), readTime(v[8:])}, true, nil
}

// FirstWindow gives the start of the first window of a view in one partition that starts in [from, to).
func (s *Store) FirstWindow(partition, view uint32, from, to int64) (start int64, ok bool, err error) {
	err = s.Windows(partition, view, from, to, func(us int64, _, _ []byte) (bool, error) {
		start, ok = us, true
		return false, nil
	})
	return start, ok, err
}

// Window gives a window's state, nil if there is none.
func (s *Store) Window(partition, view uint32, start int64, group []byte) ([]byte, error) {
	return s.get(windowKey(partition, view, start, group))
}

// Windows gives a view's windows in one partition that start in [from, to), by start, then key. f ends it with false.
func (s *Store) Windows(partition, view uint32, from, to int64, f func(start int64, group, state []byte) (bool, error)) error {
	return s.WindowsFrom(partition, view, from, nil, to, f)
}

// WindowsFrom is Windows from a group's window on.
func (s *Store) WindowsFrom(partition, view uint32, from int64, group []byte, to int64, f func(start int64, group, state []byte) (bool, error)) error {
	return windowsFrom(s.db, partition, view, from, group, to, f)
}

func windowsFrom(r pebble.Reader, partition, view uint32, from int64, group []byte, to int64, f func(start int64, group, state []byte) (bool, error)) error {
	lower, upper := windowKey(partition, view, from, group), windowKey(partition, view, to, nil)
	if to == 1<<63-1 {
		upper = after(key('v', view, partition))
	}
	return scan(r, lower, upper, func(k, v []byte) (bool, error) {
		return f(readTime(k[9:]), k[17:], v)
	})
}

// Starts gives the times, from one on, at which windows of a view start, whatever their groups are. It skips over the groups.
func (s *Store) Starts(partition, view uint32, from int64) (starts []int64, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: windowKey(partition, view, from, nil), UpperBound: after(key('v', view, partition))})
	if err != nil {
		return nil, fmt.Errorf("scan core state: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; {
		start := readTime(it.Key()[9:])
		starts = append(starts, start)
		if start == math.MaxInt64 {
			break
		}
		ok = it.SeekGE(windowKey(partition, view, start+1, nil))
	}
	return starts, it.Error()
}

// Sessions gives each session of a view in one partition. f ends it with false.
func (s *Store) Sessions(partition, view uint32, f func(group []byte, start, last int64) (bool, error)) error {
	prefix := key('s', view, partition)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if len(k) < len(prefix)+8 || len(v) != 8 {
			return false, errCorrupt
		}
		at := len(k) - 8
		return f(k[len(prefix):at], readTime(k[at:]), int64(binary.BigEndian.Uint64(v)))
	})
}

// SessionsNear gives the starts of a key's sessions that start at to or before and end at from or after, the latest first.
func (s *Store) SessionsNear(partition, view uint32, group []byte, from, to int64) (starts []int64, err error) {
	prefix := append(key('s', view, partition), group...)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: append(sessionKey(partition, view, group, to), 0)})
	if err != nil {
		return nil, fmt.Errorf("scan core state: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.Last(); ok; ok = it.Prev() {
		if len(it.Key()) != len(prefix)+8 || len(it.Value()) != 8 {
			return nil, errCorrupt
		}
		if int64(binary.BigEndian.Uint64(it.Value())) < from { // sessions of a key don't overlap: those before end before, too
			break
		}
		starts = append(starts, readTime(it.Key()[len(prefix):]))
	}
	return starts, it.Error()
}

// Latest gives the newest row of a key, nil if there is none.
func (s *Store) Latest(partition, stream uint32, k []byte) ([]byte, error) {
	return s.get(latestKey(partition, stream, k))
}

// LatestAll gives the newest row of each key of a stream in one partition. f ends it with false.
func (s *Store) LatestAll(partition, stream uint32, f func(k, row []byte) (bool, error)) error {
	prefix := key('l', stream, partition)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) { return f(k[len(prefix):], v) })
}

// Effects gives up to limit effects of a partition from a number on. Pebble shows a commit to readers before it is synced; an effect
// of one that a power cut then takes back must not have left, so only those of finished commits are given.
func (s *Store) Effects(partition uint32, from uint64, limit int, f func(number uint64, data []byte)) error {
	prefix := key('x', partition)
	s.mu.Lock()
	synced := s.synced[partition]
	s.mu.Unlock()
	return s.scan(effectKey(partition, from), after(prefix), func(k, v []byte) (bool, error) {
		n := binary.BigEndian.Uint64(k[len(prefix):])
		if n > synced {
			return false, nil
		}
		f(n, append([]byte(nil), v...))
		limit--
		return limit > 0, nil
	})
}

// LastDurable gives the highest number of a partition's effects whose commit is finished; 0 if none ever was, since the store was opened or waiting then.
func (s *Store) LastDurable(partition uint32) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.synced[partition]
}

// loadSynced finds the last effect of each partition: what is there when the database is opened is durable.
func (s *Store) loadSynced() (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'x'}, UpperBound: []byte{'x' + 1}})
	if err != nil {
		return fmt.Errorf("read effects: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		partition := binary.BigEndian.Uint32(it.Key()[1:])
		if it.SeekLT(after(key('x', partition))) {
			s.synced[partition] = binary.BigEndian.Uint64(it.Key()[5:])
		}
	}
	return it.Error()
}

// LastEffect gives the highest number used among the effects that wait.
func (s *Store) LastEffect(partition uint32) (uint64, error) {
	return s.lastNumber(key('x', partition))
}

// LastEntry gives the highest number of a table's rows in one partition.
func (s *Store) LastEntry(table byte, partition uint32) (uint64, error) {
	return s.lastNumber(append([]byte{'t', table}, u32(partition)...))
}

func (s *Store) lastNumber(prefix []byte) (n uint64, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return 0, fmt.Errorf("scan core state: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if it.Last() {
		n = binary.BigEndian.Uint64(it.Key()[len(prefix):])
	}
	return n, it.Error()
}

// Entries gives a table's rows in one partition, oldest first. f ends it with false.
func (s *Store) Entries(table byte, partition uint32, f func(row []byte) (bool, error)) error {
	prefix := append([]byte{'t', table}, u32(partition)...)
	return s.scan(prefix, after(prefix), func(_, v []byte) (bool, error) { return f(v) })
}
