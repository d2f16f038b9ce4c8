package sql

import (
	"strings"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// coerce lets literals take the type of what they stand beside: '2016-11-25' beside a TIMESTAMP, '8928…' beside a
// CELL, 1.50 beside a DECIMAL. Only literals are, and only there: between columns a CAST must say what is meant.
func coerce(function string, source []Expr, args []*plan.Expr) {
	for _, peers := range peersOf(function, len(args)) {
		var types []value.Type
		for _, i := range peers {
			if !flexible(source[i]) {
				types = append(types, typeOf(args[i]))
			}
		}
		t, err := expr.Common(types...)
		if err != nil {
			continue // Signature says it better
		}
		if t.Kind != value.Decimal && strings.Contains("+-*%", function) {
			continue // a time plus a time would make no sense either
		}
		for _, i := range peers {
			if lit, ok := source[i].(*Literal); ok && flexible(lit) {
				if to, ok := target(lit, t); ok {
					args[i] = coerced(lit, to)
				}
			}
		}
	}
	if lit, ok := first(source).(*Literal); ok && function == "h3_parent" && lit.Kind == StringLiteral {
		args[0] = coerced(lit, value.Type{Kind: value.Cell})
	}
}

// peersOf gives the groups of arguments that must be of one type.
func peersOf(function string, n int) [][]int {
	span := func(from, to, step int) (is []int) {
		for i := from; i < to; i += step {
			is = append(is, i)
		}
		return is
	}
	switch function {
	case "=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN", "COALESCE", "IFNULL", "NULLIF", "GREATEST", "LEAST", "+", "-", "*", "%":
		return [][]int{span(0, n, 1)}
	case "CASE":
		return [][]int{append(span(1, n, 2), n-1)}
	case "CASE_OF":
		return [][]int{append([]int{0}, span(1, n-1, 2)...), append(span(2, n, 2), n-1)}
	}
	return nil
}

func first(list []Expr) Expr {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// flexible literals are text, and numbers.
func flexible(e Expr) bool {
	lit, ok := e.(*Literal)
	return ok && (lit.Kind == StringLiteral || lit.Kind == NumberLiteral)
}

// target gives the type that lit takes beside values of type t, if another than its own.
func target(lit *Literal, t value.Type) (value.Type, bool) {
	number := lit.Kind == NumberLiteral
	switch t.Kind {
	case value.Timestamp:
		return t, !number || literalType(lit).Kind == value.Int
	case value.Cell:
		return t, !number
	case value.Decimal:
		if !number || strings.ContainsAny(lit.Text, "eE") {
			return t, false
		}
		_, fraction, _ := strings.Cut(lit.Text, ".")
		scale := len(fraction)
		return value.Type{Kind: value.Decimal, Precision: 18, Scale: uint8(min(scale, 18))}, scale > 0 && scale <= 18
	}
	return t, false
}

func coerced(lit *Literal, t value.Type) *plan.Expr {
	v, err := value.Parse(t, lit.Text)
	if err != nil || t.Kind == value.Cell && !cell.Valid(v.Cell()) {
		fail(lit.Pos, "'%s' is no %s", shorten(lit.Text), t.Kind)
	}
	return literalExpr(t, v)
}
