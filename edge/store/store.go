// Package store is the edge's disk: one Pebble database.
//
//	store.go    opening, keys, the epoch, the plan
//	journal.go  readings as they came in, until their deltas are cut
//	outbox.go   batches, from their cut until JetStream has them
//	held.go     what is cut while the core is away: merged deltas, rows
//	epoch.go    what an old copy of a store may not do
//	format.go   which format of keys a store has
//	clock.go    how long a commit takes
//
// Keys, all integers big-endian so that they sort:
//
//	m/format                         of these keys: u64
//	m/epoch  m/plan                  meta: epoch, the last plan
//	m/inherited                      until it is settled: the pending epoch u64, then for each layer epoch u64, journal u64, held rows u64, held generation u32
//	m/rows                           the journal position up to which rows were cut
//	m/journal  m/order  m/marks  m/held  the last number used of each, since the keys themselves are deleted
//	t <name>                         contents of a table that the plan's views join
//	q <partition u32>                the last batch sequence of a partition
//	w <stream u32>                   the watermark promised last
//	j <seq u64>                      journal record: a micro-batch of messages
//	d <stream u32> <bucket i64> <n u64>   dedupe marks: content hashes of one bucket
//	o <order u64>                    outbox: partition u32, then the packed batch
//	h <generation u32> <view u32> <pane i64> <partition u32> <key>   held delta: readings uvarint, then the state
//	r <order u64>                    held rows: stream u32, partition u32, count u32, then the columns
//
// Every commit that something is acknowledged after is synced. It does not know what readings, plans or batches are.
package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/edge/crash"
	"github.com/hexpane/hexpane/edge/space"
)

// Store is an edge's open database. Commit is for one goroutine; the outbox may be read and trimmed from another.
type Store struct {
	db        *pebble.DB
	epoch     uint64
	journal   uint64        // last journal sequence written
	dropped   uint64        // last journal sequence whose record is gone
	order     uint64        // last outbox order written
	synced    atomic.Uint64 // the same, for the outbox's reader
	marks     uint64
	held      Held
	heldOrder uint64     // last order of held rows
	gen       uint32     // generation of deltas held from now on
	inherited *inherited // nil once settled
	sequences map[uint32]uint64
	observe   func(time.Duration)
	space     *space.Guard
	clock     commitClock
	troubles  atomic.Uint64 // flushes and compactions that failed
}

// Options of Open.
type Options struct {
	Log           *slog.Logger
	CacheBytes    int64
	MemTableBytes uint64
	// Committed is told how long each synced commit took. Required.
	Committed func(time.Duration)
	// ReserveBytes is the free space below which the store is full; 0: no guard. It guards the host's file system alone.
	ReserveBytes int64
	// FS is the file system; nil is the host's.
	FS vfs.FS
}

// Open opens or makes the store in dir, and reads where it stands.
func Open(dir string, o Options) (*Store, error) {
	cache := pebble.NewCache(max(o.CacheBytes, 8<<20))
	defer cache.Unref()
	s := &Store{sequences: map[uint32]uint64{}, observe: o.Committed}
	if o.FS == nil {
		s.space = space.New(dir, o.ReserveBytes, "readings are neither taken in nor acknowledged until there is room; devices hold theirs", "readings are taken in", o.Log)
		s.space.Look()
		o.FS = vfs.OnDiskFull(vfs.Default, s.space.GiveUp)
	} else {
		s.space = space.New(dir, 0, "", "", o.Log)
	}
	if err := found(dir, o.FS); err != nil {
		return nil, fmt.Errorf("open edge store %s: %w", dir, err)
	}
	// What is flushed first is the journal, which is deleted within a second or so: compressing it is for nothing.
	var levels [7]pebble.LevelOptions
	levels[0].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	levels[1].Compression = func() *sstable.CompressionProfile { return sstable.FastCompression } // it leaves alone what shrinks little: hashes
	var err error
	s.db, err = pebble.Open(dir, &pebble.Options{
		Levels: levels,
		Cache:  cache, MemTableSize: max(o.MemTableBytes, 16<<20),
		FormatMajorVersion: pebble.FormatNewest, Logger: pebbleLog{o.Log}, FS: o.FS,
		EventListener: &pebble.EventListener{BackgroundError: func(err error) { s.trouble(err, o.Log) }},
	})
	if err != nil {
		return nil, fmt.Errorf("open edge store %s: %w", dir, damaged(err))
	}
	if err = s.load(); err == nil {
		err = s.markFormat()
	}
	if err == nil {
		err = s.inherit()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read edge store %s: %w", dir, damaged(err)), s.db.Close())
	}
	return s, nil
}

// trouble is told of a flush or compaction that failed. Pebble tries again at once, and for ever.
func (s *Store) trouble(err error, log *slog.Logger) {
	if n := s.troubles.Add(1); n == 1 || n%1000 == 0 {
		log.Error("the store can't write to its disk; it tries again", "error", err, "times", n)
	}
	if errors.Is(err, syscall.ENOSPC) && s.space.Ballast() > 0 {
		s.space.GiveUp()
	}
}

// Space is the guard over the disk's free space.
func (s *Store) Space() *space.Guard { return s.space }

// Troubles counts flushes and compactions that failed.
func (s *Store) Troubles() uint64 { return s.troubles.Load() }

// Pending is how long the commit under way has taken; 0: none is under way.
func (s *Store) Pending() time.Duration { return s.clock.pending() }

