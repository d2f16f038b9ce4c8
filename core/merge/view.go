// Package merge turns deltas into windows. It is pure: no clock, no disk; times and stored bytes are arguments.
//
//	watermark.go  the minimum over edges
//	view.go       View: the open windows of one view in one partition
//	result.go     windows → rows that SQL shows
//
// Open windows, those that end after the watermark, are in memory; later ones come from the store and go back to it.
// The package does not know of batches, sequences or subscribers.
package merge

import (
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
	Def    *plan.View
	layout aggregate.Layout
	shape  *Shape
	panes  map[int64]map[string]*Window
	delta  aggregate.Partial // read into by each Delta; a state keeps nothing of one that is merged into it
}

// Window is one key's state in one window.
type Window struct {
	Partial  aggregate.Partial
	Revision uint32
	changed  bool
	late     bool // changed after it fired: a revision, unless this is its
	fresh    bool // first result
}

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
	return &View{Def: def, layout: layout, shape: shape, panes: map[int64]map[string]*Window{}}, nil
}

// Stored reads what the store holds of a window; nil if nothing. It is asked only for windows that have fired.
type Stored func(start int64, key []byte) ([]byte, error)

// Delta merges one delta into the window of the pane that starts at start, at the watermark. It consumes the state from
// src and gives the rest, and the lateness class: for window.TooLate nothing changed.
func (v *View) Delta(start int64, key, src []byte, watermark int64, stored Stored) ([]byte, window.Class, error) {
	if v.delta == nil {
		v.delta = v.layout.New()
	}
	rest, err := v.delta.Read(src)
	if err != nil {
		return nil, 0, fmt.Errorf("view %s: %w", v.Def.Name, err)
	}
	class := window.Classify(window.End(start, v.Def.WindowUs), v.Def.GraceUs, watermark)
	if class == window.TooLate {
		return rest, class, nil
	}
	w := v.panes[start][string(key)]
	if w == nil {
		w = &Window{}
		if class == window.Late {
			bytes, err := stored(start, key)
			if err != nil {
				return nil, class, err
			}
			if w.fresh = bytes == nil; !w.fresh {
				if w, err = v.Decode(bytes); err != nil {
					return nil, class, err
				}
			}
		}
		v.put(start, string(key), w)
	}
	if w.Partial == nil {
		w.Partial, v.delta = v.delta, nil
	} else {
		w.Partial.Merge(v.delta)
	}
	w.changed = true
	w.late = w.late || class == window.Late
	return rest, class, nil
}

func (v *View) put(start int64, key string, w *Window) {
	keys := v.panes[start]
	if keys == nil {
		keys = map[string]*Window{}
		v.panes[start] = keys
	}
	keys[key] = w
}

// Restore puts a stored window back; call it for those that have not fired.
func (v *View) Restore(start int64, key, bytes []byte) error {
	w, err := v.Decode(bytes)
	if err != nil {
		return err
	}
	v.put(start, string(key), w)
	return nil
}

// Decode reads a stored window.
func (v *View) Decode(bytes []byte) (*Window, error) {
	revision, n := uvarint(bytes)
	if n <= 0 {
		return nil, fmt.Errorf("view %s: corrupt window", v.Def.Name)
	}
	w := &Window{Partial: v.layout.New(), Revision: uint32(revision)}
	if rest, err := w.Partial.Read(bytes[n:]); err != nil || len(rest) != 0 {
		return nil, fmt.Errorf("view %s: corrupt window", v.Def.Name)
	}
	return w, nil
}

// Change is a window that a Flush reports.
type Change struct {
	Start  int64
	Key    string
	Window *Window
	Stored []byte // the bytes to store; nil: unchanged, it only fired
	Fired  bool   // the watermark passed its end, now or (a revision) before
}

// Flush reports each window that changed, and each that fires at the watermark, and lets go of what has fired.
func (v *View) Flush(watermark int64, report func(Change)) {
	for start, keys := range v.panes {
		fires := window.Classify(window.End(start, v.Def.WindowUs), 0, watermark) != window.OnTime
		for key, w := range keys {
			if !w.changed && !fires {
				continue
			}
			c := Change{Start: start, Key: key, Window: w, Fired: fires}
			if w.late && !w.fresh {
				w.Revision++
			}
			if w.changed {
				c.Stored = w.Partial.Append(appendUvarint(nil, uint64(w.Revision)))
			}
			w.changed, w.late, w.fresh = false, false, false
			report(c)
		}
		if fires {
			delete(v.panes, start)
		}
	}
}

// Open counts the windows held, and gives the panes in order.
func (v *View) Open() (windows int, panes []int64) {
	for _, keys := range v.panes {
		windows += len(keys)
	}
	return windows, slices.Sorted(maps.Keys(v.panes))
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
