package payload

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// token is one JSON value, found but not yet converted. A number's digits are gathered while they are read, since most
// conversions need nothing else: value = ±mantissa·10^exp if exact.
type token struct {
	kind       tokenKind
	escaped    bool // a string holds escapes
	negative   bool
	exact      bool // all of a number's digits are in mantissa
	plain      bool // a number without point and exponent
	scientific bool // a number with an exponent
	exp        int
	mantissa   uint64
	start, end int // the text, of a string without its quotes
}

type tokenKind uint8

const (
	tokenAbsent tokenKind = iota
	tokenNull
	tokenFalse
	tokenTrue
	tokenNumber
	tokenString
	tokenObject
	tokenArray
)

func (k tokenKind) String() string {
	return [...]string{"nothing", "null", "false", "true", "number", "string", "object", "array"}[k]
}

const (
	maxDepth    = 300
	maxDigits   = 19      // fit a uint64
	maxExponent = 1 << 30 // of what stands after the e: more is the same zero or infinity
)

// scanner checks JSON as RFC 8259 has it, byte by byte, and steps over it. Its methods take the text and the position
// of what they read, and give the position behind it, or −1 after fail.
//
// NaN and Infinity, with or without a sign and in any case, count as numbers that no column takes: Python and others
// write them, and one of them must not cost the other readings of its message. Bytes in strings that are no UTF-8 pass
// as they are.
type scanner struct {
	at   int
	want string
	junk token
}

func (s *scanner) fail(at int, want string) int {
	s.at, s.want = at, want
	return -1
}

// problem says what was wrong with b.
func (s *scanner) problem(b []byte) string {
	if s.at >= len(b) {
		return fmt.Sprintf("at byte %d: want %s, found the end", s.at, s.want)
	}
	return fmt.Sprintf("at byte %d: want %s, found %q", s.at, s.want, b[s.at:min(s.at+16, len(b))])
}

// space steps over white space.
func space(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// value reads any value into t. Of an object or an array it gives the kind alone.
func (s *scanner) value(b []byte, i, depth int, t *token) int {
	if i >= len(b) {
		return s.fail(i, "a value")
	}
	switch c := b[i]; {
	case c == '"':
		end, escaped := s.str(b, i+1)
		if end < 0 {
			return -1
		}
		t.kind, t.escaped, t.start, t.end = tokenString, escaped, i+1, end
		return end + 1
	case c-'0' < 10:
		return s.number(b, i, i, t)
	case c == '-':
		return s.number(b, i, i+1, t)
	case c == '{':
		t.kind = tokenObject
		return s.skipObject(b, i, depth)
	case c == '[':
		t.kind = tokenArray
		return s.skipArray(b, i, depth)
	case c == 't' && word(b, i, "true"):
		t.kind = tokenTrue
		return i + 4
	case c == 'f' && word(b, i, "false"):
		t.kind = tokenFalse
		return i + 5
	case c == 'n' && word(b, i, "null"):
		t.kind = tokenNull
		return i + 4
	case c|0x20 == 'n' || c|0x20 == 'i':
		return s.noNumber(b, i, i, t)
	}
	return s.fail(i, "a value")
}

func word(b []byte, i int, w string) bool { return len(b)-i >= len(w) && string(b[i:i+len(w)]) == w }

func (s *scanner) skipObject(b []byte, i, depth int) int {
	if depth >= maxDepth {
		return s.fail(i, "at most 300 levels")
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return s.fail(i, "a key")
		}
		end, _ := s.str(b, i+1)
		if end < 0 {
			return -1
		}
		if i = s.colon(b, end+1); i < 0 {
			return -1
		}
		if i = s.value(b, i, depth+1, &s.junk); i < 0 {
			return -1
		}
		var more bool
		if i, more = s.comma(b, i, '}', "',' or '}'"); !more {
			return i
		}
	}
}

func (s *scanner) skipArray(b []byte, i, depth int) int {
	if depth >= maxDepth {
		return s.fail(i, "at most 300 levels")
	}
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(b, i, depth+1, &s.junk); i < 0 {
			return -1
		}
		var more bool
		if i, more = s.comma(b, i, ']', "',' or ']'"); !more {
			return i
		}
	}
}

// colon steps over a colon and the space around it.
func (s *scanner) colon(b []byte, i int) int {
	if i < len(b) && b[i] <= ' ' {
		i = space(b, i)
	}
	if i >= len(b) || b[i] != ':' {
		return s.fail(i, "':'")
	}
	if i++; i < len(b) && b[i] <= ' ' {
		i = space(b, i)
	}
	return i
}

