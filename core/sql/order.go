package sql

import (
	"container/heap"
	"fmt"
	"slices"

	"github.com/hexpane/hexpane/protocol/value"
)

// collector gathers the result's rows. With ORDER BY and LIMIT it holds no more than LIMIT of them, in a heap whose
// top is the one to go next; a row that would not stay costs no memory.
type collector struct {
	q    *Query
	kept []sorted
	next sorted // the row at hand; its slices are used again unless it is kept
	seen int
}

// sorted is an output row, what it is ordered by, and when it came: equal rows keep their order.
type sorted struct {
	row, by []value.Value
	seen    int
}

func newCollector(q *Query) *collector { return &collector{q: q} }

func (c *collector) bounded() bool { return len(c.q.order) > 0 && c.q.limit >= 0 }

// add takes in the outputs over row; more is false once nothing further can matter.
func (c *collector) add(row []value.Value) (more bool, err error) {
	q := c.q
	if q.limit == 0 {
		return false, nil
	}
	c.next.by = c.next.by[:0]
	for _, key := range q.order {
		c.next.by = append(c.next.by, key.eval(row))
	}
	c.next.seen = c.seen
	c.seen++
	if c.bounded() && int64(len(c.kept)) == q.limit {
		if c.compare(c.next, c.kept[0]) < 0 {
			c.next.row = c.kept[0].row
			c.fill(row)
			c.kept[0], c.next = c.next, c.kept[0] // what leaves gives its slices to what comes
			c.next.row = nil
			heap.Fix(c, 0)
		}
		return true, nil
	}
	if len(c.kept) == MaxResultRows {
		return false, fmt.Errorf("the result has more than %d rows; narrow it with WHERE or LIMIT", MaxResultRows)
	}
	c.next.row = make([]value.Value, len(q.outputs))
	c.fill(row)
	if c.bounded() {
		heap.Push(c, c.next)
	} else {
		c.kept = append(c.kept, c.next)
	}
	c.next = sorted{}
	return len(q.order) > 0 || q.limit < 0 || int64(len(c.kept)) < q.limit, nil
}

func (c *collector) fill(row []value.Value) {
	for i, output := range c.q.outputs {
		c.next.row[i] = output(row)
	}
}

func (c *collector) rows() [][]value.Value {
	if len(c.q.order) > 0 {
		slices.SortFunc(c.kept, c.compare)
	}
	rows := make([][]value.Value, len(c.kept))
	for i, s := range c.kept {
		rows[i] = s.row
	}
	return rows[min(c.q.offset, int64(len(rows))):]
}

func (c *collector) compare(a, b sorted) int {
	for i, key := range c.q.order {
		x, y := a.by[i], b.by[i]
		order := value.Compare(x, y)
		switch {
		case order == 0:
			continue
		case x.IsNull() || y.IsNull():
			if x.IsNull() == key.nullsFirst {
				return -1
			}
			return 1
		case key.descending:
			return -order
		}
		return order
	}
	return a.seen - b.seen
}

// The heap's methods: the largest is on top.

func (c *collector) Len() int           { return len(c.kept) }
func (c *collector) Less(i, j int) bool { return c.compare(c.kept[i], c.kept[j]) > 0 }
func (c *collector) Swap(i, j int)      { c.kept[i], c.kept[j] = c.kept[j], c.kept[i] }
func (c *collector) Push(x any)         { c.kept = append(c.kept, x.(sorted)) }

// Pop is never used: rows leave by being replaced.
func (c *collector) Pop() any { panic("sql: the collector's heap only replaces") }
