package sql

import (
	"fmt"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// part is one relation of a scope: columns from (included) to (excluded).
type part struct {
	name     string
	alias    *Ident
	from, to int
}

// shown is what the part is called in the statement.
func (p part) shown() string {
	if p.alias != nil {
		return p.alias.Name
	}
	return p.name
}

// relations gives the scope's parts; without joins it is one.
func (s *scope) relations() []part {
	if s.parts == nil {
		return []part{{s.Name, s.alias, 0, len(s.Columns)}}
	}
	return s.parts
}

// relation finds the part that a qualifier names.
func (s *scope) relation(table Ident) part {
	var names []string
	for _, p := range s.relations() {
		if table.Is(p.shown()) {
			return p
		}
		names = append(names, "`"+p.shown()+"`")
	}
	for _, p := range s.relations() { // a relation's own name serves even where an alias was given
		if table.Is(p.name) {
			return p
		}
	}
	fail(table.Pos, "no table `%s` here; FROM names %s", table.Name, strings.Join(names, " and "))
	return part{}
}

// join puts the tables that sel joins behind the stream's columns, and into the view what edges are to look up.
func (s *scope) join(p *plan.Plan, sel *Select, v *plan.View, nodes *work) {
	if len(sel.Joins) == 0 {
		return
	}
	s.parts = s.relations()
	for _, j := range sel.Joins {
		t := tableOf(p, j.Table)
		before := &scope{Relation: s.Relation, alias: s.alias, parts: s.parts, exprs: s.exprs, nodes: s.nodes}
		next := part{t.Name, j.Alias, len(s.Columns), len(s.Columns) + len(t.Columns)}
		for _, other := range s.parts {
			if strings.EqualFold(other.shown(), next.shown()) {
				fail(j.Table.Pos, "`%s` is named twice; give one of them another name: JOIN %s AS other", next.shown(), t.Name)
			}
		}
		s.parts = append(s.parts[:len(s.parts):len(s.parts)], next)
		s.Columns = append(s.Columns[:len(s.Columns):len(s.Columns)], columnsOf(t.Columns)...)
		if s.exprs != nil {
			for i, c := range t.Columns {
				s.exprs = append(s.exprs[:len(s.exprs):len(s.exprs)], columnExpr(s.width+i, c.Type.Value()))
			}
		}
		s.width += len(t.Columns)
		s.qualify(j.On)
		v.Joins = append(v.Joins, &plan.Join{Table: t.Id, Left: j.Left, On: s.lookup(before, next, t, j, nodes)})
	}
	s.qualifyAll(sel)
}

func (s *scope) qualifyAll(sel *Select) {
	for _, item := range sel.Items {
		s.qualify(item.Expr)
	}
	for _, e := range append([]Expr{sel.Where, sel.Having}, sel.GroupBy...) {
		s.qualify(e)
	}
}

func tableOf(p *plan.Plan, name Ident) *plan.Table {
	if t, ok := findNamed(p.GetTables(), name); ok {
		return t
	}
	if st, ok := findNamed(p.GetStreams(), name); ok {
		unsupported(name.Pos, "joining a stream ("+st.Name+" is one; what can be joined is a TABLE)")
	}
	if view, ok := findNamed(p.GetViews(), name); ok {
		unsupported(name.Pos, "joining a view ("+view.Name+" is one; what can be joined is a TABLE)")
	}
	fail(name.Pos, "no table `%s`%s", name.Name, didYouMean(name.Name, namesOf(p.GetTables())))
	return nil
}

// qualify writes before each column the name of the relation it is of, so that v.name and t.name are never taken for one
// another further on. What is no column (an alias, a window's bound) stays as it is.
func (s *scope) qualify(e Expr) {
	switch x := e.(type) {
	case *Cast:
		s.qualify(x.X)
	case *Call:
		for _, a := range x.Args {
			s.qualify(a)
		}
	case *Name:
		var owner *part
		if x.Table != nil {
			of := s.relation(*x.Table)
			owner = &of
		} else {
			for i, p := range s.parts {
				if s.within(p, x.Ident) < 0 {
					continue
				}
				if owner != nil {
					fail(x.Ident.Pos, "column `%s` is in both %s and %s; write %s.%s or %s.%s", x.Ident.Name, owner.shown(), p.shown(),
						owner.shown(), x.Ident.Name, p.shown(), x.Ident.Name)
				}
				owner = &s.parts[i]
			}
		}
		if owner != nil {
			x.Table = &Ident{Pos: x.position(), Name: owner.shown(), Quoted: true}
		}
	}
}

// within finds a column of one part, −1 if it has none of the name.
func (s *scope) within(p part, name Ident) int {
	for i := p.from; i < p.to; i++ {
		if name.Is(s.Columns[i].Name) {
			return i
		}
	}
	return -1
}

// lookup reads ON: for each key column of the table what it must equal, said with the columns before.
func (s *scope) lookup(before *scope, of part, t *plan.Table, j Join, nodes *work) []*plan.Expr {
	b := &binder{leaf: before.rowLeaf("ON"), nodes: nodes}
	found := map[int]*plan.Expr{}
	for _, e := range conjuncts(j.On) {
		c, ok := e.(*Call)
		if !ok || c.Function != "=" {
			fail(e.position(), "ON says what the key of %s equals: %s", t.Name, s.example(of, t))
		}
		key, other := s.keyOf(of, t, c.Args[0]), c.Args[1]
		if key < 0 {
			key, other = s.keyOf(of, t, c.Args[1]), c.Args[0]
		}
		if key < 0 {
			fail(c.Pos, "neither side is a key of %s; a table is joined by its key: %s", t.Name, s.example(of, t))
		}
		if found[key] != nil {
			fail(c.Pos, "the key %s.%s is given twice", of.shown(), s.Columns[key].Name)
		}
		want := s.Columns[key].Type
		sides := []*plan.Expr{columnExpr(key, want), b.bind(other)}
		coerce("=", []Expr{&Name{}, other}, sides)
		if got := typeOf(sides[1]); got.Kind != want.Kind || got.Kind == value.Decimal && got.Scale != want.Scale {
			fail(other.position(), "%s.%s is %s and this is %s; CAST it: CAST(… AS %s)", of.shown(), s.Columns[key].Name, want, got, want)
		}
		found[key] = sides[1]
	}
	var on []*plan.Expr
	for i, c := range t.Columns {
		if !c.Key {
			continue
		}
		if found[of.from+i] == nil {
			fail(j.On.position(), "ON leaves the key %s.%s open; a table is joined by all of its key: %s", of.shown(), c.Name, s.example(of, t))
		}
		on = append(on, found[of.from+i])
	}
	return on
}

// keyOf gives the column that e names if it is a key of the part, else −1.
func (s *scope) keyOf(of part, t *plan.Table, e Expr) int {
	n, ok := e.(*Name)
	if !ok || n.Table == nil || n.Table.Name != of.shown() {
		return -1
	}
	if i := s.within(of, n.Ident); i >= 0 && t.Columns[i-of.from].Key {
		return i
	}
	return -1
}

// example is an ON for the table.
func (s *scope) example(of part, t *plan.Table) string {
	var terms []string
	for _, c := range t.Columns {
		if c.Key {
			terms = append(terms, fmt.Sprintf("%s.%s = %s.…", of.shown(), c.Name, s.parts[0].shown()))
		}
	}
	return "ON " + strings.Join(terms, " AND ")
}

// conjuncts are the terms of a chain of ANDs.
func conjuncts(e Expr) []Expr {
	if c, ok := e.(*Call); ok && c.Function == "AND" {
		var all []Expr
		for _, a := range c.Args {
			all = append(all, conjuncts(a)...)
		}
		return all
	}
	return []Expr{e}
}
