package pane_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/reference"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

const fleet, depots = 20, 21

// joinPlan joins meters (device, x) to fleet (device → depot, seats) and that to depots ((depot, x) → place).
func joinPlan(left bool) *plan.Plan {
	str, num := &plan.Type{Kind: uint32(value.String)}, &plan.Type{Kind: uint32(value.Int)}
	column := func(i uint32, t *plan.Type) *plan.Expr {
		return &plan.Expr{Type: t, Node: &plan.Expr_Column{Column: i}}
	}
	p := testPlan(3)
	p.Views = []*plan.View{{Id: 30, Name: "by_place", Stream: meters, PaneUs: paneUs, Keys: []*plan.Column{{Name: "place", Type: str}},
		// columns: 0 device, 1 x; 2 device, 3 depot, 4 seats; 5 depot, 6 x, 7 place
		KeyExprs: []*plan.Expr{column(7, str)}, Aggregates: []*plan.Aggregate{{Function: "SUM", Argument: column(4, num), ArgumentType: num}},
		Joins: []*plan.Join{{Table: fleet, On: []*plan.Expr{column(0, str)}, Left: left},
			{Table: depots, On: []*plan.Expr{column(3, str), column(1, num)}, Left: left}}}}
	return p
}

func rows(t tester, keys []int, width int, list ...[]value.Value) *reference.Table {
	made, err := reference.New(keys, width, list)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

type tester interface{ Fatal(...any) }

// What views count with tables joined is what a plain search through their rows gives.
func TestJoinsFindWhatASearchFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		left := rapid.Bool().Draw(t, "left")
		var buses, places [][]value.Value
		for _, device := range []string{"", "a", "b"} { // "c" is in no table
			depot := value.OfString(rapid.SampledFrom([]string{"north", "south"}).Draw(t, "depot"))
			if rapid.IntRange(0, 3).Draw(t, "none") == 0 {
				depot = value.Value{}
			}
			buses = append(buses, []value.Value{value.OfString(device), depot, value.OfInt(rapid.Int64Range(1, 50).Draw(t, "seats"))})
		}
		for _, depot := range []string{"north", "south"} {
			for x := range int64(3) {
				places = append(places, []value.Value{value.OfString(depot), value.OfInt(x), value.OfString(fmt.Sprint(depot, x%2))})
			}
		}
		p := joinPlan(left)
		table, err := pane.New(p, map[uint32]*reference.Table{fleet: rows(t, []int{0}, 3, buses...), depots: rows(t, []int{0, 1}, 3, places...)})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		sums, counts := map[string]int64{}, map[string]int{}
		for _, r := range rapid.SliceOfN(anyReading(), 0, 40).Draw(t, "readings") {
			table.Fold(r.stream, r.row, r.us, false)
			if r.stream != meters {
				continue
			}
			bus, place := make([]value.Value, 3), value.Value{}
			for _, b := range buses {
				if b[0] == r.row[0] {
					bus = b
				}
			}
			for _, pl := range places {
				if pl[0] == bus[1] && pl[1] == r.row[1] {
					place = pl[2]
				}
			}
			if place.IsNull() && !left {
				continue
			}
			start := int64(-100 * paneUs)
			for ; start+paneUs <= r.us; start += paneUs {
			}
			id := fmt.Sprintf("by_place/%d/%s", start, texts([]value.Value{place}))
			counts[id]++
			sums[id] += bus[2].Int()
			sum := value.OfInt(sums[id])
			if sums[id] == 0 {
				sum = value.Value{} // no bus at all: a SUM of NULLs
			}
			want[id] = fmt.Sprintf("%d readings: %s", counts[id], texts([]value.Value{sum}))
		}
		core := newCore(p)
		core.take(t, table.CutDeltas())
		if got := core.results(); !maps.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestAPlanWhoseTableIsMissingIsRefused(t *testing.T) {
	if _, err := pane.New(joinPlan(true), nil); err == nil || !strings.Contains(err.Error(), "by_place") {
		t.Error(err)
	}
}

// One reading into one view with a table of 1,000 rows beside it.
func BenchmarkFoldJoined(b *testing.B) {
	p := joinPlan(true)
	p.Views[0].Joins = p.Views[0].Joins[:1]
	p.Views[0].KeyExprs[0].Node = &plan.Expr_Column{Column: 3}
	list := make([][]value.Value, 1000)
	devices := make([][]value.Value, len(list))
	for i := range list {
		id := value.OfString(fmt.Sprintf("bus-%04d", i))
		list[i] = []value.Value{id, value.OfString(fmt.Sprint("depot ", i%10)), value.OfInt(40)}
		devices[i] = []value.Value{id, value.OfInt(int64(i))}
	}
	table, err := pane.New(p, map[uint32]*reference.Table{fleet: rows(b, []int{0}, 3, list...)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		table.Fold(meters, devices[i%1000], 0, false)
		if i++; i%20_000 == 0 {
			table.CutDeltas()
		}
	}
}
