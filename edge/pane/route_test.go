package pane_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
	"pgregory.net/rapid"
)

// A route forwards the rows that pass its filter, each once, in the partition of its own key and with its event time behind it, whether the
// stream's rows are forwarded or not; and none of those that were cut before.
func TestRoutesForwardRowsByTheirKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := testPlan(3)
		p.Views = nil
		num := &plan.Type{Kind: uint32(value.Int)}
		x := &plan.Expr{Type: num, Node: &plan.Expr_Column{Column: 1}}
		p.Routes = []*plan.Route{{Id: 49, Stream: plan.FenceEvents, KeyExprs: []*plan.Expr{x}}, {Id: 50, Stream: quiet, KeyExprs: []*plan.Expr{x}}, {Id: 51, Stream: vehicles, KeyExprs: []*plan.Expr{x}, Filter: &plan.Expr{
			Type: &plan.Type{Kind: uint32(value.Bool)}, Node: &plan.Expr_Call{Call: &plan.Call{Function: "IS NOT NULL", Arguments: []*plan.Expr{x}}}}}}
		table, err := pane.New(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		take := func() {
			for _, piece := range table.CutRows() {
				width := map[uint32]int{50: 3, 51: 5}[piece.Rows.Stream]
				if width == 0 {
					continue
				}
				rows, err := wire.ReadColumns(piece.Rows.Columns, int(piece.Rows.Count), width)
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range rows {
					if n := wire.Partition(value.Append(nil, row[1]), 3); n != piece.Partition {
						t.Fatalf("a row of x %s is in partition %d, not %d", row[1].Text(), piece.Partition, n)
					}
					got = append(got, rowText(piece.Rows.Stream, row))
				}
			}
		}
		for _, r := range rapid.SliceOfN(anyReading(), 0, 40).Draw(t, "readings") {
			table.Fold(r.stream, r.row, r.us, r.forward)
			row := append(slices.Clone(r.row), value.OfTime(r.us))
			if r.forward && r.stream == quiet {
				want = append(want, rowText(50, row))
			}
			if r.forward && r.stream == vehicles && !r.row[1].IsNull() {
				want = append(want, rowText(51, row))
			}
			if rapid.IntRange(0, 5).Draw(t, "cut") == 0 {
				take()
			}
		}
		take()
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
		if !table.HasRows(50) || !table.HasRows(quiet) || table.HasRows(52) {
			t.Error("it does not know its routes")
		}
	})
}

// A view of a UNION ALL gathers what its sources give, also where two of them are one stream, and whether it is cut into batches or taken to be held.
func TestUnitedSourcesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		str, num := &plan.Type{Kind: uint32(value.String)}, &plan.Type{Kind: uint32(value.Int)}
		column := func(i uint32, t *plan.Type) *plan.Expr {
			return &plan.Expr{Type: t, Node: &plan.Expr_Column{Column: i}}
		}
		sum := []*plan.Aggregate{{Function: "COUNT"}, {Function: "SUM", Argument: column(1, num), ArgumentType: num}}
		key := []*plan.Expr{column(0, str)}
		side := func(stream uint32) *plan.Source {
			return &plan.Source{Stream: stream, KeyExprs: key, Arguments: []*plan.Expr{{}, column(1, num)}}
		}
		p := testPlan(3)
		united := &plan.View{Id: 60, Name: "united", Stream: meters, PaneUs: paneUs, Keys: []*plan.Column{{Name: "device", Type: str}}, KeyExprs: key, Aggregates: sum,
			More: []*plan.Source{side(quiet), side(meters)}}
		p.Views = []*plan.View{united, {Id: 61, Name: "alone", Stream: meters, PaneUs: paneUs, Keys: united.Keys, KeyExprs: key, Aggregates: sum}}
		table, err := pane.New(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		type counts struct{ readings, n, sum int64 }
		want := map[string]*counts{}
		add := func(view string, r reading, times int64) {
			start := int64(-100 * paneUs)
			for ; start+paneUs <= r.us; start += paneUs {
			}
			id := fmt.Sprintf("%s/%d/%s", view, start, texts(r.row[:1]))
			if want[id] == nil {
				want[id] = &counts{}
			}
			want[id].readings += times
			if !r.row[1].IsNull() {
				want[id].n += times
				want[id].sum += times * r.row[1].Int()
			}
		}
		for _, r := range rapid.SliceOfN(anyReading(), 0, 40).Draw(t, "readings") {
			table.Fold(r.stream, r.row, r.us, false)
			switch r.stream {
			case meters:
				add("united", r, 2)
				add("alone", r, 1)
			case quiet:
				add("united", r, 1)
			}
		}
		texted := map[string]string{}
		for id, c := range want {
			total := value.OfInt(c.sum)
			if c.n == 0 {
				total = value.Value{}
			}
			texted[id] = fmt.Sprintf("%d readings: %s", c.readings, texts([]value.Value{value.OfInt(c.readings), total}))
		}
		core := newCore(p)
		if rapid.Bool().Draw(t, "held") {
			seen := map[string]bool{}
			err := table.TakeDeltas(func(d pane.Delta) error {
				id := fmt.Sprint(d.View, d.PaneUs, d.Key)
				if seen[id] {
					t.Fatalf("%s comes twice: the store would keep the second alone", id)
				}
				seen[id] = true
				core.merge(t, d.Partition, &wire.Deltas{View: d.View, PaneUs: d.PaneUs, Count: 1, Readings: []uint64{d.Readings}, Keys: []byte(d.Key), States: d.Partial.Append(nil)})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		} else {
			core.take(t, table.CutDeltas())
		}
		if got := core.results(); !maps.Equal(got, texted) {
			t.Fatalf("%v, want %v", got, texted)
		}
	})
}

// One reading to a route with a filter that half of them pass; cut as often as the line does.
func BenchmarkRoute(b *testing.B) {
	p := testPlan(8)
	p.Views = nil
	num := &plan.Type{Kind: uint32(value.Int)}
	x := &plan.Expr{Type: num, Node: &plan.Expr_Column{Column: 1}}
	half := &plan.Expr{Type: num, Node: &plan.Expr_Literal{Literal: value.Append(nil, value.OfInt(500))}}
	p.Routes = []*plan.Route{{Id: 50, Stream: quiet, KeyExprs: []*plan.Expr{x}, Filter: &plan.Expr{Type: &plan.Type{Kind: uint32(value.Bool)},
		Node: &plan.Expr_Call{Call: &plan.Call{Function: ">", Arguments: []*plan.Expr{x, half}}}}}}
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
		table.Fold(quiet, devices[i%1000], int64(i), true)
		if i++; i%2000 == 0 {
			table.CutRows()
		}
	}
}
