// Package merge turns deltas into windows. It is pure: no clock, no disk; times and stored bytes are arguments.
//
//	watermark.go  the minimum over edges
//	view.go       View: the open windows of one view in one partition
//	hop.go        the same of a hopping view, whose windows are made of panes; run.go one key's
//	session.go    the same of a view with sessions
//	memory.go     what of all that is in memory
//	scan.go       stored windows in order, for queries
//	result.go     windows → rows that SQL shows
//	whole.go      windows by themselves, as a store outside of the core keeps them
//
// Open windows, those that end after the watermark, are in the store and, as far as Memory allows, in memory; later ones come from the
// store and go back to it.
// The package does not know of batches, sequences or subscribers.
package merge

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
)

// View holds one view's windows that are open or have changed since the last Flush.
type View struct {
	Def      *plan.View
	layout   aggregate.Layout
	form     uint32 // of its states and keys: see Whole
	shape    *Shape
	panes    map[int64]*pane
	memory   *Memory           // nil: without bounds
	touched  []*Window         // those that changed since the last Flush: with a million open, few do
	hop      *hopper           // of a hopping view; then panes is empty
	sessions *sessions         // of a view with sessions; the same
	delta    aggregate.Partial // read into by each Delta; a state keeps nothing of one that is merged into it
}

// Window is one key's state in one window.
type Window struct {
	Partial  aggregate.Partial
	Revision uint32
	End      int64 // of a session: its last reading
	changed  bool
	late     bool // changed after it fired: a revision, unless this is its
	fresh    bool // first result
	empty    bool // Replace left nothing of it

	in   *pane
	key  string
	item Item
}

// pane is the open windows of all keys that start at one time.
type pane struct {
	start int64
	keys  map[string]*Window
	away  bool // the store may have more of it
}

// LetGo forgets a window that is in the store.
func (w *Window) LetGo() {
	delete(w.in.keys, w.key)
	w.in.away = true
}

// maxTouched is how much room for them is kept from one Flush to the next.
const maxTouched = 1 << 16

// NewView compiles the core's half of a view.
func NewView(def *plan.View) (*View, error) {
	layout, err := plan.Layout(def)
	if err != nil {
		return nil, err
	}
	shape, err := NewShape(def)
	if err != nil {
		return nil, err
	}
	v := &View{Def: def, layout: layout, form: formOf(def), shape: shape, panes: map[int64]*pane{}}
	if def.AdvanceUs > 0 {
		v.hop = &hopper{name: def.Name, layout: layout, size: def.WindowUs, advance: def.AdvanceUs, pane: def.PaneUs, grace: def.GraceUs,
			quiet: def.EmitFinal, runs: map[string]*run{}, away: map[string]span{}, late: map[string]map[int64]bool{}, closed: map[place]*record{},
			blank: layout.New().Append(nil), joined: layout.New()}
	}
	if def.GapUs > 0 {
		v.sessions = &sessions{name: def.Name, layout: layout, gap: def.GapUs, grace: def.GraceUs, quiet: def.EmitFinal, keep: def.GapUs,
			keys: map[string][]*session{}, gone: map[place]bool{}}
		if def.EmitFinal {
			v.sessions.keep += def.GraceUs
		}
	}
	return v, nil
}

// Within bounds what the view holds in memory; call it first.
func (v *View) Within(m *Memory) {
	v.memory = m
	if v.hop != nil {
		v.hop.memory = m
	}
	if v.sessions != nil {
		v.sessions.memory = m
	}
}

// Close gives back the memory of a view that is no more.
func (v *View) Close() {
	for _, p := range v.panes {
		for _, w := range p.keys {
			v.memory.Drop(&w.item)
		}
	}
	if v.hop != nil {
		for _, n := range v.hop.runs {
			v.memory.Drop(&n.item)
		}
	}
	if v.sessions != nil {
		for _, list := range v.sessions.keys {
			for _, n := range list {
				v.memory.Drop(&n.item)
			}
		}
	}
}

// Store reads what is committed of a view. It is asked only for what is not in memory: what has fired, and what Memory let go.
type Store interface {
	// Window gives what is stored of a window, or of a hopping view's pane; nil if nothing.
	Window(start int64, key []byte) ([]byte, error)
	// Near gives the sessions of a key that start at to or before and end at from or after; only views with sessions ask.
	Near(key []byte, from, to int64, f func(start int64, stored []byte) error) error
	// Pane gives what is stored of all keys' windows that start at a time; only views with tumbling windows ask.
	Pane(start int64, f func(key, stored []byte) error) error
}

// Outcome says what became of a delta.
type Outcome struct {
	Class   window.Class // of the oldest window that took it; for TooLate none did, and nothing changed
	Refused bool         // a window took it no more
	Window  int64        // the start of the newest that did not
	End     int64        // its end
}

