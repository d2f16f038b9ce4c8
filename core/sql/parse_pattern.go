package sql

import (
	"math"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
)

// What a MATCH_RECOGNIZE may have at most.
const (
	maxVariables = 64
	maxShapes    = 2000
	maxTimes     = 2000 // of {n}
)

// patternBody: AS SELECT … FROM … MATCH_RECOGNIZE (…).
func (p *parser) patternBody(c Create) *CreatePattern {
	p.expect("AS")
	p.recognizes = true
	st := &CreatePattern{Create: c, Query: p.query()}
	p.recognizes = false
	if st.Query.Match == nil {
		p.expected("MATCH_RECOGNIZE (…), which says what a pattern is")
	}
	return st
}

// match: MATCH_RECOGNIZE ( [PARTITION BY …] [ORDER BY …] [MEASURES …] [ONE ROW PER MATCH | ALL ROWS PER MATCH] [AFTER MATCH SKIP …]
// PATTERN (…) [WITHIN …] [SUBSET …] [DEFINE …] ) [AS name].
func (p *parser) match() *Match {
	m := &Match{Pos: p.tok.pos}
	p.expect("MATCH_RECOGNIZE")
	p.expectMark("(")
	p.matches = true
	if p.accept("PARTITION") {
		p.expect("BY")
		m.Keys = list(p, maxKeys, "PARTITION BY keys", p.expr)
	}
	if p.accept("ORDER") {
		p.expect("BY")
		m.Order = list(p, maxKeys, "ORDER BY keys", p.order)
	}
	if p.accept("MEASURES") {
		m.Measures = list(p, maxColumns, "measures", p.measure)
	}
	p.rowsPerMatch(m)
	if p.accept("AFTER") {
		p.expect("MATCH", "SKIP")
		p.skipping(m)
	}
	if !p.isWords("PATTERN") {
		p.expected("PATTERN (…)" + p.clauseNear())
	}
	p.advance()
	at := p.tok.pos
	p.expectMark("(")
	shapes := 0
	m.Shape = p.choice(&shapes)
	p.expectMark(")")
	if m.Shape.empty() {
		fail(at, "the pattern can match no rows at all: let it take at least one")
	}
	p.matchWithin(m)
	if p.accept("SUBSET") {
		m.Subsets = list(p, maxVariables, "subsets", p.subset)
	}
	p.matchWithin(m)
	if p.accept("DEFINE") {
		m.Defines = list(p, maxVariables, "variables", func() Define {
			d := Define{Name: p.name("a variable of PATTERN")}
			p.expect("AS")
			d.Condition = p.expr()
			return d
		})
	}
	p.matchWithin(m)
	p.matches = false
	if !p.isMark(")") {
		p.expected("WITHIN, SUBSET, DEFINE or `)`" + p.clauseNear())
	}
	p.advance()
	if p.accept("AS") || p.tok.kind == quotedToken || p.tok.kind == wordToken && !isReserved(p.tok) {
		alias := p.name("a name for the matches")
		m.Alias = &alias
	}
	return m
}

var matchClauses = []string{"PARTITION", "ORDER", "MEASURES", "ONE", "ALL", "AFTER", "PATTERN", "WITHIN", "SUBSET", "DEFINE"}

// clauseNear helps who misspelt a clause, or gave it too late.
func (p *parser) clauseNear() string {
	if p.tok.kind != wordToken {
		return ""
	}
	for _, c := range matchClauses {
		if p.isWords(c) {
			return " (the order is PARTITION BY, ORDER BY, MEASURES, ONE ROW or ALL ROWS PER MATCH, AFTER MATCH SKIP, PATTERN, WITHIN, SUBSET, DEFINE)"
		}
	}
	if near, ok := nearest(p.tok.text, matchClauses); ok {
		return " (is `" + shorten(p.tok.text) + "` meant to be " + near + "?)"
	}
	return ""
}

