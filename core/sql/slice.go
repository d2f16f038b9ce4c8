package sql

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// A query that groups the rows of one view may be answered from slices of time: what Gather makes of each, Combine puts together. A slice that
// can't change any more need not be read twice, whatever range it is asked in.

// Slice is what the rows of a slice of time come to. It does not change.
type Slice struct {
	groups []sliceGroup
	Bytes  int // that it holds, by estimate
}

type sliceGroup struct {
	key    string // the encoded keys
	keys   []value.Value
	states []byte
}

// Sliced names what the query makes of any slice of time: two queries of one name make the same of it. ok is false of a query that can't be
// answered so, or not the same way twice. What is asked of the groups afterwards, and the range of time, is no part of it.
func (q *Query) Sliced() (name []byte, ok bool) { return q.sliced, q.sliced != nil }

// nameSlices finds it.
func (q *Query) nameSlices(rel Relation, where *plan.Expr, g *grouping) {
	v := rel.View
	if v == nil || len(q.joins) > 0 || v.WindowUs <= 0 || v.GapUs > 0 || q.limit == 0 {
		return
	}
	start := len(v.Outputs)
	var name bytes.Buffer
	sound := true
	add := func(kind string, m proto.Message) {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		sound = sound && err == nil && len(text) < maxStatement
		fmt.Fprintf(&name, "%s %d %s;", kind, len(text), text)
	}
	fmt.Fprintf(&name, "view %d of %d, bucket %d, offset %d, states %v;", v.Id, len(rel.Columns), q.bucket, q.shift.micros, q.states)
	for _, e := range beyondTime(where, start, nil) {
		sound = sound && !callsFence(e)
		add("where", e)
	}
	for _, k := range g.keys {
		sound = sound && !callsFence(k.bound)
		add("key", k.bound)
	}
	for i, a := range g.aggregates {
		sound = sound && !callsFence(a.Argument)
		add("aggregate", a)
		if g.merges[i] != nil {
			add("merges", g.merges[i])
		}
	}
	if sound {
		q.sliced = name.Bytes()
	}
}

// beyondTime are the conditions of a WHERE past those that TimeRange knows of: of a slice within the range all rows meet these.
func beyondTime(e *plan.Expr, start int, list []*plan.Expr) []*plan.Expr {
	if e == nil {
		return list
	}
	args := e.GetCall().GetArguments()
	bounds := func(x *plan.Expr, of ...*plan.Expr) bool {
		c, ok := x.GetNode().(*plan.Expr_Column)
		if !ok || int(c.Column) != start && int(c.Column) != start+1 {
			return false
		}
		for _, y := range of {
			l, ok := y.GetNode().(*plan.Expr_Literal)
			if !ok {
				return false
			}
			if v, _, err := value.Read(l.Literal); err != nil || v.Kind() != value.Timestamp {
				return false
			}
		}
		return true
	}
	switch e.GetCall().GetFunction() {
	case "AND":
		for _, a := range args {
			list = beyondTime(a, start, list)
		}
		return list
	case "BETWEEN":
		if bounds(args[0], args[1], args[2]) {
			return list
		}
	case "=", "<", "<=", ">", ">=":
		if bounds(args[0], args[1]) || bounds(args[1], args[0]) {
			return list
		}
	}
	return append(list, e)
}

// callsFence reports a call that depends on more than the row.
func callsFence(e *plan.Expr) bool {
	return strings.Contains(strings.ToUpper(e.GetCall().GetFunction()), "FENCE") || slices.ContainsFunc(e.GetCall().GetArguments(), callsFence)
}

// Gather reads a slice's rows.
func (q *Query) Gather(ctx context.Context, rows iter.Seq[[]value.Value]) (*Slice, error) {
	t := &table{groups: q.groups, index: map[string]*group{}}
	if err := q.each(ctx, q.shift.rows(rows), t.observe); err != nil {
		return nil, err
	}
	return t.slice(), nil
}

func (t *table) slice() *Slice {
	s := &Slice{Bytes: 64}
	for key, g := range t.index {
		one := sliceGroup{key: key, keys: slices.Clip(g.keys), states: g.states.Append(nil)}
		s.groups = append(s.groups, one)
		s.Bytes += 96 + 2*len(key) + 32*len(one.keys) + len(one.states)
	}
	return s
}

// Together makes one slice of several that lie side by side.
func (q *Query) Together(list []*Slice) (*Slice, error) {
	t := &table{groups: q.groups, index: map[string]*group{}}
	for _, s := range list {
		if err := t.merge(s); err != nil {
			return nil, err
		}
	}
	return t.slice(), nil
}

func (t *table) merge(s *Slice) error {
	one := t.layout.New()
	for i := range s.groups {
		from := &s.groups[i]
		g := t.index[from.key]
		if g == nil {
			if len(t.list) == MaxGroups {
				return errGroups
			}
			g = t.group(from.keys)
			if _, err := g.states.Read(from.states); err != nil {
				return err
			}
			continue
		}
		if _, err := one.Read(from.states); err != nil {
			return err
		}
		g.states.Merge(one)
	}
	return nil
}

var errGroups = fmt.Errorf("the query has more than %d groups; narrow it with WHERE", MaxGroups)

// Combine is Run for a query of which slices are known, and the rows of what is in none of them. Groups come in the order of their keys' bytes.
func (q *Query) Combine(ctx context.Context, known []*Slice, rows iter.Seq[[]value.Value]) (Result, error) {
	t := &table{groups: q.groups, index: map[string]*group{}}
	if len(t.keys) == 0 {
		t.group(nil)
	}
	for _, s := range known {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		if err := t.merge(s); err != nil {
			return Result{}, err
		}
	}
	if err := q.each(ctx, q.shift.rows(rows), t.observe); err != nil {
		return Result{}, err
	}
	out := newCollector(q)
	if err := t.give(ctx, out, true); err != nil {
		return Result{}, err
	}
	return Result{q.columns, out.rows()}, nil
}
