package fence

import (
	"math"
	"slices"

	"github.com/hexpane/hexpane/geo/index"
)

// Set is the fences at some time. It is never changed, so engines can share it; the zero Set is empty.
type Set struct {
	index index.Index
	zones []*zone // by their numbers in the index; nil is a number that is free
	cross []*zone // those that look at lines between positions; all of them are tried for each position
	last  uint64  // the highest version that a fence of it or of those before it had
}

// Len is how many fences there are.
func (s *Set) Len() int { return s.index.Len() }

// Get gives the fence of that ID.
func (s *Set) Get(id string) (Fence, bool) {
	if z := s.zone(id); z != nil {
		return z.Fence, true
	}
	return Fence{}, false
}

func (s *Set) zone(id string) *zone {
	if n := s.index.Number(id); n >= 0 {
		return s.zones[n]
	}
	return nil
}

// With gives a set with these fences too, each in place of the one of the same ID, if there is one.
func (s *Set) With(fences ...Fence) *Set {
	areas := make([]*index.Fence, len(fences))
	ids := make([]string, len(fences))
	for i, f := range fences {
		areas[i], ids[i] = &index.Fence{ID: f.ID, Shape: f.Shape}, f.ID
	}
	next := s.without(ids)
	next.index = *s.index.With(areas...)
	for _, f := range fences {
		z, n := &zone{f}, next.index.Number(f.ID)
		next.zones = append(next.zones, make([]*zone, max(0, n+1-len(next.zones)))...)
		next.zones[n] = z
		next.last = max(next.last, f.Version)
		if f.Rule.Cross {
			next.cross = append(next.cross, z)
		}
	}
	next.cross = slices.DeleteFunc(next.cross, func(z *zone) bool { return next.zone(z.ID) != z }) // an ID may come twice
	return next
}

// Without gives a set without the fences of these IDs.
func (s *Set) Without(ids ...string) *Set {
	next := s.without(ids)
	next.index = *s.index.Without(ids...)
	return next
}

// without gives the set's zones without those of these IDs. The index is the caller's to set.
func (s *Set) without(ids []string) *Set {
	next := &Set{zones: slices.Clone(s.zones), cross: slices.Clone(s.cross), last: s.last}
	for _, id := range ids {
		if n := s.index.Number(id); n >= 0 && next.zones[n] != nil {
			next.cross = slices.DeleteFunc(next.cross, func(z *zone) bool { return z.ID == id })
			next.zones[n] = nil
		}
	}
	return next
}

// Use makes the engine watch another set from now on, and appends the exits that follow at once: of who is in a fence that is gone, or no longer in
// one that has another shape. They bear the time at, in ms since 1970, or that of the device's last position, if that is later.
//
// What was told of a device is then settled, if the edit is of a fence that it is in or has lately been in, or comes to lie where it has lately been:
// its positions from before the edit are left out if they come later.
func (e *Engine) Use(s *Set, at int64, out []Event) []Event {
	fresh := e.fresh(s)
	lines := slices.DeleteFunc(slices.Clone(s.cross), func(z *zone) bool { return slices.Contains(e.set.cross, z) })
	from := len(out)
	for device, t := range e.tracks {
		t.settle(e.watermark, 1, e) // by the fences of then
		if t.restored {
			t.judge(s)
		}
		if !t.changed(s, fresh, lines) {
			if slices.ContainsFunc(t.needs, func(z *zone) bool { return s.zone(z.ID) != z }) {
				e.dirty(t) // what is stored is to be read by the fences of now
			}
			continue
		}
		kept := t.now.visits[:0]
		for _, v := range t.now.visits {
			z, last := s.zone(v.zone.ID), &t.now.last
			stays := z == v.zone || z != nil && z.Shape.Contains(last.lat, last.lon)
			if !stays && v.inside {
				when := max(at, last.at)
				out = append(out, t.now.event(last, v.zone, Exit, when, ms(when-v.since)))
			}
			if stays {
				v.zone = z
				kept = append(kept, v)
			}
		}
		clear(t.now.visits[len(kept):])
		t.now.visits = kept
		t.settled, t.pending, t.told = t.now.clone(), nil, nil
		t.oldest, t.edited = math.MaxInt64, false
		t.set(nil)
		e.dirty(t)
		e.turns(device, t)
		e.sleep(device, t)
	}
	e.set = s
	order(out[from:])
	return out
}

// fresh gives the fences of a set that the engine does not have, or has otherwise.
func (e *Engine) fresh(s *Set) *index.Index {
	var areas []*index.Fence
	if len(e.tracks) > 0 {
		for n, z := range s.zones {
			if z != nil && (n >= len(e.set.zones) || e.set.zones[n] != z) {
				areas = append(areas, &index.Fence{ID: z.ID, Shape: z.Shape})
			}
		}
	}
	return new(index.Index).With(areas...)
}

// changed reports whether the device is in a fence that the set does not have, or has otherwise, or was at a position that is not settled, or passed through it
// since; or whether such a position is in a fence that is fresh, or beyond one of lines.
func (t *track) changed(s *Set, fresh *index.Index, lines []*zone) bool {
	other := func(z *zone) bool { return s.zone(z.ID) != z }
	in := func(v visit) bool { return other(v.zone) }
	told := func(e Event) bool { return other(e.zone) }
	if t.edited || slices.ContainsFunc(t.now.visits, in) || slices.ContainsFunc(t.settled.visits, in) || slices.ContainsFunc(t.told, told) || t.beyond(lines) {
		return true
	}
	var before *here
	var room [8]int32
	for i := range t.pending {
		p := &t.pending[i]
		if p.in != before && slices.ContainsFunc(p.in.zones, other) || len(fresh.Numbers(p.lat, p.lon, room[:0])) > 0 {
			return true
		}
		before = p.in
	}
	return false
}

// beyond reports whether a position that is not settled lies beyond one of the fences, as seen from the one before it.
func (t *track) beyond(lines []*zone) bool {
	if len(lines) == 0 {
		return false
	}
	last, known := &t.settled.last, t.settled.known
	for i := range t.pending {
		p := &t.pending[i].point
		if known && slices.ContainsFunc(lines, func(z *zone) bool { return z.Shape.Crossed(last.lat, last.lon, p.lat, p.lon) }) {
			return true
		}
		last, known = p, true
	}
	return false
}
