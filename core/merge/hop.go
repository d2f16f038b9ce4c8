package merge

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/window"
)

// hopper holds the open panes of a hopping view. A window is a run of size/pane panes, and a pane is in several windows, so panes are
// what is kept, here and in the store; windows are merged of them when they are asked for.
//
// A window that accepts no more must not change when a pane that it shares with later ones does. What a pane gains after some of its
// windows were closed is therefore kept apart, as a layer that counts from a window on.
type hopper struct {
	name                       string
	layout                     aggregate.Layout
	size, advance, pane, grace int64
	quiet                      bool // nobody wants results before they are final
	fired                      int64
	started                    bool
	runs                       map[string]*run
	away                       map[string]span // keys whose open panes are in the store alone
	memory                     *Memory
	late                       map[string]map[int64]bool // windows that changed since the last flush though they had fired, by key
	closed                     map[place]*record         // records without an open window, since the last flush
	touched                    []touch
	flushes                    uint64
	phases                     uint32
	spare                      []aggregate.Partial // of panes that were let go, to be used again
	packing                    []byte
	scratch                    aggregate.Partial // of a packed pane
	blank                      []byte            // an empty partial
	joined                     aggregate.Partial // of both stacks
}

// place is a pane of a key.
type place struct {
	start int64
	key   string
}

// span is the starts of a key's first and last pane.
type span struct{ first, last int64 }

type touch struct {
	place
	record *record
}

// record is what is stored under a pane's start: the pane, and the revision of the window that starts with it.
type record struct {
	base     aggregate.Partial // nil: nothing yet, or it is packed
	packed   []byte            // base as bytes, of a pane that is likely to be whole
	layers   []layer
	revision uint32
	touched  bool // is in the hopper's list
	had      bool // held something before it was touched
	cost     int64
}

// layer is what a pane gained when windows that start before from accepted no more.
type layer struct {
	from    int64
	partial aggregate.Partial
}

func (r *record) based() bool { return r.base != nil || r.packed != nil }

func (r *record) empty() bool { return !r.based() && len(r.layers) == 0 }

// counts reports whether the record holds something of a window that starts at start.
func (r *record) counts(start int64) bool {
	return r.based() || slices.ContainsFunc(r.layers, func(l layer) bool { return l.from <= start })
}

// into merges what the record gives a window that starts at start.
func (r *record) into(h *hopper, p aggregate.Partial, start int64) {
	switch {
	case r.base != nil:
		p.Merge(r.base)
	case r.packed != nil:
		if h.scratch == nil {
			h.scratch = h.layout.New()
		}
		reread(h.scratch, r.packed)
		p.Merge(h.scratch)
	}
	for _, l := range r.layers {
		if l.from <= start {
			p.Merge(l.partial)
		}
	}
}

func (r *record) add(h *hopper, p aggregate.Partial, from int64, layered bool) {
	if !layered {
		if r.base == nil {
			r.unpack(h)
		}
		r.base.Merge(p)
		return
	}
	i := slices.IndexFunc(r.layers, func(l layer) bool { return l.from == from })
	if i < 0 {
		i = len(r.layers)
		r.layers = append(r.layers, layer{from, h.layout.New()})
	}
	r.layers[i].partial.Merge(p)
}

// maxSpare is how many partials are kept to be used again.
const maxSpare = 4096

// pack makes the pane a few bytes: a key may hold thousands of panes that nothing more comes to.
func (r *record) pack(h *hopper) {
	if r.base == nil {
		return
	}
	h.packing = r.base.Append(h.packing[:0])
	r.packed = slices.Clone(h.packing)
	if len(h.spare) < maxSpare {
		h.spare = append(h.spare, r.base)
	}
	r.base = nil
}

