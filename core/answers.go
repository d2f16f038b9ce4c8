package core

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/prometheus/client_golang/prometheus"
)

// answers keeps what questions came to over slices of time in which nothing can change any more, so that a dashboard that asks for the last
// day each second reads the last minute. A slice is known by the plan's version, what the query makes of it, and its bounds; its windows are
// final, and none of them was given up, when it is read and each time that it is used. So nothing ever has to be taken back: what is not asked
// for any more is dropped as the least lately used.
type answers struct {
	most int64 // bytes
	back int64 // how far back time is cut into slices, µs. What is older is read each time

	mu    sync.Mutex
	bytes int64
	known map[sliceKey]*list.Element
	used  *list.List // of *knownSlice, the newest first

	hits, misses prometheus.Counter
}

type sliceKey struct {
	what     [sha256.Size]byte
	from, to int64
}

type knownSlice struct {
	key   sliceKey
	slice *sql.Slice
}

func newAnswers(most int64, r prometheus.Registerer) *answers {
	a := &answers{most: most, back: longestCut, known: map[sliceKey]*list.Element{}, used: list.New(),
		hits: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_core_query_cache_hits_total", Help: "Slices of time that SELECTs did not have to read."}),
		misses: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_core_query_cache_misses_total",
			Help: "Slices of time that are final, and had to be read."})}
	r.MustRegister(a.hits, a.misses, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_query_cache_bytes",
		Help: "Memory of what SELECTs came to over slices of time, by estimate, of query.cache_bytes."}, func() float64 {
		a.mu.Lock()
		defer a.mu.Unlock()
		return float64(a.bytes)
	}))
	return a
}

func (a *answers) get(key sliceKey) *sql.Slice {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.known[key]
	if e == nil {
		return nil
	}
	a.used.MoveToFront(e)
	return e.Value.(*knownSlice).slice
}

// put keeps a slice, unless it alone takes more than an eighth of the room.
func (a *answers) put(key sliceKey, s *sql.Slice) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known[key] != nil || int64(s.Bytes) > a.most/8 {
		return
	}
	a.known[key] = a.used.PushFront(&knownSlice{key, s})
	a.bytes += sliceCost(s)
	for a.bytes > a.most {
		e := a.used.Back()
		old := a.used.Remove(e).(*knownSlice)
		delete(a.known, old.key)
		a.bytes -= sliceCost(old.slice)
	}
}

func sliceCost(s *sql.Slice) int64 { return int64(s.Bytes) + 256 }

// sliceLengths are those of slices, each a whole number of the one before, µs. They start at whole multiples of themselves since 1970.
var sliceLengths = []int64{time.Minute.Microseconds(), (10 * time.Minute).Microseconds(), time.Hour.Microseconds(), (6 * time.Hour).Microseconds(),
	(24 * time.Hour).Microseconds(), (7 * 24 * time.Hour).Microseconds(), (28 * 24 * time.Hour).Microseconds()}

const longestCut = 800 * 24 * int64(time.Hour/time.Microsecond)

// timeSpan is a run of time, µs: [from, to).
type timeSpan struct{ from, to int64 }

// slicesOf cuts a run of time into slices that lie side by side, each at least so long, as few as there are: long ones in the middle, short ones at the
// ends. What is left over at either end is in none.
func slicesOf(from, to, least int64) (cut []timeSpan) {
	i := slices.IndexFunc(sliceLengths, func(l int64) bool { return l >= least })
	if i < 0 || from >= to {
		return nil
	}
	at := ceil(from, sliceLengths[i])
	for {
		length := int64(0)
		for _, l := range sliceLengths[i:] {
			if mod(at, l) == 0 && at+l <= to {
				length = l
			}
		}
		if length == 0 {
			return cut
		}
		cut = append(cut, timeSpan{at, at + length})
		at += length
	}
}

func mod(a, b int64) int64 { return ((a % b) + b) % b }

func ceil(a, b int64) int64 {
	if m := mod(a, b); m > 0 {
		return a + b - m
	}
	return a
}

