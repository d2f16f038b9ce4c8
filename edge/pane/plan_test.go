package pane_test

import (
	"slices"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

const (
	vehicles = 1 // device, x, amount, ts; rows are forwarded
	meters   = 2 // device, x; event time is arrival, rows are forwarded
	quiet    = 3 // no rows
	paneUs   = 1000
)

// testPlan has views of each sort: keyed, filtered, keyed by two, one pane for all of time.
func testPlan(partitions uint32) *plan.Plan {
	str, num := &plan.Type{Kind: uint32(value.String)}, &plan.Type{Kind: uint32(value.Int)}
	dec := &plan.Type{Kind: uint32(value.Decimal), Precision: 18, Scale: 2}
	device := &plan.Column{Name: "device", Type: str, Key: true}
	x := &plan.Column{Name: "x", Type: num}
	column := func(i uint32, t *plan.Type) *plan.Expr {
		return &plan.Expr{Type: t, Node: &plan.Expr_Column{Column: i}}
	}
	aggregate := func(function string, i uint32, t *plan.Type) *plan.Aggregate {
		return &plan.Aggregate{Function: function, Argument: column(i, t), ArgumentType: t}
	}
	all := []*plan.Aggregate{{Function: "COUNT"}, aggregate("COUNT", 1, num), aggregate("SUM", 1, num), aggregate("MIN", 1, num), aggregate("MAX", 1, num),
		aggregate("AVG", 1, num)}
	three := &plan.Expr{Type: num, Node: &plan.Expr_Literal{Literal: value.Append(nil, value.OfInt(3))}}
	above := &plan.Expr{Type: &plan.Type{Kind: uint32(value.Bool)}, Node: &plan.Expr_Call{Call: &plan.Call{Function: ">", Arguments: []*plan.Expr{column(1, num), three}}}}
	return &plan.Plan{Version: 1, Partitions: partitions,
		Streams: []*plan.Stream{
			{Id: vehicles, Name: "vehicles", Timestamp: 3, Position: &plan.Position{}, Columns: []*plan.Column{device, x, {Name: "amount", Type: dec},
				{Name: "ts", Type: &plan.Type{Kind: uint32(value.Timestamp)}}}},
			{Id: meters, Name: "meters", Timestamp: -1, Position: &plan.Position{}, Columns: []*plan.Column{device, x}},
			{Id: quiet, Name: "quiet", Timestamp: -1, Columns: []*plan.Column{device, x}},
		},
		Views: []*plan.View{
			{Id: 10, Name: "by_device", Stream: vehicles, PaneUs: paneUs, Keys: []*plan.Column{device}, KeyExprs: []*plan.Expr{column(0, str)},
				Aggregates: append(all[:len(all):len(all)], aggregate("SUM", 2, dec))},
			{Id: 11, Name: "above_three", Stream: vehicles, PaneUs: 3 * paneUs, Keys: []*plan.Column{device, x},
				KeyExprs: []*plan.Expr{column(0, str), column(1, num)}, Filter: above, Aggregates: all},
			{Id: 15, Name: "by_device_too", Stream: vehicles, PaneUs: paneUs, Keys: []*plan.Column{device}, KeyExprs: []*plan.Expr{column(0, str)},
				Aggregates: []*plan.Aggregate{all[2], all[0], aggregate("MAX", 2, dec), all[0]}}, // shares by_device's panes
			{Id: 12, Name: "ever", Stream: vehicles, PaneUs: 0, Aggregates: all},
			{Id: 13, Name: "metered", Stream: meters, PaneUs: paneUs, Keys: []*plan.Column{device}, KeyExprs: []*plan.Expr{column(0, str)}, Aggregates: all},
			{Id: 14, Name: "hushed", Stream: quiet, PaneUs: paneUs, Aggregates: all},
		}}
}

func viewNamed(p *plan.Plan, name string) *plan.View {
	return p.Views[slices.IndexFunc(p.Views, func(v *plan.View) bool { return v.Name == name })]
}