// unpack makes base what is packed, or empty.
func (r *record) unpack(h *hopper) {
	if last := len(h.spare) - 1; last < 0 {
		r.base = h.layout.New()
	} else {
		r.base, h.spare = h.spare[last], h.spare[:last]
	}
	if r.packed == nil {
		r.packed = h.blank
	}
	reread(r.base, r.packed)
	r.packed = nil
}

// append writes the record: revision uvarint, layers uvarint, 0|1 and the base, then for each layer its window varint and partial.
func (r *record) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.revision))
	dst = binary.AppendUvarint(dst, uint64(len(r.layers)))
	switch {
	case r.base != nil:
		dst = r.base.Append(append(dst, 1))
	case r.packed != nil:
		dst = append(append(dst, 1), r.packed...)
	default:
		dst = append(dst, 0)
	}
	for _, l := range r.layers {
		dst = l.partial.Append(binary.AppendVarint(dst, l.from))
	}
	return dst
}

func (h *hopper) decode(src []byte) (*record, error) {
	corrupt := fmt.Errorf("view %s: corrupt pane", h.name)
	revision, n := binary.Uvarint(src)
	if n <= 0 {
		return nil, corrupt
	}
	src = src[n:]
	layers, n := binary.Uvarint(src)
	if n <= 0 || layers > uint64(len(src)) || len(src) == n || src[n] > 1 {
		return nil, corrupt
	}
	based := src[n] == 1
	src = src[n+1:]
	r := &record{revision: uint32(revision)}
	var err error
	if based {
		r.base = h.layout.New()
		if src, err = r.base.Read(src); err != nil {
			return nil, corrupt
		}
	}
	for range layers {
		l := layer{partial: h.layout.New()}
		if l.from, n = binary.Varint(src); n <= 0 {
			return nil, corrupt
		}
		if src, err = l.partial.Read(src[n:]); err != nil {
			return nil, corrupt
		}
		r.layers = append(r.layers, l)
	}
	if len(src) != 0 {
		return nil, corrupt
	}
	return r, nil
}

// first is the start of the oldest window that has not fired at a watermark.
func (h *hopper) first(watermark int64) int64 {
	return window.Pane(watermark-h.size, h.advance) + h.advance
}

// oldest and newest are the starts of the first and the last window that hold a pane.
func (h *hopper) oldest(pane int64) int64 {
	return window.Pane(pane+h.pane-h.size+h.advance-1, h.advance)
}

func (h *hopper) newest(pane int64) int64 { return window.Pane(pane, h.advance) }

func (h *hopper) start(watermark int64) {
	if !h.started {
		h.fired, h.started = watermark, true
	}
}

// delta merges a partial into a pane.
func (h *hopper) delta(pane int64, key string, p aggregate.Partial, watermark int64, store Store) (Outcome, error) {
	h.start(watermark)
	oldest, newest := h.oldest(pane), h.newest(pane)
	accepts := h.first(watermark - h.grace) // the oldest window that still takes something
	out := Outcome{Class: window.OnTime}
	if accepts > oldest {
		out.Refused, out.Window = true, min(newest, accepts-h.advance)
		out.End = out.Window + h.size
	}
	if accepts > newest {
		out.Class = window.TooLate
		return out, nil
	}
	open := h.first(watermark)
	r, err := h.find(pane, key, newest >= open, store)
	if err != nil {
		return out, err
	}
	h.touch(pane, key, r)
	r.add(h, p, accepts, out.Refused)
	if newest >= open {
		h.runs[key].gained(h, pane, p)
	}
	for s := max(oldest, accepts); s <= newest && s < open; s += h.advance {
		out.Class = window.Late
		if h.late[key] == nil {
			h.late[key] = map[int64]bool{}
		}
		h.late[key][s] = true
	}
	return out, nil
}

