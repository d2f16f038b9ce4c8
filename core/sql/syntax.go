package sql

import (
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
)

// Ident is a name as written. Without quotes it matches whatever the case.
type Ident struct {
	Pos    Pos
	Name   string
	Quoted bool
}

// Is reports that the identifier means name.
func (i Ident) Is(name string) bool {
	if i.Quoted {
		return i.Name == name
	}
	return strings.EqualFold(i.Name, name)
}

// Expr is an expression as written.
type Expr interface{ position() Pos }

// LiteralKind tells literals apart.
type LiteralKind uint8

// The kinds of literals.
const (
	NullLiteral LiteralKind = iota
	BoolLiteral
	NumberLiteral
	StringLiteral
)

// The expressions. Operators are calls too, under the names that protocol/expr gives them.
type (
	// Literal keeps a number's text, since only its neighbours say whether 1.50 is a DOUBLE or a DECIMAL.
	Literal struct {
		Pos  Pos
		Kind LiteralKind
		Text string
	}
	// Interval is INTERVAL '10' SECOND.
	Interval struct {
		Pos    Pos
		Micros int64
	}
	// Name is a column, an alias or a window bound.
	Name struct {
		Table *Ident // v in v.speed
		Ident Ident
	}
	// Call is a function, an aggregate or an operator.
	Call struct {
		Pos      Pos
		Function string
		Args     []Expr
		Star     bool // COUNT(*)
		Distinct bool // COUNT(DISTINCT x)
		depth    int
	}
	// Cast is CAST(x AS type).
	Cast struct {
		Pos   Pos
		X     Expr
		Type  value.Type
		depth int
	}
)

func (e *Literal) position() Pos  { return e.Pos }
func (e *Interval) position() Pos { return e.Pos }
func (e *Name) position() Pos     { return e.Ident.Pos }
func (e *Call) position() Pos     { return e.Pos }
func (e *Cast) position() Pos     { return e.Pos }

func depthOf(e Expr) int {
	switch x := e.(type) {
	case *Call:
		return x.depth
	case *Cast:
		return x.depth
	}
	return 1
}

// same reports that two expressions mean the same wherever names do: GROUP BY h3(lat, lon, 9) is the
// H3(LAT, lon, 9) of the select list.
func same(a, b Expr) bool {
	switch x := a.(type) {
	case *Literal:
		y, ok := b.(*Literal)
		return ok && x.Kind == y.Kind && x.Text == y.Text
	case *Interval:
		y, ok := b.(*Interval)
		return ok && x.Micros == y.Micros
	case *Name: // with one table its name adds nothing; with several, scope.qualify wrote it before each column
		y, ok := b.(*Name)
		return ok && sameIdent(x.Ident, y.Ident) && (!x.qualified() && !y.qualified() || x.qualified() && y.qualified() && x.Table.Name == y.Table.Name)
	case *Cast:
		y, ok := b.(*Cast)
		return ok && x.Type == y.Type && same(x.X, y.X)
	case *Call:
		y, ok := b.(*Call)
		if !ok || !strings.EqualFold(x.Function, y.Function) || len(x.Args) != len(y.Args) || x.Star != y.Star || x.Distinct != y.Distinct {
			return false
		}
		for i := range x.Args {
			if !same(x.Args[i], y.Args[i]) {
				return false
			}
		}
		return true
	}
	return false
}

// qualified tells a relation's name that scope.qualify wrote from what is merely written before a column.
func (e *Name) qualified() bool { return e.Table != nil && e.Table.Pos == e.Ident.Pos }

func sameIdent(a, b Ident) bool {
	if a.Quoted {
		return b.Is(a.Name)
	}
	return a.Is(b.Name)
}
