package sql

import (
	"strings"
	"unicode/utf8"
)

// Parse reads statements separated by semicolons.
func Parse(src string) (list []Statement, err error) {
	defer func() {
		if err != nil {
			list = nil // nothing runs of a text that is wrong somewhere
		}
	}()
	defer catch(&err)
	if len(src) > maxSource {
		fail(Pos{1, 1}, "%d bytes of SQL are too many; at most %d are taken at once", len(src), maxSource)
	}
	if !utf8.ValidString(src) {
		fail(Pos{1, 1}, "the text is not UTF-8")
	}
	p := newParser(src)
	for {
		for p.acceptMark(";") {
		}
		if p.tok.kind == endToken {
			return list, nil
		}
		if len(list) == maxStatements {
			fail(p.tok.pos, "more than %d statements at once", maxStatements)
		}
		start := p.tok
		st := p.statement()
		if _, insert := st.(*Insert); !insert && p.last-start.start > maxStatement {
			fail(start.pos, "a statement of more than %d bytes", maxStatement)
		}
		list = append(list, st)
		if p.tok.kind != endToken && !p.isMark(";") {
			p.expected("`;` or the end of the statement")
		}
	}
}

// parser looks one token ahead of the one at hand. A select's parts are in parse_select.go, and so on.
type parser struct {
	lex        *lexer
	src        string
	tok        token // at hand
	peek       token // the one after
	last       int   // where the token before ended
	prior      token // the token before
	subs       int   // sub-selects being parsed
	unites     bool  // a SELECT that may be the first of a UNION ALL
	recognizes bool  // the SELECT of a CREATE PATTERN
	matches    bool  // inside MATCH_RECOGNIZE (…)
	depth      int   // of expressions being parsed
}

func newParser(src string) *parser {
	p := &parser{lex: newLexer(src), src: src}
	p.tok = p.lex.next()
	p.peek = p.ahead()
	return p
}

// ahead reads the token to peek at. Errors in it must wait until it is at hand, or they would hide
// a mistake before it; it is then read again.
func (p *parser) ahead() (t token) {
	saved := *p.lex
	var err error
	func() {
		defer catch(&err)
		t = p.lex.next()
	}()
	if err != nil {
		*p.lex = saved
		return token{kind: endToken, pos: p.lex.pos, start: -1}
	}
	return t
}

func (p *parser) advance() token {
	t := p.tok
	p.last, p.prior = t.end, t
	if p.tok = p.peek; p.tok.start < 0 {
		p.tok = p.lex.next()
	}
	p.peek = p.ahead()
	return t
}

func (p *parser) isMark(m string) bool { return p.tok.kind == markToken && p.tok.text == m }

func (p *parser) acceptMark(m string) bool {
	if p.isMark(m) {
		p.advance()
		return true
	}
	return false
}

func (p *parser) expectMark(m string) {
	if !p.acceptMark(m) {
		p.expected("`" + m + "`")
	}
}

func isWord(t token, word string) bool {
	return t.kind == wordToken && strings.EqualFold(t.text, word)
}

// isWords reports one word, or two, at hand.
func (p *parser) isWords(words ...string) bool {
	return isWord(p.tok, words[0]) && (len(words) < 2 || isWord(p.peek, words[1]))
}

func (p *parser) accept(words ...string) bool {
	if !p.isWords(words...) {
		return false
	}
	for range words {
		p.advance()
	}
	return true
}

func (p *parser) expect(words ...string) {
	for _, w := range words {
		if !p.accept(w) {
			p.expected(w)
		}
	}
}

// oneOf takes one of these words and gives it in capitals.
func (p *parser) oneOf(words ...string) string {
	for _, w := range words {
		if p.accept(w) {
			return w
		}
	}
	list := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	if p.tok.kind == wordToken {
		fail(p.tok.pos, "expected %s, found %s%s", list, p.tok, didYouMean(p.tok.text, words))
	}
	p.expected(list)
	return ""
}

// expected says so. The mistake is often one word earlier: FORM and WHER were taken for aliases.
func (p *parser) expected(what string) {
	hint := ""
	if p.prior.kind == wordToken && !isReserved(p.prior) && len(p.prior.text) > 3 {
		if near, ok := nearest(p.prior.text, clauses); ok && distance([]rune(strings.ToUpper(p.prior.text)), []rune(near), 3) < 3 {
			hint = " (is `" + p.prior.text + "` before it meant to be " + near + "?)"
		}
	}
	fail(p.tok.pos, "expected %s, found %s%s", what, p.tok, hint)
}

var clauses = []string{"FROM", "WHERE", "WINDOW", "GROUP", "HAVING", "ORDER", "LIMIT", "EMIT"}

// reserved words cannot be names without quotes; all others can, so that a column may be called timestamp or key.
var reserved = map[string]bool{
	"SELECT": true, "WITHIN": true, "FROM": true, "WHERE": true, "GROUP": true, "HAVING": true, "ORDER": true, "LIMIT": true, "WINDOW": true,
	"EMIT": true, "AND": true, "OR": true, "NOT": true, "IN": true, "IS": true, "BETWEEN": true, "LIKE": true, "CASE": true,
	"WHEN": true, "THEN": true, "ELSE": true, "END": true, "AS": true, "NULL": true, "TRUE": true, "FALSE": true, "CAST": true,
	"CREATE": true, "DROP": true, "INSERT": true, "JOIN": true, "ON": true, "UNION": true, "DISTINCT": true, "BY": true,
	"LEFT": true, "RIGHT": true, "INNER": true, "OUTER": true, "FULL": true, "CROSS": true, "MATCH_RECOGNIZE": true,
	"PARTITION": true, "WITH": true, "INTERVAL": true, "ESCAPE": true, "OFFSET": true, "EXISTS": true,
}

func isReserved(t token) bool { return t.kind == wordToken && reserved[strings.ToUpper(t.text)] }

// name takes a name; what says of what, for the error.
func (p *parser) name(what string) Ident {
	if p.tok.kind != wordToken && p.tok.kind != quotedToken {
		p.expected(what)
	}
	if isReserved(p.tok) {
		fail(p.tok.pos, "expected %s, found the keyword %s (as a name it needs double quotes)", what, strings.ToUpper(p.tok.text))
	}
	if len(p.tok.text) > maxName {
		fail(p.tok.pos, "the name %s is longer than %d bytes", p.tok, maxName)
	}
	t := p.advance()
	return Ident{Pos: t.pos, Name: t.text, Quoted: t.kind == quotedToken}
}

// list reads one or more items with commas between.
func list[T any](p *parser, most int, what string, item func() T) []T {
	var items []T
	for {
		if len(items) == most {
			fail(p.tok.pos, "more than %d %s", most, what)
		}
		items = append(items, item())
		if !p.acceptMark(",") {
			return items
		}
	}
}
