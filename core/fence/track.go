package fence

import (
	"cmp"
	"math"
	"slices"

	"github.com/hexpane/hexpane/geo/index"
)

// placed is a position and the fences that have it.
type placed struct {
	Fix
	in      []*zone // never changed: positions share it
	version int     // of the fences that in is of
}

// track is a device's positions and what was told of them. What is before the watermark is settled; what follows may have to be done again.
type track struct {
	settled state
	pending []placed // after it, in order
	now     state    // settled, moved through pending
	told    []Event  // since settled
	wake    int64    // when it is to be looked at next
	dirty   bool     // changed since Engine.Changed
}

func compare(a, b *Fix) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Lat, b.Lat), cmp.Compare(a.Lon, b.Lon), cmp.Compare(a.Speed, b.Speed))
}

// few positions are not settled before they are more: some at a time cost less.
const few = 8

// settle takes what is before the watermark for true.
func (t *track) settle(watermark int64, e *Engine) {
	n := 0
	for n < len(t.pending) && t.pending[n].At < watermark {
		n++
	}
	switch {
	case n == len(t.pending):
		t.settled, t.told = t.now.clone(), t.told[:0]
		t.pending = t.pending[:0]
	case n >= few:
		var again []Event
		for i := range t.pending[:n] {
			p := &t.pending[i]
			again = t.settled.move(&p.Fix, t.in(i, e), e.set.cross, &e.cfg, again)
		}
		t.told = slices.Delete(t.told, 0, min(len(again), len(t.told)))
		t.pending = slices.Delete(t.pending, 0, n)
	}
}

// add puts a position where it belongs, and gives what that changes.
func (t *track) add(f Fix, e *Engine, out []Event) []Event {
	if t.settled.known && compare(&f, &t.settled.last) <= 0 {
		if compare(&f, &t.settled.last) < 0 {
			e.Late++
		}
		return out
	}
	at := len(t.pending)
	for ; at > 0; at-- { // mostly it belongs last
		c := compare(&f, &t.pending[at-1].Fix)
		if c == 0 {
			return out
		}
		if c > 0 {
			break
		}
	}
	t.pending = slices.Insert(t.pending, at, placed{Fix: f, version: -1})
	if at == len(t.pending)-1 {
		from := len(out)
		out = t.now.move(&t.pending[at].Fix, t.in(at, e), e.set.cross, &e.cfg, out)
		order(out[from:])
		t.told = append(t.told, out[from:]...)
		return out
	}
	return t.again(e, out)
}

// again does all that is not settled once more, and gives what came out different.
func (t *track) again(e *Engine, out []Event) []Event {
	var events []Event
	t.now = t.settled.clone()
	for i := range t.pending {
		from := len(events)
		events = t.now.move(&t.pending[i].Fix, t.in(i, e), e.set.cross, &e.cfg, events)
		order(events[from:])
	}
	out = corrections(t.told, events, out)
	t.told = events
	return out
}

// in gives the fences that have a position.
func (t *track) in(i int, e *Engine) []*zone {
	p := &t.pending[i]
	if p.version == e.version {
		return p.in
	}
	p.version = e.version
	e.found = e.set.index.Lookup(p.Lat, p.Lon, e.found[:0])
	if i > 0 && t.pending[i-1].version == e.version && slices.EqualFunc(t.pending[i-1].in, e.found, func(z *zone, f *index.Fence) bool { return z.area == f }) {
		p.in = t.pending[i-1].in
		return p.in
	}
	p.in = make([]*zone, len(e.found))
	for k, f := range e.found {
		p.in[k] = e.set.zones[f]
	}
	return p.in
}

// order is by time, then by device, fence and kind.
func order(events []Event) {
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Fence, b.Fence), cmp.Compare(a.Kind, b.Kind))
	})
}

// corrections gives what to tell, after told was, so that now is what was told.
func corrections(told, now, out []Event) []Event {
	wrong := slices.Clone(told)
	var fresh []Event
	for _, n := range now {
		if i := slices.IndexFunc(wrong, func(w Event) bool { return w.ID == n.ID }); i < 0 {
			fresh = append(fresh, n)
		} else {
			if !same(wrong[i], n) {
				n.Replaces = n.ID
				out = append(out, n)
			}
			wrong = slices.Delete(wrong, i, i+1)
		}
	}
	for _, n := range fresh {
		if i := slices.IndexFunc(wrong, func(w Event) bool { return w.Fence == n.Fence && w.Kind == n.Kind }); i >= 0 {
			n.Replaces = wrong[i].ID
			wrong = slices.Delete(wrong, i, i+1)
		}
		out = append(out, n)
	}
	for _, w := range wrong {
		w.Withdrawn = true
		out = append(out, w)
	}
	return out
}

func same(a, b Event) bool {
	bothNaN := math.IsNaN(a.Speed) && math.IsNaN(b.Speed)
	return a.Lat == b.Lat && a.Lon == b.Lon && (a.Speed == b.Speed || bothNaN) && a.Inside == b.Inside
}

// next is when something may happen to the device without a new position: at last, it is forgotten.
func (t *track) next(cfg *Config) int64 {
	if len(t.now.visits) == 0 {
		return t.now.last.At + cfg.Forget.Milliseconds()
	}
	return t.now.next(cfg)
}
