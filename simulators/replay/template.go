package replay

import (
	"encoding/json"
	"fmt"
	"strings"
)

// template is text with {column} holes. Braces around anything but a column's name stay as they are, so that JSON
// needs no escaping.
type template struct {
	text   []string // one more than holes
	holes  []int    // column numbers
	quoted []bool   // whether a hole is inside a JSON string
}

// compile a template over a header.
func compile(s string, header []string) template {
	var t template
	rest, kept := s, ""
	quotes := 0
	for {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			t.text = append(t.text, kept+rest)
			return t
		}
		end := strings.IndexByte(rest[open:], '}')
		col := -1
		if end > 0 {
			col = column(header, rest[open+1:open+end])
		}
		if col < 0 {
			kept += rest[:open+1]
			rest = rest[open+1:]
			continue
		}
		t.text = append(t.text, kept+rest[:open])
		t.holes = append(t.holes, col)
		last := t.text[len(t.text)-1]
		quotes += strings.Count(last, `"`) - strings.Count(last, `\"`)
		t.quoted = append(t.quoted, quotes%2 == 1)
		kept, rest = "", rest[open+end+1:]
	}
}

// fill the holes with a row's values, each put through as.
func (t template) fill(row []string, as func(string) string) string {
	var b strings.Builder
	for i, h := range t.holes {
		b.WriteString(t.text[i])
		b.WriteString(as(row[h]))
	}
	b.WriteString(t.text[len(t.holes)])
	return b.String()
}

func column(header []string, name string) int {
	for i, h := range header {
		if h == name {
			return i
		}
	}
	return -1
}

// checkHoles refuses a topic template that names a column the header lacks.
func checkHoles(s string, header []string) error {
	for rest := s; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			return nil
		}
		name, tail, ok := strings.Cut(after, "}")
		if !ok || column(header, name) < 0 {
			return fmt.Errorf("template %q: no column %q; there are %s", s, name, strings.Join(header, ", "))
		}
		rest = tail
	}
}

// asLevel is for topics, whose levels a value must not add to: '/', '+' and '#' become '_'.
func asLevel(v string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == '+' || r == '#' || r == 0 {
			return '_'
		}
		return r
	}, v)
}

// asJSON renders a value: a JSON number, true or false as it stands, nothing as null, the rest as a string.
func asJSON(v string) string {
	switch v {
	case "":
		return "null"
	case "true", "false":
		return v
	}
	if isNumber(v) {
		return v
	}
	return quote(v)
}

// isNumber by JSON's grammar: no leading zeros, no leading '+'. What looks like an id ("0012") stays text.
func isNumber(v string) bool {
	if c := v[0]; c != '-' && (c < '0' || c > '9') {
		return false
	}
	return json.Valid([]byte(v))
}

func quote(v string) string {
	b, err := json.Marshal(v)
	if err != nil {
		return `""`
	}
	return string(b)
}
