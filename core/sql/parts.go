package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
)

// parts makes a view of each sub-select that groups, named after the view that it is part of: name#1, name#2 …, and gives the statement that reads
// those. One that is as it was before stays, with what it holds.
func parts(p *plan.Plan, st *CreateView, before []*plan.View) *CreateView {
	n := 0
	var walk func(Select) *Select
	walk = func(sel Select) *Select {
		if sel.Sub == nil {
			return &sel
		}
		sub := walk(*sel.Sub)
		sub.More = nil
		for _, one := range sel.Sub.More {
			sub.More = append(sub.More, walk(*one))
		}
		sel.Sub = sub
		if len(sub.More) > 0 || !groupsItself(sub) {
			return &sel
		}
		n++
		name := fmt.Sprintf("%s#%d", st.Name.Name, n)
		if len(p.Views) >= maxDefined {
			fail(sub.at, "there are %d views already; no more fit", maxDefined)
		}
		part := &CreateView{origin: origin{text: "CREATE VIEW \"" + name + "\" AS " + sub.Source(), at: sub.at}, Create: Create{Name: Ident{Pos: sub.at, Name: name, Quoted: true}}, Query: sub}
		def := planView(p, part)
		if i := slices.IndexFunc(before, func(v *plan.View) bool { return v.Name == name }); i < 0 || !evolve(before[i], def) {
			def.Id = nextID(p)
		}
		p.Views = append(p.Views, def)
		sel.Sub, sel.From = nil, part.Name
		return &sel
	}
	next := *st
	next.Query = walk(*st.Query)
	return &next
}

// dropParts takes the views out of the plan that were made for sub-selects of v, and gives them.
func dropParts(p *plan.Plan, v *plan.View) (parts []*plan.View) {
	var rest []*plan.View
	for _, o := range p.Views {
		if !strings.HasPrefix(o.Name, v.Name+"#") {
			rest = append(rest, o)
		} else {
			parts = append(parts, o)
		}
	}
	p.Views = rest
	return parts
}
