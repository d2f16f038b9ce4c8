package client

import (
	"strings"
	"testing"
)

func TestPasteFilter(t *testing.T) {
	for name, c := range map[string]struct{ typed, want string }{
		"typed":               {"sel\t\x1b[A\x1b\r\x03", "sel\t\x1b[A\x1b\r\x03"},
		"pasted":              {"a\t\x1b[200~b\tc\n\td\x1b[201~\te", "a\tb    c\r    d\te"},
		"Windows":             {"\x1b[200~a;\r\nb;\r\n\rc\x1b[201~", "a;\rb;\r\rc"},
		"keys within a paste": {"\x1b[200~a\x03\x04\x1b[A\x7f\x00b\x1b[201~\x03", "a[Ab\x03"},
		"twice":               {"\x1b[200~a\x1b[201~\x1b[200~b\t\x1b[201~", "ab    "},
		"a paste in a paste":  {"\x1b[200~a\x1b[200~\tb\x1b[201~\t", "a[200~    b\t"},
	} {
		for size := 1; size <= len(c.typed); size++ {
			var out strings.Builder
			f := &pasteFilter{to: &out}
			for rest := c.typed; rest != ""; {
				n := min(size, len(rest))
				if size == 1 && strings.HasPrefix(rest, "\x1b[2") { // the first byte of a mark comes with the second: a lone Esc is a key
					n = 2
				}
				if _, err := f.Write([]byte(rest[:n])); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if size > 1 && cutsAnEscape(c.typed, size) {
				continue
			}
			if out.String() != c.want {
				t.Errorf("%s, %d bytes at once: %q, want %q", name, size, out.String(), c.want)
			}
		}
	}
}

// cutsAnEscape tells whether parts of this size part an Esc from what follows it.
func cutsAnEscape(text string, size int) bool {
	for i := size; i < len(text); i += size {
		if text[i-1] == '\x1b' {
			return true
		}
	}
	return false
}
