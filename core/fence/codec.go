package fence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// ErrCorrupt is what Restore gives for bytes that Changed never gave.
var ErrCorrupt = errors.New("corrupt state of a device at fences")

// dirty has Changed write the track's state.
func (e *Engine) dirty(t *track) {
	if !t.dirty {
		t.dirty = true
		e.changed = append(e.changed, t.now.device)
	}
}

// Restore brings a device back, as it was written. The fences in use must be those of now, and the watermark that of then (Resume); Relive and Use follow,
// to tell what changed meanwhile.
func (e *Engine) Restore(device string, state []byte) error {
	r := reader{rest: state, device: device, set: e.set}
	t := newTrack(device)
	t.settled, t.now = r.state(), r.state()
	t.pending = make([]placed, r.count(26))
	var in *here
	for i := range t.pending {
		p := r.point()
		in = r.here(in)
		t.pending[i] = placed{point: p, in: in}
		t.oldest = t.pending[0].at
	}
	t.told = make([]Event, r.count(28))
	for i := range t.told {
		t.told[i] = r.event()
	}
	versions := len(r.rest) > 0 // there was no log once
	if versions {
		t.stored, t.version = r.uvarint(), r.uvarint()
	}
	for i := range t.told {
		version := uint64(0)
		if versions {
			version = r.uvarint()
		}
		t.told[i].zone = r.zone(t.told[i].Fence, version)
	}
	if versions {
		for len(r.rest) > 0 && !r.bad {
			z := r.zone(r.text(), r.uvarint())
			least, distance := time.Duration(r.varint()), r.float()
			if slices.Contains(r.gone, z) {
				z.Rule.MinTime, z.Rule.MinDistance = least, distance
			}
		}
	}
	if r.bad || len(r.rest) > 0 {
		return fmt.Errorf("device %q: %w", device, ErrCorrupt)
	}
	for _, z := range r.gone {
		t.gone = append(t.gone, z.ID)
	}
	t.restored, t.needs = true, t.zones(nil)
	if len(t.pending) > 0 {
		t.turned = t.now.last.at // it may have been
	}
	e.number = max(e.number, t.stored)
	e.tracks[device] = t
	e.turns(device, t)
	e.sleep(device, t)
	return nil
}

// Resume sets the watermark, in ms since 1970, of an engine that was restored: what had happened by then was told.
func (e *Engine) Resume(watermark int64) { e.watermark = max(e.watermark, watermark) }

// state's flags, and a visit's.
const (
	isKnown = 1 << iota
	isLost
)

const (
	isInside = 1 << iota
	isTurning
	isDwelled
	isSpeeding
)

func (t *track) append(dst []byte) []byte {
	dst = t.now.append(t.settled.append(dst))
	dst = binary.AppendUvarint(dst, uint64(len(t.pending)))
	var before *here
	for i := range t.pending {
		p := &t.pending[i]
		dst = p.append(dst)
		if p.in == before {
			dst = append(dst, 0)
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(len(p.in.zones))+1)
		for _, z := range p.in.zones {
			dst = binary.AppendUvarint(appendText(dst, z.ID), z.Version)
		}
		before = p.in
	}
	dst = binary.AppendUvarint(dst, uint64(len(t.told)))
	for i := range t.told {
		dst = t.told[i].append(dst)
	}
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, t.stored), t.version)
	for i := range t.told {
		dst = binary.AppendUvarint(dst, t.told[i].zone.Version)
	}
	for _, z := range t.needs { // whether a device has left a fence that is gone hangs on these
		if z.Rule.MinTime > 0 || z.Rule.MinDistance > 0 {
			dst = binary.AppendUvarint(appendText(dst, z.ID), z.Version)
			dst = binary.LittleEndian.AppendUint64(binary.AppendVarint(dst, int64(z.Rule.MinTime)), math.Float64bits(z.Rule.MinDistance))
		}
	}
	return dst
}