// look gives the record of a pane, nil if there is none; open says that the pane is in memory if it is anywhere.
func (h *hopper) look(pane int64, key string, open bool, store Store) (*record, error) {
	if open {
		n, err := h.run(key, store)
		return n.look(pane), err
	}
	at := place{pane, key}
	if r := h.closed[at]; r != nil {
		return r, nil
	}
	bytes, err := store.Window(pane, []byte(key))
	if err != nil || bytes == nil {
		return nil, err
	}
	r, err := h.decode(bytes)
	if err == nil {
		h.closed[at] = r
	}
	return r, err
}

// find is look, and makes a record where there is none.
func (h *hopper) find(pane int64, key string, open bool, store Store) (*record, error) {
	r, err := h.look(pane, key, open, store)
	if r != nil || err != nil {
		return r, err
	}
	r = &record{}
	if !open {
		h.closed[place{pane, key}] = r
		return r, nil
	}
	n := h.runs[key]
	if n == nil {
		n = h.open(key)
	}
	n.put(pane, r)
	return r, nil
}

func (h *hopper) open(key string) *run {
	n := &run{hopper: h, key: key}
	h.runs[key] = n
	return n
}

// run gives a key's open panes, nil if there are none.
func (h *hopper) run(key string, store Store) (*run, error) {
	n := h.runs[key]
	at, away := h.away[key]
	if n != nil || !away {
		return n, nil
	}
	n = &run{hopper: h, key: key}
	if err := h.load(n, at, store); err != nil {
		return nil, err
	}
	delete(h.away, key)
	if len(n.panes) == 0 {
		return nil, nil
	}
	h.runs[key] = n
	n.hold(h)
	return n, nil
}

// load reads the panes of a run that are in a window that has not fired.
func (h *hopper) load(n *run, at span, store Store) error {
	h.memory.Back()
	for pane := max(at.first, h.first(h.fired)); pane <= at.last; pane += h.pane {
		stored, err := store.Window(pane, []byte(n.key))
		if err != nil {
			return err
		}
		if stored == nil {
			continue
		}
		if err := h.loaded(n, pane, stored); err != nil {
			return err
		}
	}
	return nil
}

func (h *hopper) loaded(n *run, pane int64, stored []byte) error {
	r, err := h.decode(stored)
	if err != nil || r.empty() {
		return err
	}
	if pane+h.pane <= h.fired {
		r.pack(h)
	}
	n.put(pane, r)
	n.weigh(h, r, len(stored))
	return nil
}

func (h *hopper) touch(start int64, key string, r *record) {
	if !r.touched {
		r.touched, r.had = true, !r.empty()
		h.touched = append(h.touched, touch{place{start, key}, r})
	}
}

// flush reports what changed, and what fires at the watermark. Of each key that changed and that nothing fired of it shows the oldest
// open window: it is the most complete, and the others show when their turn comes.
func (h *hopper) flush(watermark int64, store Store, report func(Change)) error {
	h.start(watermark)
	h.flushes++
	for key, starts := range h.late {
		if err := h.revise(key, slices.Sorted(maps.Keys(starts)), store, report); err != nil {
			return err
		}
	}
	clear(h.late)
	if err := h.fire(watermark, store, report); err != nil {
		return err
	}
	for _, t := range h.touched {
		h.packing = t.record.append(h.packing[:0])
		report(Change{Start: t.start, Key: t.key, Stored: slices.Clone(h.packing)})
		t.record.touched = false
		n := h.runs[t.key]
		if n == nil {
			continue
		}
		if n.dirty && n.told != h.flushes {
			n.dirty = false
			h.show(t.key, n, watermark, report)
		}
		if n.look(t.start) == t.record {
			n.weigh(h, t.record, len(h.packing))
		}
		n.hold(h)
	}
	h.touched = h.touched[:0]
	clear(h.closed)
	return nil
}

// show reports the oldest open window of a key.
func (h *hopper) show(key string, n *run, watermark int64, report func(Change)) {
	if h.quiet || len(n.panes) == 0 {
		return
	}
	s := max(h.first(watermark), h.oldest(n.panes[0].start))
	if p := n.at(h, s, watermark); p != nil {
		report(Change{Start: s, Key: key, Window: &Window{Partial: p}})
	}
}