// Delta merges one delta into the pane that starts at start, at the watermark. It consumes the state from src and gives the rest.
func (v *View) Delta(start int64, key, src []byte, watermark int64, store Store) ([]byte, Outcome, error) {
	if v.delta == nil {
		v.delta = v.layout.New()
	}
	rest, err := v.delta.Read(src)
	if err != nil {
		return nil, Outcome{}, fmt.Errorf("view %s: %w", v.Def.Name, err)
	}
	if v.hop != nil {
		out, err := v.hop.delta(start, string(key), v.delta, watermark, store)
		return rest, out, err
	}
	if v.sessions != nil {
		out, err := v.sessions.delta(string(key), v.delta, watermark, store)
		return rest, out, err
	}
	class := window.Classify(window.End(start, v.Def.WindowUs), v.Def.GraceUs, watermark)
	if class == window.TooLate {
		return rest, Outcome{class, true, start, window.End(start, v.Def.WindowUs)}, nil
	}
	w, err := v.window(start, key, class, store)
	if err != nil {
		return nil, Outcome{}, err
	}
	v.touch(w)
	if w.Partial == nil {
		w.Partial, v.delta = v.delta, nil
	} else {
		w.Partial.Merge(v.delta)
	}
	w.late = w.late || class == window.Late
	return rest, Outcome{Class: class}, nil
}

// Replace makes a window what it is said to be, instead of adding to it: of a tumbling view over a view, whose rows change. A nil partial says
// that nothing is in it any more.
func (v *View) Replace(start int64, key []byte, partial aggregate.Partial, watermark int64, store Store) (Outcome, error) {
	class := window.Classify(window.End(start, v.Def.WindowUs), v.Def.GraceUs, watermark)
	if class == window.TooLate {
		return Outcome{class, true, start, window.End(start, v.Def.WindowUs)}, nil
	}
	w, err := v.window(start, key, class, store)
	if err != nil {
		return Outcome{}, err
	}
	if partial != nil || w.Partial == nil {
		w.Partial = partial
	}
	w.empty = partial == nil
	v.touch(w)
	w.late = w.late || class == window.Late
	return Outcome{Class: class}, nil
}

// window gives a window from memory or from the store, or makes it.
func (v *View) window(start int64, key []byte, class window.Class, store Store) (*Window, error) {
	p := v.pane(start)
	if w := p.keys[string(key)]; w != nil {
		return w, nil
	}
	w := &Window{}
	if class == window.Late || p.away {
		bytes, err := store.Window(start, key)
		if err != nil {
			return nil, err
		}
		if w.fresh = bytes == nil && class == window.Late; bytes != nil {
			if w, err = v.Decode(bytes); err != nil {
				return nil, err
			}
			v.memory.Back()
		}
	}
	w.in, w.key = p, string(key)
	p.keys[w.key] = w
	return w, nil
}

func (v *View) pane(start int64) *pane {
	p := v.panes[start]
	if p == nil {
		p = &pane{start: start, keys: map[string]*Window{}}
		v.panes[start] = p
	}
	return p
}

// Begin says at which watermark the stored windows stand; call it before Restore.
func (v *View) Begin(watermark int64) {
	if v.hop != nil {
		v.hop.start(watermark)
	}
	if v.sessions != nil {
		v.sessions.start(watermark)
	}
}

// Away says that there are stored windows that start at a time and have not fired; of a view with tumbling windows, instead of Restore.
func (v *View) Away(start int64) { v.pane(start).away = true }

// Restore puts a stored session or a pane of a hopping view back, as far as memory allows; call it for sessions that have not fired, and
// for all panes that are in a window that has not.
func (v *View) Restore(start int64, key, bytes []byte) error {
	if v.hop != nil {
		return v.hop.restore(start, string(key), bytes)
	}
	if v.sessions != nil {
		return v.sessions.restore(string(key), bytes)
	}
	v.Away(start)
	return nil
}

// Decode reads a stored window, or a session.
func (v *View) Decode(bytes []byte) (*Window, error) {
	if v.sessions != nil {
		n, err := v.sessions.decode("", bytes)
		if err != nil {
			return nil, err
		}
		return n.window(), nil
	}
	revision, states, err := Split(bytes)
	if err != nil {
		return nil, fmt.Errorf("view %s: %w", v.Def.Name, err)
	}
	w := &Window{Partial: v.layout.New(), Revision: revision}
	if rest, err := w.Partial.Read(states); err != nil || len(rest) != 0 {
		return nil, fmt.Errorf("view %s: %w", v.Def.Name, errWindow)
	}
	return w, nil
}

var errWindow = errors.New("corrupt window")

// Split takes a stored tumbling window apart: its revision, and its partial's bytes.
func Split(stored []byte) (revision uint32, states []byte, err error) {
	u, n := uvarint(stored)
	if n <= 0 {
		return 0, nil, errWindow
	}
	return uint32(u), stored[n:], nil
}

