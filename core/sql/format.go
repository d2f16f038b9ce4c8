package sql

import (
	"fmt"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Format writes an expression as SQL, with parentheses only where they matter. Parsed again it is the same.
func Format(e Expr) string {
	var b strings.Builder
	format(&b, e, orPower)
	return b.String()
}

func format(b *strings.Builder, e Expr, least int) {
	switch x := e.(type) {
	case *Literal:
		if x.Kind == StringLiteral {
			b.WriteString("'" + strings.ReplaceAll(x.Text, "'", "''") + "'")
			return
		}
		b.WriteString(x.Text)
	case *Interval:
		fmt.Fprintf(b, "INTERVAL '%d' %s", x.Micros/unitOf(x.Micros).micros, unitOf(x.Micros).name)
	case *Name:
		if x.Table != nil {
			b.WriteString(quoteName(*x.Table) + ".")
		}
		b.WriteString(quoteName(x.Ident))
	case *Cast:
		b.WriteString("CAST(")
		format(b, x.X, orPower)
		b.WriteString(" AS " + x.Type.String() + ")")
	case *Call:
		power := callPower(x)
		if power < least {
			b.WriteString("(")
			formatCall(b, x, power)
			b.WriteString(")")
			return
		}
		formatCall(b, x, power)
	}
}

// callPower is how tightly the call's written form binds.
func callPower(c *Call) int {
	switch c.Function {
	case "NEG":
		return signPower
	case "IS NULL", "IS NOT NULL":
		return comparePower
	}
	if p, ok := powers[c.Function]; ok {
		return p
	}
	return atomPower
}

func formatCall(b *strings.Builder, c *Call, power int) {
	infix := func(op string, args ...Expr) {
		for i, a := range args {
			if i > 0 {
				b.WriteString(" " + op + " ")
			}
			at := power + 1
			if i == 0 && power != comparePower {
				at = power
			}
			format(b, a, at)
		}
	}
	switch c.Function {
	case "NEG":
		b.WriteString("-(")
		format(b, c.Args[0], orPower)
		b.WriteString(")")
	case "NOT":
		b.WriteString("NOT ")
		format(b, c.Args[0], notPower)
	case "IS NULL", "IS NOT NULL":
		format(b, c.Args[0], joinPower)
		b.WriteString(" " + c.Function)
	case "IN":
		format(b, c.Args[0], joinPower)
		b.WriteString(" IN ")
		formatList(b, c.Args[1:])
	case "BETWEEN":
		format(b, c.Args[0], joinPower)
		b.WriteString(" BETWEEN ")
		format(b, c.Args[1], joinPower)
		b.WriteString(" AND ")
		format(b, c.Args[2], joinPower)
	case "LIKE":
		infix("LIKE", c.Args[:2]...)
		if len(c.Args) == 3 {
			b.WriteString(" ESCAPE ")
			format(b, c.Args[2], joinPower)
		}
	case "CASE":
		b.WriteString("CASE")
		formatCases(b, c.Args)
	case "CASE_OF":
		b.WriteString("CASE ")
		format(b, c.Args[0], orPower)
		formatCases(b, c.Args[1:])
	default:
		if power != atomPower {
			infix(c.Function, c.Args...)
			return
		}
		b.WriteString(quoteName(Ident{Name: c.Function}))
		switch {
		case c.Star:
			b.WriteString("(*)")
		case c.Distinct:
			b.WriteString("(DISTINCT ")
			format(b, c.Args[0], orPower)
			b.WriteString(")")
		default:
			formatList(b, c.Args)
		}
	}
}

func formatList(b *strings.Builder, list []Expr) {
	b.WriteString("(")
	for i, e := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		format(b, e, orPower)
	}
	b.WriteString(")")
}

func formatCases(b *strings.Builder, args []Expr) {
	for i := 0; i+1 < len(args); i += 2 {
		b.WriteString(" WHEN ")
		format(b, args[i], orPower)
		b.WriteString(" THEN ")
		format(b, args[i+1], orPower)
	}
	b.WriteString(" ELSE ")
	format(b, args[len(args)-1], orPower)
	b.WriteString(" END")
}

// quoteName puts quotes around names that need them.
func quoteName(i Ident) string {
	plain := wordLength(i.Name) == len(i.Name) && i.Name != "" && isLetter([]rune(i.Name)[0]) && !reserved[strings.ToUpper(i.Name)]
	if plain && !i.Quoted {
		return i.Name
	}
	return `"` + strings.ReplaceAll(i.Name, `"`, `""`) + `"`
}

// written turns a plan's expression back into syntax. names gives the columns that it is evaluated over.
func written(e *plan.Expr, names []Expr) Expr {
	switch x := e.GetNode().(type) {
	case *plan.Expr_Column:
		if int(x.Column) < len(names) {
			return names[x.Column]
		}
	case *plan.Expr_Literal:
		v, _, _ := value.Read(x.Literal)
		switch {
		case v.IsNull():
			return &Literal{Text: "NULL"}
		case v.Kind().Numeric(), v.Kind() == value.Bool:
			return &Literal{Kind: NumberLiteral, Text: strings.ToUpper(v.Text())}
		}
		return &Literal{Kind: StringLiteral, Text: v.Text()}
	case *plan.Expr_Call:
		args := make([]Expr, len(x.Call.Arguments))
		for i, a := range x.Call.Arguments {
			args[i] = written(a, names)
		}
		switch {
		case x.Call.Function == "CAST":
			return &Cast{X: args[0], Type: typeOf(e)}
		case x.Call.Function == "+interval":
			return shiftWritten(args[0], x.Call.Arguments[1])
		}
		return &Call{Function: x.Call.Function, Args: args}
	}
	return &Name{Ident: Ident{Name: "?"}}
}

func shiftWritten(base Expr, by *plan.Expr) Expr {
	v, _, _ := value.Read(by.GetLiteral())
	if v.Int() < 0 {
		return &Call{Function: "-", Args: []Expr{base, &Interval{Micros: -v.Int()}}}
	}
	return &Call{Function: "+", Args: []Expr{base, &Interval{Micros: v.Int()}}}
}
