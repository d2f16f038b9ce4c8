package sql

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hexpane/hexpane/protocol/value"
)

// Shift is OFFSET '7d' behind a view's name: its rows of so long before, with their times moved on by that, so that they stand beside those of now.
type Shift struct {
	Pos    Pos
	Micros int64
}

const maxShift = 100 * 366 * 24 * time.Hour

// shift: OFFSET '7d', or OFFSET INTERVAL '7' DAY. A number behind OFFSET is the tail's, of rows.
func (p *parser) shift() *Shift {
	if !p.isWords("OFFSET") || p.peek.kind != stringToken && !isWord(p.peek, "INTERVAL") {
		return nil
	}
	s := &Shift{Pos: p.advance().pos}
	at := p.tok.pos
	if p.tok.kind == stringToken {
		text := p.advance().text
		var ok bool
		if s.Micros, ok = lengthOf(text); !ok {
			fail(at, "OFFSET takes a length of time like '7d', '24h' or '1h30m', not '%s'", shorten(text))
		}
	} else {
		s.Micros = p.interval().(*Interval).Micros
	}
	if s.Micros <= 0 || s.Micros > maxShift.Microseconds() {
		fail(at, "OFFSET goes back by more than nothing, and by a hundred years at most")
	}
	return s
}

// lengthOf reads 7d, 36h, 1h30m or 2w.
func lengthOf(text string) (int64, bool) {
	text = strings.ReplaceAll(strings.TrimSpace(text), " ", "")
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(text, suffix); ok {
			n, err := strconv.ParseInt(number, 10, 32)
			return n * unit.Microseconds(), err == nil && n >= 0
		}
	}
	d, err := time.ParseDuration(text)
	return d.Microseconds(), err == nil
}

// noShift refuses it where rows come as they are made.
func noShift(sel *Select) {
	if sel.Shift != nil {
		fail(sel.Shift.Pos, "OFFSET '…' compares with an earlier time in a SELECT; a view and a push query go with time as it comes")
	}
	for _, j := range sel.Joins {
		if j.Shift != nil {
			fail(j.Shift.Pos, "OFFSET '…' compares with an earlier time in a SELECT; a view and a push query go with time as it comes")
		}
	}
}

// shifted is a relation whose rows are of another time.
type shiftedTimes struct {
	micros     int64 // 0: it is not
	start, end int   // columns of the times
}

func shiftOf(rel Relation, s *Shift) shiftedTimes {
	if s == nil {
		return shiftedTimes{}
	}
	t := shiftedTimes{micros: s.Micros, start: -1, end: -1}
	for i, c := range rel.Columns {
		switch {
		case c.Type.Kind != value.Timestamp:
		case c.Name == "window_start":
			t.start = i
		case c.Name == "window_end":
			t.end = i
		}
	}
	if t.start < 0 || t.end < 0 {
		fail(s.Pos, "%s has no windows, so it has no earlier period to compare with", rel.Name)
	}
	return t
}

func (t shiftedTimes) rows(rows iter.Seq[[]value.Value]) iter.Seq[[]value.Value] {
	if t.micros == 0 {
		return rows
	}
	return func(yield func([]value.Value) bool) {
		for row := range rows {
			for _, i := range []int{t.start, t.end} {
				if !row[i].IsNull() {
					row[i] = value.OfTime(row[i].Int() + t.micros)
				}
			}
			if !yield(row) {
				return
			}
		}
	}
}

// stored is a range of the times shown as a range of those stored.
func (t shiftedTimes) stored(r Range) Range {
	if r.From > math.MinInt64+t.micros {
		r.From -= t.micros
	}
	if r.To < math.MaxInt64 {
		r.To = max(r.To, math.MinInt64+t.micros) - t.micros
	}
	return r
}
