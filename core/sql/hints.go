package sql

import (
	"math"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Range is a run of integers (for a TIMESTAMP, of µs), both ends included.
type Range struct{ From, To int64 }

// Everything is the range that excludes nothing.
var Everything = Range{math.MinInt64, math.MaxInt64}

// Empty reports that no value is in the range: the query has no rows.
func (r Range) Empty() bool { return r.From > r.To }

// hints is what WHERE says about columns by way of comparisons with literals that all rows must pass. They let a store
// skip rows; it may give more rows than they ask for, as WHERE is applied to all.
type hints map[string]*hint

type hint struct {
	within Range
	equals value.Value // NULL: not said
}

// TimeRange bounds window_start and window_end of the rows wanted, as they are stored.
func (q *Query) TimeRange() (start, end Range) {
	return q.shift.stored(q.Range("window_start")), q.shift.stored(q.Range("window_end"))
}

// Joined is what the query wants of the i-th relation that is joined, as if it were asked for alone.
func (q *Query) Joined(i int) *Query { return &Query{hints: q.joins[i].hints, shift: q.joins[i].shift} }

// hintJoined says what is wanted of the relations joined: what WHERE says of them, and, where ON has their windows start together with those of
// the first, what it says of these.
func (q *Query) hintJoined(where *plan.Expr, rel Relation, joined []Relation) {
	n := len(rel.Columns)
	for i, other := range joined {
		h := hints{}
		h.take(other, n, where)
		if from := q.hints["window_start"]; from != nil && q.joins[i].together {
			if h["window_start"] == nil {
				h["window_start"] = &hint{within: Everything}
			}
			own := &h["window_start"].within
			own.From, own.To = max(own.From, from.within.From), min(own.To, from.within.To)
		}
		q.joins[i].hints = h
		n += len(other.Columns)
	}
}

// Range bounds a TIMESTAMP or BIGINT column of the rows wanted.
func (q *Query) Range(column string) Range {
	if h := q.hints[strings.ToLower(column)]; h != nil {
		return h.within
	}
	return Everything
}

// KeyEquals gives the value that a column has in all rows wanted, if WHERE names one.
func (q *Query) KeyEquals(column string) (value.Value, bool) {
	if h := q.hints[strings.ToLower(column)]; h != nil && !h.equals.IsNull() {
		return h.equals, true
	}
	return value.Value{}, false
}

// take notes what an expression says of a relation's columns, which begin at first of those that it is over.
func (h hints) take(rel Relation, first int, e *plan.Expr) {
	call := e.GetCall()
	args := call.GetArguments()
	switch call.GetFunction() {
	case "AND":
		for _, a := range args {
			h.take(rel, first, a)
		}
	case "BETWEEN":
		h.compare(rel, first, ">=", args[0], args[1])
		h.compare(rel, first, "<=", args[0], args[2])
	case "=", "<", "<=", ">", ">=":
		h.compare(rel, first, call.Function, args[0], args[1])
		h.compare(rel, first, turned[call.Function], args[1], args[0])
	}
}

var turned = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// compare notes `column op literal`; all else says nothing.
func (h hints) compare(rel Relation, first int, op string, x, y *plan.Expr) {
	column, ok := x.Node.(*plan.Expr_Column)
	literal, ok2 := y.Node.(*plan.Expr_Literal)
	if !ok || !ok2 {
		return
	}
	v, _, err := value.Read(literal.Literal)
	i := int(column.Column) - first
	if i < 0 || i >= len(rel.Columns) {
		return
	}
	c := rel.Columns[i]
	if err != nil || v.Kind() != c.Type.Kind || v.Scale() != c.Type.Scale {
		return
	}
	name := strings.ToLower(c.Name)
	if h[name] == nil {
		h[name] = &hint{within: Everything}
	}
	if op == "=" && h[name].equals.IsNull() {
		h[name].equals = v
	}
	if v.Kind() != value.Timestamp && v.Kind() != value.Int {
		return
	}
	h[name].narrow(op, v.Int())
}

func (h *hint) narrow(op string, i int64) {
	r := &h.within
	switch op {
	case "=":
		r.From, r.To = max(r.From, i), min(r.To, i)
	case ">=":
		r.From = max(r.From, i)
	case "<=":
		r.To = min(r.To, i)
	case ">":
		if i == math.MaxInt64 {
			r.From, r.To = 1, 0
			return
		}
		r.From = max(r.From, i+1)
	case "<":
		if i == math.MinInt64 {
			r.From, r.To = 1, 0
			return
		}
		r.To = min(r.To, i-1)
	}
}
