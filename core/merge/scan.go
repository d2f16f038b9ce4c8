package merge

import (
	"maps"
	"slices"

	"github.com/hexpane/hexpane/protocol/window"
)

// Panes reads stored bytes of a view whose starts are in [from, to), by start, then key, until f says false.
type Panes func(from, to int64, f func(start int64, key, stored []byte) (bool, error)) error

// Scan gives the stored windows that start in [from, to), by start, until f says false. The windows are good during the call. It
// changes nothing of the view.
func (v *View) Scan(from, to int64, panes Panes, f func(start int64, key []byte, w *Window) (bool, error)) error {
	if v.hop == nil {
		return panes(from, to, func(start int64, key, stored []byte) (bool, error) {
			w, err := v.Decode(stored)
			if err != nil {
				return false, err
			}
			return f(start, key, w)
		})
	}
	s := &scan{h: v.hop, to: to, keys: map[string]*run{}, revisions: map[place]uint32{}, f: f}
	end := to
	if to < window.Forever-v.hop.size {
		end = to + v.hop.size
	}
	err := panes(from, end, func(start int64, key, stored []byte) (bool, error) {
		if !s.begun {
			s.begun, s.next = true, max(v.hop.oldest(start), window.Pane(from+v.hop.advance-1, v.hop.advance))
		}
		if err := s.pass(start); err != nil || s.done {
			return false, err
		}
		r, err := v.hop.decode(stored)
		if err != nil {
			return false, err
		}
		if r.revision > 0 {
			s.revisions[place{start, string(key)}] = r.revision
		}
		if r.empty() { // it only counts revisions
			return true, nil
		}
		n := s.keys[string(key)]
		if n == nil {
			n = &run{settled: true}
			s.keys[string(key)] = n
		}
		n.panes = append(n.panes, openPane{start, r})
		return true, nil
	})
	if err != nil || s.done || !s.begun {
		return err
	}
	return s.pass(window.Forever)
}

// scan slides over panes as they are read.
type scan struct {
	h     *hopper
	next  int64 // the window to give next
	to    int64
	begun bool
	done  bool
	keys  map[string]*run

	revisions map[place]uint32

	f func(start int64, key []byte, w *Window) (bool, error)
}

// pass gives the windows that end before or at a pane's start: all of their panes were read.
func (s *scan) pass(pane int64) error {
	for !s.done && (pane == window.Forever || s.next+s.h.size <= pane) {
		if s.next >= s.to {
			s.done = true
			return nil
		}
		if len(s.keys) == 0 {
			if pane == window.Forever {
				return nil
			}
			s.next = max(s.next, s.h.oldest(pane))
			return nil
		}
		for _, key := range slices.Sorted(maps.Keys(s.keys)) {
			if err := s.give(key); err != nil || s.done {
				return err
			}
		}
		s.next += s.h.advance
	}
	return nil
}

// give gives one key's window. A pane with layers counts differently in different windows, so it is merged anew in each.
func (s *scan) give(key string) error {
	n := s.keys[key]
	if n.drop(s.next); len(n.panes) == 0 {
		delete(s.keys, key)
		return nil
	}
	w := &Window{Revision: s.revisions[place{s.next, key}]}
	delete(s.revisions, place{s.next, key})
	held := func(o openPane) bool { return o.start < s.next+s.h.size }
	if slices.ContainsFunc(n.panes, func(o openPane) bool { return held(o) && len(o.record.layers) > 0 }) {
		for _, o := range n.panes {
			if !held(o) {
				break
			}
			if !o.record.counts(s.next) {
				continue
			}
			if w.Partial == nil {
				w.Partial = s.h.layout.New()
			}
			o.record.into(s.h, w.Partial, s.next)
		}
	} else {
		w.Partial = n.at(s.h, s.next, s.next+s.h.size)
	}
	if w.Partial == nil {
		return nil
	}
	more, err := s.f(s.next, []byte(key), w)
	s.done = !more
	return err
}