// revise reports windows of a key that changed after they fired, and counts a revision of those that had something before.
func (h *hopper) revise(key string, starts []int64, store Store, report func(Change)) error {
	n := &run{settled: true}
	for pane := starts[0]; pane < starts[len(starts)-1]+h.size; pane += h.pane {
		r, err := h.look(pane, key, h.newest(pane) >= h.first(h.fired), store)
		if err != nil {
			return err
		}
		if r != nil && !r.empty() {
			n.put(pane, r)
		}
	}
	for _, s := range starts {
		p := n.at(h, s, s+h.size)
		first, err := h.find(s, key, false, store)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(n.panes[n.lo:n.hi], func(o openPane) bool { return !o.record.touched || o.record.had }) {
			h.touch(s, key, first)
			first.revision++
		}
		if !h.quiet {
			report(Change{Start: s, Key: key, Window: &Window{Partial: p, Revision: first.revision}, Fired: true})
		}
	}
	return nil
}

// fire reports the windows that end at the watermark or before and have not fired, and lets go of panes that are in no other.
func (h *hopper) fire(watermark int64, store Store, report func(Change)) error {
	if watermark <= h.fired {
		return nil
	}
	from, open := h.first(h.fired), h.first(watermark)
	if open == from {
		h.fired = watermark
		return nil
	}
	for key, at := range h.away { // one at a time, and they stay away: what changed is in memory
		if !h.quiet {
			n := &run{hopper: h, key: key}
			if err := h.load(n, at, store); err != nil {
				return err
			}
			h.fireRun(n, from, open, watermark, report)
		}
		if at.first = max(at.first, open); at.first > at.last {
			delete(h.away, key)
		} else {
			h.away[key] = at
		}
	}
	h.fired = watermark
	for key, n := range h.runs {
		h.fireRun(n, from, open, watermark, report)
		if len(n.panes) == 0 {
			delete(h.runs, key)
			h.memory.Drop(&n.item)
		}
	}
	return nil
}

// fireRun reports a key's windows that start from a time on and before the first that stays open, and drops the panes that are in none.
func (h *hopper) fireRun(n *run, from, open, watermark int64, report func(Change)) {
	if len(n.panes) == 0 {
		return
	}
	for s := max(from, h.oldest(n.panes[0].start)); !h.quiet && s < open; {
		if p := n.at(h, s, watermark); p != nil {
			report(Change{Start: s, Key: n.key, Window: &Window{Partial: p}, Fired: true})
			n.told = h.flushes
			s += h.advance
			continue
		}
		if n.hi == len(n.panes) {
			break
		}
		s = max(s+h.advance, h.oldest(n.panes[n.hi].start)) // nothing before that
	}
	n.drop(open)
}

// showAll reports the oldest open window of each key.
func (h *hopper) showAll(watermark int64, store Store, report func(Change)) error {
	for key, n := range h.runs {
		h.show(key, n, watermark, report)
	}
	for key, at := range h.away {
		n := &run{hopper: h, key: key}
		if err := h.load(n, at, store); err != nil {
			return err
		}
		h.show(key, n, watermark, report)
	}
	return nil
}

// restore puts a stored pane back if it has an open window. Panes of a key come in order.
func (h *hopper) restore(start int64, key string, stored []byte) error {
	if h.newest(start) < h.first(h.fired) {
		return nil
	}
	if at, away := h.away[key]; away {
		h.away[key] = span{at.first, start}
		return nil
	}
	n := h.runs[key]
	if n == nil {
		n = &run{hopper: h, key: key}
	}
	if err := h.loaded(n, start, stored); err != nil || len(n.panes) == 0 {
		return err
	}
	h.runs[key] = n
	n.hold(h)
	h.memory.Trim()
	return nil
}
