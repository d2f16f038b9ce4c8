package merge_test

import (
	"fmt"
	"testing"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// As BenchmarkMerge, with PERCENTILE(x, 0.95) and COUNT(DISTINCT n) of ten readings in each delta.
func BenchmarkMergeSketches(b *testing.B) {
	def := speedView()
	def.Aggregates = []*plan.Aggregate{
		{Function: "PERCENTILE", ArgumentType: kind(value.Double), Type: kind(value.Double), Parameters: []float64{0.95}},
		{Function: "COUNT_DISTINCT", ArgumentType: kind(value.Int), Type: kind(value.Int)},
	}
	def.Outputs, def.OutputExprs = def.Outputs[:1], []*plan.Expr{column(1, value.Double)}
	layout, err := plan.Layout(def)
	if err != nil {
		b.Fatal(err)
	}
	v, err := merge.NewView(def)
	if err != nil {
		b.Fatal(err)
	}
	keys, states := make([][]byte, 10_000), make([][]byte, 10_000)
	for i := range keys {
		p := layout.New()
		for j := range 10 {
			p[0].Observe(value.OfDouble(float64(20+(i+7*j)%40)), 3)
			p[1].Observe(value.OfInt(int64(i+j)), 3)
		}
		keys[i], states[i] = value.Append(nil, value.OfString(fmt.Sprintf("cell-%05d", i))), p.Append(nil)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := v.Delta(0, keys[i%len(keys)], states[i%len(keys)], -1, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deltas/s")
}