func (s *Store) load() error {
	epoch, err := s.get(metaKey("epoch"))
	if err != nil {
		return err
	}
	if len(epoch) == 8 {
		s.epoch = binary.BigEndian.Uint64(epoch)
		if err := s.checkFormat(); err != nil {
			return err
		}
	} else { // a new store: a later epoch than any store this edge had before, if its clock is sane
		it, err := s.db.NewIter(nil)
		if err != nil {
			return fmt.Errorf("look for an epoch: %w", err)
		}
		empty := !it.First()
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			return fmt.Errorf("look for an epoch: %w", err)
		}
		if !empty {
			return fmt.Errorf("%w: it holds something, but no epoch", ErrDamaged)
		}
		s.epoch = uint64(time.Now().UnixMicro())
		b := s.db.NewBatch()
		if err := errors.Join(b.Set(metaKey("epoch"), u64(s.epoch), nil), b.Set(metaKey("format"), u64(keyFormat), nil), b.Commit(pebble.Sync), b.Close()); err != nil {
			return fmt.Errorf("write epoch: %w", err)
		}
		if err := s.db.Flush(); err != nil { // so that a lost log does not look like a new store
			return fmt.Errorf("write epoch: %w", err)
		}
	}
	if s.journal, err = s.last('j'); err != nil {
		return err
	}
	if s.order, err = s.last('o'); err != nil {
		return err
	}
	for _, m := range []struct {
		name string
		into *uint64
	}{{"journal", &s.journal}, {"order", &s.order}, {"marks", &s.marks}, {"held", &s.heldOrder}} { // an empty journal or outbox must not start over
		v, err := s.get(metaKey(m.name))
		if err != nil {
			return err
		}
		if len(v) == 8 {
			*m.into = max(*m.into, binary.BigEndian.Uint64(v))
		}
	}
	s.dropped = s.journal
	if err := s.scan('j', func(key, _ []byte) error {
		s.dropped = binary.BigEndian.Uint64(key) - 1
		return errEnough
	}); err != nil && !errors.Is(err, errEnough) {
		return err
	}
	s.synced.Store(s.order)
	if err := s.loadHeld(); err != nil {
		return err
	}
	return s.scan('q', func(key, v []byte) error {
		s.sequences[binary.BigEndian.Uint32(key)] = binary.BigEndian.Uint64(v)
		return nil
	})
}

// Epoch of this store; it goes into each batch.
func (s *Store) Epoch() uint64 { return s.epoch }

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Plan gives the last plan kept, nil if none.
func (s *Store) Plan() ([]byte, error) { return s.get(metaKey("plan")) }

// Contents gives a table's contents by their name.
func (s *Store) Contents(name string) ([]byte, error) { return s.get(contentsKey(name)) }

// SetPlan keeps a plan and the contents of its tables, by name, and no others; call it when the journal is empty, so that a replay
// runs under the plan that took the readings in.
func (s *Store) SetPlan(b []byte, contents map[string][]byte) error {
	batch := s.db.NewBatch()
	err := s.scan('t', func(key, _ []byte) error {
		if contents[string(key)] != nil {
			return nil
		}
		return batch.Delete(contentsKey(string(key)), nil)
	})
	for name, packed := range contents {
		err = errors.Join(err, batch.Set(contentsKey(name), packed, nil))
	}
	if err = errors.Join(err, batch.Set(metaKey("plan"), b, nil)); err == nil {
		err = batch.Commit(pebble.Sync)
	}
	if err = errors.Join(err, batch.Close()); err != nil {
		return fmt.Errorf("keep plan: %w", err)
	}
	return nil
}

func contentsKey(name string) []byte { return append([]byte{'t'}, name...) }

// Watermarks gives the watermark promised last of each stream.
func (s *Store) Watermarks() (map[uint32]int64, error) {
	all := map[uint32]int64{}
	err := s.scan('w', func(key, v []byte) error {
		all[binary.BigEndian.Uint32(key)] = int64(binary.BigEndian.Uint64(v))
		return nil
	})
	return all, err
}

func (s *Store) commit(b *pebble.Batch) error {
	crash.Here("store.before-commit")
	start := s.clock.start()
	err := b.Commit(pebble.Sync)
	s.clock.stop()
	crash.Here("store.committed")
	s.observe(time.Since(start))
	return err
}

func (s *Store) get(key []byte) ([]byte, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %q: %w", key, err)
	}
	defer closer.Close()
	return append([]byte(nil), v...), nil
}

// scan calls f with each key under a prefix, without it, and the value; both are valid only in the call.
func (s *Store) scan(prefix byte, f func(key, v []byte) error) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}})
	if err != nil {
		return fmt.Errorf("scan %c: %w", prefix, err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		if err := f(it.Key()[1:], it.Value()); err != nil {
			return err
		}
	}
	return it.Error()
}

func (s *Store) last(prefix byte) (n uint64, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}})
	if err != nil {
		return 0, fmt.Errorf("scan %c: %w", prefix, err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if it.Last() {
		n = binary.BigEndian.Uint64(it.Key()[1:])
	}
	return n, it.Error()
}

func metaKey(name string) []byte { return []byte("m/" + name) }

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func numbered(prefix byte, n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{prefix}, n) }

// pebbleLog hands Pebble's log on. Fatalf must not return: Pebble would report a failed WAL write as done.
type pebbleLog struct{ log *slog.Logger }

func (l pebbleLog) Infof(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l pebbleLog) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }
func (l pebbleLog) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	advice := "look at the disk, then start again"
	if strings.Contains(text, syscall.ENOSPC.Error()) {
		advice = "free some space on the disk, then start again"
	}
	if strings.Contains(text, "on-disk corruption") { // Pebble's words
		advice = "the store is damaged: put the directory back from a backup, or give up what it held with: hexpane-edge aside DATADIR"
	}
	l.log.Error("the store failed, so the edge ends; what was acknowledged is kept", "error", text, "advice", advice)
	os.Exit(1)
}
