package sql

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
)

// Result is a table.
type Result struct {
	Columns []Column
	Rows    [][]value.Value
}

// checkEvery is how many rows go by between looks at the context.
const checkEvery = 1024

// Run reads the relation's rows and gives the result. A row's slice may be used again once it was taken. Reading ends
// early when LIMIT is reached and nothing is left to sort. joined are the rows of the relations that are joined, in order.
func (q *Query) Run(ctx context.Context, rows iter.Seq[[]value.Value], joined ...iter.Seq[[]value.Value]) (Result, error) {
	out := newCollector(q)
	if err := q.run(ctx, rows, joined, out); err != nil {
		return Result{}, err
	}
	return Result{q.columns, out.rows()}, nil
}

// Each is Run for a result of any length: its rows are given one by one, and kept no longer, unless ORDER BY has to see them all first. take
// must not keep a row.
func (q *Query) Each(ctx context.Context, take func(row []value.Value) error, rows iter.Seq[[]value.Value], joined ...iter.Seq[[]value.Value]) error {
	if len(q.order) == 0 {
		return q.run(ctx, rows, joined, &passer{q: q, take: take, row: make([]value.Value, len(q.outputs))})
	}
	out := newCollector(q)
	if err := q.run(ctx, rows, joined, out); err != nil {
		return err
	}
	for _, row := range out.rows() {
		if err := take(row); err != nil {
			return err
		}
	}
	return nil
}

// sink takes rows in that are not output yet; more is false once nothing further can matter.
type sink interface {
	add(row []value.Value) (more bool, err error)
}

func (q *Query) run(ctx context.Context, rows iter.Seq[[]value.Value], joined []iter.Seq[[]value.Value], out sink) (err error) {
	var failed error
	defer func() { err = errors.Join(err, failed) }()
	rows = q.joinRows(ctx, rows, joined, &failed)
	if q.groups == nil {
		return q.each(ctx, rows, out.add)
	}
	t := &table{groups: q.groups, index: map[string]*group{}}
	if len(t.keys) == 0 { // without keys there is one group, even of no rows
		t.group(nil)
	}
	if err := q.each(ctx, rows, t.observe); err != nil {
		return err
	}
	return t.give(ctx, out, false)
}

// give gives the groups on that HAVING lets through, in the order in which they were first seen or in that of their keys' bytes.
func (t *table) give(ctx context.Context, out sink, byKey bool) error {
	list := t.list
	if byKey {
		list = make([]*group, 0, len(t.list))
		for _, key := range slices.Sorted(maps.Keys(t.index)) {
			list = append(list, t.index[key])
		}
	}
	for i, g := range list {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		row := g.row()
		if t.having != nil && !t.having(row).Bool() {
			continue
		}
		if more, err := out.add(row); err != nil || !more {
			return err
		}
	}
	return nil
}

// passer gives rows on as they come.
type passer struct {
	q    *Query
	take func([]value.Value) error
	row  []value.Value
	seen int64
}

func (p *passer) add(row []value.Value) (more bool, err error) {
	q := p.q
	if q.limit == 0 {
		return false, nil
	}
	if p.seen++; p.seen > q.offset {
		for i, output := range q.outputs {
			p.row[i] = output(row)
		}
		if err := p.take(p.row); err != nil {
			return false, err
		}
	}
	return q.limit < 0 || p.seen < q.limit, nil
}

// each gives the rows that WHERE lets through, until take has enough.
func (q *Query) each(ctx context.Context, rows iter.Seq[[]value.Value], take func([]value.Value) (bool, error)) error {
	n := 0
	if q.limit == 0 {
		return nil
	}
	for row := range rows {
		if n++; n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if q.where != nil && !q.where(row).Bool() {
			continue
		}
		if q.bucket > 0 {
			start := window.Pane(row[q.bucketStart].Int(), q.bucket)
			row[q.bucketStart], row[q.bucketStart+1] = value.OfTime(start), value.OfTime(start+q.bucket)
		}
		if more, err := take(row); err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

// table holds the groups, in the order in which they were first seen.
type table struct {
	*groups
	index   map[string]*group
	list    []*group
	keyRow  []value.Value
	scratch []byte
}

type group struct {
	keys   []value.Value
	states aggregate.Partial
}

func (t *table) observe(row []value.Value) (bool, error) {
	t.keyRow = t.keyRow[:0]
	for _, key := range t.keys {
		t.keyRow = append(t.keyRow, key(row))
	}
	t.scratch = value.AppendRow(t.scratch[:0], t.keyRow)
	g := t.index[string(t.scratch)]
	if g == nil {
		if len(t.list) == MaxGroups {
			return false, errGroups
		}
		g = t.group(append([]value.Value(nil), t.keyRow...))
	}
	us := t.eventTime(row)
	for i, s := range g.states {
		v := anything
		if argument := t.arguments[i]; argument != nil {
			v = argument(row)
		}
		s.Observe(v, us)
	}
	return true, nil
}

// eventTime of a row in µs; 0 without one, as in a view without windows.
func (g *groups) eventTime(row []value.Value) int64 {
	if g.time < 0 {
		return 0
	}
	if v := row[g.time]; v.Kind() == value.Int {
		return value.MicrosOfInt(v.Int())
	}
	return row[g.time].Int()
}

func (t *table) group(keys []value.Value) *group {
	g := &group{keys: keys, states: t.layout.New()}
	t.index[string(value.AppendRow(nil, keys))] = g
	t.list = append(t.list, g)
	return g
}

// row is what comes after grouping: the keys, then the results.
func (g *group) row() []value.Value {
	row := g.keys
	for _, s := range g.states {
		row = append(row, s.Result())
	}
	return row
}
