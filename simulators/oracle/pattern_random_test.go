package oracle_test

import (
	"math/rand/v2"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/simulators/oracle"
)

// Columns of the rows of random patterns. The last one is the row's number, so that a match says which rows it has.
const (
	columnX = iota
	columnY
	columnID
	patternColumns
)

var (
	typeInt    = value.Type{Kind: value.Int}
	typeText   = value.Type{Kind: value.String}
	typeDouble = value.Type{Kind: value.Double}
)

func planType(t value.Type) *plan.Type {
	return &plan.Type{Kind: uint32(t.Kind), Precision: uint32(t.Precision), Scale: uint32(t.Scale)}
}

func columnOf(i int, t value.Type) *plan.Expr {
	return &plan.Expr{Type: planType(t), Node: &plan.Expr_Column{Column: uint32(i)}}
}

func literalInt(n int) *plan.Expr {
	return &plan.Expr{Type: planType(typeInt), Node: &plan.Expr_Literal{Literal: value.Append(nil, value.OfInt(int64(n)))}}
}

func literalText(s string) *plan.Expr {
	return &plan.Expr{Type: planType(typeText), Node: &plan.Expr_Literal{Literal: value.Append(nil, value.OfString(s))}}
}

func callOf(function string, args ...*plan.Expr) *plan.Expr {
	types := make([]value.Type, len(args))
	for i, a := range args {
		types[i] = a.Type.Value()
	}
	t, err := expr.Signature(function, types)
	if err != nil {
		panic(err)
	}
	return &plan.Expr{Type: planType(t), Node: &plan.Expr_Call{Call: &plan.Call{Function: function, Arguments: args}}}
}

// patternMaker makes random patterns over few variables and small numbers, so that much of what can happen does.
type patternMaker struct {
	*rand.Rand
	p *plan.Pattern
}

func randomPattern(r *rand.Rand) *plan.Pattern {
	m := &patternMaker{r, &plan.Pattern{Id: 1, Name: "random", Columns: patternColumns, AllRows: r.IntN(2) == 0}}
	for _, name := range []string{"A", "B", "C", "D"}[:1+r.IntN(4)] {
		m.p.Variables = append(m.p.Variables, &plan.Variable{Name: name})
	}
	for _, v := range m.p.Variables {
		if m.IntN(6) > 0 {
			v.Define = m.condition(2)
		}
	}
	m.p.Shape = m.shape(3)
	if m.IntN(3) == 0 {
		m.p.WithinUs = int64(m.IntN(8))
	}
	if m.IntN(6) == 0 { // the end of a pattern
		m.p.Shape = sequence(m.p.Shape, m.absent())
		m.p.WithinUs = 1 + int64(m.IntN(8))
	}
	m.p.Skip = plan.Skip(m.IntN(4))
	if m.p.Skip >= plan.Skip_TO_FIRST {
		m.p.SkipTo = m.variables()
	}
	for range m.IntN(4) {
		x := m.reference(true)
		m.p.Measures = append(m.p.Measures, x)
		m.p.Outputs = append(m.p.Outputs, &plan.Column{Name: "m", Type: x.Type})
	}
	return m.p
}

func (m *patternMaker) variable() uint32 { return uint32(m.IntN(len(m.p.Variables))) }

func (m *patternMaker) variables() []uint32 {
	list := []uint32{m.variable()}
	if v := m.variable(); m.IntN(4) == 0 && v != list[0] {
		list = append(list, v)
	}
	return list
}

func sequence(shapes ...*plan.Shape) *plan.Shape {
	return &plan.Shape{Node: &plan.Shape_Sequence{Sequence: &plan.Shapes{Shapes: shapes}}}
}

func (m *patternMaker) absent() *plan.Shape {
	return &plan.Shape{Node: &plan.Shape_Absent{Absent: &plan.Absent{Variables: m.variables()}}}
}

