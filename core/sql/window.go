package sql

import (
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
)

// windowOf gives the window, from either form, and GROUP BY without it.
func windowOf(sel *Select, stream *plan.Stream) (*Window, []Expr) {
	window := sel.Window
	var groupBy []Expr
	for _, e := range sel.GroupBy {
		c, ok := e.(*Call)
		if !ok {
			groupBy = append(groupBy, e)
			continue
		}
		switch upper := strings.ToUpper(c.Function); upper {
		case "TUMBLE":
			if window != nil {
				fail(c.Pos, "a view has one window; here is a second")
			}
			window = tumble(c, stream)
		case "HOP", "SESSION":
			unsupported(c.Pos, "GROUP BY "+upper+"(…)")
		default:
			groupBy = append(groupBy, e)
		}
	}
	return window, groupBy
}

// tumble reads TUMBLE(ts, INTERVAL '10' SECOND).
func tumble(c *Call, stream *plan.Stream) *Window {
	if len(c.Args) != 2 {
		fail(c.Pos, "TUMBLE takes the event time and a size: TUMBLE(ts, INTERVAL '10' SECOND)")
	}
	size, ok := c.Args[1].(*Interval)
	if !ok {
		fail(c.Args[1].position(), "expected the window's size, like INTERVAL '10' SECOND")
	}
	if size.Micros == 0 {
		fail(size.Pos, "a window of size 0 holds nothing")
	}
	name, ok := c.Args[0].(*Name)
	if !ok {
		fail(c.Args[0].position(), "expected the stream's event-time column")
	}
	if !name.Ident.Is("ROWTIME") {
		s := &scope{Relation: StreamRelation(stream)}
		if i := s.column(&Name{Ident: name.Ident}); i != int(stream.Timestamp) {
			event := "the arrival (ROWTIME), as the stream names no timestamp"
			if stream.Timestamp >= 0 {
				event = "`" + s.Columns[stream.Timestamp].Name + "`"
			}
			fail(name.Ident.Pos, "windows go by event time, which in %s is %s, not `%s`", stream.Name, event, name.Ident.Name)
		}
	}
	return &Window{Pos: c.Pos, Size: size.Micros}
}

// setWindow fills in what is said, and the defaults. A tumbling window is one pane.
func setWindow(v *plan.View, sel *Select, w *Window) {
	v.EmitFinal = sel.Emit == EmitFinal
	if w == nil {
		if v.EmitFinal {
			fail(sel.EmitPos, "EMIT FINAL needs a WINDOW: without one the result never becomes final")
		}
		return
	}
	v.WindowUs, v.PaneUs = w.Size, w.Size
	v.GraceUs = defaultGrace
	if v.EmitFinal {
		v.GraceUs = defaultFinalGrace
	}
	if w.Grace != nil {
		v.GraceUs = *w.Grace
	}
	least := v.WindowUs + v.GraceUs
	v.RetentionUs = max(defaultRetention, least)
	if w.Retention != nil {
		if *w.Retention < least {
			fail(w.Pos, "RETENTION is shorter than SIZE and GRACE PERIOD together: late readings would find their window gone")
		}
		v.RetentionUs = *w.Retention
	}
}
