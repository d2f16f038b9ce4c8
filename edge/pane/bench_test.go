package pane_test

import (
	"fmt"
	"testing"

	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// One reading into one keyed view of six aggregates, without and with its row forwarded; cut as often as the line does.
func BenchmarkFold(b *testing.B) {
	for _, rows := range []bool{false, true} {
		b.Run(fmt.Sprintf("rows=%v", rows), func(b *testing.B) {
			p := testPlan(8)
			p.Views = []*plan.View{p.Views[3]}
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
