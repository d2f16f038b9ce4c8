package sql

import (
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"google.golang.org/protobuf/proto"
)

// union is the columns of a UNION ALL: those of its first SELECT, once that is planned.
type union struct {
	columns []Column
}

// alternatives gives a SELECT once for each SELECT of the UNION ALLs below it, each with that one alone in its place, and with queries that have
// names written out.
func alternatives(p *plan.Plan, sel *Select) []*Select {
	sub := sel.Sub
	if sub == nil {
		q, ok := findNamed(p.GetQueries(), sel.From)
		if !ok {
			return []*Select{sel}
		}
		named := *sel
		sub, named.query = queryOf(q), q.Id
		sel = &named
	}
	var all []*Select
	shared := &union{}
	list := append([]*Select{sub}, sub.More...)
	for _, one := range list {
		for _, alternative := range alternatives(p, one) {
			a, s := *sel, *alternative
			s.More = nil
			if len(list) > 1 {
				s.union = shared
			}
			a.Sub = &s
			if all = append(all, &a); len(all) > maxUnion {
				fail(one.at, "a UNION ALL of more than %d SELECTs", maxUnion)
			}
		}
	}
	return all
}

// like makes the columns of a further SELECT of a UNION ALL those of the first, in order.
func (u *union) like(s *scope, at Pos) {
	if u == nil {
		return
	}
	if u.columns == nil {
		u.columns = append([]Column{}, s.Columns...)
		return
	}
	if len(u.columns) != len(s.Columns) {
		fail(at, "the SELECTs of a UNION ALL have the same columns: the first has %d, this one %d", len(u.columns), len(s.Columns))
	}
	for i, want := range u.columns {
		if got := s.Columns[i].Type; got != want.Type {
			common, err := expr.Common(want.Type, got)
			if err != nil || common != want.Type {
				fail(at, "column %d is %s in the first SELECT of the UNION ALL and %s in this one; CAST it: CAST(… AS %s)", i+1, want.Type, got, want.Type)
			}
			s.exprs[i] = callExpr("CAST", want.Type, []*plan.Expr{s.exprs[i]})
		}
		s.Columns[i] = want
	}
}

// unite makes one view of what was planned for each SELECT of a UNION ALL.
func unite(at Pos, all []*plan.View) *plan.View {
	v := all[0]
	for _, o := range all[1:] {
		if v.Core || o.Core {
			unsupported(at, "UNION ALL of anything but streams")
		}
		side := &plan.Source{Stream: o.Stream, Filter: o.Filter, KeyExprs: o.KeyExprs, Joins: o.Joins}
		alike := len(o.Aggregates) == len(v.Aggregates) && len(o.Keys) == len(v.Keys) && len(o.OutputExprs) == len(v.OutputExprs)
		for i, a := range o.Aggregates {
			if alike {
				like := proto.CloneOf(v.Aggregates[i])
				like.Argument = a.Argument
				alike = proto.Equal(like, a) && (a.Argument == nil) == (v.Aggregates[i].Argument == nil)
			}
			argument := a.Argument
			if argument == nil {
				argument = &plan.Expr{}
			}
			side.Arguments = append(side.Arguments, argument)
		}
		for i, e := range o.OutputExprs {
			alike = alike && proto.Equal(e, v.OutputExprs[i])
		}
		if !alike || !proto.Equal(o.Having, v.Having) { // constants that differ made aggregates one that are two elsewhere
			fail(at, "the SELECTs of this UNION ALL lead to different aggregates; give their columns CASTs and no literals")
		}
		v.More = append(v.More, side)
		v.Queries = append(v.Queries, o.Queries...)
	}
	return v
}
