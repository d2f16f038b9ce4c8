// Package expr turns a plan's typed expression trees into closures over typed rows. Edges and cores evaluate the
// same bytes with the same code, so a filter means one thing everywhere.
//
//	plan.Expr ──Compile──▶ func(row []value.Value) value.Value
//
//	expr.go       Compile: columns, literals, calls
//	table.go      the table of functions, Signature, and how argument kinds are stated
//	types.go      which kinds mix, and what comes out
//	logic.go      AND OR NOT, IS NULL, CASE, COALESCE, NULLIF …: three-valued logic
//	compare.go    = <> < <= > >=, BETWEEN, IN, GREATEST, LEAST
//	arithmetic.go + − * / %; decimal.go their exact form for DECIMAL
//	number.go     ABS ROUND FLOOR CEIL SIGN SQRT
//	text.go       UPPER LOWER LEN SUBSTRING TRIM CONCAT || …; like.go LIKE
//	cast.go       CAST; time.go times and intervals; geo.go cells and distances
//
// A function is one entry of the table: its name, the kinds it takes, the type it gives and its maker, in the file
// of its sort. core/sql checks statements against that same table (Signature), so there is no second list to forget.
//
// What a value cannot be, is NULL: a division by zero, an integer or decimal result past 64 bits, a double past its
// range, a CAST of text that is no number, a point off the globe. A reading is never lost to an expression.
//
// The package does not parse, knows no aggregates and has no clock: NOW() is a literal by the time it gets here.
package expr

import (
	"errors"
	"fmt"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// MaxDepth bounds the nesting of an expression: plans come over the network, and Compile recurses.
const MaxDepth = 256

// maxColumn bounds column indexes, so that a broken plan is refused.
const maxColumn = 1 << 16

// Func evaluates an expression over a row. It keeps nothing and may be called from several goroutines.
// A row that is too short has NULL in the columns it lacks.
type Func = func(row []value.Value) value.Value

// Compile makes the closure of e. It checks the whole tree: a plan of unknown functions or with types that do not
// fit is refused, never guessed at.
func Compile(e *plan.Expr) (func(row []value.Value) value.Value, error) {
	n, err := compile(e, 0)
	if err != nil {
		return nil, err
	}
	return n.eval, nil
}

// node is a compiled sub-expression, and what its caller may know to choose a faster closure.
type node struct {
	typ     value.Type
	eval    Func
	column  int // −1: not a plain column
	literal bool
	value   value.Value // of a literal
}

func compile(e *plan.Expr, depth int) (node, error) {
	if depth > MaxDepth {
		return node{}, fmt.Errorf("the expression is nested deeper than %d", MaxDepth)
	}
	t := e.GetType().Value()
	if t.Kind > value.Cell || t.Kind == value.Decimal && t.Scale > maxScale {
		return node{}, fmt.Errorf("unknown type %d of an expression", t.Kind)
	}
	switch x := e.GetNode().(type) {
	case *plan.Expr_Column:
		return compileColumn(x.Column, t)
	case *plan.Expr_Literal:
		return compileLiteral(x.Literal, t)
	case *plan.Expr_Call:
		return compileCall(x.Call, t, depth)
	}
	return node{}, errors.New("an expression without content")
}

func compileColumn(index uint32, t value.Type) (node, error) {
	if index >= maxColumn {
		return node{}, fmt.Errorf("column %d is out of range", index)
	}
	c := int(index)
	return node{typ: t, column: c, eval: func(row []value.Value) value.Value {
		if c < len(row) {
			return row[c]
		}
		return value.Value{}
	}}, nil
}

func compileLiteral(bytes []byte, t value.Type) (node, error) {
	v, rest, err := value.Read(bytes)
	if err != nil || len(rest) > 0 {
		return node{}, errors.New("a literal that is no value")
	}
	if !v.IsNull() && (v.Kind() != t.Kind || t.Kind == value.Decimal && v.Scale() != t.Scale) {
		return node{}, fmt.Errorf("a literal of kind %s where %s was announced", v.Kind(), t)
	}
	return node{typ: t, column: -1, literal: true, value: v, eval: func([]value.Value) value.Value { return v }}, nil
}

func compileCall(c *plan.Call, t value.Type, depth int) (node, error) {
	args := make([]node, len(c.GetArguments()))
	types := make([]value.Type, len(args))
	for i, a := range c.GetArguments() {
		var err error
		if args[i], err = compile(a, depth+1); err != nil {
			return node{}, err
		}
		types[i] = args[i].typ
	}
	if c.GetFunction() == castName {
		if len(args) != 1 {
			return node{}, errors.New("CAST takes one argument")
		}
		if err := CanCast(types[0], t); err != nil {
			return node{}, err
		}
		return node{typ: t, column: -1, eval: cast(args[0], t)}, nil
	}
	f, err := lookup(c.GetFunction())
	if err != nil {
		return node{}, err
	}
	got, err := f.typ(f, types)
	if err != nil {
		return node{}, err
	}
	if got.Kind != t.Kind || got.Kind == value.Decimal && got.Scale != t.Scale {
		return node{}, fmt.Errorf("%s gives %s where %s was announced", f.name, got, t)
	}
	eval, err := f.make(args, t)
	if err != nil {
		return node{}, err
	}
	return node{typ: t, column: -1, eval: eval}, nil
}
