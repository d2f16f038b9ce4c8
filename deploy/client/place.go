package client

import (
	"errors"
	"fmt"
	"strings"
)

// locate says where in a text an error is, with the line and a caret if the core placed it. Name is the text's; "" is none.
func (st statement) locate(name string, err error) error {
	if name != "" {
		name += ": "
	}
	var r *refusal
	if !errors.As(err, &r) || r.Line < 1 {
		if name == "" && st.line <= 1 {
			return err
		}
		return fmt.Errorf("%sline %d: %w", name, st.line, err)
	}
	line, column := st.line+r.Line-1, r.Column
	if r.Line == 1 {
		column += st.column - 1
	}
	return fmt.Errorf("%sline %d, column %d: %w%s", name, line, column, err, st.caret(r, line))
}

// caret shows the line of an error; number is the line's in the whole text.
func (st statement) caret(r *refusal, number int) string {
	lines := strings.Split(st.text, "\n")
	if r.Line > len(lines) || r.Column < 1 {
		return ""
	}
	line := []rune(strings.TrimRight(lines[r.Line-1], "\r"))
	at := min(r.Column-1, len(line))
	before, after := line[:at], line[at:]
	const most = 70 // characters on either side: it shall fit a terminal's line
	cutBefore, cutAfter := "", ""
	if len(before) > most {
		before, cutBefore = before[len(before)-most:], "…"
	}
	if len(after) > most {
		after, cutAfter = after[:most], "…"
	}
	left := cutBefore + printable(string(before))
	margin := fmt.Sprint(number)
	return fmt.Sprintf("\n  %s | %s%s%s\n  %s | %s^", margin, left, printable(string(after)), cutAfter,
		strings.Repeat(" ", len(margin)), strings.Repeat(" ", width(left)))
}
