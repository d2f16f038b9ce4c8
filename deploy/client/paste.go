package client

import (
	"bytes"
	"io"
	"os"
)

// Terminals mark what is pasted if they are asked to. Pasted tabs are blanks: the editor would complete at them, and change the
// statement.
const (
	markPastes   = "\x1b[?2004h"
	unmarkPastes = "\x1b[?2004l"
	pasteBegins  = "\x1b[200~"
	pasteEnds    = "\x1b[201~"
)

// pasteFilter copies a terminal's input, with pastes as if they were typed, line by line.
type pasteFilter struct {
	to     io.Writer
	held   []byte // of a mark that has not come whole
	pasted bool
	last   byte // of the paste
}

// Write passes input on. A lone Esc at the end is the key, not the beginning of a mark.
func (f *pasteFilter) Write(input []byte) (int, error) {
	var out []byte
	rest := append(f.held, input...)
	f.held = nil
	for len(rest) > 0 {
		mark := pasteBegins
		if f.pasted {
			mark = pasteEnds
		}
		switch n := len(rest); {
		case bytes.HasPrefix(rest, []byte(mark)):
			f.pasted = !f.pasted
			rest = rest[len(mark):]
			continue
		case n > 1 && n < len(mark) && bytes.HasPrefix([]byte(mark), rest), f.pasted && n == 1 && rest[0] == mark[0]:
			f.held = append([]byte(nil), rest...)
			rest = nil
			continue
		case !f.pasted:
			out = append(out, rest[0])
		case rest[0] == '\t':
			out = append(out, "    "...)
		case rest[0] == '\n' && f.last == '\r': // one end of a line, not two
		case rest[0] == '\n':
			out = append(out, '\r')
		case rest[0] == '\r' || rest[0] >= ' ' && rest[0] != 0x7f:
			out = append(out, rest[0])
		}
		f.last = rest[0]
		rest = rest[1:]
	}
	if len(out) > 0 {
		if _, err := f.to.Write(out); err != nil {
			return 0, err
		}
	}
	return len(input), nil
}

// filterPastes lets the editor, which reads os.Stdin, read through the filter. The copying ends with the terminal.
func filterPastes(terminal *os.File) (release func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	os.Stdin = r
	go func() {
		_, _ = io.Copy(&pasteFilter{to: w}, terminal)
		_ = w.Close() // as Ctrl-D
	}()
	return func() { os.Stdin = terminal }, nil
}
