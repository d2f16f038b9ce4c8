package payload

import (
	"fmt"
	"strings"
)

// Template is a stream's topic: levels that are literal, {name}, + or a last #.
type Template struct {
	text   string
	levels []level
	rest   bool // ends in #
	names  []string
}

type level struct {
	literal string
	capture bool // {name}
	any     bool // {name} or +
}

// ParseTemplate reads a template such as "city/{device}/+/#".
func ParseTemplate(text string) (*Template, error) {
	if text == "" {
		return nil, fmt.Errorf("an empty topic")
	}
	t := &Template{text: text}
	parts := strings.Split(text, "/")
	for i, p := range parts {
		switch {
		case p == "#":
			if i != len(parts)-1 {
				return nil, fmt.Errorf("# may stand at the end only")
			}
			t.rest = true
		case p == "+":
			t.levels = append(t.levels, level{any: true})
		case strings.HasPrefix(p, "{") && strings.HasSuffix(p, "}") && len(p) > 2 && !strings.ContainsAny(p[1:len(p)-1], "{}"):
			name := p[1 : len(p)-1]
			for _, n := range t.names {
				if n == name {
					return nil, fmt.Errorf("{%s} stands twice", name)
				}
			}
			t.names = append(t.names, name)
			t.levels = append(t.levels, level{any: true, capture: true})
		case strings.ContainsAny(p, "+#{}"):
			return nil, fmt.Errorf("level %q: +, # and {name} stand alone in a level", p)
		default:
			t.levels = append(t.levels, level{literal: p})
		}
	}
	return t, nil
}

// Names are the captured names, in order.
func (t *Template) Names() []string { return t.names }

// Filter is the MQTT subscription that covers the template.
func (t *Template) Filter() string {
	parts := make([]string, 0, len(t.levels)+1)
	for _, l := range t.levels {
		if l.any {
			parts = append(parts, "+")
		} else {
			parts = append(parts, l.literal)
		}
	}
	if t.rest {
		parts = append(parts, "#")
	}
	return strings.Join(parts, "/")
}

// Fill gives a topic that matches, if what value gives are levels: asked for each {name} by its name, and for each + by "".
func (t *Template) Fill(value func(name string) string) string {
	parts, names := make([]string, 0, len(t.levels)+1), t.names
	for _, l := range t.levels {
		switch {
		case l.capture:
			parts, names = append(parts, value(names[0])), names[1:]
		case l.any:
			parts = append(parts, value(""))
		default:
			parts = append(parts, l.literal)
		}
	}
	if len(parts) == 0 { // the template is #
		parts = append(parts, value(""))
	}
	return strings.Join(parts, "/")
}

// Match appends the captured levels to into. A topic that starts with $ matches no wildcard at its start, as in MQTT.
func (t *Template) Match(topic string, into []string) ([]string, bool) {
	if strings.HasPrefix(topic, "$") && (len(t.levels) == 0 || t.levels[0].any) {
		return into, false
	}
	left, more := topic, true
	for _, l := range t.levels {
		if !more {
			return into, false
		}
		var part string
		part, left, more = strings.Cut(left, "/")
		if !l.any && part != l.literal {
			return into, false
		}
		if l.capture {
			into = append(into, part)
		}
	}
	return into, t.rest || !more
}
