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

// TimeRange bounds window_start and window_end of the rows wanted.
func (q *Query) TimeRange() (start, end Range) { return q.Range("window_start"), q.Range("window_end") }

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

func (h hints) take(rel Relation, e *plan.Expr) {
	call := e.GetCall()
	args := call.GetArguments()
	switch call.GetFunction() {
	case "AND":
		for _, a := range args {
			h.take(rel, a)
		}
	case "BETWEEN":
		h.compare(rel, ">=", args[0], args[1])
		h.compare(rel, "<=", args[0], args[2])
	case "=", "<", "<=", ">", ">=":
		h.compare(rel, call.Function, args[0], args[1])
		h.compare(rel, turned[call.Function], args[1], args[0])
	}
}

var turned = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// compare notes `column op literal`; all else says nothing.
func (h hints) compare(rel Relation, op string, x, y *plan.Expr) {
	column, ok := x.Node.(*plan.Expr_Column)
	literal, ok2 := y.Node.(*plan.Expr_Literal)
	if !ok || !ok2 {
		return
	}
	v, _, err := value.Read(literal.Literal)
	c := rel.Columns[column.Column]
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
