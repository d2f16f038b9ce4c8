package sql

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	endToken    tokenKind = iota
	wordToken             // a keyword or a name
	quotedToken           // a name in double quotes or backquotes; text has them removed
	numberToken
	stringToken // text has the quotes removed
	markToken   // ( ) , ; . = <> …
)

type token struct {
	kind       tokenKind
	text       string
	pos        Pos
	start, end int // bytes of the source
}

// String describes the token for "expected …, found …".
func (t token) String() string {
	switch t.kind {
	case endToken:
		return "the end"
	case stringToken:
		return "'" + shorten(t.text) + "'"
	case quotedToken:
		return `"` + shorten(t.text) + `"`
	}
	return "`" + shorten(t.text) + "`"
}

func shorten(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// lexer gives tokens one by one: a source is never held as a list of tokens.
type lexer struct {
	src string
	at  int
	pos Pos
}

func newLexer(src string) *lexer { return &lexer{src: src, pos: Pos{1, 1}} }

// take moves n bytes on, minding lines and characters.
func (l *lexer) take(n int) {
	for _, r := range l.src[l.at : l.at+n] {
		if r == '\n' {
			l.pos = Pos{l.pos.Line + 1, 1}
		} else {
			l.pos.Column++
		}
	}
	l.at += n
}

func (l *lexer) next() token {
	l.skip()
	t := token{pos: l.pos, start: l.at}
	rest := l.src[l.at:]
	if rest == "" {
		t.end = l.at
		return t
	}
	r, _ := utf8.DecodeRuneInString(rest)
	n := 0
	switch {
	case isLetter(r):
		t.kind, n = wordToken, wordLength(rest)
		t.text = rest[:n]
	case isDigit(rest[0]) || rest[0] == '.' && len(rest) > 1 && isDigit(rest[1]):
		t.kind, n = numberToken, l.number(rest)
		t.text = rest[:n]
	case r == '\'':
		t.kind = stringToken
		t.text, n = l.quoted(rest, "string", `'`)
	case r == '"' || r == '`':
		t.kind = quotedToken
		t.text, n = l.quoted(rest, "name", rest[:1])
		if t.text == "" {
			fail(t.pos, "a name in quotes may not be empty")
		}
	default:
		t.kind, n = markToken, l.mark(rest, r)
		t.text = rest[:n]
	}
	l.take(n)
	t.end = l.at
	return t
}

// skip passes blanks and comments.
func (l *lexer) skip() {
	for {
		rest := l.src[l.at:]
		switch {
		case strings.HasPrefix(rest, "--"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.take(n)
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				fail(l.pos, "this comment has no end: */ is missing")
			}
			l.take(n + 4)
		default:
			r, n := utf8.DecodeRuneInString(rest)
			if n == 0 || !unicode.IsSpace(r) && r != '\ufeff' {
				return
			}
			l.take(n)
		}
	}
}

func isLetter(r rune) bool { return r == '_' || unicode.IsLetter(r) && r != utf8.RuneError }
func isDigit(b byte) bool  { return b >= '0' && b <= '9' }

func wordLength(s string) int {
	for i, r := range s {
		if !isLetter(r) && !unicode.IsDigit(r) {
			return i
		}
	}
	return len(s)
}

func (l *lexer) number(s string) int {
	digits := func(i int) int {
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		return i
	}
	n := digits(0)
	if n < len(s) && s[n] == '.' {
		n = digits(n + 1)
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		m := n + 1
		if m < len(s) && (s[m] == '+' || s[m] == '-') {
			m++
		}
		if end := digits(m); end > m {
			n = end
		}
	}
	if r, _ := utf8.DecodeRuneInString(s[n:]); isLetter(r) || r == '.' {
		fail(l.pos, "the number %s runs into %q", shorten(s[:n]), r)
	}
	return n
}

// quoted reads up to the closing quote; a doubled quote stands for one.
func (l *lexer) quoted(s, what, quote string) (string, int) {
	n := 1
	for {
		i := strings.Index(s[n:], quote)
		if i < 0 {
			fail(l.pos, "this %s has no end: the closing %s is missing", what, quote)
		}
		n += i + 1
		if !strings.HasPrefix(s[n:], quote) {
			return strings.ReplaceAll(s[1:n-1], quote+quote, quote), n
		}
		n++
	}
}

func (l *lexer) mark(s string, r rune) int {
	for _, m := range [...]string{"<=", ">=", "<>", "!=", "||"} {
		if strings.HasPrefix(s, m) {
			return len(m)
		}
	}
	if !strings.ContainsRune("()[]{},;.=<>+-*/%|?", r) {
		fail(l.pos, "%q has no meaning here", r)
	}
	return 1
}
