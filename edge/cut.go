package edge

import (
	"time"

	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/protocol/wire"
)

// batchBytes is where a batch ends: with its largest piece it still fits a message.
const batchBytes = wire.MaxMessageBytes - 300<<10

// cut fills c with batches of what was gathered: rows always; deltas, watermarks and dedupe marks when whole. Watermarks go
// out with deltas only, since they promise that nothing older is still here. Pieces released from what was held go last. While the
// core is away all of it is held.
func (l *line) cut(c *store.Change, released []pane.Piece, now time.Time) error {
	var pieces []pane.Piece
	if c.Rows {
		pieces = l.table.CutRows()
	}
	if l.holding {
		return l.hold(c, pieces, now)
	}
	var watermarks []*wire.Watermark
	if c.Whole {
		pieces = append(pieces, l.table.CutDeltas()...)
		watermarks = l.promise(c, now.UnixMicro())
		l.forget(c)
	}
	batches := l.group(append(pieces, released...))
	if c.Whole {
		for p := range batches { // each partition hears of the watermarks, after all that it gets
			if len(batches[p]) == 0 && (len(watermarks) > 0 || p == 0) {
				batches[p] = append(batches[p], &wire.Batch{})
			}
			if n := len(batches[p]); n > 0 {
				batches[p][n-1].Watermarks = watermarks
			}
		}
		batches[0][len(batches[0])-1].Stats = l.stats()
		batches[0][len(batches[0])-1].Rejected = l.rejects
		l.rejects = nil
		l.lastWhole, l.lastBeat, l.dirty, l.journal = now, now, false, 0
	}
	if err := l.address(batches, c, now); err != nil {
		return err
	}
	l.oldest = 0
	return nil
}

// address numbers batches, by partition, and packs them into c.
func (l *line) address(batches [][]*wire.Batch, c *store.Change, now time.Time) error {
	for p, list := range batches {
		for _, b := range list {
			b.Edge, b.Epoch, b.Seq = l.cfg.ID, l.store.EpochOf(c), l.store.NextSequence(uint32(p), c)
			b.Partition, b.PlanVersion, b.SentUs = uint32(p), l.plan.Version, now.UnixMicro()
			if len(b.Rows) > 0 || len(b.Deltas) > 0 {
				b.ReceivedUs = l.oldest
			}
			data, err := wire.Pack(b)
			if err != nil {
				return err
			}
			c.Out = append(c.Out, store.Out{Partition: uint32(p), Data: data})
		}
	}
	return nil
}

// group packs pieces into batches, by partition.
func (l *line) group(pieces []pane.Piece) [][]*wire.Batch {
	batches := make([][]*wire.Batch, max(1, l.plan.Partitions))
	sizes := make([]int, len(batches))
	for _, piece := range pieces {
		p := piece.Partition
		if n := len(batches[p]); n == 0 || sizes[p]+piece.Bytes > batchBytes {
			batches[p] = append(batches[p], &wire.Batch{})
			sizes[p] = 0
		}
		b := batches[p][len(batches[p])-1]
		sizes[p] += piece.Bytes
		if piece.Deltas != nil {
			b.Deltas = append(b.Deltas, piece.Deltas)
		}
		if piece.Rows != nil {
			b.Rows = append(b.Rows, piece.Rows)
		}
	}
	return batches
}

func (l *line) promise(c *store.Change, now int64) []*wire.Watermark {
	var all []*wire.Watermark
	c.Watermarks = map[uint32]int64{}
	for id, s := range l.sources {
		us, ok := s.watermark.Advance(now)
		if !l.store.Held().Empty() { // older readings wait here: the last promise stands until they went out
			us, ok = l.sent[id]
		}
		if ok {
			all = append(all, &wire.Watermark{Stream: id, Us: us})
			c.Watermarks[id] = us
		}
	}
	return all
}

// forget moves dedupe marks to the store, and lets go of those past the horizon.
func (l *line) forget(c *store.Change) {
	c.Forget = map[uint32]int64{}
	for id, s := range l.sources {
		if s.seen == nil {
			continue
		}
		marks, floor := s.seen.Take()
		for _, m := range marks {
			c.Marks = append(c.Marks, store.Marks{Stream: id, Bucket: m.Generation, Hashes: m.Hashes})
		}
		if floor != s.forgotten {
			c.Forget[id], s.forgotten = floor, floor
		}
		l.m.dedupeSize.WithLabelValues(s.def.Name).Set(float64(s.seen.Len()))
	}
}
