package fence

import (
	"cmp"
	"math"
	"slices"
)

// here is the fences that have a position, and is never changed: positions share it. Engine.Use sees to it that it is true of all that is not settled.
type here struct {
	numbers []int32 // in the index, in order
	zones   []*zone
}

// placed is a position and the fences that it was judged by.
type placed struct {
	point
	in    *here
	quiet bool // nothing came of it
}

// track is a device's positions and what was told of them. What is before the watermark is settled; what follows may have to be done again.
type track struct {
	oldest   int64 // of pending
	calm     calm  // now's; none says nothing
	dirty    bool  // its state is to be written
	edited   bool  // restored with positions that the fences of now judge otherwise
	restored bool  // and not used since
	marked   bool  // mark is in's
	mark     [2]int32
	now      state    // settled, moved through pending
	pending  []placed // after settled, in order
	in       *here    // of the newest position; nil: not known
	turned   int64    // the time of the last position, settled or not, after which the device was turning at a border
	wake     int64    // when it is to be looked at next
	settled  state
	told     []Event  // since settled
	stored   uint64   // the last entry of the log that its state as it is stored has in it
	needs    []*zone  // the fences that the stored state speaks of
	version  uint64   // of the newest fence when the state was stored
	gone     []string // fences that it spoke of when it was restored, and that are not there as they were
}

// set makes in the fences of the newest position.
func (t *track) set(in *here) {
	t.in, t.calm = in, t.now.calm()
	t.calm.is = t.calm.is && in != nil
	if t.marked = in != nil; t.marked {
		t.mark, t.marked = markOf(in.numbers)
	}
}

// markOf gives numbers in a form that is compared without going to them; false if they are too many.
func markOf(numbers []int32) (m [2]int32, ok bool) {
	m = [2]int32{-1, -1}
	return m, copy(m[:], numbers) == len(numbers)
}

// stays reports whether numbers are those of the newest position.
func (t *track) stays(numbers []int32) bool {
	m, ok := markOf(numbers)
	return ok && t.marked && m == t.mark || !ok && t.in != nil && slices.Equal(t.in.numbers, numbers)
}

func (p *point) compare(o *point) int {
	return cmp.Or(cmp.Compare(p.at, o.at), cmp.Compare(p.lat, o.lat), cmp.Compare(p.lon, o.lon), cmp.Compare(p.speed, o.speed))
}

// few positions are left unsettled until they are more: some at a time cost less.
const few = 8

// settle takes what is before the watermark for true, if it is least positions or more, or all.
func (t *track) settle(watermark int64, least int, e *Engine) {
	if t.oldest >= watermark || len(t.pending) == 0 {
		return
	}
	n := 0
	for n < len(t.pending) && t.pending[n].at < watermark {
		n++
	}
	switch {
	case n == len(t.pending):
		t.settled, t.told = t.now.clone(), t.told[:0]
	case n < least:
		return
	default:
		t.pass(n, e)
	}
	t.pending = slices.Delete(t.pending, 0, n)
	t.oldest = math.MaxInt64
	if len(t.pending) > 0 {
		t.oldest = t.pending[0].at
	}
}

// pass moves settled through n positions, by the fences that they were judged by.
func (t *track) pass(n int, e *Engine) {
	var again []Event
	c := t.settled.calm()
	for i := range t.pending[:n] {
		if p := &t.pending[i]; p.quiet && c.takes(&p.point) {
			t.settled.last = p.point
		} else {
			again = t.settled.move(&p.point, p.in.zones, e.set.cross, &e.cfg, again)
			c = t.settled.calm()
		}
	}
	t.told = slices.DeleteFunc(t.told, func(told Event) bool {
		return slices.ContainsFunc(again, func(a Event) bool { return a.ID == told.ID })
	})
}

// next puts the newest position there is after the others, if nothing comes of it: most are such. numbers are of the fences that have it.
func (t *track) next(p *point, numbers []int32, e *Engine) bool {
	last := t.now.last.at
	switch {
	case !t.calm.takes(p) || p.at <= last || len(t.pending) >= e.cfg.Pending:
	case e.cfg.LostAfter > 0 && p.at > last+e.cfg.LostAfter.Milliseconds():
	case len(t.now.visits) == 0 && p.at > last+e.cfg.Forget.Milliseconds():
	case !t.stays(numbers) || t.now.passesAny(p, e.set.cross):
	default:
		if len(t.pending) == 0 {
			t.oldest = p.at
		}
		t.pending = append(t.pending, placed{*p, t.in, true})
		t.now.last = *p
		return true
	}
	return false
}

// add puts a position where it belongs, and gives what that changes.
func (t *track) add(p *point, numbers []int32, e *Engine, out []Event) []Event {
	if t.settled.known && p.compare(&t.settled.last) <= 0 {
		if p.compare(&t.settled.last) < 0 {
			e.Late++
		}
		return out
	}
	at := len(t.pending)
	for ; at > 0; at-- { // mostly it belongs last
		c := p.compare(&t.pending[at-1].point)
		if c == 0 {
			return out
		}
		if c > 0 {
			break
		}
	}
	in := t.in
	if at > 0 {
		in = t.pending[at-1].in
	}
	in = e.set.here(in, numbers)
	t.pending = slices.Insert(t.pending, at, placed{point: *p, in: in})
	t.oldest = t.pending[0].at
	if at < len(t.pending)-1 {
		out = t.again(e, out)
	} else {
		from := len(out)
		out = t.now.move(p, in.zones, e.set.cross, &e.cfg, out)
		t.noteTurn()
		order(out[from:])
		t.told = append(t.told, out[from:]...)
	}
	t.set(t.pending[len(t.pending)-1].in)
	return out
}

func (t *track) noteTurn() {
	if t.now.turning() {
		t.turned = max(t.turned, t.now.last.at)
	}
}

// again does all that is not settled once more, and gives what came out different.
func (t *track) again(e *Engine, out []Event) []Event {
	var events []Event
	t.now = t.settled.clone()
	for i := range t.pending {
		p := &t.pending[i]
		p.quiet = false
		from := len(events)
		events = t.now.move(&p.point, p.in.zones, e.set.cross, &e.cfg, events)
		t.noteTurn()
		order(events[from:])
	}
	out = corrections(t.told, events, out)
	t.told = events
	return out
}

// here gives the fences of these numbers: as before, if they are the same.
func (s *Set) here(before *here, numbers []int32) *here {
	if before != nil && slices.Equal(before.numbers, numbers) {
		return before
	}
	zones := make([]*zone, len(numbers))
	for i, n := range numbers {
		zones[i] = s.zones[n]
	}
	return &here{slices.Clone(numbers), zones}
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

// due is when something may happen to the device without a new position: at last, it is forgotten.
func (t *track) due(cfg *Config) int64 {
	if len(t.now.visits) == 0 {
		return t.now.last.at + cfg.Forget.Milliseconds()
	}
	return t.now.next(cfg)
}
