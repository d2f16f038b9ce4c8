package sql

import (
	"math"
	"strconv"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

func literalType(l *Literal) value.Type {
	switch l.Kind {
	case BoolLiteral:
		return value.Type{Kind: value.Bool}
	case StringLiteral:
		return value.Type{Kind: value.String}
	case NumberLiteral:
		if strings.ContainsAny(l.Text, ".eE") {
			return value.Type{Kind: value.Double}
		}
		return value.Type{Kind: value.Int}
	}
	return value.Type{}
}

func literalValue(l *Literal) value.Value {
	switch literalType(l).Kind {
	case value.Bool:
		return value.OfBool(l.Text == "TRUE")
	case value.String:
		return value.OfString(l.Text)
	case value.Int:
		i, err := strconv.ParseInt(l.Text, 10, 64)
		if err != nil {
			fail(l.Pos, "%s is too large for a BIGINT", shorten(l.Text))
		}
		return value.OfInt(i)
	case value.Double:
		f, err := strconv.ParseFloat(l.Text, 64)
		if err != nil || math.IsInf(f, 0) {
			fail(l.Pos, "%s is too large for a DOUBLE", shorten(l.Text))
		}
		return value.OfDouble(f)
	}
	return value.Value{}
}

// The makers of plan expressions.

func typeOf(e *plan.Expr) value.Type { return e.GetType().Value() }

func planType(t value.Type) *plan.Type {
	return &plan.Type{Kind: uint32(t.Kind), Precision: uint32(t.Precision), Scale: uint32(t.Scale)}
}

func columnExpr(i int, t value.Type) *plan.Expr {
	return &plan.Expr{Type: planType(t), Node: &plan.Expr_Column{Column: uint32(i)}}
}

func literalExpr(t value.Type, v value.Value) *plan.Expr {
	return &plan.Expr{Type: planType(t), Node: &plan.Expr_Literal{Literal: value.Append(nil, v)}}
}

func callExpr(name string, t value.Type, args []*plan.Expr) *plan.Expr {
	return &plan.Expr{Type: planType(t), Node: &plan.Expr_Call{Call: &plan.Call{Function: name, Arguments: args}}}
}
