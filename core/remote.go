package core

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

// remote is InfluxDB as a history: the windows that left, for as long as the bucket keeps them, each carried by its point. What may still change comes
// from the core's own store, which has all of that; so what is read of InfluxDB is never written meanwhile.
type remote struct {
	*moment
	reader *influx.Reader
}

// Since is always: how long a bucket keeps its points is the server's business, and this is the last store asked.
func (r remote) Since(context.Context, *store.Question) (int64, bool, error) {
	return math.MinInt64, true, nil
}

// Rows gives what is final by time from InfluxDB, and before it what is not from the core's own store.
func (r remote) Rows(ctx context.Context, q *store.Question, f func(row []value.Value) (bool, error)) error {
	own := kept{r.moment}
	if !ends(q.View) {
		return own.Rows(ctx, q, f)
	}
	began, err := r.began(q)
	if err != nil {
		return err
	}
	bounded := *q
	bounded.From = max(q.From, began)
	if q = &bounded; q.From >= q.To {
		return nil
	}
	if err := r.arrived(ctx, q); err != nil {
		return err
	}
	give, ended := heeding(f)
	final := len(q.View.Outputs) + 3
	if err := own.Rows(ctx, r.changing(q), func(row []value.Value) (bool, error) {
		if row[final].Bool() {
			return true, nil
		}
		return give(row)
	}); err != nil || *ended {
		return err
	}
	out, err := newRows(q, give)
	if err != nil {
		return err
	}
	a := &arriving{ctx: ctx, moment: r.moment, out: out, known: map[string]int{}, bare: math.MinInt64}
	if err := r.reader.Points(ctx, wanted(q), a.point); err != nil {
		if errors.Is(err, influx.ErrAsk) {
			if since, ok, e := own.Since(ctx, q); e == nil && ok && since > math.MinInt64 {
				err = fmt.Errorf("%w; these are windows older than %s keeps (influx.history): ask for those with window_start >= '%s' to do without", err, q.View.Name, value.FormatTime(since))
			}
		}
		return err
	}
	if *ended {
		return nil
	}
	return a.end()
}

// began is the start of the first window that the view ever had. What there is in InfluxDB of before is of another that had its name.
func (r remote) began(q *store.Question) (int64, error) {
	began := int64(math.MaxInt64)
	for _, p := range r.core.partitionsOf(q) {
		given, ok, err := r.store.GivenUp(p.id, q.View.Id)
		first := given.First
		if err == nil && !ok {
			first, ok, err = r.store.FirstWindow(p.id, q.View.Id, math.MinInt64)
		}
		if err != nil {
			return 0, err
		}
		if ok {
			began = min(began, first)
		}
	}
	if q.View.AdvanceUs > 0 && began < math.MaxInt64 { // what is kept are panes, and the first is in windows that start before it
		began -= q.View.WindowUs
	}
	return began, nil
}

// changing is a question without windows that are surely final.
func (r remote) changing(q *store.Question) *store.Question {
	open := *q
	if q.View.GapUs == 0 { // a session may have begun at any time
		open.From = max(q.From, slices.Min(r.watermarks)-q.View.WindowUs-q.View.GraceUs)
	}
	return &open
}

func wanted(q *store.Question) influx.Wanted {
	w := influx.Wanted{Measurement: q.View.Name, From: q.From, To: q.To}
	for i, name := range tagNames(q.View) {
		if i < len(q.Keys) && !q.Keys[i].IsNull() && influx.IsPlain(q.Keys[i].Text()) {
			w.Equal = append(w.Equal, influx.Pair{Name: name, Value: tagged(q.Keys[i])})
		}
	}
	return w
}

// arriving makes rows of points as they come. A window whose key's column was renamed since has two points, of two series, until one of them is older than
// the bucket keeps: so those of one time are looked at together, and of each key the newest revision counts.
type arriving struct {
	ctx    context.Context
	moment *moment
	out    *rows
	us     int64          // the time that points come of, µs,
	now    []merge.Whole  // and the windows of it so far
	known  map[string]int // where in now a key is
	window merge.Window
	bare   int64 // the last time of a point that carries no window; math.MinInt64: none yet
	ended  bool
}

