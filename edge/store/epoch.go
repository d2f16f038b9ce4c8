package store

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A store may be an old copy of itself, put back from a backup. Its next sequences would then be those of batches that the core has
// applied, and what it holds would be sent a second time. So what a store holds when it is opened is kept apart, as inherited,
// until the edge has learnt from the core's stream what was delivered last. What comes in meanwhile is journaled and held beside it,
// under an epoch that is still to come. Should the edge end before it has learnt, the next one inherits that too, as a layer of its own:
// it goes only if batches of that epoch were delivered, since then it was another copy's that settled it.

// layer is what came in under one epoch: up to these numbers.
type layer struct {
	epoch   uint64
	journal uint64 // the last number
	rows    uint64 // the last order of held rows
	gen     uint32 // the last generation of held deltas
}

const layerBytes = 28

// inherited is all that the store held when it was opened.
type inherited struct {
	layers  []layer // the first is of the store's epoch
	pending uint64  // the epoch of what comes in now
	fresh   bool    // something did
}

func (in *inherited) last() layer { return in.layers[len(in.layers)-1] }

// inherit reads what is inherited, and adds what came in since; the rest of the store was read before.
func (s *Store) inherit() error {
	v, err := s.get(metaKey("inherited"))
	if err != nil {
		return err
	}
	in := &inherited{pending: s.epoch}
	if len(v) >= 8 {
		in.pending = binary.BigEndian.Uint64(v)
		for v = v[8:]; len(v) >= layerBytes; v = v[layerBytes:] {
			in.layers = append(in.layers, layer{binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:]), binary.BigEndian.Uint64(v[16:]),
				binary.BigEndian.Uint32(v[24:])})
		}
	}
	now := layer{in.pending, s.journal, s.heldOrder, s.gen}
	if len(in.layers) == 0 || s.newer(in.last()) {
		in.layers = append(in.layers, now)
	}
	in.pending = max(in.pending+1, uint64(time.Now().UnixMicro()))
	s.inherited, s.gen = in, in.last().gen+1
	v = u64(in.pending)
	for _, l := range in.layers {
		v = binary.BigEndian.AppendUint64(append(append(v, u64(l.epoch)...), u64(l.journal)...), l.rows)
		v = binary.BigEndian.AppendUint32(v, l.gen)
	}
	if err := s.db.Set(metaKey("inherited"), v, pebble.Sync); err != nil {
		return fmt.Errorf("write what is inherited: %w", err)
	}
	return nil
}

// newer reports whether anything came in after a layer.
func (s *Store) newer(l layer) bool {
	return s.journal > l.journal || s.heldOrder > l.rows || s.gen > l.gen
}

// Verdict is what becomes of what was inherited.
type Verdict struct {
	Layers int    // of so many layers
	Drop   int    // the first ones go; with them the outbox
	Epoch  uint64 // that starts; 0: the store's goes on
}

// Judge says what becomes of what was inherited, given the newest epoch of which batches were delivered, and the last sequence
// of each partition in it. An edge delivers in order: if a batch was delivered that the store does not know of, it is an old
// copy, all its batches have been delivered, and its journal and what it held have been or may have been.
func (s *Store) Judge(epoch uint64, last map[uint32]uint64) Verdict {
	in := s.inherited
	v := Verdict{Layers: len(in.layers)}
	for i, l := range in.layers {
		if i == 0 && epoch == s.epoch {
			for p, seq := range last {
				if seq > s.sequences[p] {
					v.Drop = 1
				}
			}
		} else if epoch >= l.epoch && (i > 0 || epoch != s.epoch) {
			v.Drop = i + 1
		}
	}
	// What came in under an epoch still to come is sent under that, and known by it.
	if v.Drop > 0 || len(in.layers) > 1 || in.fresh {
		v.Epoch = max(in.pending, epoch+1)
	}
	return v
}

// Dropped counts what a verdict drops, beside the journal: batches of the outbox, and what is held.
func (s *Store) Dropped(v Verdict) (batches int, held Held, err error) {
	if v.Drop == 0 {
		return 0, held, nil
	}
	if batches, _, err = s.OutboxSize(); err != nil {
		return 0, held, err
	}
	l := s.inherited.layers[v.Drop-1]
	kept, err := s.countHeld(l.gen+1, l.rows+1)
	held = Held{Deltas: s.held.Deltas - kept.Deltas, DeltaBytes: s.held.DeltaBytes - kept.DeltaBytes,
		Rows: s.held.Rows - kept.Rows, RowBytes: s.held.RowBytes - kept.RowBytes}
	return batches, held, err
}

// settle carries a verdict out, in b, before anything else of its change. The journal inherited goes: what is kept of it is cut in
// the same change.
func (s *Store) settle(b *pebble.Batch, v *Verdict) error {
	in := s.inherited
	drop := [][2][]byte{{{'j'}, numbered('j', in.last().journal+1)}}
	if v.Drop > 0 {
		l := in.layers[v.Drop-1]
		drop = append(drop, [2][]byte{{'o'}, {'o' + 1}}, [2][]byte{{'h'}, heldGeneration(l.gen + 1)}, [2][]byte{{'r'}, numbered('r', l.rows+1)})
	}
	if v.Epoch > 0 {
		drop = append(drop, [2][]byte{{'q'}, {'q' + 1}})
		if err := b.Set(metaKey("epoch"), u64(v.Epoch), nil); err != nil {
			return err
		}
	}
	for _, r := range drop {
		if err := b.DeleteRange(r[0], r[1], nil); err != nil {
			return err
		}
	}
	if err := b.Set(metaKey("journal"), u64(s.journal), nil); err != nil { // an empty journal must not start over
		return err
	}
	return b.Delete(metaKey("inherited"), nil)
}

// settled notes that a verdict is on disk.
func (s *Store) settled(v *Verdict) (err error) {
	s.dropped = s.journalFloor()
	s.inherited = nil
	if v.Epoch > 0 {
		s.epoch = v.Epoch
		clear(s.sequences)
	}
	if v.Drop > 0 {
		s.held, err = s.countHeld(0, 0)
	}
	return err
}

// journalFloor is the record behind which a cut drops the journal: what is inherited stays until it is settled.
func (s *Store) journalFloor() uint64 {
	if s.inherited == nil {
		return s.dropped
	}
	return max(s.dropped, s.inherited.last().journal)
}

// layerOf gives the layer that a journal record was inherited in; -1 in a store opened to be looked at.
func (s *Store) layerOf(seq uint64) int {
	if s.inherited == nil {
		return -1
	}
	for i, l := range s.inherited.layers {
		if seq <= l.journal {
			return i
		}
	}
	return len(s.inherited.layers)
}

func heldGeneration(gen uint32) []byte { return binary.BigEndian.AppendUint32([]byte{'h'}, gen) }
