package pane_test

import (
	"fmt"
	"testing"

	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// One reading into one keyed view of six aggregates, without and with its row forwarded; cut as often as the line does.
func BenchmarkFold(b *testing.B) {
	for _, rows := range []bool{false, true} {
		b.Run(fmt.Sprintf("rows=%v", rows), func(b *testing.B) {
			p := testPlan(8)
			p.Views = []*plan.View{viewNamed(p, "metered")}
			table, err := pane.New(p, nil)
			if err != nil {
				b.Fatal(err)
			}
			devices := make([][]value.Value, 1000)
			for i := range devices {
				devices[i] = []value.Value{value.OfString(fmt.Sprintf("bus-%04d", i)), value.OfInt(int64(i))}
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				table.Fold(meters, devices[i%1000], int64(i/100_000)*paneUs, rows)
				if i++; i%20_000 == 0 {
					table.CutDeltas()
					table.CutRows()
				}
			}
		})
	}
}

func BenchmarkCutDeltas(b *testing.B) {
	p := testPlan(8)
	table, err := pane.New(p, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for i := range 1000 {
			table.Fold(quiet, []value.Value{value.OfString("x"), value.OfInt(1)}, int64(i)*paneUs, false)
		}
		b.StartTimer()
		table.CutDeltas()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/delta")
}

// One reading into 1 to 1,000 views over its stream: of one key, which share what they look up and most aggregates, and each with
// a filter of its own, which share nothing. Cut once a second at 1,000 readings a second of 100 devices.
func BenchmarkViews(b *testing.B) {
	for _, shared := range []bool{true, false} {
		for _, n := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("shared=%v/views=%d", shared, n), func(b *testing.B) {
				p := testPlan(8)
				one := viewNamed(p, "metered")
				p.Views = nil
				for i := range n {
					v := proto.CloneOf(one)
					v.Id, v.Name = uint32(100+i), fmt.Sprint("view_", i)
					v.Aggregates = v.Aggregates[i%6:]
					if !shared {
						num := one.Aggregates[1].Argument.Type
						of := func(e *plan.Expr) *plan.Expr { e.Type = num; return e }
						v.Filter = &plan.Expr{Type: &plan.Type{Kind: uint32(value.Bool)}, Node: &plan.Expr_Call{Call: &plan.Call{Function: "=", Arguments: []*plan.Expr{
							of(&plan.Expr{Node: &plan.Expr_Column{Column: 1}}), of(&plan.Expr{Node: &plan.Expr_Literal{Literal: value.Append(nil, value.OfInt(int64(i)))}})}}}}
					}
					p.Views = append(p.Views, v)
				}
				table, err := pane.New(p, nil)
				if err != nil {
					b.Fatal(err)
				}
				devices := make([][]value.Value, 100)
				for i := range devices {
					devices[i] = []value.Value{value.OfString(fmt.Sprintf("bus-%04d", i)), value.OfInt(int64(i))}
				}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					table.Fold(meters, devices[i%100], int64(i/100_000)*paneUs, false)
					if i++; i%1000 == 0 {
						table.CutDeltas()
					}
				}
			})
		}
	}
}
