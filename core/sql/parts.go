package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
)

// parts makes a view of each sub-select that groups, named after the view that it is part of: name#1, name#2 …. The view reads those. One that
// is as it was before stays, with what it holds.
func parts(p *plan.Plan, st *CreateView, before []*plan.View) {
	n := 0
	var walk func(*Select)
	walk = func(sel *Select) {
		sub := sel.Sub
		if sub == nil {
			return
		}
		for _, one := range append([]*Select{sub}, sub.More...) {
			walk(one)
		}
		if len(sub.More) > 0 || !groupsItself(sub) {
			return
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
	}
	walk(st.Query)
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
