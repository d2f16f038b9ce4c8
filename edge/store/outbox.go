package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hexpane/hexpane/edge/crash"
)

// Marks are dedupe hashes of one stream and bucket: a number that grows with arrival.
type Marks struct {
	Stream uint32
	Bucket int64
	Hashes []uint64
}

// Out is a packed batch; the order it has in the outbox is given by Commit.
type Out struct {
	Order     uint64
	Partition uint32
	Data      []byte
}

// Change is what one turn of the edge's line commits: messages to the journal, or a cut, or both.
type Change struct {
	Messages []Message // to the journal; not needed when Whole
	Out      []Out
	// Sequences are the last batch sequences used, by partition.
	Sequences map[uint32]uint64
	// Rows says that all rows were cut; Whole that deltas were too, so that the journal is done with.
	Rows, Whole bool
	// Settle carries out a verdict on what was inherited; nil: none yet, or no more.
	Settle     *Verdict
	Marks      []Marks
	Forget     map[uint32]int64 // by stream: marks of buckets before this are dropped
	Watermarks map[uint32]int64
	// Hold and HoldRows wait; a delta takes the place of the one held of its pane and key. Release and ReleaseRows, which were
	// read from the store, wait no longer.
	Hold        []HeldDelta
	HoldRows    []HeldRows
	Release     []HeldDelta
	ReleaseRows []HeldRows
}

// NextSequence gives the batch sequence that follows for a partition, for use in a Change.
func (s *Store) NextSequence(partition uint32, c *Change) uint64 {
	if c.Sequences == nil {
		c.Sequences = map[uint32]uint64{}
	}
	if _, ok := c.Sequences[partition]; !ok {
		c.Sequences[partition] = s.sequences[partition]
		if c.Settle != nil && c.Settle.Epoch > 0 {
			c.Sequences[partition] = 0
		}
	}
	c.Sequences[partition]++
	return c.Sequences[partition]
}

// EpochOf is the epoch of the batches of a Change.
func (s *Store) EpochOf(c *Change) uint64 {
	if c.Settle != nil && c.Settle.Epoch > 0 {
		return c.Settle.Epoch
	}
	return s.epoch
}

// Commit makes c durable: one atomic synced commit. After it the messages may be acknowledged.
func (s *Store) Commit(c *Change) error {
	b := s.db.NewBatch(pebble.WithInitialSizeBytes(recordBytes(c.Messages) + batchRoom))
	defer b.Close()
	journal, marks := s.journal, s.marks
	if err := s.fill(b, c, &journal, &marks); err != nil {
		return fmt.Errorf("commit %d messages, %d batches: %w", len(c.Messages), len(c.Out), err)
	}
	heldOrder := s.heldOrder
	held, err := s.hold(b, c, &heldOrder)
	if err == nil {
		err = s.commit(b)
	}
	if err != nil {
		return fmt.Errorf("commit %d messages, %d batches: %w", len(c.Messages), len(c.Out), err)
	}
	if len(c.Out) > 0 {
		crash.Here("store.cut-committed")
	}
	s.held, s.heldOrder = held, heldOrder
	s.journal, s.marks = journal, marks
	if c.Whole {
		s.dropped = journal
	}
	if c.Settle != nil {
		if err := s.settled(c.Settle); err != nil {
			return err
		}
	} else if s.inherited != nil && len(c.Messages)+len(c.Hold)+len(c.HoldRows) > 0 {
		s.inherited.fresh = true
	}
	s.order += uint64(len(c.Out))
	s.synced.Store(s.order)
	for p, seq := range c.Sequences {
		s.sequences[p] = seq
	}
	return nil
}

