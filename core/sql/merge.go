package sql

import (
	"encoding/binary"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// MERGE(column) of a SELECT over a view is the aggregate behind the column, over all readings of the rows in the group: windows and keys that were
// kept apart are put together as if they never had been. MERGE(column, share) takes another percentile of the same readings.
const mergeFunction = "MERGE"

// merged finds the aggregate that a MERGE means, and gives the column in which Query.States puts its state.
func (g *grouping) merged(c *Call) (*plan.Expr, *plan.Aggregate) {
	v := g.scope.View
	if g.windowed || v == nil || g.scope.parts != nil {
		fail(c.Pos, "MERGE is for a SELECT that reads one view: it merges what the view's rows were made of")
	}
	name, ok := first(c.Args).(*Name)
	if !ok || len(c.Args) > 2 {
		fail(c.Pos, "MERGE takes a column of the view, and of a percentile another share: MERGE(p95), MERGE(p95, 0.5)")
	}
	i := g.scope.column(name)
	n := -1
	if i < len(v.OutputExprs) {
		if column, ok := v.OutputExprs[i].Node.(*plan.Expr_Column); ok {
			n = int(column.Column) - len(v.Keys)
		}
	}
	if n < 0 || n >= len(v.Aggregates) {
		fail(name.Ident.Pos, "`%s` of %s is no aggregate as it is; MERGE takes one that is, and computes from it outside: MERGE(total) / MERGE(n)", name.Ident.Name, v.Name)
	}
	a := &plan.Aggregate{Function: v.Aggregates[n].Function, ArgumentType: v.Aggregates[n].ArgumentType, Parameters: v.Aggregates[n].Parameters}
	if len(c.Args) == 2 {
		if a.Function != "PERCENTILE" {
			fail(c.Args[1].position(), "only of a PERCENTILE is there another share; `%s` is %s", name.Ident.Name, a.Function)
		}
		a.Parameters = []float64{g.parameter("PERCENTILE", c.Args[1])}
	}
	t, err := aggregate.ResultType(a.Function, a.ArgumentType.Value())
	if err != nil {
		fail(c.Pos, "%s", err)
	}
	k := 0
	for k < len(g.states) && g.states[k] != n {
		k++
	}
	if k == len(g.states) {
		g.states = append(g.states, n)
	}
	g.merges[len(g.aggregates)] = a
	state := columnExpr(len(g.scope.Columns)+k, value.Type{Kind: value.String})
	g.aggregates = append(g.aggregates, &plan.Aggregate{Function: mergeFunction, Argument: state, Type: planType(t)})
	return columnExpr(len(g.keys)+len(g.aggregates)-1, t), a
}

// States are the view's aggregates whose encoded states must follow a row's columns, as STRINGs, in this order.
func (q *Query) States() []int { return q.states }

// mergedState merges states that come as bytes. The first is kept as it came: most groups of a long answer have no second.
type mergedState struct {
	*unpacking
	n     int             // how many there were, 2 for more
	first string          // of one
	all   aggregate.State // of more
	bad   bool            // one could not be read
}

// unpacking is shared by the states of an aggregate in one query.
type unpacking struct {
	maker func() aggregate.State
	one   aggregate.State
	bytes []byte
}

func newMergedState(a *plan.Aggregate) (func() aggregate.State, error) {
	maker, err := plan.State(a)
	if err != nil {
		return nil, err
	}
	u := &unpacking{maker: maker, one: maker()}
	return func() aggregate.State { return &mergedState{unpacking: u} }, nil
}

func (u *unpacking) read(encoded string, into aggregate.State) (ok bool) {
	u.bytes = append(u.bytes[:0], encoded...)
	rest, err := into.Read(u.bytes)
	return err == nil && len(rest) == 0
}

// Observe merges a state.
func (m *mergedState) Observe(v value.Value, _ int64) { m.add(v.Str()) }

func (m *mergedState) add(encoded string) {
	if m.n == 0 {
		m.n, m.first = 1, encoded
		return
	}
	m.unpack()
	if !m.read(encoded, m.one) {
		m.bad = true
		return
	}
	m.all.Merge(m.one)
}

// unpack makes room for a second one.
func (m *mergedState) unpack() {
	if m.n == 2 {
		return
	}
	m.all = m.maker()
	m.bad = m.bad || !m.read(m.first, m.all)
	m.n, m.first = 2, ""
}

// Merge adds another one's.
func (m *mergedState) Merge(other aggregate.State) {
	o := other.(*mergedState)
	m.bad = m.bad || o.bad
	switch {
	case o.n == 1:
		m.add(o.first)
	case o.n == 2 && m.n == 0:
		m.n, m.all = 2, m.maker()
		m.all.Merge(o.all)
	case o.n == 2:
		m.unpack()
		m.all.Merge(o.all)
	}
}

// Append writes what was merged, behind its length and 2, so that Read need not look into it: 0 says that a state could not be read, 1 that there was none.
func (m *mergedState) Append(dst []byte) []byte {
	switch {
	case m.bad:
		return append(dst, 0)
	case m.n == 0:
		return append(dst, 1)
	case m.n == 1:
		return append(binary.AppendUvarint(dst, uint64(len(m.first))+2), m.first...)
	}
	m.bytes = m.all.Append(m.bytes[:0])
	return append(binary.AppendUvarint(dst, uint64(len(m.bytes))+2), m.bytes...)
}

// Read replaces it.
func (m *mergedState) Read(src []byte) ([]byte, error) {
	n, used := binary.Uvarint(src)
	if used <= 0 || n > uint64(len(src)-used)+2 {
		return nil, aggregate.ErrCorrupt
	}
	src = src[used:]
	*m = mergedState{unpacking: m.unpacking, bad: n == 0}
	if n >= 2 {
		m.n, m.first, src = 1, string(src[:n-2]), src[n-2:]
	}
	return src, nil
}

// Result is the aggregate's; NULL if a state could not be read.
func (m *mergedState) Result() value.Value {
	of := m.all
	switch m.n {
	case 0:
		of = m.maker()
	case 1:
		of = m.one
		m.bad = m.bad || !m.read(m.first, of)
	}
	if m.bad {
		return value.Value{}
	}
	return of.Result()
}

// rewindow reads WINDOW TUMBLING or TUMBLE(window_start, …) of a SELECT over a view: rows are put into larger windows, whose bounds are window_start
// and window_end from then on. GROUP BY is given without it, and with the bounds.
func (q *Query) rewindow(s *scope, st *Select) []Expr {
	var groupBy []Expr
	w := st.Window
	for _, e := range st.GroupBy {
		c, ok := e.(*Call)
		if !ok || !isWindowCall(c) {
			groupBy = append(groupBy, e)
			continue
		}
		if w != nil {
			fail(c.Pos, "a SELECT has one window; here is a second")
		}
		w = windowCall(c, upperOf(c), &input{view: s.View}, s)
	}
	if w == nil {
		return groupBy
	}
	v := s.View
	switch {
	case v == nil || s.parts != nil:
		fail(w.Pos, "WINDOW stands in CREATE VIEW, or in a SELECT that reads one view; else compare window_start and window_end")
	case v.WindowUs == 0 || v.AdvanceUs > 0 || v.GapUs > 0:
		fail(w.Pos, "only tumbling windows make up larger ones: %s has %s", v.Name, windowText(v))
	case w.Gap > 0 || w.Advance > 0 && w.Advance != w.Size || w.Grace != nil || w.Retention != nil:
		fail(w.Pos, "here WINDOW TUMBLING (SIZE …) alone has a meaning")
	case w.Size%v.WindowUs != 0:
		fail(w.Pos, "windows of %s are not made up of %s", spanText(w.Size), windowText(v))
	}
	q.bucket, q.bucketStart = w.Size, len(v.Outputs)
	for _, bound := range viewColumns[:2] {
		groupBy = append(groupBy, &Name{Ident: Ident{Pos: w.Pos, Name: bound.Name, Quoted: true}})
	}
	return groupBy
}
