// Package state is the core's disk: one Pebble database that all partitions of a node share, each its own keys.
//
//	state.go   opening, transactions
//	keys.go    the keys
//	backup.go  checkpoints, and stores put back from one
//	read.go    what queries and restarts read
//	since.go   since when all of what is kept by number is there
//	rollups.go windows rolled up, and the store at one moment
//
// A partition's turn is one Tx and one synced commit: windows, rows, the place in the stream, effects. The package
// stores bytes under names; what they mean is merge's and the assembly's business.
package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Store is the open database. It is safe for concurrent use.
type Store struct {
	db *pebble.DB

	mu      sync.Mutex
	synced  map[uint32]uint64 // by partition: effects up to this number are durable
	noticed map[uint32]int64  // by partition: notices up to this time are
}

// Open opens or makes the store in dir.
func Open(dir string, cacheBytes int64, log *slog.Logger) (*Store, error) {
	return OpenOn(vfs.Default, dir, cacheBytes, log)
}

// OpenOn opens or makes the store in dir of a file system.
func OpenOn(fs vfs.FS, dir string, cacheBytes int64, log *slog.Logger) (*Store, error) {
	cache := pebble.NewCache(max(cacheBytes, 8<<20))
	defer cache.Unref()
	options := &pebble.Options{FS: fs, Cache: cache, MemTableSize: 64 << 20, FormatMajorVersion: pebble.FormatNewest, Logger: pebbleLog{log}}
	options.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, fmt.Errorf("open core state %s: %w", dir, err)
	}
	s := &Store{db: db, synced: map[uint32]uint64{}, noticed: map[uint32]int64{}}
	if err := errors.Join(s.loadSynced(), s.loadNoticed()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// DiskBytes is what the database takes on disk.
func (s *Store) DiskBytes() uint64 { return s.db.Metrics().DiskSpaceUsage() }

// Flush has what was committed written into tables, in the background: only then are the blocks of what was deleted given back.
func (s *Store) Flush() error {
	if _, err := s.db.AsyncFlush(); err != nil {
		return fmt.Errorf("flush core state: %w", err)
	}
	return nil
}

// Tx gathers one turn's changes. The first error sticks and comes out of Commit.
type Tx struct {
	store   *Store
	batch   *pebble.Batch
	err     error
	effects map[uint32]uint64 // the last of each partition
	noticed map[uint32]int64  // the last notice of each
}

// Begin starts a turn.
func (s *Store) Begin() *Tx { return &Tx{store: s, batch: s.db.NewBatch()} }

func (t *Tx) set(key, v []byte) {
	if t.err == nil {
		t.err = t.batch.Set(key, v, nil)
	}
}

// keep sets a key to v, or deletes it if v is nil.
func (t *Tx) keep(key, v []byte) {
	if v == nil {
		t.delete(key)
	} else {
		t.set(key, v)
	}
}

// Commit makes the turn durable.
func (t *Tx) Commit() error {
	defer t.batch.Close()
	if t.err != nil {
		return fmt.Errorf("core state: %w", t.err)
	}
	if err := t.batch.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("commit core state: %w", err)
	}
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	for p, n := range t.effects {
		t.store.synced[p] = max(t.store.synced[p], n)
	}
	for p, us := range t.noticed {
		t.store.noticed[p] = max(t.store.noticed[p], us)
	}
	return nil
}

// Discard gives a turn up.
func (t *Tx) Discard() error { return t.batch.Close() }

// Final keeps the watermark up to which an EMIT FINAL view's results are out.
func (t *Tx) Final(partition, view uint32, us int64) {
	t.set(key('f', partition, view), u64(uint64(us)))
}

// DropView deletes a view's windows in one partition; DropStream a stream's rows and watermarks.
func (t *Tx) DropView(partition, view uint32) {
	t.drop(key('v', view, partition))
	t.drop(key('s', view, partition))
	t.drop(key('f', partition, view))
	t.drop(key('e', partition, view))
	t.drop(key('g', view, partition))
	t.drop(key('c', view, partition))
}

// DropWindow deletes a window.
func (t *Tx) DropWindow(partition, view uint32, start int64, group []byte) {
	t.delete(windowKey(partition, view, start, group))
}

// DropStream deletes a stream's rows and watermarks in one partition.
func (t *Tx) DropStream(partition, stream uint32) {
	t.drop(key('l', stream, partition))
	t.drop(key('w', partition, stream))
	t.drop(key('n', stream, partition))
	t.drop(key('q', stream, partition))
	t.drop(key('y', stream, partition))
}

