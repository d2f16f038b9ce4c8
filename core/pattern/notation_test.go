package pattern

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// shapeOf reads what stands in PATTERN (…), of variables that are single letters.
func shapeOf(text string, variables map[string]uint32) *plan.Shape {
	p := &notation{tokens: tokens.FindAllString(text, -1), variables: variables}
	s := p.alternation()
	if len(p.tokens) > 0 {
		panic("left over: " + strings.Join(p.tokens, " "))
	}
	return s
}

var tokens = regexp.MustCompile(`NOT FOLLOWED BY|FOLLOWED BY ANY|FOLLOWED BY|[A-Z]|\{[^}]*\}|[()|?*+]`)

type notation struct {
	tokens    []string
	variables map[string]uint32
}

func (p *notation) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *notation) accept(any ...string) bool {
	for _, t := range any {
		if p.next() == t {
			p.tokens = p.tokens[1:]
			return true
		}
	}
	return false
}

func (p *notation) alternation() *plan.Shape {
	list := []*plan.Shape{p.sequence()}
	for p.accept("|") {
		list = append(list, p.sequence())
	}
	if len(list) == 1 {
		return list[0]
	}
	return &plan.Shape{Node: &plan.Shape_Alternation{Alternation: &plan.Shapes{Shapes: list}}}
}

func (p *notation) sequence() *plan.Shape {
	var list []*plan.Shape
	for t := p.next(); t != "" && t != ")" && t != "|"; t = p.next() {
		list = append(list, p.term())
	}
	return &plan.Shape{Node: &plan.Shape_Sequence{Sequence: &plan.Shapes{Shapes: list}}}
}

func (p *notation) term() *plan.Shape {
	switch {
	case p.accept("NOT FOLLOWED BY"):
		absent := &plan.Absent{Variables: []uint32{p.variable()}}
		for p.accept("|") { // of variables alone, without brackets
			absent.Variables = append(absent.Variables, p.variable())
		}
		return &plan.Shape{Node: &plan.Shape_Absent{Absent: absent}}
	case p.accept("FOLLOWED BY ANY"):
		return &plan.Shape{Node: &plan.Shape_Followed{Followed: &plan.Followed{Shape: p.term(), Any: true}}}
	case p.accept("FOLLOWED BY"):
		return &plan.Shape{Node: &plan.Shape_Followed{Followed: &plan.Followed{Shape: p.term()}}}
	case p.accept("("):
		s := p.alternation()
		if !p.accept(")") {
			panic("a bracket is open")
		}
		return p.quantified(s)
	}
	return p.quantified(&plan.Shape{Node: &plan.Shape_Variable{Variable: p.variable()}})
}

func (p *notation) variable() uint32 {
	name := p.next()
	p.tokens = p.tokens[1:]
	v, ok := p.variables[name]
	if !ok {
		panic("a variable is wanted, not " + name)
	}
	return v
}

func (p *notation) quantified(s *plan.Shape) *plan.Shape {
	r := &plan.Repeat{Shape: s}
	switch t := p.next(); {
	case p.accept("?"):
		r.Most = 1
	case p.accept("*"):
	case p.accept("+"):
		r.Least = 1
	case strings.HasPrefix(t, "{"):
		p.tokens = p.tokens[1:]
		least, most, two := strings.Cut(strings.Trim(t, "{}"), ",")
		r.Least = number(least)
		if r.Most = number(most); !two {
			r.Most = r.Least
		}
	default:
		return s
	}
	r.Reluctant = p.accept("?")
	return &plan.Shape{Node: &plan.Shape_Repeat{Repeat: r}}
}

func number(s string) uint32 {
	n, err := strconv.ParseUint("0"+strings.TrimSpace(s), 10, 32)
	if err != nil {
		panic(err)
	}
	return uint32(n)
}

// builder adds references to a pattern and makes expressions over them.
type builder struct{ *plan.Pattern }

var (
	aText   = value.Type{Kind: value.String}
	aNumber = value.Type{Kind: value.Double}
	anInt   = value.Type{Kind: value.Int}
	aTime   = value.Type{Kind: value.Timestamp}
)

func typeOf(t value.Type) *plan.Type { return &plan.Type{Kind: uint32(t.Kind), Scale: uint32(t.Scale)} }

func column(i int, t value.Type) *plan.Expr {
	return &plan.Expr{Type: typeOf(t), Node: &plan.Expr_Column{Column: uint32(i)}}
}

func literal(v value.Value) *plan.Expr {
	return &plan.Expr{Type: typeOf(value.Type{Kind: v.Kind()}), Node: &plan.Expr_Literal{Literal: value.Append(nil, v)}}
}

func call(function string, args ...*plan.Expr) *plan.Expr {
	types := make([]value.Type, len(args))
	for i, a := range args {
		types[i] = a.Type.Value()
	}
	t, err := expr.Signature(function, types)
	if err != nil {
		panic(fmt.Sprint(function, ": ", err))
	}
	return &plan.Expr{Type: typeOf(t), Node: &plan.Expr_Call{Call: &plan.Call{Function: function, Arguments: args}}}
}

func (b builder) refer(r *plan.Reference, t value.Type) *plan.Expr {
	r.Type = typeOf(t)
	b.References = append(b.References, r)
	return column(int(b.Columns)+len(b.References)-1, t)
}

// of is FIRST, LAST or PREV of an argument.
func (b builder) of(kind plan.Reference_Kind, x *plan.Expr, variables ...uint32) *plan.Expr {
	r := &plan.Reference{Kind: kind, Argument: x, Variables: variables}
	if kind == plan.Reference_PREV {
		r.Offset = 1
	}
	return b.refer(r, x.Type.Value())
}

func (b builder) aggregate(function string, t value.Type, x *plan.Expr, variables ...uint32) *plan.Expr {
	return b.refer(&plan.Reference{Kind: plan.Reference_AGGREGATE, Function: function, Argument: x, Variables: variables}, t)
}
