package payload

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// point is one line of line protocol. Its bytes are those of the text, or of the buffer of the scanner.
type point struct {
	name   []byte
	tags   []tag
	fields []field
	time   int64
	timed  bool
}

type tag struct{ key, value []byte }

type field struct {
	key   []byte
	value fieldValue
}

// fieldValue is a field's typed value.
type fieldValue struct {
	kind fieldKind
	bits uint64 // an int64, a uint64, a float64's bits, or 0 and 1
	text []byte
}

type fieldKind uint8

const (
	fieldInt fieldKind = iota
	fieldUint
	fieldFloat
	fieldBool
	fieldText
)

func (v fieldValue) float() float64 { return math.Float64frombits(v.bits) }

// lineScanner reads line protocol as InfluxDB does: a backslash escapes where it stands before one of the characters that
// need it, and is a backslash elsewhere; texts may hold line ends; keys and names are UTF-8 without control characters.
// Two tags with one key are an error.
type lineScanner struct {
	b    []byte
	i    int
	from int    // where the line at hand begins
	buf  []byte // what was unescaped of it
}

// The characters that end a part of a line, and that a backslash takes that meaning from.
const (
	endsName   = ", "
	endsKey    = ",= "
	endsTag    = ",= \r\n"
	endsNumber = ", \r\n"
)

// charSet is a set of bytes.
type charSet [256]bool

func newCharSet(chars string, control bool) *charSet {
	s := &charSet{}
	for _, c := range []byte(chars) {
		s[c] = true
	}
	if control {
		for c := range byte(' ') {
			s[c] = true
		}
		s[0x7f] = true
	}
	return s
}

var (
	nameEnd, nameEscapes   = newCharSet(endsName, true), newCharSet(endsName, false)
	keyEnd, keyEscapes     = newCharSet(endsKey, true), newCharSet(endsKey, false)
	tagEnd                 = newCharSet(endsTag, false)
	numberEnd              = newCharSet(endsNumber, false)
	textEnd, textEscapes   = newCharSet(`"`, false), newCharSet(`\"`, false)
	commentEnd, lineBlanks = newCharSet("", true), newCharSet(" \r\n", false)
)

// at is the byte at the position; a NUL, which ends or spoils whatever is read, at the end.
func (s *lineScanner) at() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *lineScanner) done() bool { return s.i >= len(s.b) }

// next finds the next line that is neither empty nor a comment. A comment with control characters is one to fail at.
func (s *lineScanner) next() bool {
	for {
		s.blanks()
		s.from = s.i
		switch {
		case s.done():
			return false
		case s.at() == '#':
			for !s.done() && !commentEnd[s.b[s.i]] {
				s.i++
			}
			if !s.lineEnd() {
				s.i = s.from
				return true
			}
		case !s.lineEnd():
			return true
		}
	}
}

func (s *lineScanner) blanks() {
	for s.at() == ' ' {
		s.i++
	}
}

// lineEnd steps over the end of a line, or of the text.
func (s *lineScanner) lineEnd() bool {
	rest := s.b[s.i:]
	switch {
	case len(rest) == 0:
	case rest[0] == '\n' || rest[0] == '\r' && len(rest) == 1:
		s.i++
	case rest[0] == '\r' && rest[1] == '\n':
		s.i += 2
	default:
		return false
	}
	return true
}

// read reads the line at hand. On an error, all up to the next line's start is stepped over.
func (s *lineScanner) read(p *point) error {
	p.tags, p.fields, p.timed, s.buf = p.tags[:0], p.fields[:0], false, s.buf[:0]
	err := s.point(p)
	if err != nil {
		if end := bytes.IndexByte(s.b[s.i:], '\n'); end >= 0 {
			s.i += end + 1
		} else {
			s.i = len(s.b)
		}
	}
	return err
}

// line is what was read last.
func (s *lineScanner) line() []byte { return bytes.TrimRight(s.b[s.from:s.i], "\r\n") }

func (s *lineScanner) want(what string) error {
	if s.done() {
		return fmt.Errorf("byte %d of the line: want %s, found the end", s.i-s.from, what)
	}
	return fmt.Errorf("byte %d of the line: want %s, found %q", s.i-s.from, what, s.b[s.i:min(s.i+16, len(s.b))])
}

func (s *lineScanner) point(p *point) (err error) {
	if s.at() == '#' {
		return s.want("no control characters in a comment")
	}
	if p.name, err = s.take("a measurement", nameEnd, nameEscapes); err != nil {
		return err
	}
	for s.at() == ',' {
		s.i++
		var t tag
		if t.key, err = s.take("a tag's key", keyEnd, keyEscapes); err != nil {
			return err
		}
		if s.at() != '=' {
			return s.want("'='")
		}
		s.i++
		if t.value, err = s.take("a tag's value", tagEnd, keyEscapes); err != nil {
			return err
		}
		p.tags = append(p.tags, t)
	}
	if s.at() != ' ' {
		return s.want("a blank before the fields")
	}
	if key := repeated(p.tags); key != nil {
		return fmt.Errorf("two tags %q", key)
	}
	s.blanks()
	for more := true; more; {
		var f field
		if f.key, err = s.take("a field's key", keyEnd, keyEscapes); err != nil {
			return err
		}
		if s.at() != '=' {
			return s.want("'='")
		}
		s.i++
		if f.value, err = s.value(); err != nil {
			return err
		}
		p.fields = append(p.fields, f)
		if more = s.at() == ','; more {
			s.i++
		}
	}
	return s.time(p)
}