func (t *Tx) drop(prefix []byte) {
	if t.err == nil {
		t.err = t.batch.DeleteRange(prefix, after(prefix), nil)
	}
}

// Position keeps the partition's place in the stream.
func (t *Tx) Position(partition uint32, sequence uint64) {
	t.set(positionKey(partition), u64(sequence))
}

// Applied keeps the last batch applied of an edge.
func (t *Tx) Applied(partition uint32, edge string, epoch, seq uint64) {
	t.set(appliedKey(partition, edge), binary.BigEndian.AppendUint64(u64(epoch), seq))
}

// Watermark keeps a stream's output watermark; EdgeWatermark one edge's.
func (t *Tx) Watermark(partition, stream uint32, us int64) {
	t.set(watermarkKey(partition, stream, ""), u64(uint64(us)))
}

// EdgeWatermark keeps one edge's watermark of a stream.
func (t *Tx) EdgeWatermark(partition, stream uint32, edge string, us int64) {
	t.set(watermarkKey(partition, stream, edge), u64(uint64(us)))
}

// Window keeps a window's state.
func (t *Tx) Window(partition, view uint32, start int64, key, state []byte) {
	t.set(windowKey(partition, view, start, key), state)
}

// Session keeps where a session ends whose state Window keeps; start and last are its first and last reading.
func (t *Tx) Session(partition, view uint32, start, last int64, key []byte) {
	t.set(sessionKey(partition, view, key, start), u64(uint64(last)))
}

// DropSession deletes a session's state and where it ends.
func (t *Tx) DropSession(partition, view uint32, start int64, key []byte) {
	if t.err == nil {
		t.err = errors.Join(t.batch.Delete(windowKey(partition, view, start, key), nil), t.batch.Delete(sessionKey(partition, view, key, start), nil))
	}
}

// GivenUp keeps what is deleted of a view's windows because of their age, in the same commit.
func (t *Tx) GivenUp(partition, view uint32, g GivenUp) {
	t.set(key('e', partition, view), appendTime(appendTime(nil, g.First), g.Before))
}

// DropWindows deletes a view's windows that start in [from, before), in one partition.
func (t *Tx) DropWindows(partition, view uint32, from, before int64) {
	if t.err == nil {
		t.err = t.batch.DeleteRange(windowKey(partition, view, from, nil), windowKey(partition, view, before, nil), nil)
	}
}

// Latest keeps the newest row of a device.
func (t *Tx) Latest(partition, stream uint32, key, row []byte) {
	t.set(latestKey(partition, stream, key), row)
}

// Effect queues something that is to leave the core, after all others queued.
func (t *Tx) Effect(partition uint32, number uint64, data []byte) {
	t.set(effectKey(partition, number), data)
	if t.effects == nil {
		t.effects = map[uint32]uint64{}
	}
	t.effects[partition] = max(t.effects[partition], number)
}

// Entry adds a row to one of the core's own tables.
func (t *Tx) Entry(table byte, partition uint32, number uint64, row []byte) {
	t.set(entryKey(table, partition, number), row)
}

// DropEntries deletes a table's rows of a partition up to a number.
func (t *Tx) DropEntries(table byte, partition uint32, upTo uint64) {
	if t.err == nil {
		t.err = t.batch.DeleteRange(entryKey(table, partition, 0), entryKey(table, partition, upTo+1), nil)
	}
}

// EffectsDone deletes effects that have left. Not synced: an effect that leaves twice changes nothing.
func (s *Store) EffectsDone(partition uint32, from, to uint64) error {
	b := s.db.NewBatch()
	defer b.Close()
	var err error
	for n := from; n <= to && err == nil; n++ { // one by one: a range deleted makes every iterator dearer until the memtable is flushed
		err = b.Delete(effectKey(partition, n), nil)
	}
	if err == nil {
		err = b.Commit(pebble.NoSync)
	}
	if err != nil {
		return fmt.Errorf("drop effects: %w", err)
	}
	return nil
}

// pebbleLog hands Pebble's log on. Fatalf must not return: Pebble would report a failed WAL write as done.
type pebbleLog struct{ log *slog.Logger }

func (l pebbleLog) Infof(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l pebbleLog) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.log.Error("the core's store failed", "error", fmt.Sprintf(format, args...))
	os.Exit(1)
}

var errCorrupt = errors.New("corrupt entry")
