package sql

import (
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
)

// windowOf gives the window, from either form, and GROUP BY without it.
func windowOf(sel *Select, in *input, s *scope) (*Window, []Expr) {
	window := sel.Window
	if window != nil && window.Time != nil {
		eventTime(*window.Time, in, s)
		partitioned(window, sel)
	}
	var groupBy []Expr
	for _, e := range sel.GroupBy {
		c, ok := e.(*Call)
		if !ok {
			if n, name := e.(*Name); name && window != nil && isBound(n, s) {
				continue // a group is in one window anyhow
			}
			groupBy = append(groupBy, e)
			continue
		}
		switch upper := strings.ToUpper(c.Function); upper {
		case "TUMBLE", "HOP", "SESSION":
			if window != nil {
				fail(c.Pos, "a view has one window; here is a second")
			}
			window = windowCall(c, upper, in, s)
		default:
			groupBy = append(groupBy, e)
		}
	}
	return window, groupBy
}

// partitioned refuses PARTITION BY keys that GROUP BY has not: sessions are of a group.
func partitioned(w *Window, sel *Select) {
	for _, k := range w.Keys {
		if !slices.ContainsFunc(sel.GroupBy, func(e Expr) bool { n, ok := e.(*Name); return ok && sameIdent(n.Ident, k) }) {
			fail(k.Pos, "sessions are of a group, and GROUP BY does not name `%s`", k.Name)
		}
	}
}

// windowCall reads TUMBLE(ts, INTERVAL '10' SECOND), HOP(ts, size, advance), or SESSION(ts, gap).
func windowCall(c *Call, function string, in *input, s *scope) *Window {
	w := &Window{Pos: c.Pos}
	switch {
	case function == "TUMBLE" && len(c.Args) != 2:
		fail(c.Pos, "TUMBLE takes the event time and a size: TUMBLE(ts, INTERVAL '10' SECOND)")
	case function == "SESSION" && len(c.Args) != 2:
		fail(c.Pos, "SESSION takes the event time and a gap: SESSION(ts, INTERVAL '30' SECOND)")
	case function == "HOP" && len(c.Args) != 3:
		fail(c.Pos, "HOP takes the event time, a size and an advance: HOP(ts, INTERVAL '1' HOUR, INTERVAL '5' MINUTE)")
	}
	span := func(e Expr, what string) int64 {
		i, ok := e.(*Interval)
		if !ok {
			fail(e.position(), "expected the window's %s, like INTERVAL '10' SECOND", what)
		}
		return i.Micros
	}
	if function == "SESSION" {
		w.Gap = span(c.Args[1], "gap")
		hasGap(c.Args[1].position(), w)
	} else if w.Size = span(c.Args[1], "size"); w.Size == 0 {
		fail(c.Args[1].position(), "a window of size 0 holds nothing")
	}
	if function == "HOP" {
		if w.Advance = span(c.Args[2], "advance"); w.Advance > w.Size {
			fail(c.Args[2].position(), "HOP(time, size, advance): the size comes first, and is at least the advance")
		}
		hops(c.Args[2].position(), w)
	}
	name, ok := c.Args[0].(*Name)
	if !ok {
		fail(c.Args[0].position(), "expected the stream's event-time column")
	}
	eventTime(name.Ident, in, s)
	return w
}

// isBound tells window_start and window_end from columns of the stream.
func isBound(n *Name, s *scope) bool {
	_, bound := windowBounds[strings.ToUpper(n.Ident.Name)]
	return bound && n.Table == nil && s.find(n.Ident) < 0
}

// eventTime refuses a name that is not the stream's event time.
func eventTime(name Ident, in *input, s *scope) {
	_, bound := windowBounds[strings.ToUpper(name.Name)]
	if name.Is("ROWTIME") || in.view != nil && bound {
		return
	}
	stream := in.stream
	if in.made != nil && name.Is(in.made.time) && s.exprs == nil {
		return
	}
	if stream == nil {
		fail(name.Pos, "windows over %s go by ROWTIME: of a join it is the later time of both rows, of a view the end of a row's window, of a pattern match_end", in.named())
	}
	e := s.reference(s.column(&Name{Ident: name}))
	if c, ok := e.Node.(*plan.Expr_Column); !ok || int32(c.Column) != stream.Timestamp {
		event := "the arrival (ROWTIME), as the stream names no timestamp"
		if stream.Timestamp >= 0 {
			event = "`" + stream.Columns[stream.Timestamp].Name + "`"
		}
		if stream.Timestamp >= 0 && name.Is(stream.Columns[stream.Timestamp].Name) {
			fail(name.Pos, "windows go by the event time of %s itself, and `%s` of the sub-select is computed", stream.Name, name.Name)
		}
		fail(name.Pos, "windows go by event time, which in %s is %s, not `%s`", stream.Name, event, name.Name)
	}
}

// setWindow fills in what is said, and the defaults. A tumbling window is one pane, and so is one that hops by its size.
func setWindow(v *plan.View, sel *Select, w *Window) {
	v.EmitFinal = sel.Emit == EmitFinal
	if w == nil {
		if v.EmitFinal {
			fail(sel.EmitPos, "EMIT FINAL needs a WINDOW: without one the result never becomes final")
		}
		return
	}
	v.WindowUs, v.PaneUs, v.GapUs = w.Size, w.Size, w.Gap
	if w.Gap != 0 {
		v.PaneUs = w.Gap // readings of one pane are nearer than the gap
	}
	if w.Advance != 0 && w.Advance != w.Size {
		v.AdvanceUs, v.PaneUs = w.Advance, gcd(w.Size, w.Advance)
	}
	v.GraceUs = defaultGrace
	if v.EmitFinal {
		v.GraceUs = defaultFinalGrace
	}
	if w.Grace != nil {
		v.GraceUs = *w.Grace
	}
	least := v.WindowUs + v.GapUs + v.GraceUs
	v.RetentionUs = max(defaultRetention, least)
	if w.Retention != nil {
		if *w.Retention < least {
			fail(w.Pos, "RETENTION is shorter than SIZE (of sessions the gap) and GRACE PERIOD together: late readings would find their window gone")
		}
		v.RetentionUs = *w.Retention
	}
}
