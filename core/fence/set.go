package fence

import (
	"maps"
	"slices"

	"github.com/hexpane/hexpane/geo/index"
)

// Set is the fences at some time. It is never changed, so engines can share it; the zero Set is empty.
type Set struct {
	index index.Index
	zones map[*index.Fence]*zone
	cross []*zone // those that look at lines between positions; all of them are tried for each position
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

func (s *Set) zone(id string) *zone { return s.zones[s.index.Get(id)] }

// With gives a set with these fences too, each in place of the one of the same ID, if there is one.
func (s *Set) With(fences ...Fence) *Set {
	next := &Set{zones: maps.Clone(s.zones), cross: slices.Clone(s.cross)}
	if next.zones == nil {
		next.zones = map[*index.Fence]*zone{}
	}
	areas := make([]*index.Fence, len(fences))
	for i, f := range fences {
		next.drop(s, f.ID)
		z := &zone{f, &index.Fence{ID: f.ID, Shape: f.Shape}}
		areas[i], next.zones[z.area] = z.area, z
		if f.Rule.Cross {
			next.cross = append(next.cross, z)
		}
	}
	next.index = *s.index.With(areas...)
	return next
}

// Without gives a set without the fences of these IDs.
func (s *Set) Without(ids ...string) *Set {
	next := &Set{zones: maps.Clone(s.zones), cross: slices.Clone(s.cross), index: *s.index.Without(ids...)}
	for _, id := range ids {
		next.drop(s, id)
	}
	return next
}

func (s *Set) drop(from *Set, id string) {
	if z := from.zone(id); z != nil {
		delete(s.zones, z.area)
		s.cross = slices.DeleteFunc(s.cross, func(o *zone) bool { return o == z })
	}
}

// Use makes the engine watch another set from now on, and appends the exits that follow at once: of who is in a fence that is gone, or no longer in
// one that has another shape. They bear the time at, in ms since 1970, or that of the device's last position, if that is later.
//
// What was told of a device in such a fence is then settled: its positions from before the edit are left out if they come later.
func (e *Engine) Use(s *Set, at int64, out []Event) []Event {
	e.set = s
	e.version++
	from := len(out)
	for device, t := range e.tracks {
		if !t.changed(s) {
			continue
		}
		kept := t.now.visits[:0]
		for _, v := range t.now.visits {
			z, last := s.zone(v.zone.ID), &t.now.last
			stays := z == v.zone || z != nil && z.Shape.Contains(last.Lat, last.Lon)
			if !stays && v.inside {
				when := max(at, last.At)
				out = append(out, event(last, v.zone, Exit, when, ms(when-v.since)))
			}
			if stays {
				v.zone = z
				kept = append(kept, v)
			}
		}
		clear(t.now.visits[len(kept):])
		t.now.visits = kept
		t.settled, t.pending, t.told = t.now.clone(), nil, nil
		e.dirty(device, t)
		e.sleep(device, t)
	}
	order(out[from:])
	return out
}

// changed reports whether the device is in a fence that the set does not have, or has otherwise.
func (t *track) changed(s *Set) bool {
	other := func(v visit) bool { return s.zone(v.zone.ID) != v.zone }
	return slices.ContainsFunc(t.now.visits, other) || slices.ContainsFunc(t.settled.visits, other)
}
