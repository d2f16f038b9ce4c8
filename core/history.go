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

// history is where the rows of a view come from that a SELECT reads. The core's own store is one, and InfluxDB is one; readView asks the first that
// reaches back far enough, and for what is older the next. core/conformance_test.go says by example what each must do.
type history interface {
	// Rows gives the rows of the windows that a question wants, as merge.Shape makes them: the view's columns, window_start, window_end, revision,
	// final, and behind them the states asked for. f must not keep a row, and ends the reading by more = false. Nothing that HAVING hides is given,
	// and of an EMIT FINAL view nothing that is not final. A state that the store does not have is an error that says so.
	Rows(ctx context.Context, q *store.Question, f func(row []value.Value) (more bool, err error)) error

	// Since gives the time, µs, from which on the store has all windows that a question wants, however far back it asks: math.MinInt64 if nothing was
	// ever given up. ok is false if it has none of them, whenever they were.
	Since(ctx context.Context, q *store.Question) (us int64, ok bool, err error)
}

// histories are the stores that a SELECT reads, the one that has the newest rows first.
func (c *Core) histories() []history {
	all := []history{kept{c}}
	if c.reader != nil {
		all = append(all, remote{c, c.reader})
	}
	return all
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
		if q.View.WindowUs > 0 && since > q.From {
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

// kept is the core's own store as a history: the windows themselves for as long as RETENTION says, and what they are rolled up into.
type kept struct{ core *Core }

// Rows reads partition by partition, each by start as far as it is not rolled up.
func (k kept) Rows(ctx context.Context, q *store.Question, f func(row []value.Value) (bool, error)) error {
	v, err := merge.NewView(q.View) // of its own: shapes are not shared between goroutines
	if err != nil {
		return err
	}
	give, ended := heeding(f)
	for _, p := range k.partitions(q) {
		if tumbling(q.View) {
			err = k.tumbling(ctx, v, p, q, give)
		} else {
			err = k.windows(ctx, v, p, q, give)
		}
		if err != nil || *ended {
			return err
		}
	}
	return nil
}

// checkEvery is how many windows are read between looks at the context.
const checkEvery = 1024

func tumbling(def *plan.View) bool { return def.WindowUs > 0 && def.AdvanceUs == 0 && def.GapUs == 0 }

// windows reads those that are not tumbling, which are kept in one form only.
func (k kept) windows(ctx context.Context, v *merge.View, p *partition, q *store.Question, f func(row []value.Value) (bool, error)) error {
	def := q.View
	watermark, ok := p.output(def.Id)
	if !ok {
		watermark = dawn
	}
	from := q.From
	if def.AdvanceUs > 0 && def.RetentionUs > 0 && ok { // the panes of what started before may be gone
		from = max(from, watermark-def.RetentionUs)
	}
	var row []value.Value
	n := 0
	return v.Scan(from, q.To, p.panes(def.Id), func(start int64, key []byte, w *merge.Window) (bool, error) {
		if n++; n%checkEvery == 0 && ctx.Err() != nil { // HAVING may hide all of them, and nobody else would look
			return false, ctx.Err()
		}
		r, shown, err := v.Shape().Row(row[:0], start, key, w, watermark)
		if err != nil || !shown || def.EmitFinal && !r[len(r)-1].Bool() {
			return err == nil, err
		}
		for _, n := range q.States {
			r = append(r, value.OfString(string(w.Partial[n].Append(nil))))
		}
		row = r
		return f(r)
	})
}

// tumbling reads windows from the coarsest level that is exact for the question. Where rows may come merged nobody looks at the results of their
// aggregates, so they are not computed.
func (k kept) tumbling(ctx context.Context, v *merge.View, p *partition, question *store.Question, f func(row []value.Value) (bool, error)) error {
	q := *question
	if q.View.Having != nil {
		q.Step = store.Own // a larger window would have what it hides
	}
	watermark, ok := p.output(q.View.Id)
	if !ok {
		watermark = dawn
	}
	blank := merge.Window{Partial: v.Blank()}
	end := len(q.View.Outputs) + 1 // the column of window_end; revision and final follow
	var row []value.Value
	n := 0
	return k.core.rollups.Read(ctx, &q, p.id, func(read *local.Window) (bool, error) {
		if n++; n%checkEvery == 0 && ctx.Err() != nil { // HAVING may hide all of them, and nobody else would look
			return false, ctx.Err()
		}
		final := read.RolledUp || window.Final(read.Start+read.Size, q.View.GraceUs, watermark)
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
		r, shown, err := v.Shape().Row(row[:0], read.Start, read.Key, &w, watermark)
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
		row = r
		return f(r)
	})
}

// partitions are those that can hold what a question wants: with the whole key known, one.
func (k kept) partitions(q *store.Question) []*partition {
	all := k.core.partitions
	if key := wholeKey(q); key != nil {
		n := wire.Partition(key, uint32(len(all)))
		return all[n : n+1]
	}
	return all
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

// Since is as far back as RETENTION or the levels that are exact for the question reach, in all partitions.
func (k kept) Since(_ context.Context, q *store.Question) (int64, bool, error) {
	since := int64(math.MinInt64)
	for _, p := range k.partitions(q) {
		watermark, ok := p.output(q.View.Id)
		if !ok || q.View.RetentionUs <= 0 {
			continue
		}
		from := watermark - q.View.RetentionUs
		if tumbling(q.View) {
			from = k.core.rollups.Since(q.View, p.id, q.Step, from)
		}
		since = max(since, from)
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
