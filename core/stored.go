package core

import (
	"errors"
	"math"

	"github.com/hexpane/hexpane/core/merge"
)

// viewStore reads what is stored of a view in a partition.
type viewStore struct {
	p    *partition
	view uint32
}

func (s viewStore) Window(start int64, key []byte) ([]byte, error) {
	return s.p.store.Window(s.p.id, s.view, start, key)
}

func (s viewStore) Near(key []byte, from, to int64, f func(start int64, stored []byte) error) error {
	starts, err := s.p.store.SessionsNear(s.p.id, s.view, key, from, to)
	for _, start := range starts {
		stored, e := s.Window(start, key)
		if err = errors.Join(err, e); err == nil && stored != nil {
			err = f(start, stored)
		}
		if err != nil {
			break
		}
	}
	return err
}

func (s viewStore) Pane(start int64, f func(key, stored []byte) error) error {
	to := start
	if to < math.MaxInt64 { // which is the end already
		to++
	}
	return s.p.store.Windows(s.p.id, s.view, start, to, func(_ int64, key, stored []byte) (bool, error) {
		err := f(key, stored)
		return err == nil, err
	})
}

// panes reads what is stored of a view.
func (p *partition) panes(view uint32) merge.Panes {
	return func(from, to int64, f func(int64, []byte, []byte) (bool, error)) error {
		return p.store.Windows(p.id, view, from, to, f)
	}
}