// sliced answers a SELECT from slices of time; ok is false of one that is not to be answered so.
func (c *Core) sliced(ctx context.Context, p *plan.Plan, def *plan.View, q *sql.Query) (r sql.Result, ok bool, err error) {
	name, ok := q.Sliced()
	if !ok || c.answers == nil || c.answers.most == 0 {
		return sql.Result{}, false, nil
	}
	question := c.question(def, q)
	final, ok, err := c.finalSpan(ctx, question)
	if err != nil || !ok {
		return sql.Result{}, false, err
	}
	inside := slicesOf(max(question.From, final.from, final.to-c.answers.back), min(question.To, final.to), def.WindowUs)
	if len(inside) == 0 {
		return sql.Result{}, false, nil
	}
	what := sha256.Sum256(fmt.Appendf(nil, "plan %d; %s", p.Version, name))
	var known []*sql.Slice
	for _, s := range inside {
		slice, err := c.slice(ctx, question, q, sliceKey{what, s.from, s.to})
		if err != nil {
			return sql.Result{}, false, err
		}
		known = append(known, slice)
	}
	if again, ok, err := c.finalSpan(ctx, question); err != nil || !ok || again.from > inside[0].from {
		return sql.Result{}, false, err // the oldest windows were given up meanwhile
	}
	rest := around(timeSpan{question.From, question.To}, timeSpan{inside[0].from, inside[len(inside)-1].to})
	var failed error
	r, err = q.Combine(ctx, known, func(yield func([]value.Value) bool) {
		for _, s := range rest {
			for row := range c.rowsWithin(ctx, question, s, &failed) {
				if !yield(row) {
					return
				}
			}
		}
	})
	return r, true, errors.Join(err, failed)
}

// around is what of a run of time is outside of another within it.
func around(all, inner timeSpan) (rest []timeSpan) {
	if all.from < inner.from {
		rest = append(rest, timeSpan{all.from, inner.from})
	}
	if inner.to < all.to {
		rest = append(rest, timeSpan{inner.to, all.to})
	}
	return rest
}

// finalSpan is where windows start that can't change any more, that are told if they are told once, and that there are all of: with InfluxDB behind the
// core's own store, whenever they were.
func (c *Core) finalSpan(ctx context.Context, q *store.Question) (span timeSpan, ok bool, err error) {
	m := c.moment(q.View)
	defer func() { err = errors.Join(err, m.store.Close()) }()
	mark, since := slices.Min(m.watermarks), int64(math.MinInt64)
	if mark <= dawn {
		return timeSpan{}, false, nil
	}
	if c.reader == nil {
		if since, ok, err = (kept{m}).Since(ctx, q); err != nil || !ok {
			return timeSpan{}, false, err
		}
	}
	return timeSpan{since, mark - q.View.WindowUs - q.View.GraceUs}, true, nil
}

// slice gives what a slice comes to: what is known, or is made of what is known, or is read.
func (c *Core) slice(ctx context.Context, question *store.Question, q *sql.Query, key sliceKey) (*sql.Slice, error) {
	if s := c.answers.get(key); s != nil {
		c.answers.hits.Inc()
		return s, nil
	}
	s, err := c.smaller(q, key)
	if err != nil {
		return nil, err
	}
	if s != nil {
		c.answers.hits.Inc()
	} else {
		c.answers.misses.Inc()
		var failed error
		s, err = q.Gather(ctx, c.rowsWithin(ctx, question, timeSpan{key.from, key.to}, &failed))
		if err = errors.Join(err, failed); err != nil {
			return nil, err
		}
	}
	c.answers.put(key, s)
	return s, nil
}

// smaller makes a slice of the next smaller ones if all of them are known; nil if not.
func (c *Core) smaller(q *sql.Query, key sliceKey) (*sql.Slice, error) {
	i := slices.Index(sliceLengths, key.to-key.from)
	if i < 1 {
		return nil, nil
	}
	var list []*sql.Slice
	for at := key.from; at < key.to; at += sliceLengths[i-1] {
		s := c.answers.get(sliceKey{key.what, at, at + sliceLengths[i-1]})
		if s == nil {
			return nil, nil
		}
		list = append(list, s)
	}
	return q.Together(list)
}

// rowsWithin reads the windows of a question that start within a run of time.
func (c *Core) rowsWithin(ctx context.Context, question *store.Question, s timeSpan, failed *error) iter.Seq[[]value.Value] {
	return func(yield func([]value.Value) bool) {
		part := *question
		part.From, part.To = s.from, s.to
		if err := c.rows(ctx, &part, func(row []value.Value) (bool, error) { return yield(row), nil }); err != nil {
			*failed = err
		}
	}
}
