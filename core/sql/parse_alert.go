package sql

import (
	"strings"
	"time"
)

// CreateAlert is CREATE ALERT name ON source WHEN … [FOR …] [RECOVER WHEN …] [STALE AFTER …] SEVERITY … [NOTIFY …] [LABELS (…)].
type CreateAlert struct {
	origin
	Create
	On       Ident
	When     Expr
	ForPos   Pos
	Windows  int64 // FOR n WINDOWS; 0: not said
	For      int64 // FOR '5m', µs; 0: not said
	Recover  Expr  // nil: not said
	StalePos Pos
	Stale    int64 // STALE AFTER '10m', µs; 0: not said
	Severity string
	Notify   []Ident
	Labels   []Option
}

// Severities of alerts, the least first.
var Severities = []string{"info", "warning", "critical"}

// What an alert may have at most.
const (
	maxChannels  = 16
	maxLabels    = 32
	maxAlertSpan = 30 * 86400_000_000
)

var alertClauses = []string{"ON", "WHEN", "FOR", "RECOVER", "STALE", "SEVERITY", "NOTIFY", "LABELS"}

func (p *parser) alertBody(c Create) *CreateAlert {
	st := &CreateAlert{Create: c}
	p.alertWord("ON")
	st.On = p.name("the name of a view or pattern, or fence_events")
	p.alertWord("WHEN")
	st.When = p.expr()
	if st.ForPos = p.tok.pos; p.accept("FOR") {
		p.alertFor(st)
	}
	if p.accept("RECOVER") {
		p.expect("WHEN")
		st.Recover = p.expr()
	}
	if st.StalePos = p.tok.pos; p.accept("STALE") {
		p.expect("AFTER")
		p.alertStale(st)
	}
	p.alertWord("SEVERITY")
	if p.tok.kind == stringToken {
		at := p.tok.pos
		st.Severity = severity(at, strings.ToLower(p.advance().text))
	} else {
		st.Severity = strings.ToLower(p.oneOf("INFO", "WARNING", "CRITICAL"))
	}
	if p.accept("NOTIFY") {
		st.Notify = list(p, maxChannels, "channels", func() Ident {
			if p.tok.kind == stringToken {
				t := p.advance()
				return Ident{Pos: t.pos, Name: t.text, Quoted: true}
			}
			return p.name("the name of a channel")
		})
	}
	if p.accept("LABELS") {
		p.expectMark("(")
		st.Labels = list(p, maxLabels, "labels", p.label)
		p.expectMark(")")
	}
	if p.tok.kind == wordToken {
		p.expected("`;` or the end of the statement" + p.alertNear())
	}
	return st
}

func severity(at Pos, word string) string {
	for _, s := range Severities {
		if s == word {
			return s
		}
	}
	fail(at, "a severity is info, warning or critical, not '%s'%s", shorten(word), didYouMean(word, Severities))
	return ""
}

// alertWord takes a clause that must be there.
func (p *parser) alertWord(word string) {
	if !p.accept(word) {
		p.expected(word + p.alertNear())
	}
}

// alertNear helps who misspelt a clause, or gave it too late.
func (p *parser) alertNear() string {
	if p.tok.kind != wordToken {
		return ""
	}
	for _, c := range alertClauses {
		if p.isWords(c) {
			return " (the order is ON, WHEN, FOR, RECOVER WHEN, STALE AFTER, SEVERITY, NOTIFY, LABELS)"
		}
	}
	if near, ok := nearest(p.tok.text, alertClauses); ok && len(p.tok.text) > 2 {
		return " (is `" + shorten(p.tok.text) + "` meant to be " + near + "?)"
	}
	return ""
}

// alertFor: FOR 3 WINDOWS, FOR '5m', or FOR 5 MINUTES.
func (p *parser) alertFor(st *CreateAlert) {
	at := p.tok.pos
	if p.tok.kind == stringToken {
		st.For = p.quotedSpan("FOR", ", or FOR 3 WINDOWS")
		return
	}
	n := p.integer("a number as in FOR 3 WINDOWS, or a length of time as in FOR '5m'")
	if p.accept("WINDOWS") || p.accept("WINDOW") {
		if n < 1 || n > maxRun {
			fail(at, "FOR 1 to %d WINDOWS, not %d", maxRun, n)
		}
		st.Windows = n
		return
	}
	st.For = p.unitSpan(at, n, "FOR")
}

// alertStale: STALE AFTER '10m', or STALE AFTER 10 MINUTES.
func (p *parser) alertStale(st *CreateAlert) {
	at := p.tok.pos
	if p.tok.kind == stringToken {
		st.Stale = p.quotedSpan("STALE AFTER", "")
		return
	}
	st.Stale = p.unitSpan(at, p.integer("a length of time as in STALE AFTER '10m'"), "STALE AFTER")
}

// quotedSpan takes a length of time like '5m', in µs; otherwise is what else the clause takes.
func (p *parser) quotedSpan(clause, otherwise string) int64 {
	at := p.tok.pos
	text := p.advance().text
	d, err := time.ParseDuration(strings.ReplaceAll(strings.TrimSpace(text), " ", ""))
	if err != nil || d.Microseconds() <= 0 || d.Microseconds() > maxAlertSpan {
		fail(at, "%s takes a length of time up to 30 days like '5m' or '90s'%s, not '%s'", clause, otherwise, shorten(text))
	}
	return d.Microseconds()
}

// unitSpan takes the unit behind a number, as in 5 MINUTES, in µs.
func (p *parser) unitSpan(at Pos, n int64, clause string) int64 {
	us := p.times(at, n)
	if us < 1 || us > maxAlertSpan {
		fail(at, "%s takes a length of time of at most 30 days", clause)
	}
	return us
}

// maxRun is the longest run of windows that core/alert follows.
const maxRun = 64

func (p *parser) label() Option {
	o := Option{Name: p.name("the name of a label")}
	p.expectMark("=")
	if p.tok.kind != stringToken {
		p.expected("the label's value in single quotes")
	}
	o.ValuePos = p.tok.pos
	o.Value = p.advance().text
	return o
}