// Change is what a Flush reports: a window, bytes to store under its start, or both. It is good during the call.
type Change struct {
	Start  int64
	Key    string
	Window *Window // nil: only to be stored
	Stored []byte  // nil: nothing to be stored, it only fired
	Fired  bool    // the watermark passed its end, now or (a revision) before

	Last      int64 // of a session to be stored: its last reading
	Dropped   bool  // a session that is part of another one now, or a window with nothing in it: what is stored of it goes
	Retracted bool  // and a result of it had left
}

// Flush reports each window that changed, and each that fires at the watermark, and lets go of what has fired. Of a hopping view's
// open windows it reports the oldest of each key that changed.
func (v *View) Flush(watermark int64, store Store, report func(Change)) error {
	if v.hop != nil {
		return v.hop.flush(watermark, store, report)
	}
	if v.sessions != nil {
		return v.sessions.flush(watermark, store, report)
	}
	for start, p := range v.panes {
		if window.Classify(window.End(start, v.Def.WindowUs), 0, watermark) == window.OnTime {
			continue
		}
		if p.away && !v.Def.EmitFinal {
			if err := v.tellAway(p, store, report); err != nil {
				return err
			}
		}
		for _, w := range p.keys {
			v.tell(w, true, report)
		}
		delete(v.panes, start)
	}
	for _, w := range v.touched {
		if w.changed { // and was not told as one that fired
			v.tell(w, false, report)
		}
	}
	if clear(v.touched); cap(v.touched) > maxTouched {
		v.touched = nil
	}
	v.touched = v.touched[:0]
	return nil
}

func (v *View) touch(w *Window) {
	if !w.changed {
		w.changed = true
		v.touched = append(v.touched, w)
	}
}

// tellAway reports windows that fire and are in the store alone. It comes before those in memory, whose changes the store does not have yet.
func (v *View) tellAway(p *pane, store Store, report func(Change)) error {
	return store.Pane(p.start, func(key, stored []byte) error {
		if p.keys[string(key)] != nil {
			return nil
		}
		w, err := v.Decode(stored)
		if err == nil {
			report(Change{Start: p.start, Key: string(key), Window: w, Fired: true})
		}
		return err
	})
}

// tell reports a window that changed, or fires.
func (v *View) tell(w *Window, fires bool, report func(Change)) {
	c := Change{Start: w.in.start, Key: w.key, Window: w, Fired: fires}
	if w.late && !w.fresh {
		w.Revision++
	}
	if w.empty {
		c.Dropped, c.Retracted = true, w.late && !w.fresh
		w.changed = false
		delete(w.in.keys, w.key)
		v.memory.Drop(&w.item)
		if w.Partial != nil {
			report(c)
		}
		return
	}
	if w.changed {
		c.Stored = w.Partial.Append(appendUvarint(nil, uint64(w.Revision)))
	}
	w.changed, w.late, w.fresh = false, false, false
	if fires {
		v.memory.Drop(&w.item)
	} else {
		v.memory.Hold(&w.item, w, around+2*int64(len(w.key))+cost(len(w.Partial), len(c.Stored)))
	}
	report(c)
}

// Show reports each open window that viewers are to see, as they stand; after Restore. Of a view with tumbling windows Scan gives them.
func (v *View) Show(watermark int64, store Store, report func(Change)) error {
	if v.hop != nil {
		return v.hop.showAll(watermark, store, report)
	}
	if v.sessions != nil {
		return v.sessions.showAll(store, report)
	}
	return nil
}

// Open counts the windows in memory, of a hopping view the panes, and gives the panes in order.
func (v *View) Open() (windows int, panes []int64) {
	if v.hop != nil {
		seen := map[int64]bool{}
		for _, n := range v.hop.runs {
			windows += len(n.panes)
			for _, o := range n.panes {
				seen[o.start] = true
			}
		}
		return windows, slices.Sorted(maps.Keys(seen))
	}
	if v.sessions != nil {
		seen := map[int64]bool{}
		for _, list := range v.sessions.keys {
			windows += len(list)
			for _, n := range list {
				seen[n.first] = true
			}
		}
		return windows, slices.Sorted(maps.Keys(seen))
	}
	for _, p := range v.panes {
		windows += len(p.keys)
	}
	return windows, slices.Sorted(maps.Keys(v.panes))
}

// Evolve takes a definition that differs in columns, HAVING and retention alone.
func (v *View) Evolve(def *plan.View) error {
	shape, err := NewShape(def)
	if err == nil {
		v.Def, v.shape = def, shape
	}
	return err
}

// Shape gives the view's rows' shape.
func (v *View) Shape() *Shape { return v.shape }

// ReadKey takes the bytes of one group key off src.
func (v *View) ReadKey(src []byte) (key, rest []byte, err error) {
	rest = src
	for range v.Def.Keys {
		if _, rest, err = value.Read(rest); err != nil {
			return nil, nil, fmt.Errorf("view %s: key: %w", v.Def.Name, err)
		}
	}
	return src[:len(src)-len(rest)], rest, nil
}