// comma steps over a comma and the space around it, and reports that more follows; or over the closing bracket.
func (s *scanner) comma(b []byte, i int, closing byte, want string) (int, bool) {
	if i < len(b) && b[i] <= ' ' {
		i = space(b, i)
	}
	if i >= len(b) || b[i] != ',' {
		if i < len(b) && b[i] == closing {
			return i + 1, false
		}
		return s.fail(i, want), false
	}
	if i++; i < len(b) && b[i] <= ' ' {
		i = space(b, i)
	}
	return i, true
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// str finds the closing quote of a string that starts at i, eight bytes at a time.
func (s *scanner) str(b []byte, i int) (end int, escaped bool) {
	for {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^'"'*ones, w^'\\'*ones
			// The lowest bit set is that of the first byte that is a quote, a backslash or below a blank; borrows spoil only
			// bits above it.
			if special := ((w-' '*ones)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs; special != 0 {
				i += bits.TrailingZeros64(special) / 8
				break
			}
			i += 8
		}
		for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' {
			i++
		}
		if i >= len(b) {
			return s.fail(i, "'\"'"), false
		}
		switch b[i] {
		case '"':
			return i, escaped
		case '\\':
			escaped = true
			if i = s.escape(b, i+1); i < 0 {
				return -1, true
			}
		default:
			return s.fail(i, "no control characters in a string"), false
		}
	}
}

func (s *scanner) escape(b []byte, i int) int {
	if i >= len(b) {
		return s.fail(i, "an escaped character")
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if _, ok := hex4(b, i+1); !ok {
			return s.fail(i, "four hexadecimal digits")
		}
		return i + 5
	}
	return s.fail(i, `one of "\/bfnrtu after \`)
}

func hex4(b []byte, i int) (r rune, ok bool) {
	if len(b)-i < 4 {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case c-'0' < 10:
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// unescape appends the text of a string that str has checked. A surrogate without its other half becomes U+FFFD.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(raw, i+1)
			i += 4
			if utf16.IsSurrogate(r) {
				var low rune
				if i+2 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
					low, _ = hex4(raw, i+3)
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// number reads a number that starts at start, its digits at i.
func (s *scanner) number(b []byte, start, i int, t *token) int {
	digits := i
	m, i := gather(b, i, 0)
	n := i - digits
	if n == 0 {
		return s.noNumber(b, start, i, t)
	}
	if n > 1 && b[digits] == '0' {
		return s.fail(digits, "no leading zeros")
	}
	plain, scientific, exp := true, false, 0
	if i < len(b) && b[i] == '.' {
		point := i + 1
		if m, i = gather(b, point, m); i == point {
			return s.fail(i, "a digit")
		}
		n += i - point
		plain, exp = false, point-i
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		var e int
		if e, i = s.exponent(b, i+1); i < 0 {
			return -1
		}
		plain, scientific, exp = false, true, exp+e
	}
	t.kind, t.negative, t.exact, t.plain, t.scientific = tokenNumber, digits > start, n <= maxDigits, plain, scientific
	t.exp, t.mantissa, t.start, t.end = exp, m, start, i
	return i
}

// gather reads digits after those in m, up to eight at once.
func gather(b []byte, i int, m uint64) (uint64, int) {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		other := (w&(w+6*ones))&(0xf0*ones) ^ '0'*ones // 0 to 9 alone keep their upper half, also with 6 added
		n := bits.TrailingZeros64(other) / 8           // so many digits
		if n == 0 {
			return m, i
		}
		w = (w ^ '0'*ones) << (64 - 8*n) // with zeros before them
		w = w*10 + w>>8
		w = (w&0x000000ff000000ff*(100+1000000<<32) + w>>16&0x000000ff000000ff*(1+10000<<32)) >> 32
		m = m*wholePowersOf10[n&15] + w
		i += n
		if n < 8 {
			return m, i
		}
	}
	for i < len(b) && b[i]-'0' < 10 {
		m = m*10 + uint64(b[i]-'0')
		i++
	}
	return m, i
}

var wholePowersOf10 = [16]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

func (s *scanner) exponent(b []byte, i int) (e, next int) {
	negative := i < len(b) && b[i] == '-'
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	first := i
	for i < len(b) && b[i]-'0' < 10 {
		e = min(e*10+int(b[i]-'0'), maxExponent)
		i++
	}
	if i == first {
		return 0, s.fail(i, "a digit")
	}
	if negative {
		e = -e
	}
	return e, i
}

// noNumber reads NaN or Infinity.
func (s *scanner) noNumber(b []byte, start, i int, t *token) int {
	for _, w := range [...]string{"infinity", "inf", "nan"} {
		if len(b)-i >= len(w) && equalFoldASCII(b[i:i+len(w)], w) {
			*t = token{kind: tokenNumber, start: start, end: i + len(w)}
			return t.end
		}
	}
	return s.fail(start, "a value")
}

func equalFoldASCII(b []byte, lower string) bool {
	for i := range lower {
		if b[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}
