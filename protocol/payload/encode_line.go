package payload

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// AppendLine writes a row as a line, with its end. The measurement is the column of that name, or else the stream's name;
// keys are tags, other columns fields. A row without any field has no line: that is an error.
func AppendLine(dst []byte, s *plan.Stream, row []value.Value) ([]byte, error) {
	p := point{name: []byte(s.Name)}
	for i, c := range s.Columns {
		switch v := row[i]; {
		case v.IsNull():
		case c.Name == "measurement":
			p.name = []byte(v.Text())
		case i == int(s.Timestamp) && v.Kind() == value.Timestamp:
			p.time, p.timed = v.Int()*1000, true
			if v.Int() > math.MaxInt64/1000 || v.Int() < math.MinInt64/1000 {
				return dst, fmt.Errorf("the time %s is out of range", v.Text())
			}
		case c.Key:
			p.tags = append(p.tags, tag{[]byte(c.Name), []byte(v.Text())})
		default:
			p.fields = append(p.fields, field{[]byte(c.Name), fieldOf(v)})
		}
	}
	slices.SortFunc(p.tags, func(a, b tag) int { return strings.Compare(view(a.key), view(b.key)) })
	b, err := p.append(dst)
	if err != nil {
		return dst, err
	}
	return append(b, '\n'), nil
}

func fieldOf(v value.Value) fieldValue {
	switch v.Kind() {
	case value.Bool, value.Int:
		kind := fieldInt
		if v.Kind() == value.Bool {
			kind = fieldBool
		}
		return fieldValue{kind: kind, bits: uint64(v.Int())}
	case value.Double, value.Decimal:
		return fieldValue{kind: fieldFloat, bits: math.Float64bits(v.Float())}
	}
	return fieldValue{kind: fieldText, text: []byte(v.Text())}
}

// append writes the point without the line's end. Tags are to be in order. What no line can say is an error.
func (p *point) append(dst []byte) (_ []byte, err error) {
	if len(p.fields) == 0 {
		return dst, fmt.Errorf("a line needs a field")
	}
	if dst, err = appendName(dst, p.name, nameEscapes); err != nil {
		return dst, fmt.Errorf("measurement: %w", err)
	}
	for i, t := range p.tags {
		if i > 0 && view(t.key) <= view(p.tags[i-1].key) {
			return dst, fmt.Errorf("tag %q is out of order", t.key)
		}
		if dst, err = appendName(append(dst, ','), t.key, keyEscapes); err != nil {
			return dst, fmt.Errorf("tag %q: %w", t.key, err)
		}
		if dst, err = appendName(append(dst, '='), t.value, keyEscapes); err != nil {
			return dst, fmt.Errorf("tag %q: %w", t.key, err)
		}
	}
	separator := byte(' ')
	for _, f := range p.fields {
		if dst, err = appendName(append(dst, separator), f.key, keyEscapes); err == nil {
			dst, err = f.value.append(append(dst, '='))
		}
		if err != nil {
			return dst, fmt.Errorf("field %q: %w", f.key, err)
		}
		separator = ','
	}
	if p.timed {
		dst = strconv.AppendInt(append(dst, ' '), p.time, 10)
	}
	return dst, nil
}

// appendName writes a name, a key or a tag's value. A backslash at its end would escape what follows.
func appendName(dst, name []byte, escapes *charSet) ([]byte, error) {
	if len(name) == 0 || !utf8.Valid(name) || name[len(name)-1] == '\\' || slices.ContainsFunc(name, func(c byte) bool { return commentEnd[c] }) {
		return dst, fmt.Errorf("%q can't be said in line protocol", name)
	}
	return appendEscaped(dst, name, escapes), nil
}

func appendEscaped(dst, text []byte, escapes *charSet) []byte {
	for _, c := range text {
		if escapes[c] {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return dst
}

func (v fieldValue) append(dst []byte) ([]byte, error) {
	switch v.kind {
	case fieldInt:
		return append(strconv.AppendInt(dst, int64(v.bits), 10), 'i'), nil
	case fieldUint:
		return append(strconv.AppendUint(dst, v.bits, 10), 'u'), nil
	case fieldFloat:
		if f := v.float(); math.IsInf(f, 0) || math.IsNaN(f) {
			return dst, fmt.Errorf("%v is no number", f)
		}
		return strconv.AppendFloat(dst, v.float(), 'g', -1, 64), nil
	case fieldBool:
		return strconv.AppendBool(dst, v.bits != 0), nil
	}
	if !utf8.Valid(v.text) {
		return dst, fmt.Errorf("%.32q is no UTF-8", v.text)
	}
	return append(appendEscaped(append(dst, '"'), v.text, textEscapes), '"'), nil
}
