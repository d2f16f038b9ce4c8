package sql

import (
	"bytes"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// inFence writes the shape of the fence into a call, so that edges need nothing else. What an operator changes of the fence later comes into the
// plan by Refence.
func (b *binder) inFence(c *Call, args []*plan.Expr) []*plan.Expr {
	if len(args) != 3 {
		fail(c.Pos, "in_fence(lat, lon, 'id') takes 3 arguments, not %d", len(args))
	}
	id, ok := c.Args[2].(*Literal)
	if !ok || id.Kind != StringLiteral {
		fail(c.Args[2].position(), "in_fence takes the id of a fence as a literal, such as 'depot': edges have to know which fence it is")
	}
	ids := make([]string, 0, len(b.nodes.fences))
	for _, f := range b.nodes.fences {
		if f.Id == id.Text {
			b.charge(id.Pos, len(f.Shape)/16)
			return append(args, literalExpr(value.Type{Kind: value.String}, value.OfString(f.Shape)))
		}
		ids = append(ids, f.Id)
	}
	near := didYouMean(id.Text, ids)
	if near == "" {
		near = "; PUT /api/v1/fences/{id} makes one"
	}
	fail(id.Pos, "no fence `%s`%s", shorten(id.Text), near)
	return nil
}

// NamesFences reports whether planning statements over p may need the fences there are: they go into p.Fences then.
func NamesFences(p *plan.Plan, statements ...Statement) bool {
	for _, st := range statements {
		if saysInFence(st.Source()) {
			return true
		}
	}
	return slices.ContainsFunc(p.GetQueries(), func(q *plan.Query) bool { return saysInFence(q.Sql) })
}

func saysInFence(text string) bool { return strings.Contains(strings.ToLower(text), plan.InFence) }

// FenceUsers gives the names of the views and such in which a fence is written out.
func FenceUsers(p *plan.Plan, id string) (names []string) {
	find := func(name string, m proto.Message) {
		used := false
		eachInFence(m.ProtoReflect(), func(c *plan.Call) { used = used || fenceOf(c) == id })
		if used {
			names = append(names, name)
		}
	}
	for _, v := range p.GetViews() {
		find(v.Name, v)
	}
	for _, d := range p.GetPatterns() {
		find(d.Name, d)
	}
	for _, a := range p.GetAlerts() {
		find(a.Name, a)
	}
	for _, r := range p.GetRoutes() {
		find("rows of "+sourceName(p, r.Stream), r)
	}
	for _, j := range p.GetJoins() {
		find(sourceName(p, j.Id), j)
	}
	return names
}

// Refence gives the plan with the shapes that fences have now, wherever they are written out; p itself where they are those. What was counted before
// stays.
func Refence(p *plan.Plan, shape func(id string) (string, bool)) *plan.Plan {
	var other bool
	look := func(c *plan.Call, set bool) {
		text, ok := shape(fenceOf(c))
		if literal := value.Append(nil, value.OfString(text)); ok && !bytes.Equal(literal, c.Arguments[3].GetLiteral()) {
			if other = true; set {
				c.Arguments[3].Node = &plan.Expr_Literal{Literal: literal}
			}
		}
	}
	eachInFence(p.ProtoReflect(), func(c *plan.Call) { look(c, false) })
	if !other {
		return p
	}
	next := proto.CloneOf(p)
	eachInFence(next.ProtoReflect(), func(c *plan.Call) { look(c, true) })
	next.Version++
	return next
}

func fenceOf(c *plan.Call) string {
	v, _, err := value.Read(c.Arguments[2].GetLiteral())
	if err != nil {
		return ""
	}
	return v.Str()
}

// eachInFence finds the calls of in_fence in a message.
func eachInFence(m protoreflect.Message, f func(*plan.Call)) {
	if c, ok := m.Interface().(*plan.Call); ok && c.Function == plan.InFence && len(c.Arguments) == 4 {
		f(c)
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := range v.List().Len() {
				eachInFence(v.List().Get(i).Message(), f)
			}
		default:
			eachInFence(v.Message(), f)
		}
		return true
	})
}
