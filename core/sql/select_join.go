package sql

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// pullJoin puts the rows of one more relation beside those before: those with equal keys for which the rest of ON holds.
type pullJoin struct {
	left      []expr.Func // over the columns before
	right     []expr.Func // over the relation's own
	condition expr.Func   // over both; nil: equal keys are enough
	outer     bool
	width     int // of the relation
	shift     shiftedTimes
	together  bool // windows of the relation meet those of the first that start with them
	hints     hints
}

// ResolveJoins finds the relations that a SELECT joins to the one that Resolve gives, in order.
func ResolveJoins(p *plan.Plan, st *Select, tables ...Relation) (list []Relation, err error) {
	defer catch(&err)
	for _, j := range st.Joins {
		if j.Within != nil {
			fail(j.Within.Pos, "WITHIN is for streams, whose rows come as time goes by; here there is all at once: say it in ON")
		}
		list = append(list, resolve(p, j.Table, tables))
	}
	return list, nil
}

// joinPull widens the scope by the relations that are joined.
func (q *Query) joinPull(s *scope, st *Select, joined []Relation, now int64, nodes *work) {
	s.parts = s.relations()
	s.Time = ""
	first := len(s.Columns)
	for i, j := range st.Joins {
		n, rel := len(s.Columns), joined[i]
		next := part{rel.Name, j.Alias, n, n + len(rel.Columns)}
		for _, other := range s.parts {
			if other.shown() == next.shown() {
				fail(j.Table.Pos, "`%s` is named twice; give one of them another name: JOIN %s AS other", next.shown(), rel.Name)
			}
		}
		s.parts = append(s.parts, next)
		s.Columns = append(slices.Clip(s.Columns), rel.Columns...)
		s.qualify(j.On)
		b := &binder{leaf: s.rowLeaf("ON"), now: &now, nodes: nodes}
		join := pullJoin{outer: j.Left, width: len(rel.Columns), shift: shiftOf(rel, j.Shift)}
		var rest *plan.Expr
		for _, e := range conjuncts(j.On) {
			if c, ok := e.(*Call); ok && c.Function == "=" {
				both := []*plan.Expr{b.bind(c.Args[0]), b.bind(c.Args[1])}
				coerce("=", c.Args, both)
				if sideOf(both[0], n) == rightSide {
					slices.Reverse(both)
				}
				x, y := typeOf(both[0]), typeOf(both[1])
				alike := x.Kind == y.Kind && (x.Kind != value.Decimal || x.Scale == y.Scale)
				if alike && sideOf(both[0], n) == leftSide && sideOf(both[1], n) == rightSide {
					join.together = join.together || isStart(both[0], s.Columns[:first]) && isStart(shifted(both[1], -n), rel.Columns)
					join.left = append(join.left, compiled(c.Pos, both[0]))
					join.right = append(join.right, compiled(c.Pos, shifted(both[1], -n)))
					continue
				}
			}
			rest = and(rest, b.condition(e, "ON"))
		}
		if len(join.left) == 0 {
			fail(j.On.position(), "ON needs a column of %s that equals one of what is before it, of the same type", rel.Name)
		}
		if rest != nil {
			join.condition = compiled(j.On.position(), rest)
		}
		q.joins = append(q.joins, join)
	}
	s.qualifyAll(st)
	for _, o := range st.OrderBy {
		s.qualify(o.Expr)
	}
}

// joinRows puts the rows of the relations joined beside those of the first.
func (q *Query) joinRows(ctx context.Context, rows iter.Seq[[]value.Value], joined []iter.Seq[[]value.Value], failed *error) iter.Seq[[]value.Value] {
	rows = q.shift.rows(rows)
	for i, j := range q.joins {
		rows = j.rows(ctx, rows, j.shift.rows(joined[i]), failed)
	}
	return rows
}

// isStart reports that an expression is a relation's window_start.
func isStart(e *plan.Expr, columns []Column) bool {
	c, ok := e.Node.(*plan.Expr_Column)
	return ok && int(c.Column) < len(columns) && columns[c.Column].Name == "window_start"
}

func (j *pullJoin) rows(ctx context.Context, left, right iter.Seq[[]value.Value], failed *error) iter.Seq[[]value.Value] {
	return func(yield func([]value.Value) bool) {
		found := map[string][][]value.Value{}
		n := 0
		for row := range right {
			if n++; n > MaxResultRows {
				*failed = fmt.Errorf("the relation that is joined has more than %d rows; a view of less can be joined", MaxResultRows)
				return
			}
			if n%checkEvery == 0 && ctx.Err() != nil {
				return // Run says so
			}
			if key, null := keyOf(j.right, row); !null {
				found[key] = append(found[key], append([]value.Value(nil), row...))
			}
		}
		var both []value.Value
		for row := range left {
			met := false
			if key, null := keyOf(j.left, row); !null {
				for _, other := range found[key] {
					both = append(append(both[:0], row...), other...)
					if j.condition != nil && !j.condition(both).Bool() {
						continue
					}
					met = true
					if !yield(both) {
						return
					}
				}
			}
			if !met && j.outer {
				both = append(append(both[:0], row...), make([]value.Value, j.width)...)
				if !yield(both) {
					return
				}
			}
		}
	}
}

func keyOf(of []expr.Func, row []value.Value) (key string, null bool) {
	var b []byte
	for _, f := range of {
		v := f(row)
		null = null || v.IsNull()
		b = value.Append(b, v)
	}
	return string(b), null
}
