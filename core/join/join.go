// Package join meets the rows of two streams: within a time of one another, or a stream's row with the row of a table that was newest at its
// time. It is pure: no clock, no disk; watermarks and what is stored are arguments. One Join is one join in one partition, where all rows of a
// key are.
//
//	join.go    Join: what is kept, and what is let go of as the watermarks move
//	within.go  rows of two streams
//	latest.go  a stream's rows and a table's
//
// What is kept is bounded by event time: a row goes once the watermark of the other side says that none can come that it could meet. How the
// rows came to the partition, and where those that come of it go, is the assembly's business.
package join

import (
	"container/heap"
	"fmt"
	"sort"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Left and Right are the sides.
const (
	Left = iota
	Right
)

// Dawn is the watermark of a stream that none is known of: it makes nothing late.
const Dawn = -1 << 62

// Store keeps what must outlive a restart. Rows are named by side, event time and a number.
type Store interface {
	Keep(side int, us int64, number uint64, row []byte)
	Drop(side int, us int64, number uint64)
}

// Emit takes a row that the join made, and its event time, µs. The row is the left one's columns, then the right one's; it is good during the call.
type Emit func(us int64, row []value.Value)

// Join is one join in one partition. It is not safe for concurrent use.
type Join struct {
	def       *plan.StreamJoin
	keyExprs  [2][]func([]value.Value) value.Value
	width     [2]int
	condition func([]value.Value) value.Value // nil: equal keys are enough
	keys      map[string]*meeting
	due       [2]queue // what is to be let go of, by event time
	number    uint64   // last one given to a row
	count     int      // of rows kept
	row       []value.Value
	scratch   []byte
}

// meeting is the rows of one key, each side by event time.
type meeting struct {
	sides [2][]*kept
}

// kept is one row.
type kept struct {
	us     int64
	number uint64
	key    string
	values []value.Value
	met    bool // of the left side of a LEFT join: it found one
	gone   bool // dropped, but in the queue still
}

// New compiles a join; left and right are the columns' number of each side.
func New(def *plan.StreamJoin, left, right *plan.Route, leftWidth, rightWidth int) (*Join, error) {
	j := &Join{def: def, keys: map[string]*meeting{}, width: [2]int{leftWidth, rightWidth}}
	for side, r := range []*plan.Route{left, right} {
		for _, e := range r.KeyExprs {
			f, err := expr.Compile(e)
			if err != nil {
				return nil, fmt.Errorf("join %d: key: %w", def.Id, err)
			}
			j.keyExprs[side] = append(j.keyExprs[side], f)
		}
	}
	if def.Condition != nil {
		var err error
		if j.condition, err = expr.Compile(def.Condition); err != nil {
			return nil, fmt.Errorf("join %d: %w", def.Id, err)
		}
	}
	return j, nil
}

// Take takes a row of a side with its event time. marks are both sides' watermarks. late says that it came too late, and nothing changed.
func (j *Join) Take(side int, us int64, row []value.Value, marks [2]int64, store Store, emit Emit) (late bool) {
	if len(row) != j.width[side] {
		return false // of another definition of its stream: there is none
	}
	k := &kept{us: us, values: append([]value.Value(nil), row...)}
	var null bool
	if k.key, null = j.keyOf(side, row); null {
		if side == Left && j.def.Outer {
			j.unmet(k, emit)
		}
		return false
	}
	if j.def.Latest {
		return j.takeLatest(side, k, marks, store, emit)
	}
	return j.takeWithin(side, k, marks, store, emit)
}

// Advance lets go of what the watermarks allow, and emits what waited for them.
func (j *Join) Advance(marks [2]int64, store Store, emit Emit) {
	if j.def.Latest {
		j.advanceLatest(marks, store, emit)
	} else {
		j.advanceWithin(marks, store, emit)
	}
}

// Watermark is what the join promises of its own rows, given both sides' watermarks, once Advance was called with them.
func (j *Join) Watermark(marks [2]int64) int64 {
	switch {
	case j.def.Latest:
		return marks[Left]
	case j.def.Outer: // a left row comes with NULLs once the right side is past all that it could meet
		return max(Dawn, min(marks[Left], marks[Right]-j.def.GraceUs-j.def.AfterUs))
	}
	return min(marks[Left], marks[Right])
}

// Restore puts back what Keep was given.
func (j *Join) Restore(side int, us int64, number uint64, stored []byte) error {
	if len(stored) == 0 || side != Left && side != Right {
		return fmt.Errorf("join %d: %w", j.def.Id, value.ErrCorrupt)
	}
	k := &kept{us: us, number: number, values: make([]value.Value, j.width[side]), met: stored[0] == 1}
	if rest, err := value.ReadRow(stored[1:], k.values); err != nil || len(rest) > 0 {
		return fmt.Errorf("join %d: %w", j.def.Id, value.ErrCorrupt)
	}
	k.key, _ = j.keyOf(side, k.values)
	j.number = max(j.number, number)
	j.put(side, k)
	return nil
}

// Len is how many rows are kept.
func (j *Join) Len() int { return j.count }

// Shed lets go of the oldest row kept, before its time, and says whether there was one.
func (j *Join) Shed(store Store, emit Emit) bool {
	side := Left
	for s := range j.due {
		j.due[s].clean()
	}
	if len(j.due[Left]) == 0 || len(j.due[Right]) > 0 && j.due[Right][0].us < j.due[Left][0].us {
		side = Right
	}
	if len(j.due[side]) == 0 {
		return false
	}
	k := j.due[side][0]
	if side == Left && j.def.Outer && !k.met {
		j.unmet(k, emit)
	}
	j.drop(side, k, store)
	return true
}

func (j *Join) keyOf(side int, row []value.Value) (key string, null bool) {
	j.scratch = j.scratch[:0]
	for _, f := range j.keyExprs[side] {
		v := f(row)
		null = null || v.IsNull()
		j.scratch = value.Append(j.scratch, v)
	}
	return string(j.scratch), null
}

// put adds a row to those of its key.
func (j *Join) put(side int, k *kept) {
	m := j.keys[k.key]
	if m == nil {
		m = &meeting{}
		j.keys[k.key] = m
	}
	list := m.sides[side]
	at := sort.Search(len(list), func(i int) bool { return list[i].us > k.us || list[i].us == k.us && list[i].number > k.number })
	m.sides[side] = append(list, nil)
	copy(m.sides[side][at+1:], m.sides[side][at:])
	m.sides[side][at] = k
	heap.Push(&j.due[side], k)
	j.count++
}

// keep adds a row and stores it.
func (j *Join) keep(side int, k *kept, store Store) {
	j.number++
	k.number = j.number
	j.put(side, k)
	j.store(side, k, store)
}

func (j *Join) store(side int, k *kept, store Store) {
	met := byte(0)
	if k.met {
		met = 1
	}
	store.Keep(side, k.us, k.number, value.AppendRow([]byte{met}, k.values))
}

// drop lets go of a row.
func (j *Join) drop(side int, k *kept, store Store) {
	m := j.keys[k.key]
	list := m.sides[side]
	at := sort.Search(len(list), func(i int) bool { return list[i].us > k.us || list[i].us == k.us && list[i].number >= k.number })
	m.sides[side] = append(list[:at], list[at+1:]...)
	if len(m.sides[Left])+len(m.sides[Right]) == 0 {
		delete(j.keys, k.key)
	}
	k.gone = true
	j.count--
	store.Drop(side, k.us, k.number)
	j.due[side].clean()
}

// pair gives both rows as one if the condition holds.
func (j *Join) pair(left, right *kept) ([]value.Value, bool) {
	j.row = append(append(j.row[:0], left.values...), right.values...)
	return j.row, j.condition == nil || j.condition(j.row).Bool()
}

// unmet emits a left row with NULLs.
func (j *Join) unmet(left *kept, emit Emit) {
	j.row = append(j.row[:0], left.values...)
	for range j.width[Right] {
		j.row = append(j.row, value.Value{})
	}
	emit(left.us, j.row)
}

// queue is a heap by event time. What was dropped elsewhere stays until it comes to the top.
type queue []*kept

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, k int) bool {
	return q[i].us < q[k].us || q[i].us == q[k].us && q[i].number < q[k].number
}
func (q queue) Swap(i, k int) { q[i], q[k] = q[k], q[i] }

// Push and Pop are container/heap's.
func (q *queue) Push(x any) { *q = append(*q, x.(*kept)) }

// Pop takes the last.
func (q *queue) Pop() any {
	n := len(*q) - 1
	k := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	return k
}

// clean takes what is gone off the top.
func (q *queue) clean() {
	for len(*q) > 0 && (*q)[0].gone {
		heap.Pop(q)
	}
}
