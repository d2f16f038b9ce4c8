package pane_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
	"pgregory.net/rapid"
)

// Folded in any order and cut anywhere, the deltas add up to what a plain computation gives, and each row is forwarded once.
func TestCutsAddUpWhateverTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := testPlan(rapid.SampledFrom([]uint32{0, 1, 2, 7}).Draw(t, "partitions"))
		readings := rapid.SliceOfN(anyReading(), 0, 60).Draw(t, "readings")
		table, err := pane.New(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		core := newCore(p)
		for _, r := range rapid.Permutation(readings).Draw(t, "order") {
			row := slices.Clone(r.row)
			table.Fold(r.stream, row, r.us, r.forward)
			clear(row) // the table keeps a copy
			switch rapid.IntRange(0, 9).Draw(t, "cut") {
			case 0:
				core.take(t, table.CutDeltas())
			case 1:
				core.take(t, table.CutRows())
			}
		}
		core.take(t, table.CutDeltas())
		core.take(t, table.CutRows())
		if table.Rows() != 0 || table.Deltas() != 0 || len(table.CutRows())+len(table.CutDeltas()) != 0 {
			t.Fatalf("%d rows and %d deltas left after a cut", table.Rows(), table.Deltas())
		}
		wantDeltas, wantRows := naive(p, readings)
		if got := core.results(); !maps.Equal(got, wantDeltas) {
			t.Fatalf("deltas\n%v, want\n%v", got, wantDeltas)
		}
		slices.Sort(core.rows)
		slices.Sort(wantRows)
		if !slices.Equal(core.rows, wantRows) {
			t.Fatalf("rows %q, want %q", core.rows, wantRows)
		}
	})
}

func TestCountsWhatWaits(t *testing.T) {
	table, err := pane.New(testPlan(2), nil)
	if err != nil {
		t.Fatal(err)
	}
	row := []value.Value{value.OfString("a"), value.OfInt(1)}
	table.Fold(meters, row, 5, true)
	table.Fold(meters, row, 6, false)       // the same key and pane, a row not wanted
	table.Fold(meters, row, paneUs+1, true) // another pane
	table.Fold(99, row, 5, true)            // no stream of the plan
	if table.Rows() != 2 || table.Deltas() != 2 {
		t.Errorf("%d rows, %d deltas; want 2, 2", table.Rows(), table.Deltas())
	}
}

// Whatever the readings, a piece fits a message together with the slack that a batch leaves for its last one.
func TestPiecesFitMessages(t *testing.T) {
	table, err := pane.New(testPlan(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3000 { // 3,000 keys of 1 KiB, and as many rows
		name := strings.Repeat(fmt.Sprintf("%07d,", i*7919), 128)
		table.Fold(vehicles, []value.Value{value.OfString(name), value.OfInt(9), {}, value.OfTime(1)}, 1, true)
	}
	rows, deltas := 0, 0
	for _, piece := range append(table.CutRows(), table.CutDeltas()...) {
		if piece.Bytes > 300<<10 {
			t.Errorf("a piece of %d bytes", piece.Bytes)
		}
		if piece.Rows != nil {
			rows += int(piece.Rows.Count)
		} else if piece.Deltas.View == 10 {
			deltas += int(piece.Deltas.Count)
		}
	}
	if rows != 3000 || deltas != 3000 {
		t.Errorf("%d rows, %d deltas", rows, deltas)
	}
}

func TestPlansThatCannotRunAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*plan.Plan){
		"stream":    func(p *plan.Plan) { p.Views[0].Stream = 77 },
		"filter":    func(p *plan.Plan) { p.Views[0].Filter = &plan.Expr{} },
		"key":       func(p *plan.Plan) { p.Views[0].KeyExprs[0] = &plan.Expr{} },
		"aggregate": func(p *plan.Plan) { p.Views[0].Aggregates[0] = &plan.Aggregate{Function: "MEDIAN"} },
		"argument": func(p *plan.Plan) {
			p.Views[0].Aggregates[0] = &plan.Aggregate{Function: "COUNT", Argument: &plan.Expr{}}
		},
	} {
		p := testPlan(1)
		spoil(p)
		if _, err := pane.New(p, nil); err == nil || !strings.Contains(err.Error(), "by_device") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type reading struct {
	stream  uint32
	row     []value.Value
	us      int64
	forward bool
}

func anyReading() *rapid.Generator[reading] {
	return rapid.Custom(func(t *rapid.T) reading {
		r := reading{stream: rapid.Uint32Range(vehicles, quiet).Draw(t, "stream"), us: rapid.Int64Range(-3*paneUs, 3*paneUs).Draw(t, "us"),
			forward: rapid.Bool().Draw(t, "forward")}
		x := value.OfInt(rapid.Int64Range(-2, 6).Draw(t, "x"))
		if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
			x = value.Value{}
		}
		r.row = []value.Value{value.OfString(rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "device")), x}
		if r.stream == vehicles {
			r.row = append(r.row, value.OfDecimal(rapid.Int64Range(-500, 500).Draw(t, "amount"), 2), value.OfTime(r.us))
		}
		return r
	})
}

