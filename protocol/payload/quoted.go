package payload

import (
	"fmt"
	"strings"
)

// CheckPath reports whether text is a path of a column.
func CheckPath(text string) error {
	_, err := parseQuoted(text, "")
	return err
}

// parseQuoted reads a path whose keys may be quoted: "$['Motor/RPM'].value", also with double quotes. Such a key may hold
// anything but its closing quote and bracket, and is never any key.
func parseQuoted(text, name string) (path, error) {
	next := quote(text)
	if next < 0 {
		return parsePath(text, name)
	}
	var p path
	for rest := strings.TrimPrefix(text, "$"); rest != ""; {
		next = quote(rest)
		if next < 0 {
			next = len(rest)
		}
		if plain := strings.TrimPrefix(rest[:next], "."); plain != "" {
			steps, err := parsePath(plain, "")
			if err != nil {
				return nil, err
			}
			p = append(p, steps...)
		}
		if rest = rest[next:]; rest == "" {
			break
		}
		key, after, closed := strings.Cut(rest[2:], rest[1:2]+"]")
		if !closed || key == "" || after != "" && after[0] != '[' && (after[0] != '.' || after == "." || after[1] == '.') {
			return nil, fmt.Errorf("path %q: want ['key'] at %q", text, rest)
		}
		p = append(p, step{key: key, index: -1})
		rest = after
	}
	return p, nil
}

// quote finds the next quoted key.
func quote(text string) int {
	single, double := strings.Index(text, "['"), strings.Index(text, `["`)
	if single < 0 || double >= 0 && double < single {
		return double
	}
	return single
}