func (s *Store) fill(b *pebble.Batch, c *Change, journal, marks *uint64) error {
	var errs []error
	set := func(k, v []byte) { errs = append(errs, b.Set(k, v, nil)) }
	if c.Settle != nil {
		errs = append(errs, s.settle(b, c.Settle))
	}
	if len(c.Messages) > 0 && !c.Whole {
		*journal++
		key := numbered('j', *journal)
		op := b.SetDeferred(len(key), recordBytes(c.Messages))
		copy(op.Key, key)
		if n := len(appendRecord(op.Value[:0], c.Messages)); n != len(op.Value) {
			return fmt.Errorf("a journal record of %d bytes, not %d", n, len(op.Value))
		}
		errs = append(errs, op.Finish())
	}
	for i := range c.Out {
		o := &c.Out[i]
		o.Order = s.order + uint64(i) + 1
		set(numbered('o', o.Order), append(binary.BigEndian.AppendUint32(nil, o.Partition), o.Data...))
	}
	if len(c.Out) > 0 {
		set(metaKey("order"), u64(s.order+uint64(len(c.Out))))
	}
	for p, seq := range c.Sequences {
		set(binary.BigEndian.AppendUint32([]byte{'q'}, p), u64(seq))
	}
	for stream, us := range c.Watermarks {
		set(binary.BigEndian.AppendUint32([]byte{'w'}, stream), u64(uint64(us)))
	}
	for _, m := range c.Marks {
		*marks++
		hashes := make([]byte, 0, 8*len(m.Hashes))
		for _, h := range m.Hashes {
			hashes = binary.LittleEndian.AppendUint64(hashes, h)
		}
		set(binary.BigEndian.AppendUint64(markKey(m.Stream, m.Bucket), *marks), hashes)
	}
	if len(c.Marks) > 0 {
		set(metaKey("marks"), u64(*marks))
	}
	for stream, before := range c.Forget {
		errs = append(errs, b.DeleteRange(markKey(stream, -1<<62), markKey(stream, before), nil))
	}
	if c.Whole {
		errs = append(errs, dropJournal(b, s.journalFloor(), *journal))
	} else if c.Rows {
		set(metaKey("rows"), u64(*journal))
	}
	return errors.Join(errs...)
}

// batchRoom is for what a commit holds beside its journal record, bytes; more of it makes the batch grow.
const batchRoom = 16 << 10

// markKey sorts by bucket, also for times before 1970: the sign bit is flipped.
func markKey(stream uint32, bucket int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32([]byte{'d'}, stream), uint64(bucket)^1<<63)
}

// Marks gives all dedupe marks kept, each stream's in the order of its buckets.
func (s *Store) Marks(f func(Marks)) error {
	return s.scan('d', func(key, v []byte) error {
		m := Marks{Stream: binary.BigEndian.Uint32(key), Bucket: int64(binary.BigEndian.Uint64(key[4:]) ^ 1<<63)}
		for ; len(v) >= 8; v = v[8:] {
			m.Hashes = append(m.Hashes, binary.LittleEndian.Uint64(v))
		}
		f(m)
		return nil
	})
}

// Outbox gives up to limit batches after an order, and at most maxBytes of them but at least one. It gives only what is synced, though
// Pebble shows readers more: a batch that was sent and then lost with the power would leave its sequence to another.
func (s *Store) Outbox(after uint64, limit, maxBytes int, f func(order uint64, partition uint32, data []byte)) (err error) {
	synced := s.synced.Load()
	if after >= synced {
		return nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: numbered('o', after+1), UpperBound: numbered('o', synced+1)})
	if err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	count, size := 0, 0
	for ok := it.First(); ok && count < limit; ok = it.Next() {
		v := it.Value()
		if size += len(v); size > maxBytes && count > 0 {
			break
		}
		count++
		f(binary.BigEndian.Uint64(it.Key()[1:]), binary.BigEndian.Uint32(v), append([]byte(nil), v[4:]...))
	}
	return it.Error()
}

// Delivered deletes the outbox from an order to another. It need not be synced: a batch sent twice is applied once.
func (s *Store) Delivered(from, to uint64) error {
	b := s.db.NewBatch()
	defer b.Close()
	err := dropNumbered(b, 'o', from, to)
	if err == nil {
		err = b.Commit(pebble.NoSync)
	}
	if err != nil {
		return fmt.Errorf("trim outbox: %w", err)
	}
	return nil
}

// OutboxSize counts batches and bytes, for start-up.
func (s *Store) OutboxSize() (batches, size int, err error) {
	err = s.scan('o', func(_, v []byte) error {
		batches++
		size += len(v) - 4
		return nil
	})
	return batches, size, err
}