// core merges what comes, as the core does.
type core struct {
	plan    *plan.Plan
	views   map[uint32]*plan.View
	widths  map[uint32]int
	merged  map[string]aggregate.Partial
	counted map[string]uint64
	rows    []string
}

func newCore(p *plan.Plan) *core {
	c := &core{plan: p, views: map[uint32]*plan.View{}, widths: map[uint32]int{vehicles: 4, meters: 3}, merged: map[string]aggregate.Partial{}, counted: map[string]uint64{}}
	for _, v := range p.Views {
		c.views[v.Id] = v
	}
	return c
}

func (c *core) take(t *rapid.T, pieces []pane.Piece) {
	for _, piece := range pieces {
		if r := piece.Rows; r != nil {
			rows, err := wire.ReadColumns(r.Columns, int(r.Count), c.widths[r.Stream])
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if want := wire.Partition(value.Append(nil, row[0]), c.plan.Partitions); piece.Partition != want {
					t.Fatalf("a row of %s is in partition %d, not %d", row[0].Text(), piece.Partition, want)
				}
				c.rows = append(c.rows, rowText(r.Stream, row))
			}
		}
		if d := piece.Deltas; d != nil {
			c.merge(t, piece.Partition, d)
		}
	}
}

func (c *core) merge(t *rapid.T, partition uint32, d *wire.Deltas) {
	v := c.views[d.View]
	layout, err := plan.Layout(v)
	if err != nil {
		t.Fatal(err)
	}
	keys, states := d.Keys, d.States
	for i := range int(d.Count) {
		key := make([]value.Value, len(v.Keys))
		rest, err := value.ReadRow(keys, key)
		if err != nil {
			t.Fatal(err)
		}
		if want := wire.Partition(keys[:len(keys)-len(rest)], c.plan.Partitions); partition != want {
			t.Fatalf("view %s: key %s is in partition %d, not %d", v.Name, texts(key), partition, want)
		}
		keys = rest
		part := layout.New()
		if states, err = part.Read(states); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("%s/%d/%s", v.Name, d.PaneUs, texts(key))
		c.counted[id] += d.Readings[i]
		if c.merged[id] == nil {
			c.merged[id] = layout.New()
		}
		c.merged[id].Merge(part)
	}
	if len(keys) != 0 || len(states) != 0 || len(d.Readings) != int(d.Count) {
		t.Fatalf("view %s: %d keys bytes, %d state bytes left over", v.Name, len(keys), len(states))
	}
}

func (c *core) results() map[string]string {
	all := map[string]string{}
	for id, part := range c.merged {
		var values []value.Value
		for _, s := range part {
			values = append(values, s.Result())
		}
		all[id] = fmt.Sprintf("%d readings: %s", c.counted[id], texts(values))
	}
	return all
}

func rowText(stream uint32, row []value.Value) string {
	return fmt.Sprintf("%d:%s", stream, texts(row))
}

func texts(row []value.Value) string {
	s := ""
	for _, v := range row {
		s += string(v.AppendJSON(nil)) + " "
	}
	return s
}