func (p *parser) measure() Item {
	i := Item{Pos: p.tok.pos, Expr: p.expr()}
	if !p.accept("AS") {
		p.expected("AS and the measure's name")
	}
	name := p.name("the measure's name")
	i.Alias = &name
	return i
}

func (p *parser) rowsPerMatch(m *Match) {
	switch {
	case p.accept("ONE"):
		p.expect("ROW", "PER")
	case p.accept("ALL"):
		p.expect("ROWS", "PER")
		m.AllRows = true
	default:
		return
	}
	p.expect("MATCH")
	if at := p.tok.pos; p.isWords("SHOW") || p.isWords("OMIT") || p.isWords("WITH") {
		fail(at, "each match has rows, and rows without a match are not told: leave %s … out", strings.ToUpper(p.tok.text))
	}
}

// skipping: PAST LAST ROW | TO NEXT ROW | TO FIRST x | TO LAST x | TO x, which is TO LAST x.
func (p *parser) skipping(m *Match) {
	if p.oneOf("PAST", "TO") == "PAST" {
		p.expect("LAST", "ROW")
		return
	}
	switch {
	case p.accept("NEXT"):
		p.expect("ROW")
		m.Skip = plan.Skip_TO_NEXT_ROW
		return
	case p.accept("FIRST"):
		m.Skip = plan.Skip_TO_FIRST
	default:
		p.accept("LAST")
		m.Skip = plan.Skip_TO_LAST
	}
	name := p.name("NEXT ROW, FIRST and a variable, or LAST and a variable")
	m.SkipTo = &name
}

// matchWithin: WITHIN INTERVAL '1' HOUR, or WITHIN 1 HOUR.
func (p *parser) matchWithin(m *Match) {
	if !p.isWords("WITHIN") {
		return
	}
	if at := p.tok.pos; m.Within != 0 {
		fail(at, "WITHIN is given twice")
	}
	p.advance()
	at := p.tok.pos
	if p.isWords("INTERVAL") {
		m.Within = p.interval().(*Interval).Micros
	} else {
		m.Within = p.span()
	}
	if m.Within == 0 {
		fail(at, "WITHIN takes a length of time above 0")
	}
}

func (p *parser) subset() Subset {
	s := Subset{Name: p.name("a name for several variables")}
	p.expectMark("=")
	p.expectMark("(")
	s.Of = list(p, maxVariables, "variables", func() Ident { return p.name("a variable of PATTERN") })
	p.expectMark(")")
	return s
}

// choice: sequences with | between.
func (p *parser) choice(shapes *int) *Shape {
	if p.depth++; p.depth > maxDepth/2 {
		fail(p.tok.pos, "the pattern is nested deeper than %d", maxDepth/2)
	}
	defer func() { p.depth-- }()
	s := &Shape{Pos: p.tok.pos, Kind: ChoiceShape, Parts: []*Shape{p.sequence(shapes)}}
	for p.acceptMark("|") {
		s.Parts = append(s.Parts, p.sequence(shapes))
	}
	if len(s.Parts) == 1 {
		return s.Parts[0]
	}
	return s
}

func (p *parser) sequence(shapes *int) *Shape {
	s := &Shape{Pos: p.tok.pos, Kind: SequenceShape}
	for !p.isMark(")") && !p.isMark("|") {
		if *shapes++; *shapes > maxShapes {
			fail(p.tok.pos, "a pattern of more than %d steps", maxShapes)
		}
		next := p.step(shapes)
		if before := len(s.Parts) - 1; before >= 0 && s.Parts[before].Kind == AbsentShape && next.Kind != FollowedShape {
			fail(next.Pos, "after NOT FOLLOWED BY comes FOLLOWED BY, or the end of the pattern")
		}
		s.Parts = append(s.Parts, next)
	}
	if len(s.Parts) == 0 {
		p.expected("a variable, like A or A+")
	}
	if len(s.Parts) == 1 {
		return s.Parts[0]
	}
	return s
}

