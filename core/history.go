package core

import (
	"context"
	"math"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/core/store/local"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"github.com/hexpane/hexpane/protocol/wire"
)

// history is where the rows of a view come from that a SELECT reads. The core's own store is one, and InfluxDB is one; rowsOf asks the first that
// reaches back far enough, and for what is older the next. core/conformance_test.go says by example what each must do.
type history interface {
	// Rows gives the rows of the windows that a question wants, as merge.Shape makes them: the view's columns, window_start, window_end, revision,
	// final, and behind them the states asked for. f must not keep a row, and ends the reading by more = false. Nothing that HAVING hides is given,
	// and of an EMIT FINAL view nothing that is not final.
	Rows(ctx context.Context, q *store.Question, f func(row []value.Value) (more bool, err error)) error

	// Since gives the time, µs, from which on the store has all windows that a question wants, however far back it asks: math.MinInt64 if nothing was
	// ever given up. ok is false if it has none of them, whenever they were.
	Since(ctx context.Context, q *store.Question) (us int64, ok bool, err error)
}

// rowsOf reads what a question wants from the newest store that has it, the oldest first. The last store is asked for all that is older still.
func rowsOf(ctx context.Context, from []history, q *store.Question, f func(row []value.Value) (more bool, err error)) error {
	if len(from) == 0 || q.From >= q.To {
		return nil
	}
	newer := *q
	if len(from) > 1 {
		since, ok, err := from[0].Since(ctx, q)
		if err != nil {
			return err
		}
		if !ok {
			return rowsOf(ctx, from[1:], q, f)
		}
		if ends(q.View) && since > q.From {
			older := *q
			older.To, newer.From = min(since, q.To), since
			give, ended := heeding(f)
			if err := rowsOf(ctx, from[1:], &older, give); err != nil || *ended || newer.From >= newer.To {
				return err
			}
		}
	}
	return from[0].Rows(ctx, &newer, f)
}

// heeding gives rows on to f, and tells whether f ended the reading, which several sources of one answer have to know.
func heeding(f func(row []value.Value) (bool, error)) (give func(row []value.Value) (bool, error), ended *bool) {
	ended = new(bool)
	return func(row []value.Value) (bool, error) {
		more, err := f(row)
		*ended = !more
		return more, err
	}, ended
}

// ends reports that a view's windows end some time. One of all time is in the core alone.
func ends(def *plan.View) bool { return def.WindowUs > 0 || def.GapUs > 0 }

// kept is the core's own store as a history: the windows themselves for as long as RETENTION says, and what they are rolled up into.
type kept struct{ *moment }

// Rows reads partition by partition, each by start as far as it is not rolled up.
func (k kept) Rows(ctx context.Context, q *store.Question, f func(row []value.Value) (bool, error)) error {
	give, ended := heeding(f)
	out, err := newRows(q, give)
	if err != nil {
		return err
	}
	for _, p := range k.core.partitionsOf(q) {
		if tumbling(q.View) {
			err = k.tumbling(ctx, out, p.id)
		} else {
			err = k.windows(ctx, out, p.id)
		}
		if err != nil || *ended {
			return err
		}
	}
	return nil
}

func tumbling(def *plan.View) bool { return def.WindowUs > 0 && def.AdvanceUs == 0 && def.GapUs == 0 }

// windows reads those that are not tumbling, which are kept in one form only.
func (k kept) windows(ctx context.Context, out *rows, partition uint32) error {
	q := out.question
	from := q.From
	if q.View.AdvanceUs > 0 { // some of the panes of what started before are gone
		given, ok, err := k.store.GivenUp(partition, q.View.Id)
		if err != nil {
			return err
		}
		if ok {
			from = max(from, given.Before)
		}
	}
	panes := func(from, to int64, f func(int64, []byte, []byte) (bool, error)) error {
		return k.store.Windows(partition, q.View.Id, from, to, f)
	}
	return out.view.Scan(from, q.To, panes, func(start int64, key []byte, w *merge.Window) (bool, error) {
		return out.give(ctx, start, key, w, k.watermarks[partition])
	})
}