func (a *arriving) point(p influx.Stored) (more bool, err error) {
	if p.TimeUs != a.us {
		if err := a.give(); err != nil || a.ended {
			return false, err
		}
		a.us = p.TimeUs
	}
	var w merge.Whole
	mine := true
	if p.Carried != nil {
		if w, mine, err = a.out.view.ReadWhole(p.Carried); err != nil {
			return false, a.wrong(p.TimeUs, err)
		}
	}
	i, twice := a.known[string(w.Key)]
	switch {
	case !mine: // of one that had this name
	case p.Carried == nil || int64(w.Revision) != p.Revision: // it left without its window, or did so again
		if !p.Retracted {
			a.bare = p.TimeUs
		}
	case !twice:
		a.known[string(w.Key)] = len(a.now)
		a.now = append(a.now, w)
	case a.now[i].Revision < w.Revision:
		a.now[i] = w
	}
	return true, nil
}

// give gives the windows of one time. After a point without a window there is no answer, only the question until when there are such.
func (a *arriving) give() error {
	for _, w := range a.now {
		if a.bare > math.MinInt64 || w.Gone || a.ended {
			continue
		}
		if err := a.out.view.Fill(&a.window, w); err != nil {
			return a.wrong(a.us, err)
		}
		def, watermark := a.out.question.View, a.moment.watermarks[wire.Partition(w.Key, uint32(len(a.moment.watermarks)))]
		if !merge.Final(def, a.us, &a.window, watermark) {
			continue
		}
		more, err := a.out.give(a.ctx, a.us, w.Key, &a.window, watermark)
		if err != nil {
			return err
		}
		a.ended = !more
	}
	a.now = a.now[:0]
	clear(a.known)
	return nil
}

func (a *arriving) end() error {
	if err := a.give(); err != nil || a.bare == math.MinInt64 {
		return err
	}
	name := a.out.question.View.Name
	return fmt.Errorf("results of %s, up to that of %s, left before influx.history was on: InfluxDB has them, but not what they are made of. Ask for those with window_start > '%[2]s'",
		name, value.FormatTime(a.bare))
}

func (a *arriving) wrong(us int64, err error) error {
	return fmt.Errorf("view %s: the point of %s in InfluxDB: %w", a.out.question.View.Name, value.FormatTime(us), err)
}

// patience is how long a question waits for points that are on their way to InfluxDB.
const patience = 10 * time.Second

// arrived waits until no point that a question wants, and that was there when it came, waits for InfluxDB: it would be missing from the answer.
func (r remote) arrived(ctx context.Context, q *store.Question) error {
	if r.core.sink == nil {
		return nil
	}
	deadline := time.Now().Add(patience)
	series := influx.Series(q.View.Name)
	for _, p := range r.core.partitionsOf(q) {
		last, next := r.core.store.LastDurable(p.id), uint64(0)
		for next <= last {
			found, some := false, false
			if err := r.core.store.Effects(p.id, next, scannedAtOnce, func(number uint64, line []byte) {
				if some = true; found {
					return
				}
				us := timeOfLine(line)
				found = number <= last && series(line) && us >= q.From && us < q.To
				if next = number; !found {
					next++
				}
			}); err != nil {
				return err
			}
			if !some {
				break
			}
			if !found {
				continue
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("results of %s still wait for InfluxDB (hexpane_core_store_waiting_points), and the answer would lack them: ask again, or of later windows", q.View.Name)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

// scannedAtOnce is how many points that wait are looked at in one go.
const scannedAtOnce = 1000

func timeOfLine(line []byte) int64 {
	text := string(line)
	ns, _ := strconv.ParseInt(text[strings.LastIndexByte(text, ' ')+1:], 10, 64)
	return ns / 1000
}
