package payload

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"
)

// path is a JSON path: keys, * for any one key, [n] for an element.
type path []step

type step struct {
	key   string
	any   bool
	index int // −1: a key
}

// parsePath reads "a.*.b[0]", with or without "$."; an empty one is the column's own name.
func parsePath(text, name string) (path, error) {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "$"), ".")
	if text == "" {
		return path{{key: name, index: -1}}, nil
	}
	var p path
	for _, part := range strings.Split(text, ".") {
		key, brackets, _ := strings.Cut(part, "[")
		if key == "" && brackets == "" {
			return nil, fmt.Errorf("path %q: an empty key", text)
		}
		if key != "" {
			p = append(p, step{key: key, any: key == "*", index: -1})
		}
		for brackets != "" {
			number, rest, closed := strings.Cut(brackets, "]")
			n, err := strconv.Atoi(number)
			if err != nil || !closed || n < 0 || rest != "" && rest[0] != '[' {
				return nil, fmt.Errorf("path %q: want [n] in %q", text, part)
			}
			p = append(p, step{index: n})
			brackets = strings.TrimPrefix(rest, "[")
		}
	}
	return p, nil
}

// get follows the path; nil if it leads nowhere. Of several keys that * may mean, the first that leads somewhere counts.
func (p path) get(v *fastjson.Value) *fastjson.Value {
	for i, s := range p {
		switch {
		case v == nil:
			return nil
		case s.index >= 0:
			a, err := v.Array()
			if err != nil || s.index >= len(a) {
				return nil
			}
			v = a[s.index]
		case s.any:
			return anyOf(v, p[i+1:])
		default:
			v = member(v, s.key)
		}
	}
	return v
}

func anyOf(v *fastjson.Value, rest path) (found *fastjson.Value) {
	o, err := v.Object()
	if err != nil {
		return nil
	}
	o.Visit(func(_ []byte, child *fastjson.Value) {
		if found == nil {
			found = rest.get(child)
		}
	})
	return found
}

// member finds a key as written, else with another case.
func member(v *fastjson.Value, key string) (found *fastjson.Value) {
	o, err := v.Object()
	if err != nil {
		return nil
	}
	if found = o.Get(key); found != nil {
		return found
	}
	o.Visit(func(k []byte, child *fastjson.Value) {
		if found == nil && len(k) == len(key) && strings.EqualFold(string(k), key) {
			found = child
		}
	})
	return found
}
