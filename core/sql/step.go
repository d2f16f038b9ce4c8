package sql

import (
	"math"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Step says how far windows of the view that is read may come merged with their neighbours, without any row of the answer being another one: 0, not at
// all; else into larger ones whose size divides it, which are aligned to 1970 and lie within TimeRange. math.MaxInt64: into any such. Of a row that is of
// a larger window the query looks at the key, at the bounds and at States alone.
func (q *Query) Step() int64 { return q.step }

// stepOf finds it: all that is computed must be MERGEs, by the view's keys or by larger windows, of rows chosen by keys and by a range of time.
func (q *Query) stepOf(rel Relation, where *plan.Expr, g *grouping) int64 {
	v := rel.View
	if v == nil || len(q.joins) > 0 || v.WindowUs <= 0 || v.AdvanceUs > 0 || v.GapUs > 0 || v.Having != nil || len(g.merges) < len(g.aggregates) {
		return 0
	}
	r := &rowOfMany{view: v}
	if where != nil && !r.chooses(where) {
		return 0
	}
	step := int64(math.MaxInt64)
	if q.bucket > 0 {
		step = q.bucket
		if q.shift.micros != 0 { // larger windows of another time fit into those of this one
			step = gcd(q.bucket, q.shift.micros)
		}
	}
	for _, k := range g.keys {
		if !r.same(k.bound, q.bucket > 0) {
			return 0
		}
	}
	return step
}

// rowOfMany is a row that stands for those of several windows of a key.
type rowOfMany struct{ view *plan.View }

// same reports that an expression has one value for all of them: it is made of keys and, where windows are put into larger ones, of their bounds.
func (r *rowOfMany) same(e *plan.Expr, bounds bool) bool {
	if c, ok := e.GetNode().(*plan.Expr_Column); ok {
		n := int(c.Column)
		if n < len(r.view.Outputs) {
			return ofKeys(r.view.OutputExprs[n], len(r.view.Keys))
		}
		return bounds && r.bound(n)
	}
	for _, a := range e.GetCall().GetArguments() {
		if !r.same(a, bounds) {
			return false
		}
	}
	return true
}

// bound reports that a column is window_start or window_end.
func (r *rowOfMany) bound(column int) bool {
	return column == len(r.view.Outputs) || column == len(r.view.Outputs)+1
}

// chooses reports that a WHERE takes all of them or none, given that they lie within the range of time that it names.
func (r *rowOfMany) chooses(e *plan.Expr) bool {
	if r.same(e, false) {
		return true
	}
	args := e.GetCall().GetArguments()
	switch e.GetCall().GetFunction() {
	case "AND":
		return r.chooses(args[0]) && r.chooses(args[1])
	case "BETWEEN":
		return r.limits(args[0], args[1]) && r.limits(args[0], args[2])
	case "=", "<", "<=", ">", ">=":
		return r.limits(args[0], args[1]) || r.limits(args[1], args[0])
	}
	return false
}

// limits reports a comparison that TimeRange knows of.
func (r *rowOfMany) limits(x, y *plan.Expr) bool {
	column, ok := x.GetNode().(*plan.Expr_Column)
	literal, ok2 := y.GetNode().(*plan.Expr_Literal)
	if !ok || !ok2 || !r.bound(int(column.Column)) {
		return false
	}
	v, _, err := value.Read(literal.Literal)
	return err == nil && v.Kind() == value.Timestamp
}

// ofKeys reports that an output of a view is made of its keys alone.
func ofKeys(e *plan.Expr, keys int) bool {
	if c, ok := e.GetNode().(*plan.Expr_Column); ok {
		return int(c.Column) < keys
	}
	for _, a := range e.GetCall().GetArguments() {
		if !ofKeys(a, keys) {
			return false
		}
	}
	return true
}
