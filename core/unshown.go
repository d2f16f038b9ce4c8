package core

import (
	"errors"
	"slices"

	"github.com/hexpane/hexpane/core/merge"
)

// Viewers see the newest window of each key. With a million keys that takes a start longer than all else, so after the first few it goes on
// between turns. Each step reads what is committed then: a row is as it is at its time, or newer.

// shownAtOnce is how many windows are handed to viewers' topics at a time.
const shownAtOnce = 4096

// unshown is a view whose open windows viewers have not seen yet, from a window on.
type unshown struct {
	view  *merge.View
	start int64
	key   []byte
}

var always = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// someUnshown is ready while there is something to show.
func (p *partition) someUnshown() <-chan struct{} {
	if len(p.unshown) == 0 {
		return nil
	}
	return always
}

// showSome shows viewers the next open windows.
func (p *partition) showSome() error {
	if len(p.unshown) == 0 {
		return nil
	}
	u := p.unshown[0]
	def := u.view.Def
	if p.views[def.Id] != u.view { // it was dropped meanwhile, and its stream may be
		p.unshown = p.unshown[1:]
		return nil
	}
	watermark, done, n := p.inputMark(def), true, 0
	t := &turn{marks: p.outputs}
	from := func(_, to int64, f func(int64, []byte, []byte) (bool, error)) error {
		return p.store.WindowsFrom(p.id, def.Id, u.start, u.key, to, f)
	}
	err := u.view.Scan(u.start, 1<<63-1, from, func(start int64, key []byte, w *merge.Window) (bool, error) {
		if n == shownAtOnce {
			u.start, u.key, done = start, slices.Clone(key), false
			return false, nil
		}
		n++
		row, ok, err := u.view.Shape().Row(nil, start, key, w, watermark)
		if err == nil && ok {
			t.results = append(t.results, resultOf(def, string(key), start, w, row))
		}
		return err == nil, err
	})
	if done {
		p.unshown = p.unshown[1:]
	}
	p.live.publish(t)
	return err
}

// showOpen shows viewers the open windows of a hopping view, or the open sessions.
func (p *partition) showOpen(v *merge.View, watermark int64) error {
	t := &turn{marks: p.outputs}
	var failed error
	err := v.Show(watermark, viewStore{p, v.Def.Id}, func(c merge.Change) {
		if len(t.results) == shownAtOnce {
			p.live.publish(t)
			t.results = t.results[:0]
		}
		row, ok, err := v.Shape().Row(nil, c.Start, []byte(c.Key), c.Window, watermark)
		if failed = errors.Join(failed, err); err == nil && ok {
			t.results = append(t.results, resultOf(v.Def, c.Key, c.Start, c.Window, row))
		}
	})
	p.live.publish(t)
	return errors.Join(err, failed)
}