func (m *patternMaker) shape(depth int) *plan.Shape {
	choice := m.IntN(10)
	if depth == 0 {
		choice = 0
	}
	switch {
	case choice < 2:
		return &plan.Shape{Node: &plan.Shape_Variable{Variable: m.variable()}}
	case choice < 6:
		list := []*plan.Shape{m.shape(depth - 1)}
		for range 1 + m.IntN(2) {
			if m.IntN(8) == 0 {
				list = append(list, m.absent())
			}
			next := m.shape(depth - 1)
			if m.IntN(3) == 0 {
				next = &plan.Shape{Node: &plan.Shape_Followed{Followed: &plan.Followed{Shape: next, Any: m.IntN(2) == 0}}}
			}
			list = append(list, next)
		}
		return sequence(list...)
	case choice < 8:
		shapes := []*plan.Shape{m.shape(depth - 1), m.shape(depth - 1)}
		return &plan.Shape{Node: &plan.Shape_Alternation{Alternation: &plan.Shapes{Shapes: shapes}}}
	default:
		quantifiers := [][2]uint32{{0, 1}, {0, 0}, {1, 0}, {2, 2}, {2, 0}, {1, 3}, {0, 2}, {3, 3}}
		q := quantifiers[m.IntN(len(quantifiers))]
		return &plan.Shape{Node: &plan.Shape_Repeat{Repeat: &plan.Repeat{Shape: m.shape(depth - 1), Least: q[0], Most: q[1], Reluctant: m.IntN(2) == 0}}}
	}
}

var comparisonsOf = []string{"=", "<>", "<", "<=", ">", ">="}

func (m *patternMaker) condition(depth int) *plan.Expr {
	if depth > 0 && m.IntN(4) == 0 {
		return callOf([]string{"AND", "OR"}[m.IntN(2)], m.condition(depth-1), m.condition(depth-1))
	}
	compare := comparisonsOf[m.IntN(len(comparisonsOf))]
	if m.IntN(2) == 0 {
		return callOf(compare, columnOf(m.IntN(2), typeInt), literalInt(m.IntN(3)))
	}
	x := m.reference(false)
	switch {
	case x.Type.Value() == typeText:
		return callOf(compare, x, literalText([]string{"A", "[1,2]"}[m.IntN(2)]))
	case m.IntN(2) == 0:
		return callOf(compare, x, columnOf(m.IntN(2), typeInt))
	}
	return callOf(compare, x, literalInt(m.IntN(5)))
}

// reference adds one, and gives the column that it is.
func (m *patternMaker) reference(measure bool) *plan.Expr {
	r := &plan.Reference{Kind: plan.Reference_Kind(m.IntN(5)), Argument: columnOf(m.IntN(2), typeInt), Final: measure && m.IntN(3) == 0}
	if measure && m.IntN(8) == 0 {
		r.Kind = plan.Reference_MATCH_NUMBER
	}
	t := typeInt
	if m.IntN(3) > 0 {
		r.Variables = m.variables()
	}
	switch r.Kind {
	case plan.Reference_AGGREGATE:
		r.Function = []string{"COUNT", "SUM", "AVG", "MIN", "MAX", "COUNT_DISTINCT", "COLLECT_LIST"}[m.IntN(7)]
		switch r.Function {
		case "COUNT":
			if m.IntN(2) == 0 {
				r.Argument = nil
			}
		case "AVG":
			t = typeDouble
		case "COLLECT_LIST":
			t, r.Argument = typeText, columnOf(columnX, typeInt) // rows of one time are in the order of it
		}
	case plan.Reference_CLASSIFIER:
		t, r.Argument, r.Variables = typeText, nil, nil
	case plan.Reference_MATCH_NUMBER:
		r.Argument, r.Variables = nil, nil
	case plan.Reference_PREV:
		r.Offset, r.Variables = uint32(m.IntN(3)), nil
	default:
		r.Offset = uint32(max(0, m.IntN(4)-1))
	}
	r.Type = planType(t)
	m.p.References = append(m.p.References, r)
	return columnOf(patternColumns+len(m.p.References)-1, t)
}

// randomRows gives rows in order.
func randomRows(r *rand.Rand, n int) []oracle.PatternRow {
	rows := make([]oracle.PatternRow, n)
	us := int64(r.IntN(5))
	for i := range rows {
		values := []value.Value{value.OfInt(r.Int64N(3)), value.OfInt(r.Int64N(3)), value.OfInt(int64(i))}
		if r.IntN(20) == 0 {
			values[columnY] = value.Value{}
		}
		us += r.Int64N(3)
		if i > 0 && us == rows[i-1].Us { // rows of one time are in the order of their columns
			values[columnX], values[columnY] = rows[i-1].Values[columnX], rows[i-1].Values[columnY]
			if values[columnX].Int() < 2 && r.IntN(2) == 0 {
				values[columnX] = value.OfInt(values[columnX].Int() + 1)
			}
		}
		rows[i] = oracle.PatternRow{Us: us, Values: values}
	}
	return rows
}
