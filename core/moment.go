package core

import (
	"context"
	"errors"

	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// moment is what a question sees of a view: the watermarks, and the core's own store as it is after them. Not before: a window would be called final that lacks
// readings. And in one piece, or windows that are given up while InfluxDB is read would be in neither.
type moment struct {
	core       *Core
	watermarks []int64 // by partition; dawn: none yet
	store      *state.Snapshot
}

// moment begins one. Close its store.
func (c *Core) moment(def *plan.View) *moment {
	m := &moment{core: c}
	for _, p := range c.partitions {
		m.watermarks = append(m.watermarks, p.out(def))
	}
	m.store = c.store.Snapshot()
	return m
}

// histories are the stores that a SELECT reads, the one that has the newest rows first.
func (m *moment) histories() []history {
	all := []history{kept{m}}
	if m.core.reader != nil {
		all = append(all, remote{m, m.core.reader})
	}
	return all
}

// rows reads what a question wants from wherever it is.
func (c *Core) rows(ctx context.Context, q *store.Question, f func(row []value.Value) (more bool, err error)) (err error) {
	m := c.moment(q.View)
	defer func() { err = errors.Join(err, m.store.Close()) }()
	return rowsOf(ctx, m.histories(), q, f)
}
