package score

import (
	"encoding/binary"
	"errors"
	"math"
	"unsafe"
)

// What is stored of a key comes in parts: what changes with each row, and the profile, which changes with a slot.
//
//	part 0   rows: count, then time (the first as it is, then varint differences) and value of each; model, field by field; ring: count, values
//	part 1   profile: of each slot its value, how wide noise is, how often it was seen
//
// Numbers are big-endian.
const (
	hotKey byte = iota
	profileKey
	parted
)

// Changed gives the parts of keys that changed since the last time, in order, for Restore; nil: nothing is kept of it.
func (s *Scores) Changed(f func(name string, part byte, state []byte)) {
	for _, name := range s.sorted() {
		k, what := s.keys[name], s.changed[name]
		if k == nil || what&goneParts != 0 {
			for part := range parted {
				f(name, part, nil)
			}
		}
		if k == nil {
			continue
		}
		c := coder{writes: true}
		c.hot(k)
		f(name, hotKey, c.b)
		if what&profilePart != 0 {
			c := coder{writes: true}
			c.slots(k)
			f(name, profileKey, c.b)
		}
	}
	clear(s.changed)
}

var errCorrupt = errors.New("the score of a key can't be read")

// Restore brings a part of a key back. What can't be read is an error, and changes nothing.
func (s *Scores) Restore(name string, part byte, state []byte) error {
	k := s.keys[name]
	fresh := k == nil
	if fresh {
		k = s.newKey()
	}
	c := coder{b: state}
	switch part {
	case hotKey:
		was := *k
		c.hot(k)
		if !c.done() || !s.sound(k) {
			*k = was
			return errCorrupt
		}
	case profileKey:
		read := s.newKey()
		c.slots(read)
		for _, v := range read.profile {
			c.bad = c.bad || !finite(float64(v))
		}
		if !c.done() || s.slots == 0 {
			return errCorrupt
		}
		k.profile, k.about = read.profile, read.about
	default:
		return errCorrupt
	}
	if fresh {
		s.keys[name] = k
	}
	return nil
}

// Drop lets go of a key of which a part can't be read.
func (s *Scores) Drop(name string) { s.forget(name) }

// sound reports that a key is one that could have come to be.
func (s *Scores) sound(k *key) bool {
	last := int64(math.MinInt64)
	if k.base.n > 0 {
		last = k.base.us
	}
	for i, r := range k.rows[:k.n] {
		if !finite(r.x) || r.us <= last && (i > 0 || k.base.n > 0) {
			return false
		}
		last = r.us
	}
	m := &k.base
	for _, x := range append([]float32{m.level, m.scale, m.lately, m.spread, m.last, m.quantum, m.offset, m.about, m.shift, m.shiftScale, m.peak, m.middle, m.swing, m.equal,
		m.slotSum, m.slotOff, m.spikes.rate, m.spikes.excess, m.shifts.rate, m.shifts.excess}, k.profile...) {
		if !finite(float64(x)) {
			return false
		}
	}
	return finite(m.origin) && int(m.slot) >= -1 && int(m.slot) < max(s.slots, 1) && (m.slotN == 0 || m.slot >= 0)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// perKey is about how much memory a key takes, its name and its place in the table with it.
func (s *Scores) perKey() int {
	return int(unsafe.Sizeof(key{})) + s.slots*6 + s.ring*4 + 64
}

// coder writes fields one behind the other, or reads them back: one description for both.
type coder struct {
	b      []byte
	writes bool
	bad    bool
}

func (c *coder) done() bool { return !c.bad && len(c.b) == 0 }

func (c *coder) hot(k *key) {
	n := uint8(k.n)
	if c.byte(&n); n > kept {
		c.bad = true
		return
	}
	k.n = int8(n)
	last := int64(0)
	for i := range k.rows[:n] {
		r := &k.rows[i]
		step := r.us - last
		c.varint(&step)
		r.us = last + step
		last = r.us
		c.double(&r.x)
	}
	m := &k.base
	c.double(&m.origin)
	for _, v := range []*int64{&m.us, &m.since, &m.shifted} {
		c.long(v)
	}
	c.int(&m.n)
	c.int(&m.known)
	for _, v := range []*float32{&m.level, &m.scale, &m.lately, &m.spread, &m.last, &m.quantum, &m.offset, &m.about, &m.shift, &m.shiftScale, &m.peak, &m.middle, &m.swing,
		&m.equal, &m.slotSum, &m.slotOff, &m.spikes.rate, &m.spikes.excess, &m.shifts.rate, &m.shifts.excess} {
		c.float(v)
	}
	slot, odd := uint16(m.slot), uint8(m.odd)
	for _, v := range []*uint16{&m.spikes.n, &m.shifts.n, &m.run, &m.longest, &m.slotN, &slot} {
		c.short(v)
	}
	c.byte(&odd)
	m.slot, m.odd = int16(slot), int8(odd)
	if k.about != nil {
		return
	}
	ring := uint8(len(k.profile))
	if c.byte(&ring); int(ring) > cap(k.profile) {
		c.bad = true
		return
	}
	k.profile = k.profile[:ring]
	for i := range k.profile {
		c.float(&k.profile[i])
	}
}

func (c *coder) slots(k *key) {
	for i := range k.profile {
		c.float(&k.profile[i])
		noise := uint8(k.about[i].noise)
		c.byte(&noise)
		k.about[i].noise = int8(noise)
		c.byte(&k.about[i].seen)
	}
}

// next gives room for n bytes to write, or the next n to read; nil: there aren't as many.
func (c *coder) next(n int) []byte {
	if c.writes {
		c.b = append(c.b, make([]byte, n)...)
		return c.b[len(c.b)-n:]
	}
	if len(c.b) < n {
		c.bad, c.b = true, nil
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *coder) byte(v *uint8) {
	if b := c.next(1); b == nil {
	} else if c.writes {
		b[0] = *v
	} else {
		*v = b[0]
	}
}

func (c *coder) short(v *uint16) {
	if b := c.next(2); b == nil {
	} else if c.writes {
		binary.BigEndian.PutUint16(b, *v)
	} else {
		*v = binary.BigEndian.Uint16(b)
	}
}

func (c *coder) int(v *uint32) {
	if b := c.next(4); b == nil {
	} else if c.writes {
		binary.BigEndian.PutUint32(b, *v)
	} else {
		*v = binary.BigEndian.Uint32(b)
	}
}

func (c *coder) float(v *float32) {
	bits := math.Float32bits(*v)
	c.int(&bits)
	*v = math.Float32frombits(bits)
}

func (c *coder) uint64(v *uint64) {
	if b := c.next(8); b == nil {
	} else if c.writes {
		binary.BigEndian.PutUint64(b, *v)
	} else {
		*v = binary.BigEndian.Uint64(b)
	}
}

func (c *coder) long(v *int64) {
	bits := uint64(*v)
	c.uint64(&bits)
	*v = int64(bits)
}

func (c *coder) double(v *float64) {
	bits := math.Float64bits(*v)
	c.uint64(&bits)
	*v = math.Float64frombits(bits)
}

func (c *coder) varint(v *int64) {
	if c.writes {
		c.b = binary.AppendVarint(c.b, *v)
		return
	}
	x, n := binary.Varint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return
	}
	*v, c.b = x, c.b[n:]
}
