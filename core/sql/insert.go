package sql

import (
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// InsertRows gives the stream that an INSERT writes to and its rows, with a value for each of the stream's columns:
// NULL for those not named. now (µs) is what NOW() gives.
func InsertRows(p *plan.Plan, st *Insert, now int64) (stream *plan.Stream, rows [][]value.Value, err error) {
	defer catch(&err)
	stream, ok := findNamed(p.GetStreams(), st.Stream)
	if !ok {
		if v, isView := findNamed(p.GetViews(), st.Stream); isView {
			fail(st.Stream.Pos, "%s is a view; rows are inserted into streams", v.Name)
		}
		fail(st.Stream.Pos, "no stream `%s`%s", st.Stream.Name, didYouMean(st.Stream.Name, namesOf(p.GetStreams())))
	}
	s := &scope{Relation: StreamRelation(stream)}
	columns := insertColumns(s, st)
	nodes := newWork(p)
	b := &binder{leaf: noLeaf, now: &now, nodes: nodes}
	for _, in := range st.Rows {
		if len(in) != len(columns) {
			fail(in[0].position(), "%d values for %d columns", len(in), len(columns))
		}
		nodes.n = 0
		row := make([]value.Value, len(s.Columns))
		for i, e := range in {
			row[columns[i]] = b.constant(e, s.Columns[columns[i]])
		}
		rows = append(rows, row)
	}
	return stream, rows, nil
}

func insertColumns(s *scope, st *Insert) []int {
	var columns []int
	if st.Columns == nil {
		for i := range s.Columns {
			columns = append(columns, i)
		}
		return columns
	}
	seen := map[int]bool{}
	for _, name := range st.Columns {
		i := s.column(&Name{Ident: name})
		if seen[i] {
			fail(name.Pos, "column `%s` is named twice", name.Name)
		}
		seen[i] = true
		columns = append(columns, i)
	}
	return columns
}

func noLeaf(e Expr) *plan.Expr {
	if n, ok := e.(*Name); ok {
		fail(n.Ident.Pos, "VALUES hold no columns; text needs single quotes: '%s'", shorten(n.Ident.Name))
	}
	return nil
}

// constant computes e as a value of the column's type. What would be lost is refused, not rounded away.
func (b *binder) constant(e Expr, c Column) value.Value {
	if lit, ok := e.(*Literal); ok && flexible(lit) {
		number := lit.Kind == NumberLiteral
		if number == c.Type.Kind.Numeric() || c.Type.Kind == value.Timestamp {
			v, err := value.Parse(c.Type, lit.Text)
			if err != nil {
				fail(lit.Pos, "column `%s`: '%s' is no %s", c.Name, shorten(lit.Text), c.Type)
			}
			return v
		}
	}
	bound := b.bind(e)
	from := typeOf(bound)
	widens := from.Kind == value.Null || from.Kind == c.Type.Kind || from.Kind.Numeric() && c.Type.Kind.Numeric()
	if !widens {
		fail(e.position(), "column `%s` is %s, not %s", c.Name, c.Type, from)
	}
	if from != c.Type {
		bound = b.folded(e.position(), callExpr("CAST", c.Type, []*plan.Expr{bound}))
	}
	f, err := expr.Compile(bound)
	if err != nil {
		fail(e.position(), "%s", err)
	}
	return f(nil)
}