func (p *parser) step(shapes *int) *Shape {
	s := &Shape{Pos: p.tok.pos}
	switch {
	case p.isWords("NOT"):
		p.expect("NOT", "FOLLOWED", "BY")
		s.Kind = AbsentShape
		bracket := p.acceptMark("(")
		s.Parts = []*Shape{p.variable()}
		for p.acceptMark("|") {
			s.Parts = append(s.Parts, p.variable())
		}
		if bracket {
			p.expectMark(")")
		}
		if p.isMark("*") || p.isMark("+") || p.isMark("?") || p.isMark("{") {
			fail(p.tok.pos, "NOT FOLLOWED BY takes variables without quantifiers: one row of them is enough")
		}
		return s
	case p.accept("FOLLOWED"):
		p.expect("BY")
		s.Kind, s.Any = FollowedShape, p.accept("ANY")
		of := p.step(shapes)
		if of.empty() || !of.direct() {
			fail(of.Pos, "FOLLOWED BY is followed by something that takes a row, and begins with it")
		}
		s.Parts = []*Shape{of}
		return s
	case p.isWords("PERMUTE"):
		if p.peek.kind == markToken && p.peek.text == "(" {
			unsupported(p.tok.pos, "PERMUTE")
		}
	case p.isMark("{"):
		excluded(p)
	case p.acceptMark("("):
		s = p.choice(shapes)
		p.expectMark(")")
		return p.quantified(s)
	}
	return p.quantified(p.variable())
}

func excluded(p *parser) {
	if p.peek.kind == markToken && p.peek.text == "-" {
		unsupported(p.tok.pos, "leaving rows out with {- … -}")
	}
}

func (p *parser) variable() *Shape {
	s := &Shape{Pos: p.tok.pos, Kind: VariableShape}
	s.Name = p.name("a variable")
	return s
}

// quantified: ? * + {n} {n,} {n,m} {,m}, and ? behind it for as few as can be.
func (p *parser) quantified(of *Shape) *Shape {
	s := &Shape{Pos: of.Pos, Kind: RepeatShape, Parts: []*Shape{of}}
	switch at := p.tok.pos; {
	case p.acceptMark("?"):
		s.Most = 1
	case p.acceptMark("*"):
	case p.acceptMark("+"):
		s.Least = 1
	case p.isMark("{"):
		excluded(p)
		p.advance()
		p.howOften(s)
		if s.Most > 0 && s.Most < s.Least {
			fail(at, "{%d,%d}: the second number is the larger one", s.Least, s.Most)
		}
	default:
		return of
	}
	s.Reluctant = p.acceptMark("?")
	if p.isMark("*") || p.isMark("+") || p.isMark("{") {
		fail(p.tok.pos, "a second quantifier; put brackets around what the first is of")
	}
	return s
}

func (p *parser) howOften(s *Shape) {
	number := func() uint32 {
		at := p.tok.pos
		n := p.integer("how many times")
		if n > maxTimes {
			fail(at, "at most %d times; count rows with COUNT(*) in DEFINE rather than with {n}", maxTimes)
		}
		return uint32(min(n, math.MaxInt32))
	}
	least := !p.isMark(",")
	if least {
		s.Least = number()
	}
	at := p.tok.pos
	if !p.acceptMark(",") {
		s.Most = s.Least
		if s.Most == 0 {
			fail(at, "{0} is no row at all")
		}
	} else if !p.isMark("}") {
		if s.Most = number(); s.Most == 0 {
			fail(at, "at most 0 is no row at all")
		}
	} else if !least {
		p.expected("how many times")
	}
	p.expectMark("}")
}

// emitOnArrival: EMIT ON ARRIVAL is all that a pattern takes; else matches are told once, when they are certain.
func (p *parser) emitOnArrival(s *Select) {
	if !p.accept("ON") {
		fail(s.EmitPos, "a match is told once, as soon as it is certain: leave EMIT out, or say EMIT ON ARRIVAL to be told before the watermark, and again when it changes")
	}
	p.expect("ARRIVAL")
	s.Emit = EmitOnArrival
}
