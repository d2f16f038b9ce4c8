package sql

import (
	"github.com/hexpane/hexpane/protocol/plan"
	"google.golang.org/protobuf/proto"
)

// evolve fits a view's new definition onto what the old one gathered, if it asks for nothing that was not: the same readings, groups and windows,
// and no aggregate that is new. Columns may go, come, be renamed or computed otherwise, and HAVING and RETENTION change. The new definition then has
// the old one's id and aggregates, so edges and stored windows know no difference.
func evolve(old, def *plan.View) bool {
	same := func(v *plan.View) *plan.View {
		like := proto.CloneOf(v)
		like.Id, like.Name, like.Sql, like.Aggregates, like.Outputs, like.OutputExprs, like.Having, like.RetentionUs, like.Queries = 0, "", "", nil, nil, nil, nil, 0, nil
		for _, k := range like.Keys {
			k.Name = ""
		}
		for _, m := range like.More {
			m.Arguments = nil
		}
		return like
	}
	if !proto.Equal(same(old), same(def)) {
		return false
	}
	keys := len(def.Keys)
	at := make([]uint32, len(def.Aggregates))
	for i, a := range def.Aggregates {
		found := false
		for n, had := range old.Aggregates {
			if !found && proto.Equal(a, had) && sameArguments(old, n, def, i) {
				at[i], found = uint32(keys+n), true
			}
		}
		if !found {
			return false
		}
	}
	var move func(*plan.Expr)
	move = func(e *plan.Expr) {
		if c, ok := e.GetNode().(*plan.Expr_Column); ok && int(c.Column) >= keys {
			if n := int(c.Column) - keys; n < len(at) {
				c.Column = at[n]
			} else { // a window's bound
				c.Column = uint32(int(c.Column) - len(def.Aggregates) + len(old.Aggregates))
			}
		}
		for _, a := range e.GetCall().GetArguments() {
			move(a)
		}
	}
	for _, e := range append(def.OutputExprs, def.Having) {
		move(e)
	}
	def.Id, def.Aggregates = old.Id, old.Aggregates
	for i, m := range def.More {
		m.Arguments = old.More[i].Arguments
	}
	return true
}

// sameArguments compares what an aggregate takes of the further sources of a UNION ALL.
func sameArguments(old *plan.View, n int, def *plan.View, i int) bool {
	for k, m := range def.More {
		if !proto.Equal(m.Arguments[i], old.More[k].Arguments[n]) {
			return false
		}
	}
	return true
}
