package sql

import (
	"math"
	"strconv"
	"strings"
)

var units = []struct {
	name   string
	micros int64
}{
	{"MILLISECOND", 1e3}, {"SECOND", 1e6}, {"MINUTE", 60e6}, {"HOUR", 3600e6}, {"DAY", 86400e6},
}

// maxSpan keeps times plus a span far from the end of 64 bits: 1,000 years.
const maxSpan = 1000 * 366 * 86400_000_000

// window: TUMBLING (SIZE 10 SECONDS [, RETENTION 7 DAYS] [, GRACE PERIOD 1 HOUR]).
func (p *parser) window() *Window {
	w := &Window{Pos: p.tok.pos}
	if p.isWords("HOPPING") || p.isWords("SESSION") {
		unsupported(p.tok.pos, "WINDOW "+strings.ToUpper(p.tok.text))
	}
	p.oneOf("TUMBLING", "HOPPING", "SESSION")
	p.expectMark("(")
	p.expect("SIZE")
	at := p.tok.pos
	if w.Size = p.span(); w.Size == 0 {
		fail(at, "a window of size 0 holds nothing")
	}
	for p.acceptMark(",") {
		at := p.tok.pos
		var part **int64
		what := p.oneOf("GRACE", "RETENTION")
		if what == "GRACE" {
			p.expect("PERIOD")
			part = &w.Grace
		} else {
			part = &w.Retention
		}
		if *part != nil {
			fail(at, "%s is given twice", what)
		}
		span := p.span()
		*part = &span
	}
	p.expectMark(")")
	return w
}

// span: a whole number and a unit, in µs.
func (p *parser) span() int64 {
	at := p.tok.pos
	n := p.integer("a length of time like 10 SECONDS")
	return p.times(at, n)
}

func (p *parser) times(at Pos, n int64) int64 {
	if p.tok.kind != wordToken {
		p.expected("a unit of time (" + unitNames() + ")")
	}
	word := strings.ToUpper(p.tok.text)
	for _, u := range units {
		if word == u.name || word == u.name+"S" {
			p.advance()
			if n > maxSpan/u.micros {
				fail(at, "%d %s are too long: at most 1000 years", n, word)
			}
			return n * u.micros
		}
	}
	var names []string
	for _, u := range units {
		names = append(names, u.name, u.name+"S")
	}
	fail(p.tok.pos, "expected a unit of time (%s), found %s%s", unitNames(), p.tok, didYouMean(word, names))
	return 0
}

func unitNames() string {
	var names []string
	for _, u := range units {
		names = append(names, u.name+"S")
	}
	return strings.Join(names, ", ")
}

// interval: INTERVAL '10' SECOND, or with the number bare.
func (p *parser) interval() Expr {
	e := &Interval{Pos: p.advance().pos}
	if p.tok.kind == stringToken {
		at := p.tok.pos
		text := p.advance().text
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil || n < 0 || n == math.MaxInt64 {
			fail(at, "expected a whole number as in INTERVAL '10' SECOND, found '%s'", shorten(text))
		}
		e.Micros = p.times(at, n)
		return e
	}
	e.Micros = p.span()
	return e
}
