package pattern

import (
	"cmp"
	"math"
	"slices"

	"github.com/hexpane/hexpane/protocol/value"
)

// Key is the state of one key: rows, and the attempts under way. Engine.NewKey and Engine.Decode make it.
type Key struct {
	ahead   bool   // it does not wait; ahead.go
	id      []byte // the key's values in binary form: part of a match's id
	floor   int64  // the watermark: rows before it are late
	waiting []*row // sorted; not reached by the watermark
	rows    []*row // sorted; matched or being matched
	base    int64  // index of rows[0]
	number  uint64 // matches told

	attempts []*attempt // in order of their first rows; but under SKIP TO NEXT ROW one at most
	parking
	threads int   // of all attempts
	cursor  int64 // index of the next row that the attempts take in
	next    int64 // where the next attempt begins, if none is under way
}

// row is one row of a key.
type row struct {
	us     int64
	index  int64 // its place in the key's order, counted from the key's first row
	twin   int   // how many rows equal in all were before it
	values []value.Value

	known, truth uint64 // conditions that depend on the row alone: a bit for each variable
	seen, dead   uint64 // hopeless.go: a bit for each of the first 64 states
}

// NewKey makes the state of a key of which nothing was seen. id is the key's values in binary form (value.AppendRow).
func (e *Engine) NewKey(id []byte) *Key {
	return &Key{id: slices.Clone(id), floor: math.MinInt64}
}

// Add takes a row of event time us (µs), and keeps values. It reports false, and takes nothing, if the row is late: the watermark
// has passed it, or Limits.Waiting has.
func (e *Engine) Add(k *Key, us int64, values []value.Value) bool {
	if k.ahead {
		defer func(was Counts) { e.counts = was }(e.counts)
	}
	if len(values) != e.columns {
		values = append(make([]value.Value, 0, e.columns), values...)[:e.columns]
	}
	r := &row{us: us, values: values}
	if n := len(k.rows); us < k.floor || n > 0 && r.compare(k.rows[n-1]) < 0 {
		e.counts.Late++
		return false
	}
	at := len(k.waiting)
	if at > 0 && r.compare(k.waiting[at-1]) < 0 {
		at, _ = slices.BinarySearchFunc(k.waiting, r, (*row).compare)
	}
	k.waiting = slices.Insert(k.waiting, at, r)
	e.counts.Rows++
	return true
}

// compare orders rows by time, and those of one time by their columns.
func (r *row) compare(s *row) int {
	if c := cmp.Compare(r.us, s.us); c != 0 {
		return c
	}
	return slices.CompareFunc(r.values, s.values, value.Compare)
}

// Advance matches what is before the watermark and gives emit each match that is certain, in order. A watermark of
// math.MaxInt64 says that no row will come any more. Call it after each batch of rows, also with an unchanged watermark:
// it is what keeps a key within Limits.Waiting.
func (e *Engine) Advance(k *Key, watermark int64, emit func(*Match)) {
	if k.ahead {
		defer func(was Counts) { e.counts = was }(e.counts)
	}
	e.key, e.emit = k, emit
	k.floor = max(k.floor, watermark)
	e.crowded(k) // with lower limits than before a restart
	e.run(k)
	n, found := slices.BinarySearchFunc(k.waiting, k.floor, func(r *row, us int64) int { return cmp.Compare(r.us, us) })
	if k.ahead || found && k.floor == math.MaxInt64 {
		n = len(k.waiting)
	}
	if more := len(k.waiting) - e.limits.Waiting; more > n {
		e.counts.Hurried += uint64(more - n)
		n = more
	}
	for _, r := range k.waiting[:n] {
		k.push(r)
		e.run(k)
		e.bound(k)
	}
	clear(k.waiting[copy(k.waiting, k.waiting[n:]):])
	k.waiting = k.waiting[:len(k.waiting)-n]
	if len(k.waiting) == 0 && cap(k.waiting) > 4 {
		k.waiting = nil
	}
	e.expire(k, k.floor)
	e.trim(k)
	e.key, e.emit = nil, nil
}

// push appends a row, which is the newest.
func (k *Key) push(r *row) {
	if n := len(k.rows); n > 0 && r.compare(k.rows[n-1]) == 0 {
		r.twin = k.rows[n-1].twin + 1
	}
	r.index = k.end()
	k.rows = append(k.rows, r)
}

func (k *Key) end() int64 { return k.base + int64(len(k.rows)) }

// at gives the row that is back rows before the one at index, or nil if there is none or it was let go.
func (k *Key) at(index int64, back int) *row {
	i := index - k.base - int64(back)
	if i < 0 || i >= int64(len(k.rows)) {
		return nil
	}
	return k.rows[i]
}

// trim lets go of rows that neither an attempt nor PREV will ask for. The newest always stays.
func (e *Engine) trim(k *Key) {
	from := k.end()
	if !e.each {
		from = min(from, k.next)
	}
	if len(k.attempts) > 0 {
		from = min(from, k.attempts[0].first.index)
	}
	n := int(from-k.base) - e.before
	if n <= 0 || n < len(k.rows)/4 && n < 64 {
		return
	}
	if left := k.rows[n:]; len(left) < cap(k.rows)/4 && cap(k.rows) > 64 {
		k.rows = slices.Clone(left) // after a burst
	} else {
		clear(k.rows[copy(k.rows, left):])
		k.rows = k.rows[:len(left)]
	}
	k.base += int64(n)
}

// Idle reports that nothing is under way: no row waits, and no match has begun. What the key remembers is how many matches it told,
// and the rows that PREV looks back at.
func (k *Key) Idle() bool { return len(k.waiting) == 0 && len(k.attempts) == 0 }

// Rows is how many rows the key keeps, waiting ones among them.
func (k *Key) Rows() int { return len(k.rows) + len(k.waiting) }

// Newest is the event time (µs) of the newest row taken; math.MinInt64 without one.
func (k *Key) Newest() int64 {
	switch {
	case len(k.waiting) > 0:
		return k.waiting[len(k.waiting)-1].us
	case len(k.rows) > 0:
		return k.rows[len(k.rows)-1].us
	}
	return math.MinInt64
}

// Wake is the watermark (µs) from which on Advance may find something without further rows; math.MaxInt64: none.
func (e *Engine) Wake(k *Key) int64 {
	wake := int64(math.MaxInt64)
	if len(k.waiting) > 0 {
		wake = later(k.waiting[0].us, 1)
	}
	if len(k.attempts) > 0 {
		wake = min(wake, later(e.deadline(k.attempts[0]), 1))
	}
	return wake
}

// later adds without running over.
func later(us, by int64) int64 {
	if us > math.MaxInt64-by {
		return math.MaxInt64
	}
	return us + by
}