// time reads what follows the fields.
func (s *lineScanner) time(p *point) (err error) {
	if !s.done() && !lineBlanks[s.at()] {
		return s.want("',' or a blank after a field")
	}
	s.blanks()
	if s.lineEnd() {
		return nil
	}
	start := s.i
	for s.at() == '-' || s.at()-'0' < 10 {
		s.i++
	}
	if p.time, err = strconv.ParseInt(view(s.b[start:s.i]), 10, 64); err != nil {
		s.i = start
		return s.want("a time of 64 bits")
	}
	p.timed = true
	s.blanks()
	if !s.lineEnd() {
		return s.want("the end of the line")
	}
	return nil
}

// take reads up to a byte in end that is not escaped.
func (s *lineScanner) take(what string, end, escapes *charSet) ([]byte, error) {
	text := s.scan(end, escapes)
	if len(text) == 0 {
		return nil, s.want(what)
	}
	return s.valid(text)
}

func (s *lineScanner) valid(text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%.32q is no UTF-8", text)
	}
	return text, nil
}

func (s *lineScanner) scan(end, escapes *charSet) []byte {
	start, kept, b := s.i, len(s.buf), s.b
	i := start
	for i < len(b) && (!end[b[i]] || b[i] == '\\') {
		if b[i] != '\\' || i+1 == len(b) || !escapes[b[i+1]] {
			i++
			continue
		}
		s.buf = append(s.buf, b[start:i]...)
		s.buf = append(s.buf, b[i+1])
		i += 2
		start = i
	}
	s.i = i
	if len(s.buf) == kept {
		return b[start:i]
	}
	s.buf = append(s.buf, b[start:i]...)
	return s.buf[kept:len(s.buf):len(s.buf)] // stays valid when the buffer grows, since the old one is left to it
}

// value reads a field's value.
func (s *lineScanner) value() (v fieldValue, err error) {
	switch c := s.at(); {
	case c == '"':
		s.i++
		v.kind, v.text = fieldText, s.scan(textEnd, textEscapes)
		if s.done() {
			return v, s.want("'\"'")
		}
		s.i++
		_, err = s.valid(v.text)
		return v, err
	case c == '-' || c == '.' || c-'0' < 10 || c|0x20 == 't' || c|0x20 == 'f':
		start := s.i
		for !s.done() && !numberEnd[s.b[s.i]] {
			s.i++
		}
		var ok bool
		if v, ok = plainValue(s.b[start:s.i]); !ok {
			s.i = start
			return v, s.want("a field's value")
		}
		return v, nil
	}
	return v, s.want("a field's value")
}

// plainValue is a value without quotes.
func plainValue(text []byte) (v fieldValue, ok bool) {
	number, suffix := text[:len(text)-1], text[len(text)-1]
	var err error
	switch {
	case text[0]|0x20 == 't' || text[0]|0x20 == 'f':
		v.kind = fieldBool
		switch string(text) {
		case "t", "T", "true", "True", "TRUE":
			v.bits = 1
		case "f", "F", "false", "False", "FALSE":
		default:
			return v, false
		}
	case suffix == 'i':
		var i int64
		v.kind = fieldInt
		i, err = strconv.ParseInt(view(number), 10, 64)
		v.bits = uint64(i)
	case suffix == 'u':
		v.kind = fieldUint
		v.bits, err = strconv.ParseUint(view(number), 10, 64)
	default:
		var f float64
		v.kind = fieldFloat
		f, err = strconv.ParseFloat(view(text), 64)
		v.bits = math.Float64bits(f)
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return v, false
		}
	}
	return v, err == nil
}

// fewTags are those that comparing each with each finds two of faster than sorting does.
const fewTags = 16

// repeated gives a key that two tags have.
func repeated(tags []tag) []byte {
	if len(tags) > fewTags {
		tags = slices.SortedFunc(slices.Values(tags), func(a, b tag) int { return bytes.Compare(a.key, b.key) })
		for i := 1; i < len(tags); i++ {
			if bytes.Equal(tags[i].key, tags[i-1].key) {
				return tags[i].key
			}
		}
		return nil
	}
	for i := range tags {
		for j := range i {
			if bytes.Equal(tags[i].key, tags[j].key) {
				return tags[i].key
			}
		}
	}
	return nil
}
