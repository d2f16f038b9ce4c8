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

// window: TUMBLING (SIZE 10 SECONDS [, RETENTION 7 DAYS] [, GRACE PERIOD 1 HOUR]), or HOPPING (SIZE 1 HOUR, ADVANCE BY 5 MINUTES …),
// or SESSION (30 SECONDS …).
func (p *parser) window() *Window {
	w := &Window{Pos: p.tok.pos}
	kind := p.oneOf("TUMBLING", "HOPPING", "SESSION")
	p.expectMark("(")
	at := p.tok.pos
	if kind == "SESSION" {
		w.Gap = p.span()
		hasGap(at, w)
	} else {
		p.expect("SIZE")
		at = p.tok.pos
		if w.Size = p.span(); w.Size == 0 {
			fail(at, "a window of size 0 holds nothing")
		}
	}
	if kind == "HOPPING" {
		p.expectMark(",")
		p.expect("ADVANCE", "BY")
		at := p.tok.pos
		w.Advance = p.span()
		hops(at, w)
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

// within: WITHIN 10 MINUTES, or WITHIN (5 MINUTES, 1 HOUR): how long before and after the left row the right one may be.
func (p *parser) within() *Within {
	p.expect("WITHIN")
	w := &Within{Pos: p.tok.pos}
	if p.acceptMark("(") {
		w.Before = p.span()
		p.expectMark(",")
		w.After = p.span()
		p.expectMark(")")
	} else {
		w.Before = p.span()
		w.After = w.Before
	}
	if w.Before > maxWithin || w.After > maxWithin {
		fail(w.Pos, "rows of both streams are kept for as long as they may still meet; at most %s", spanText(maxWithin))
	}
	if p.accept("GRACE") {
		p.expect("PERIOD")
		grace := p.span()
		w.Grace = &grace
	}
	return w
}

// maxWithin is a week.
const maxWithin = 7 * 86400_000_000

// windowTable reads Flink's form: TABLE(TUMBLE(TABLE stream, DESCRIPTOR(time), size)), TABLE(HOP(TABLE stream, DESCRIPTOR(time), advance, size)),
// TABLE(SESSION(TABLE stream [PARTITION BY keys], DESCRIPTOR(time), gap)). The keys are those of GROUP BY.
func (p *parser) windowTable(s *Select) {
	p.expect("TABLE")
	p.expectMark("(")
	w := &Window{Pos: p.tok.pos}
	kind := p.oneOf("TUMBLE", "HOP", "SESSION")
	p.expectMark("(")
	p.expect("TABLE")
	s.From = p.name("the name of a stream")
	if kind == "SESSION" && p.accept("PARTITION") {
		p.expect("BY")
		w.Keys = []Ident{p.name("a column")}
		for more := p.acceptMark(","); more; more = p.acceptMark(",") {
			if p.isWords("DESCRIPTOR") {
				p.windowTableTail(s, w, kind)
				return
			}
			w.Keys = append(w.Keys, p.name("a column"))
		}
	}
	p.expectMark(",")
	p.windowTableTail(s, w, kind)
}

func (p *parser) windowTableTail(s *Select, w *Window, kind string) {
	p.expect("DESCRIPTOR")
	p.expectMark("(")
	time := p.name("the event-time column")
	w.Time = &time
	p.expectMark(")")
	interval := func() (Pos, int64) {
		p.expectMark(",")
		if !p.isWords("INTERVAL") {
			p.expected("a length of time like INTERVAL '10' SECOND")
		}
		i := p.interval().(*Interval)
		return i.Pos, i.Micros
	}
	var at Pos
	if kind == "HOP" {
		at, w.Advance = interval()
	}
	size, micros := interval()
	if kind == "SESSION" {
		w.Gap = micros
		hasGap(size, w)
	} else if w.Size = micros; w.Size == 0 {
		fail(size, "a window of size 0 holds nothing")
	}
	if kind == "HOP" {
		if w.Advance > w.Size {
			fail(at, "HOP(TABLE stream, DESCRIPTOR(time), advance, size): here the advance comes first, and is at most the size")
		}
		hops(at, w)
	}
	p.expectMark(")")
	p.expectMark(")")
	s.Window = w
}

// maxPanes is how many panes may make a window: each key that is active all the time keeps as many.
const maxPanes = 10_000

// hops checks the advance of a hopping window; at is its place.
func hops(at Pos, w *Window) {
	switch pane := gcd(w.Size, w.Advance); {
	case w.Advance == 0:
		fail(at, "a window that advances by 0 never ends")
	case w.Advance > w.Size:
		fail(at, "windows of %s that advance by %s would leave out what lies between them; ADVANCE BY is at most SIZE", spanText(w.Size), spanText(w.Advance))
	case w.Size/pane > maxPanes:
		fail(at, "windows of %s that advance by %s are made of %d panes of %s; at most %d fit. A larger ADVANCE BY that divides SIZE needs fewer",
			spanText(w.Size), spanText(w.Advance), w.Size/pane, spanText(pane), maxPanes)
	}
}

// hasGap checks the gap of sessions; at is its place.
func hasGap(at Pos, w *Window) {
	switch {
	case w.Gap == 0:
		fail(at, "a session of gap 0 holds readings of one moment; give the time without a reading that ends it")
	case w.Gap > maxGap:
		fail(at, "a gap of %s is too long: a session of a key is held until that much time went by; at most %s", spanText(w.Gap), spanText(maxGap))
	}
}

// maxGap is a week.
const maxGap = 7 * 86400_000_000

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
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
