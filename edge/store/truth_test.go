package store_test

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/edge/store"
)

// truth is what a store must hold.
type truth struct {
	journal    []entry
	outbox     []out
	gone       []out // delivered
	inherited  int   // so many of the journal were there when the store was opened, and are not settled
	epoch      uint64
	order      uint64
	sequences  map[uint32]uint64
	watermarks map[uint32]int64
	marks      map[uint32]map[int64][]uint64
}

type entry struct {
	message store.Message
	rowsCut bool
}

type out struct {
	order     uint64
	partition uint32
	data      []byte
}

func newTruth() truth {
	return truth{sequences: map[uint32]uint64{}, watermarks: map[uint32]int64{}, marks: map[uint32]map[int64][]uint64{}}
}

// opened: all that is there is inherited.
func (tr *truth) opened() { tr.inherited = len(tr.journal) }

func (tr *truth) apply(c *store.Change) {
	if v := c.Settle; v != nil {
		tr.journal, tr.inherited = tr.journal[tr.inherited:], 0
		if v.Epoch > 0 {
			tr.epoch, tr.sequences = v.Epoch, map[uint32]uint64{}
		}
		if v.Drop > 0 {
			tr.outbox = nil
		}
	}
	for _, m := range c.Messages {
		tr.journal = append(tr.journal, entry{message: m})
	}
	if c.Rows && !c.Whole { // the rest goes, but for what is inherited, of which nothing was cut
		for i := range tr.journal {
			tr.journal[i].rowsCut = true
		}
	}
	if c.Whole {
		tr.journal = tr.journal[:tr.inherited]
	}
	for _, o := range c.Out {
		tr.order++
		tr.outbox = append(tr.outbox, out{tr.order, o.Partition, o.Data})
		tr.sequences[o.Partition]++
	}
	maps.Copy(tr.watermarks, c.Watermarks)
	for stream, before := range c.Forget { // older marks go; those of this very change are younger than what it forgets
		maps.DeleteFunc(tr.marks[stream], func(bucket int64, _ []uint64) bool { return bucket < before })
	}
	for _, m := range c.Marks {
		if floor, ok := c.Forget[m.Stream]; ok && m.Bucket < floor {
			continue
		}
		if tr.marks[m.Stream] == nil {
			tr.marks[m.Stream] = map[int64][]uint64{}
		}
		tr.marks[m.Stream][m.Bucket] = append(tr.marks[m.Stream][m.Bucket], m.Hashes...)
	}
	maps.DeleteFunc(tr.marks, func(_ uint32, buckets map[int64][]uint64) bool { return len(buckets) == 0 })
}

func (tr *truth) clone() truth {
	c := *tr
	c.journal, c.outbox, c.gone = slices.Clone(tr.journal), slices.Clone(tr.outbox), slices.Clone(tr.gone)
	c.sequences, c.watermarks = maps.Clone(tr.sequences), maps.Clone(tr.watermarks)
	c.marks = map[uint32]map[int64][]uint64{}
	for stream, buckets := range tr.marks {
		c.marks[stream] = map[int64][]uint64{}
		for b, hashes := range buckets {
			c.marks[stream][b] = slices.Clone(hashes)
		}
	}
	return c
}

// readTruth reads what a store really holds.
func readTruth(s *store.Store) (truth, error) {
	tr := newTruth()
	err := s.Replay(func(m store.Message, rowsCut bool, _ int) { tr.journal = append(tr.journal, entry{m, rowsCut}) })
	if err != nil {
		return tr, err
	}
	if err = s.Outbox(0, 1<<30, 1<<30, func(order uint64, p uint32, data []byte) { tr.outbox = append(tr.outbox, out{order, p, data}) }); err != nil {
		return tr, err
	}
	if tr.watermarks, err = s.Watermarks(); err != nil {
		return tr, err
	}
	return tr, s.Marks(func(m store.Marks) {
		if tr.marks[m.Stream] == nil {
			tr.marks[m.Stream] = map[int64][]uint64{}
		}
		tr.marks[m.Stream][m.Bucket] = append(tr.marks[m.Stream][m.Bucket], m.Hashes...)
	})
}

func sameEntry(a, b entry) bool {
	return a.rowsCut == b.rowsCut && a.message.ArrivalUs == b.message.ArrivalUs && a.message.Topic == b.message.Topic &&
		bytes.Equal(a.message.Payload, b.message.Payload)
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func openOn(t fataler, fs vfs.FS) *store.Store {
	t.Helper()
	s, err := store.Open("edge", store.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Committed: func(time.Duration) {}, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