// tumbling reads windows from the coarsest level that is exact for the question. Where rows may come merged nobody looks at the results of their
// aggregates, so they are not computed.
func (k kept) tumbling(ctx context.Context, out *rows, partition uint32) error {
	q := *out.question
	if q.View.Having != nil {
		q.Step = store.Own // a larger window would have what it hides
	}
	blank := merge.Window{Partial: out.view.Blank()}
	end := len(q.View.Outputs) + 1 // the column of window_end; revision and final follow
	return k.core.rollups.Read(ctx, k.store, &q, partition, func(read *local.Window) (bool, error) {
		if err := out.look(ctx); err != nil {
			return false, err
		}
		final := read.RolledUp || window.Final(read.Start+read.Size, q.View.GraceUs, k.watermarks[partition])
		if q.View.EmitFinal && !final {
			return true, nil
		}
		w := blank
		if w.Revision = read.Revision; q.Step == store.Own {
			var err error
			if w.Partial, err = read.Partial(); err != nil {
				return false, err
			}
		}
		r, shown, err := out.view.Shape().Row(out.row[:0], read.Start, read.Key, &w, k.watermarks[partition])
		if err != nil || !shown {
			return err == nil, err
		}
		r[end], r[end+2] = value.OfTime(read.Start+read.Size), value.OfBool(final)
		for _, n := range q.States {
			state, err := read.State(n)
			if err != nil {
				return false, err
			}
			r = append(r, value.OfString(string(state)))
		}
		out.row = r
		return out.f(r)
	})
}

// rows makes what a question wants of windows, and gives it on.
type rows struct {
	question *store.Question
	view     *merge.View // of its own: shapes are not shared between goroutines
	f        func(row []value.Value) (bool, error)
	row      []value.Value
	n        int
}

func newRows(q *store.Question, f func(row []value.Value) (bool, error)) (*rows, error) {
	v, err := merge.NewView(q.View)
	return &rows{question: q, view: v, f: f}, err
}

// give gives a window's row on, unless it is not to be shown.
func (r *rows) give(ctx context.Context, start int64, key []byte, w *merge.Window, watermark int64) (more bool, err error) {
	if err := r.look(ctx); err != nil {
		return false, err
	}
	row, shown, err := r.view.Shape().Row(r.row[:0], start, key, w, watermark)
	if err != nil || !shown || r.question.View.EmitFinal && !row[len(row)-1].Bool() {
		return err == nil, err
	}
	for _, n := range r.question.States {
		row = append(row, value.OfString(string(w.Partial[n].Append(nil))))
	}
	r.row = row
	return r.f(row)
}

// checkEvery is how many windows are read between looks at the context.
const checkEvery = 1024

// look heeds the context: HAVING may hide all windows, and nobody else would look.
func (r *rows) look(ctx context.Context) error {
	if r.n++; r.n%checkEvery == 0 {
		return ctx.Err()
	}
	return nil
}

// partitionsOf are those that can hold what a question wants: with the whole key known, one.
func (c *Core) partitionsOf(q *store.Question) []*partition {
	if key := wholeKey(q); key != nil {
		n := wire.Partition(key, uint32(len(c.partitions)))
		return c.partitions[n : n+1]
	}
	return c.partitions
}

// wholeKey gives the encoded group key if a question names each column of it; nil if it does not.
func wholeKey(q *store.Question) (key []byte) {
	if len(q.Keys) != len(q.View.Keys) || len(q.Keys) == 0 {
		return nil
	}
	for _, v := range q.Keys {
		if v.IsNull() {
			return nil
		}
		key = value.Append(key, v)
	}
	return key
}

// Since is the time before which windows were given up, in some partition, and are not in a level that is exact for the question either. Where nothing was
// given up no other store has to be asked, however long RETENTION is.
func (k kept) Since(_ context.Context, q *store.Question) (int64, bool, error) {
	since := int64(math.MinInt64)
	for _, p := range k.core.partitionsOf(q) {
		given, ok, err := k.store.GivenUp(p.id, q.View.Id)
		if err != nil {
			return 0, false, err
		}
		if !ok {
			continue
		}
		from := given.Before
		if tumbling(q.View) {
			if from, err = k.core.rollups.Since(k.store, q.View, p.id, q.Step, from); err != nil {
				return 0, false, err
			}
		}
		if from > given.First { // not all that there ever was
			since = max(since, from)
		}
	}
	return since, true, nil
}

// keysAsked are the values that WHERE gives key columns.
func keysAsked(def *plan.View, equals func(column string) (value.Value, bool)) []value.Value {
	keys := make([]value.Value, len(def.Keys))
	for o, e := range def.OutputExprs {
		at, ok := e.Node.(*plan.Expr_Column)
		if !ok || int(at.Column) >= len(keys) {
			continue
		}
		if v, ok := equals(def.Outputs[o].Name); ok && v.Kind() != value.Double { // 0 is −0, and they are two keys
			keys[at.Column] = v
		}
	}
	return keys
}
