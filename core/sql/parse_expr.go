package sql

import "strings"

// How tightly operators bind; prefix NOT and − have places of their own.
const (
	orPower = iota + 1
	andPower
	notPower
	comparePower
	joinPower
	sumPower
	productPower
	signPower
	atomPower
)

var powers = map[string]int{
	"OR": orPower, "AND": andPower, "NOT": notPower, "=": comparePower, "<>": comparePower, "!=": comparePower, "<": comparePower, "<=": comparePower,
	">": comparePower, ">=": comparePower, "IS": comparePower, "IN": comparePower, "BETWEEN": comparePower, "LIKE": comparePower,
	"||": joinPower, "+": sumPower, "-": sumPower, "*": productPower, "/": productPower, "%": productPower,
}

func (p *parser) expr() Expr { return p.operand(orPower) }

// operand reads an expression of operators that bind at least as tightly as least.
func (p *parser) operand(least int) Expr {
	if p.depth++; p.depth > maxDepth {
		fail(p.tok.pos, "the expression is nested deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	left := p.prefix()
	for {
		op := p.infix()
		power := powers[op.text]
		if power < least || power == 0 {
			return left
		}
		left = p.combine(left, op, power)
		if power == comparePower {
			if next := p.infix(); powers[next.text] == comparePower {
				fail(next.pos, "comparisons cannot be chained; use AND")
			}
		}
	}
}

// infix gives the operator at hand in capitals, or an empty one. NOT stands here for NOT IN, NOT LIKE, NOT BETWEEN.
func (p *parser) infix() token {
	t := p.tok
	t.text = strings.ToUpper(t.text)
	switch {
	case t.kind == markToken:
		return t
	case t.kind != wordToken, powers[t.text] == 0:
		return token{pos: t.pos}
	case t.text == "NOT":
		t.text = strings.ToUpper(p.peek.text)
		if t.text != "IN" && t.text != "LIKE" && t.text != "BETWEEN" {
			return token{pos: t.pos}
		}
	}
	return t
}

func (p *parser) combine(left Expr, op token, power int) Expr {
	negated := p.isWords("NOT")
	if negated {
		p.advance()
	}
	p.advance()
	var e Expr
	switch op.text {
	case "AND", "OR", "||": // chains are one call, however long: they are lists, not depth
		right := p.operand(power + 1)
		if c, ok := left.(*Call); ok && c.Function == op.text {
			if len(c.Args) == maxList {
				fail(op.pos, "more than %d conditions", maxList)
			}
			c.Args = append(c.Args, right)
			c.depth = max(c.depth, depthOf(right)+1)
			p.shallow(c.depth, op.pos)
			return c
		}
		return p.call(op.pos, op.text, left, right)
	case "!=":
		return p.call(op.pos, "<>", left, p.operand(power+1))
	case "IS":
		name := "IS NULL"
		if p.accept("NOT") {
			name = "IS NOT NULL"
		}
		p.expect("NULL")
		return p.call(op.pos, name, left)
	case "IN":
		e = p.in(left, op.pos)
	case "BETWEEN":
		low := p.operand(joinPower)
		p.expect("AND")
		e = p.call(op.pos, "BETWEEN", left, low, p.operand(joinPower))
	case "LIKE":
		args := []Expr{left, p.operand(joinPower)}
		if p.accept("ESCAPE") {
			args = append(args, p.operand(joinPower))
		}
		e = p.call(op.pos, "LIKE", args...)
	default:
		return p.call(op.pos, op.text, left, p.operand(power+1))
	}
	if negated {
		return p.call(op.pos, "NOT", e)
	}
	return e
}

func (p *parser) in(left Expr, at Pos) Expr {
	p.expectMark("(")
	if p.isWords("SELECT") {
		unsupported(p.tok.pos, "a sub-select")
	}
	args := append([]Expr{left}, list(p, maxList, "values in a list", p.expr)...)
	p.expectMark(")")
	return p.call(at, "IN", args...)
}

func (p *parser) call(at Pos, name string, args ...Expr) *Call {
	c := &Call{Pos: at, Function: name, Args: args, depth: 1}
	for _, a := range args {
		c.depth = max(c.depth, depthOf(a)+1)
	}
	p.shallow(c.depth, at)
	return c
}

func (p *parser) shallow(depth int, at Pos) {
	if depth > maxDepth {
		fail(at, "the expression is nested deeper than %d", maxDepth)
	}
}

func (p *parser) prefix() Expr {
	t := p.tok
	switch {
	case t.kind == numberToken:
		p.advance()
		return &Literal{Pos: t.pos, Kind: NumberLiteral, Text: t.text}
	case t.kind == stringToken:
		p.advance()
		return &Literal{Pos: t.pos, Kind: StringLiteral, Text: t.text}
	case p.acceptMark("-"):
		if p.tok.kind == numberToken { // −9223372036854775808 has no positive form
			return &Literal{Pos: t.pos, Kind: NumberLiteral, Text: "-" + p.advance().text}
		}
		return p.call(t.pos, "NEG", p.operand(signPower))
	case p.acceptMark("+"):
		return p.operand(signPower)
	case p.acceptMark("("):
		if p.isWords("SELECT") {
			unsupported(p.tok.pos, "a sub-select")
		}
		e := p.expr()
		p.expectMark(")")
		return e
	case p.accept("NOT"):
		return p.call(t.pos, "NOT", p.operand(notPower))
	case p.isWords("NULL"), p.isWords("TRUE"), p.isWords("FALSE"):
		p.advance()
		if text := strings.ToUpper(t.text); text != "NULL" {
			return &Literal{Pos: t.pos, Kind: BoolLiteral, Text: text}
		}
		return &Literal{Pos: t.pos, Kind: NullLiteral, Text: "NULL"}
	case p.isWords("CASE"):
		return p.caseOf()
	case p.isWords("CAST"):
		return p.cast()
	case p.isWords("INTERVAL"):
		return p.interval()
	case p.isWords("EXISTS"):
		unsupported(t.pos, "EXISTS")
	}
	if p.matches && (p.isWords("FINAL") || p.isWords("RUNNING")) && p.peek.kind == wordToken {
		p.advance()
		return p.call(t.pos, strings.ToUpper(t.text), p.prefix())
	}
	name := p.name("an expression")
	if p.isMark("(") {
		return p.function(name)
	}
	if p.acceptMark(".") {
		table := name
		if at := p.tok.pos; p.matches && p.acceptMark("*") {
			return &Name{Table: &table, Ident: Ident{Pos: at, Name: allColumns}}
		}
		return &Name{Table: &table, Ident: p.name("a column of " + table.Name)}
	}
	return &Name{Ident: name}
}

func (p *parser) function(name Ident) Expr {
	c := &Call{Pos: name.Pos, Function: name.Name, depth: 1}
	p.expectMark("(")
	switch {
	case p.acceptMark("*"):
		c.Star = true
	case p.isMark(")"):
	default:
		distinct := p.accept("DISTINCT")
		if p.isWords("SELECT") {
			unsupported(p.tok.pos, "a sub-select")
		}
		c = p.call(name.Pos, name.Name, list(p, maxList, "arguments", p.expr)...)
		c.Distinct = distinct
	}
	p.expectMark(")")
	if p.isWords("OVER") || p.isWords("FILTER") || p.isWords("WITHIN", "GROUP") {
		unsupported(p.tok.pos, strings.ToUpper(p.tok.text))
	}
	return c
}

func (p *parser) cast() Expr {
	c := &Cast{Pos: p.advance().pos}
	p.expectMark("(")
	c.X = p.expr()
	p.expect("AS")
	c.Type = p.typeName()
	p.expectMark(")")
	c.depth = depthOf(c.X) + 1
	p.shallow(c.depth, c.Pos)
	return c
}

// caseOf: CASE WHEN c THEN r … is the function CASE, CASE x WHEN v THEN r … is CASE_OF; ELSE is always there.
func (p *parser) caseOf() Expr {
	at, name := p.advance().pos, "CASE"
	var args []Expr
	if !p.isWords("WHEN") {
		name, args = "CASE_OF", []Expr{p.expr()}
	}
	for {
		p.expect("WHEN")
		args = append(args, p.expr())
		p.expect("THEN")
		args = append(args, p.expr())
		if len(args) > maxList {
			fail(at, "more than %d cases", maxList/2)
		}
		if !p.isWords("WHEN") {
			break
		}
	}
	if p.accept("ELSE") {
		args = append(args, p.expr())
	} else {
		args = append(args, &Literal{Pos: p.tok.pos, Kind: NullLiteral, Text: "NULL"})
	}
	p.expect("END")
	return p.call(at, name, args...)
}
