package sql

import (
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// input is what a view reads in the end: one of these.
type input struct {
	stream *plan.Stream
	view   *plan.View
	join   *streamJoin
	made   *made
}

// made is rows that the core makes and that never change: a stream that no edge knows.
type made struct {
	id      uint32
	name    string
	columns []Column
	time    string // the column with a row's event time
}

// FenceEvents is what happens at fences, once no position can come any more that would change it.
var FenceEvents = Relation{Name: "fence_events", Time: "ts", Columns: []Column{{"device", value.Type{Kind: value.String}}, {"fence", value.Type{Kind: value.String}},
	{"kind", value.Type{Kind: value.String}}, {"ts", value.Type{Kind: value.Timestamp}}, {"lat", value.Type{Kind: value.Double}}, {"lon", value.Type{Kind: value.Double}},
	{"speed_kmh", value.Type{Kind: value.Double}}, {"dwell_s", value.Type{Kind: value.Double}}, {"stream", value.Type{Kind: value.String}},
	{"id", value.Type{Kind: value.String}}}}

// madeRows finds what the core makes under a name.
func madeRows(p *plan.Plan, name Ident) *made {
	if d, ok := findNamed(p.GetPatterns(), name); ok {
		r := PatternRelation(d)
		return &made{d.Id, d.Name, r.Columns, r.Time}
	}
	if name.Is(FenceEvents.Name) {
		return &made{plan.FenceEvents, FenceEvents.Name, FenceEvents.Columns, FenceEvents.Time}
	}
	return nil
}

// named says what the input is called.
func (in *input) named() string {
	switch {
	case in.stream != nil:
		return in.stream.Name
	case in.view != nil:
		return in.view.Name
	case in.made != nil:
		return in.made.name
	}
	return "the join"
}

// atCore reports that the core makes the panes, from rows that it makes itself.
func (in *input) atCore() bool { return in.stream == nil }

// from finds what a view reads: a stream, a view, a join of streams, or a sub-select over one of them, whose columns are written out where
// they are used and whose WHERE and JOINs become the view's. Edges see one filter and one list of joins, however the statement was written.
func from(p *plan.Plan, sel *Select, v *plan.View, nodes *work) (*input, *scope) {
	noShift(sel)
	if sel.Sub != nil {
		return fromSub(p, sel, v, nodes)
	}
	if view, ok := findNamed(p.GetViews(), sel.From); ok {
		return overView(sel, view, v, nodes)
	}
	if rows := madeRows(p, sel.From); rows != nil {
		if len(sel.Joins) > 0 {
			unsupported(sel.Joins[0].Pos, "JOIN over "+rows.name)
		}
		return &input{made: rows}, &scope{Relation: Relation{Name: rows.name, Columns: rows.columns, Time: rows.time}, alias: sel.Alias, nodes: nodes, width: len(rows.columns)}
	}
	stream := streamOf(p, sel.From)
	if stream.Table {
		fail(sel.From.Pos, "%s is a table, of which only the newest rows count; a view reads a stream and joins tables to it: FROM stream JOIN %s ON …", stream.Name, stream.Name)
	}
	in := &input{stream: stream}
	for _, j := range sel.Joins {
		if _, ok := findNamed(p.GetTables(), j.Table); !ok || j.Within != nil {
			return joined(p, sel, stream, nodes)
		}
	}
	s := &scope{Relation: StreamRelation(stream), alias: sel.Alias, nodes: nodes, width: len(stream.Columns)}
	s.join(p, sel, v, nodes)
	return in, s
}

func streamOf(p *plan.Plan, name Ident) *plan.Stream {
	if s, ok := findNamed(p.GetStreams(), name); ok {
		return s
	}
	if t, ok := findNamed(p.GetTables(), name); ok {
		fail(name.Pos, "%s is a table; a view reads a stream and joins tables to it: FROM stream JOIN %s ON …", t.Name, t.Name)
	}
	names := append(append(append(namesOf(p.GetStreams()), namesOf(p.GetQueries())...), namesOf(p.GetViews())...), FenceEvents.Name)
	names = append(names, namesOf(p.GetPatterns())...)
	fail(name.Pos, "no stream `%s`%s", name.Name, didYouMean(name.Name, names))
	return nil
}

// overView reads another view's rows. They change: what a view over it keeps is what each of them gives now. Its window's bounds are no columns
// here: a view over it either has them as its own (GROUP BY window_start), or windows of its own.
func overView(sel *Select, view, v *plan.View, nodes *work) (*input, *scope) {
	if strings.EqualFold(view.Name, v.Name) {
		fail(sel.From.Pos, "view %s cannot read itself", v.Name)
	}
	if len(sel.Joins) > 0 {
		unsupported(sel.Joins[0].Pos, "JOIN over a view")
	}
	v.Core, v.Upserts = true, true
	s := &scope{Relation: Relation{Name: view.Name, Columns: columnsOf(view.Outputs)}, alias: sel.Alias, nodes: nodes, width: len(view.Outputs)}
	if view.WindowUs > 0 || view.GapUs > 0 {
		s.Time = "window_start"
	}
	return &input{view: view}, s
}

// overWindow gives a view over a view its windows.
func overWindow(v *plan.View, sel *Select, w *Window, below *plan.View) {
	settles := below.GraceUs // after a window's end until its rows change no more
	if below.GapUs > 0 {
		settles += below.GapUs
	}
	if below.EmitFinal {
		settles = 0 // they come when they are final, and the watermark waits for that
	}
	windowed := below.WindowUs > 0 || below.GapUs > 0
	switch {
	case w == nil && !windowed:
		setWindow(v, sel, nil)
	case w != nil && !windowed:
		fail(w.Pos, "the rows of %s have no time: it has no WINDOW", below.Name)
	case w == nil && groupsByBounds(sel):
		if below.GapUs > 0 {
			unsupported(sel.GroupBy[0].position(), "GROUP BY the bounds of sessions")
		}
		v.Inherits, v.EmitFinal = true, sel.Emit == EmitFinal
		v.WindowUs, v.PaneUs, v.GraceUs, v.RetentionUs = below.WindowUs, below.WindowUs, settles, below.RetentionUs
	case w == nil:
		fail(sel.at, "the windows of %s would add up for ever: GROUP BY window_start keeps them apart, and WINDOW puts them into larger ones", below.Name)
	case w.Gap > 0 || w.Advance > 0 && w.Advance != w.Size:
		unsupported(w.Pos, "a WINDOW over a view that is not TUMBLING")
	default:
		setWindow(v, sel, w)
		v.GraceUs += settles
		v.RetentionUs = max(v.RetentionUs, v.WindowUs+v.GraceUs)
	}
}

func groupsByBounds(sel *Select) bool {
	for _, e := range sel.GroupBy {
		if n, ok := e.(*Name); ok && n.Table == nil {
			if _, bound := windowBounds[strings.ToUpper(n.Ident.Name)]; bound {
				return true
			}
		}
	}
	return false
}

// readersOf gives the names of the views and patterns for which a stream, a query, a view or a pattern of this id is needed.
func readersOf(p *plan.Plan, id uint32) (names, patterns []string) {
	feeds := map[uint32]bool{id: true}
	for _, r := range p.Routes {
		feeds[r.Id] = feeds[r.Stream]
	}
	for _, j := range p.Joins {
		feeds[j.Id] = feeds[j.Left] || feeds[j.Right]
	}
	for _, def := range p.Patterns {
		if feeds[def.Stream] || slices.Contains(def.Queries, id) {
			patterns = append(patterns, def.Name)
		}
	}
	for _, v := range p.Views {
		reads := feeds[v.Stream]
		for _, m := range v.More {
			reads = reads || feeds[m.Stream]
		}
		for _, q := range v.Queries {
			reads = reads || q == id
		}
		if reads {
			names = append(names, v.Name)
		}
	}
	return names, patterns
}

// sourceName is what a view reads, for people.
func sourceName(p *plan.Plan, id uint32) string {
	for _, s := range p.GetStreams() {
		if s.Id == id {
			return s.Name
		}
	}
	for _, v := range p.GetViews() {
		if v.Id == id {
			return v.Name
		}
	}
	if id == plan.FenceEvents {
		return FenceEvents.Name
	}
	for _, def := range p.GetPatterns() {
		if def.Id == id {
			return def.Name
		}
	}
	for _, j := range p.GetJoins() {
		if j.Id == id {
			left, right := sides(p, j)
			return left.GetName() + " JOIN " + right.GetName()
		}
	}
	return ""
}

// SourceName is what a view reads, for people: a stream, a view, a JOIN b.
func SourceName(p *plan.Plan, v *plan.View) string {
	name := sourceName(p, v.Stream)
	for _, m := range v.More {
		name += " UNION ALL " + sourceName(p, m.Stream)
	}
	return name
}

// sides are the streams that a join joins.
func sides(p *plan.Plan, j *plan.StreamJoin) (left, right *plan.Stream) {
	of := func(route uint32) *plan.Stream {
		for _, r := range p.GetRoutes() {
			if r.Id != route {
				continue
			}
			for _, s := range p.GetStreams() {
				if s.Id == r.Stream {
					return s
				}
			}
		}
		return nil
	}
	return of(j.Left), of(j.Right)
}

func isBool(e *plan.Expr) bool { return value.Kind(e.GetType().GetKind()) == value.Bool }
