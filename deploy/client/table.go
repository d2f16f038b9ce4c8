package client

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// grid writes rows in aligned columns.
type grid struct {
	w      *bufio.Writer
	right  []bool // numbers stand at the right
	widths []int  // of the columns, in the terminal's cells
}

func newGrid(w *bufio.Writer, columns []column) *grid {
	g := &grid{w: w}
	for _, c := range columns {
		kind, _, _ := strings.Cut(c.Type, "(")
		g.right = append(g.right, kind == "BIGINT" || kind == "DOUBLE" || kind == "DECIMAL")
	}
	g.widths = make([]int, len(columns))
	g.fit(header(columns))
	return g
}

func header(columns []column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = printable(c.Name)
	}
	return names
}

// fit widens columns to a row.
func (g *grid) fit(row []string) {
	for i, cell := range row[:min(len(row), len(g.widths))] {
		for line := range strings.SplitSeq(cell, "\n") {
			g.widths[i] = max(g.widths[i], width(line))
		}
	}
}

// row writes one: in several lines if a cell has several.
func (g *grid) row(cells []string) {
	for more := true; more; {
		more = false
		var line strings.Builder
		for i := range g.widths {
			cell := ""
			if i < len(cells) {
				var rest string
				var cut bool
				if cell, rest, cut = strings.Cut(cells[i], "\n"); cut {
					more = true
				}
				cells[i] = rest
			}
			if i > 0 {
				line.WriteString("  ")
			}
			pad := strings.Repeat(" ", max(0, g.widths[i]-width(cell)))
			if g.right[i] {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
		}
		fmt.Fprintln(g.w, strings.TrimRight(line.String(), " "))
	}
}

func cells(row rawRow) []string {
	list := make([]string, len(row))
	for i, v := range row {
		list[i] = cell(v)
	}
	return list
}

// cell is how a table shows a value.
func cell(v json.RawMessage) string {
	if len(v) == 0 || string(v) == "null" {
		return "NULL"
	}
	return strings.TrimRight(printable(plain(v)), "\n")
}

// rawRow is a row as JSON.
type rawRow []json.RawMessage

// plain is a value's text: a string without its quotes, anything else as it came; "" for NULL.
func plain(v json.RawMessage) string {
	var s string
	switch {
	case len(v) == 0 || string(v) == "null":
		return ""
	case v[0] == '"' && json.Unmarshal(v, &s) == nil:
		return s
	}
	return string(v)
}

// printable keeps what a terminal would act upon out of it: readings are devices' words, and a device may be hostile. Line
// breaks stay.
func printable(s string) string {
	if plainASCII(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ReplaceAll(s, "\r\n", "\n") {
		const joiner = '\u200d' // in emoji
		switch {
		case r == '\t':
			b.WriteString("    ")
		case r == '\n' || r == joiner || !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// width of one line, in the terminal's cells: 2 for most of Asia's characters.
func width(s string) int {
	if plainASCII(s) {
		return len(s)
	}
	return runewidth.StringWidth(s)
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
