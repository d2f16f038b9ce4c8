package oracle_test

import (
	"fmt"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// spell writes a pattern about as a statement would, for a failure's message.
func spell(p *plan.Pattern) string {
	text := fmt.Sprintf("PATTERN (%s) WITHIN %d AFTER MATCH SKIP %s %v", spellShape(p, p.Shape), p.WithinUs, p.Skip, spellNames(p, p.SkipTo))
	if p.AllRows {
		text += " ALL ROWS"
	}
	for _, v := range p.Variables {
		text += fmt.Sprintf("\n  DEFINE %s AS %s", v.Name, spellExpr(p, v.Define))
	}
	for _, m := range p.Measures {
		text += "\n  MEASURE " + spellExpr(p, m)
	}
	return text
}

func spellNames(p *plan.Pattern, variables []uint32) string {
	var list []string
	for _, v := range variables {
		list = append(list, p.Variables[v].Name)
	}
	return strings.Join(list, "|")
}

func spellShape(p *plan.Pattern, s *plan.Shape) string {
	join := func(shapes []*plan.Shape, by string) string {
		var list []string
		for _, s := range shapes {
			list = append(list, spellShape(p, s))
		}
		return "(" + strings.Join(list, by) + ")"
	}
	switch x := s.Node.(type) {
	case *plan.Shape_Variable:
		return p.Variables[x.Variable].Name
	case *plan.Shape_Sequence:
		return join(x.Sequence.Shapes, " ")
	case *plan.Shape_Alternation:
		return join(x.Alternation.Shapes, " | ")
	case *plan.Shape_Repeat:
		text := fmt.Sprintf("%s{%d,%d}", spellShape(p, x.Repeat.Shape), x.Repeat.Least, x.Repeat.Most)
		if x.Repeat.Reluctant {
			text += "?"
		}
		return text
	case *plan.Shape_Followed:
		if x.Followed.Any {
			return "followed by any " + spellShape(p, x.Followed.Shape)
		}
		return "followed by " + spellShape(p, x.Followed.Shape)
	case *plan.Shape_Absent:
		return "not followed by " + spellNames(p, x.Absent.Variables)
	}
	return "?"
}

func spellExpr(p *plan.Pattern, x *plan.Expr) string {
	switch n := x.GetNode().(type) {
	case *plan.Expr_Column:
		if n.Column < patternColumns {
			return []string{"x", "y", "id"}[n.Column]
		}
		r := p.References[n.Column-patternColumns]
		return fmt.Sprintf("%s %s(%s.%s, %d, final %t)", r.Kind, r.Function, spellNames(p, r.Variables), spellExpr(p, r.Argument), r.Offset, r.Final)
	case *plan.Expr_Literal:
		v, _, _ := value.Read(n.Literal)
		return v.Text()
	case *plan.Expr_Call:
		var list []string
		for _, a := range n.Call.Arguments {
			list = append(list, spellExpr(p, a))
		}
		return "(" + strings.Join(list, " "+n.Call.Function+" ") + ")"
	}
	return "TRUE"
}