func (s *state) append(dst []byte) []byte {
	dst = s.last.append(append(dst, flag(s.known, isKnown)|flag(s.lost, isLost)))
	dst = binary.AppendUvarint(dst, uint64(len(s.visits)))
	for i := range s.visits {
		v := &s.visits[i]
		dst = appendText(dst, v.zone.ID)
		dst = binary.AppendUvarint(dst, v.zone.Version)
		dst = append(dst, flag(v.inside, isInside)|flag(v.turning, isTurning)|flag(v.dwelled, isDwelled)|flag(v.speeding, isSpeeding))
		dst = binary.AppendVarint(dst, v.since)
		if v.turning {
			dst = v.held.append(v.turn.append(dst))
		}
		dst = binary.AppendVarint(binary.AppendUvarint(dst, uint64(v.fast)), v.fastFrom)
	}
	return dst
}

func (p *point) append(dst []byte) []byte {
	dst = binary.AppendVarint(dst, p.at)
	for _, x := range [...]float64{p.lat, p.lon, p.speed} {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(x))
	}
	return dst
}

func (e *Event) append(dst []byte) []byte {
	dst = appendText(appendText(dst, e.Fence), string(e.Kind))
	p := point{e.At, e.Lat, e.Lon, e.Speed}
	return binary.AppendVarint(p.append(dst), int64(e.Inside))
}

func flag(is bool, bit byte) byte {
	if is {
		return bit
	}
	return 0
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

type reader struct {
	rest   []byte
	bad    bool
	device string
	set    *Set
	gone   []*zone // fences that are not in the set as they were
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, size = true, 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.bad, size = true, 0
	}
	r.rest = r.rest[size:]
	return n
}

// count reads how many follow, of at least so many bytes each.
func (r *reader) count(each int) int {
	n := r.uvarint()
	if n > uint64(len(r.rest)/each) {
		r.bad, n = true, 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.count(1)
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) float() float64 {
	if len(r.rest) < 8 {
		r.bad = true
		return 0
	}
	x := math.Float64frombits(binary.LittleEndian.Uint64(r.rest))
	r.rest = r.rest[8:]
	return x
}

func (r *reader) point() point {
	return point{at: r.varint(), lat: r.float(), lon: r.float(), speed: r.float()}
}

func (r *reader) event() Event {
	e := Event{Device: r.device, Fence: r.text(), Kind: Kind(r.text())}
	p := r.point()
	e.At, e.Lat, e.Lon, e.Speed = p.at, p.lat, p.lon, p.speed
	e.Inside = time.Duration(r.varint())
	e.ID = id(e.Device, e.Fence, e.Kind, e.At)
	return e
}

func (r *reader) state() state {
	flags := r.byte()
	s := state{device: r.device, known: flags&isKnown != 0, lost: flags&isLost != 0, last: r.point()}
	s.visits = make([]visit, r.count(5))
	for i := range s.visits {
		v := &s.visits[i]
		v.zone = r.zone(r.text(), r.uvarint())
		flags := r.byte()
		v.inside, v.turning, v.dwelled, v.speeding = flags&isInside != 0, flags&isTurning != 0, flags&isDwelled != 0, flags&isSpeeding != 0
		v.since = r.varint()
		if v.turning {
			v.turn, v.held = r.point(), r.point()
		}
		v.fast, v.fastFrom = int(r.uvarint()), r.varint()
	}
	return s
}

// here reads the fences that a position was found in.
func (r *reader) here(before *here) *here {
	n := r.count(1)
	if n == 0 && before != nil {
		return before
	}
	in := new(here)
	for range n - 1 {
		in.zones = append(in.zones, r.zone(r.text(), r.uvarint()))
	}
	return in
}

// zone finds the fence that a device was in; one that is gone, or another by now, is known by its name alone, and Use sees that it left.
func (r *reader) zone(id string, version uint64) *zone {
	if z := r.set.zone(id); z != nil && z.Version == version {
		return z
	}
	for _, z := range r.gone {
		if z.ID == id && z.Version == version {
			return z
		}
	}
	z := &zone{Fence: Fence{ID: id, Version: version}}
	r.gone = append(r.gone, z)
	return z
}
