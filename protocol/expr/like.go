package expr

import (
	"errors"
	"unicode/utf8"

	"github.com/hexpane/hexpane/protocol/value"
)

// pattern is a LIKE pattern taken apart; % is anyRun and _ is anyOne.
type pattern []rune

const (
	anyRun rune = -1
	anyOne rune = -2
)

// maxPattern bounds the work of matching one text.
const maxPattern = 1000

var errPattern = errors.New("a LIKE pattern has at most 1000 bytes")

var errEscape = errors.New("ESCAPE takes one character, and the pattern must not end in it")

func likeType(f *function, args []value.Type) (value.Type, error) {
	return value.Type{Kind: value.Bool}, check(f, args, 2, isText, isText, isText)
}

// makeLike has the pattern ready if it is a literal, as it nearly always is.
func makeLike(args []node, _ value.Type) (Func, error) {
	x, p := args[0].eval, args[1].eval
	escape := func([]value.Value) value.Value { return value.OfString("") }
	if len(args) == 3 {
		escape = args[2].eval
	}
	if args[1].literal && !args[1].value.IsNull() && (len(args) == 2 || args[2].literal && !args[2].value.IsNull()) {
		ready, err := parsePattern(args[1].value.Str(), escape(nil).Str())
		if err != nil {
			return nil, err
		}
		return func(row []value.Value) value.Value {
			v := x(row)
			if v.IsNull() {
				return v
			}
			return value.OfBool(ready.match(v.Str()))
		}, nil
	}
	return func(row []value.Value) value.Value {
		v, w, e := x(row), p(row), escape(row)
		if v.IsNull() || w.IsNull() || e.IsNull() {
			return value.Value{}
		}
		made, err := parsePattern(w.Str(), e.Str())
		if err != nil {
			return value.Value{}
		}
		return value.OfBool(made.match(v.Str()))
	}, nil
}

func parsePattern(s, escape string) (pattern, error) {
	if len(s) > maxPattern {
		return nil, errPattern
	}
	esc := rune(-3)
	if escape != "" {
		var n int
		if esc, n = utf8.DecodeRuneInString(escape); n != len(escape) {
			return nil, errEscape
		}
	}
	p, literal := make(pattern, 0, len(s)), false
	for _, r := range s {
		switch {
		case literal:
			p, literal = append(p, r), false
		case r == esc:
			literal = true
		case r == '%':
			if len(p) == 0 || p[len(p)-1] != anyRun {
				p = append(p, anyRun)
			}
		case r == '_':
			p = append(p, anyOne)
		default:
			p = append(p, r)
		}
	}
	if literal {
		return nil, errEscape
	}
	return p, nil
}

// match goes back only to the newest %, so it takes at most len(s)·len(p) steps.
func (p pattern) match(s string) bool {
	at, in := 0, 0            // in the string, in the pattern
	retryAt, retryIn := 0, -1 // where the newest % would go on
	for at < len(s) {
		r, width := utf8.DecodeRuneInString(s[at:])
		switch {
		case in < len(p) && p[in] == anyRun:
			in++
			retryAt, retryIn = at, in
			continue
		case in < len(p) && (p[in] == anyOne || p[in] == r):
			at, in = at+width, in+1
			continue
		case retryIn < 0:
			return false
		}
		_, width = utf8.DecodeRuneInString(s[retryAt:])
		retryAt += width
		at, in = retryAt, retryIn
	}
	for in < len(p) && p[in] == anyRun {
		in++
	}
	return in == len(p)
}
