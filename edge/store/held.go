package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// HeldDelta is what one group key gathered in one pane while the core was away.
type HeldDelta struct {
	View      uint32
	PaneUs    int64
	Partition uint32
	Key       []byte
	Readings  uint64
	State     []byte
	gen       uint32
}

// HeldRows are rows of one stream that wait, as the columns of wire.Rows.
type HeldRows struct {
	Order     uint64 // given by Commit, unless it is one of ReleaseRows: then these rows take their place
	Stream    uint32
	Partition uint32
	Count     uint32
	Columns   []byte
}

// Held says how much is held.
type Held struct {
	Deltas, DeltaBytes int64
	Rows, RowBytes     int64
}

// Empty reports whether nothing is held.
func (h Held) Empty() bool { return h.Deltas == 0 && h.Rows == 0 }

func (h *Held) addDelta(d *HeldDelta, sign int64) {
	h.Deltas += sign
	h.DeltaBytes += sign * int64(len(d.Key)+len(d.State)+heldKeyBytes)
}

func (h *Held) addRows(r *HeldRows, sign int64) {
	h.Rows += sign * int64(r.Count)
	h.RowBytes += sign * int64(len(r.Columns)+heldKeyBytes)
}

// heldKeyBytes is what a held entry takes beside its contents.
const heldKeyBytes = 24

// Held is how much waits.
func (s *Store) Held() Held { return s.held }

// HeldState gives the delta held of a pane and key since the store was opened, for merging into it; nil if none.
func (s *Store) HeldState(d HeldDelta) (readings uint64, state []byte, err error) {
	d.gen = s.gen
	v, err := s.get(heldKey(&d))
	if err != nil || v == nil {
		return 0, nil, err
	}
	readings, n := binary.Uvarint(v)
	if n <= 0 {
		return 0, nil, fmt.Errorf("held delta: %w", ErrCorrupt)
	}
	return readings, v[n:], nil
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// HeldDeltas gives up to limit of them, by view, pane and partition; those held before the store was opened come first.
func (s *Store) HeldDeltas(limit int) (list []HeldDelta, err error) {
	err = s.scan('h', func(key, v []byte) error {
		if len(list) == limit {
			return errEnough
		}
		d, err := readHeldDelta(key, v)
		list = append(list, d)
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

// HeldRows gives pieces of rows behind an order, the oldest first, up to maxBytes but at least one.
func (s *Store) HeldRows(after uint64, maxBytes int) (list []HeldRows, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: numbered('r', after+1), UpperBound: []byte{'s'}})
	if err != nil {
		return nil, fmt.Errorf("read held rows: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	size := 0
	for ok := it.First(); ok; ok = it.Next() {
		r, err := readHeldRows(it.Key()[1:], it.Value())
		if err != nil {
			return nil, err
		}
		if size += len(r.Columns); size > maxBytes && len(list) > 0 {
			break
		}
		list = append(list, r)
	}
	return list, it.Error()
}

// hold writes what c holds, and deletes what it releases; it gives how much is held then.
func (s *Store) hold(b *pebble.Batch, c *Change, order *uint64) (Held, error) {
	held := s.held
	var errs []error
	for i := range c.Hold {
		d := &c.Hold[i]
		d.gen = s.gen
		key := heldKey(d)
		if readings, state, err := s.HeldState(*d); err != nil {
			errs = append(errs, err)
		} else if state != nil { // merged by the caller: d takes its place
			held.addDelta(&HeldDelta{Key: d.Key, State: state, Readings: readings}, -1)
		}
		held.addDelta(d, 1)
		errs = append(errs, b.Set(key, append(binary.AppendUvarint(nil, d.Readings), d.State...), nil))
	}
	for i := range c.Release {
		held.addDelta(&c.Release[i], -1)
		errs = append(errs, b.Delete(heldKey(&c.Release[i]), nil))
	}
	for i := range c.ReleaseRows {
		held.addRows(&c.ReleaseRows[i], -1)
		errs = append(errs, b.Delete(numbered('r', c.ReleaseRows[i].Order), nil))
	}
	for i := range c.HoldRows {
		r := &c.HoldRows[i]
		if r.Order == 0 {
			*order++
			r.Order = *order
		}
		held.addRows(r, 1)
		v := binary.BigEndian.AppendUint32(nil, r.Stream)
		v = binary.BigEndian.AppendUint32(v, r.Partition)
		v = binary.BigEndian.AppendUint32(v, r.Count)
		errs = append(errs, b.Set(numbered('r', r.Order), append(v, r.Columns...), nil))
	}
	if len(c.HoldRows) > 0 {
		errs = append(errs, b.Set(metaKey("held"), u64(*order), nil))
	}
	return held, errors.Join(errs...)
}

// loadHeld counts what is held.
func (s *Store) loadHeld() (err error) {
	s.held, err = s.countHeld(0, 0)
	return err
}

// countHeld counts from a generation of deltas and an order of rows on, and notes the last ones.
func (s *Store) countHeld(gen uint32, order uint64) (h Held, err error) {
	err = s.scan('h', func(key, v []byte) error {
		d, err := readHeldDelta(key, v)
		if d.gen >= gen {
			h.addDelta(&d, 1)
		}
		s.gen = max(s.gen, d.gen)
		return err
	})
	return h, errors.Join(err, s.scan('r', func(key, v []byte) error {
		r, err := readHeldRows(key, v)
		if r.Order >= order {
			h.addRows(&r, 1)
		}
		s.heldOrder = max(s.heldOrder, r.Order)
		return err
	}))
}

func heldKey(d *HeldDelta) []byte {
	k := binary.BigEndian.AppendUint32(heldGeneration(d.gen), d.View)
	k = binary.BigEndian.AppendUint64(k, uint64(d.PaneUs)^1<<63)
	k = binary.BigEndian.AppendUint32(k, d.Partition)
	return append(k, d.Key...)
}

func readHeldDelta(key, v []byte) (HeldDelta, error) {
	readings, n := binary.Uvarint(v)
	if len(key) < 20 || n <= 0 {
		return HeldDelta{}, fmt.Errorf("held delta: %w", ErrCorrupt)
	}
	gen, key := binary.BigEndian.Uint32(key), key[4:]
	return HeldDelta{gen: gen, View: binary.BigEndian.Uint32(key), PaneUs: int64(binary.BigEndian.Uint64(key[4:]) ^ 1<<63), Partition: binary.BigEndian.Uint32(key[12:]),
		Key: append([]byte(nil), key[16:]...), Readings: readings, State: append([]byte(nil), v[n:]...)}, nil
}

func readHeldRows(key, v []byte) (HeldRows, error) {
	if len(key) != 8 || len(v) < 12 {
		return HeldRows{}, fmt.Errorf("held rows: %w", ErrCorrupt)
	}
	return HeldRows{Order: binary.BigEndian.Uint64(key), Stream: binary.BigEndian.Uint32(v), Partition: binary.BigEndian.Uint32(v[4:]),
		Count: binary.BigEndian.Uint32(v[8:]), Columns: append([]byte(nil), v[12:]...)}, nil
}
