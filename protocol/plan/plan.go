// Package plan is a compiled query: what runs on the edges, what at the core (plan.proto), and the small readings of it
// that both halves share. It parses no SQL (core/sql does) and evaluates nothing (protocol/expr does).
package plan

import (
	"fmt"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// FenceEvents is the id of fence_events as a view's source: the core makes its rows. The catalogue's own ids never come so far.
const FenceEvents = 1 << 31

// InFence is the call in_fence(lat, lon, id, shape): whoever plans it writes the fence's shape out, as GeoJSON.
const InFence = "in_fence"

// Value gives the type as protocol/value has it; nil is the zero type.
func (t *Type) Value() value.Type {
	return value.Type{Kind: value.Kind(t.GetKind()), Precision: uint8(t.GetPrecision()), Scale: uint8(t.GetScale())}
}

// State gives the maker of an aggregate's states.
func State(a *Aggregate) (func() aggregate.State, error) {
	maker, _, err := aggregate.New(a.Function, a.ArgumentType.Value(), a.Parameters)
	if err != nil {
		return nil, fmt.Errorf("aggregate %s: %w", a.Function, err)
	}
	return maker, nil
}

// Group is equal for views that share panes on an edge: those of one stream that take the same readings, by filter and joins, group them by
// the same keys, and have panes of one size.
func Group(v *View) (string, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(&View{Stream: v.Stream, Filter: v.Filter, KeyExprs: v.KeyExprs, PaneUs: v.PaneUs, Joins: v.Joins})
	if err != nil {
		return "", fmt.Errorf("view %s: %w", v.Name, err)
	}
	return string(b), nil
}

// Sides gives what a view reads as views of one source each, the edges' half alone: itself and, of a UNION ALL, one for each further SELECT.
func Sides(v *View) []*View {
	all := []*View{v}
	for _, m := range v.More {
		side := &View{Id: v.Id, Name: v.Name, Stream: m.Stream, Filter: m.Filter, Keys: v.Keys, KeyExprs: m.KeyExprs, PaneUs: v.PaneUs, Joins: m.Joins}
		for i, a := range v.Aggregates {
			of := &Aggregate{Function: a.Function, ArgumentType: a.ArgumentType, Type: a.Type, Parameters: a.Parameters}
			if a.Argument != nil {
				of.Argument = m.Arguments[i]
			}
			side.Aggregates = append(side.Aggregates, of)
		}
		all = append(all, side)
	}
	return all
}

// Layout gives the layout of a view's partials.
func Layout(v *View) (aggregate.Layout, error) {
	l := make(aggregate.Layout, len(v.Aggregates))
	for i, a := range v.Aggregates {
		var err error
		if l[i], err = State(a); err != nil {
			return nil, fmt.Errorf("view %s: %w", v.Name, err)
		}
	}
	return l, nil
}

// Strange reports that a plan says something that this version of the program knows no word for. Who runs plans must refuse it: to leave out
// what is not understood would compute something else.
func Strange(p *Plan) bool { return strange(p.ProtoReflect()) }

func strange(m protoreflect.Message) bool {
	if len(m.GetUnknown()) > 0 {
		return true
	}
	found := false
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := range v.List().Len() {
				found = found || strange(v.List().Get(i).Message())
			}
		default:
			found = strange(v.Message())
		}
		return !found
	})
	return found
}
