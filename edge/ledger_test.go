package edge

import (
	"fmt"
	"testing"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

// ledger applies batches as the core does, each (edge, epoch, partition, seq) once, and keeps the count.
type ledger struct {
	last       map[string]uint64
	epoch      uint64         // the latest
	promised   uint64         // the epoch of the watermarks
	rows       map[string]int // device and x of each row
	deltas     map[string]int // readings by device
	readings   int            // in deltas of the view that counts all
	rejected   []*wire.Rejected
	stats      *wire.Stats
	watermarks map[uint32]int64
	versions   map[uint64]int // by plan version: readings
	again      int            // batches that came again
	largest    int            // message
	sums       map[string]int // of x in the deltas, by device
	layout     aggregate.Layout
}

func newLedger() *ledger {
	l := &ledger{last: map[string]uint64{}, rows: map[string]int{}, deltas: map[string]int{}, watermarks: map[uint32]int64{}, versions: map[uint64]int{}, sums: map[string]int{}}
	for _, a := range cityPlan(1).Views[0].Aggregates {
		maker, err := plan.State(a)
		if err != nil {
			panic(err)
		}
		l.layout = append(l.layout, maker)
	}
	return l
}

func (l *ledger) apply(t testing.TB, message []byte) {
	t.Helper()
	b, err := wire.Unpack(message)
	if err != nil {
		t.Fatal(err)
	}
	l.largest = max(l.largest, len(message))
	id := fmt.Sprintf("%s/%d/%d", b.Edge, b.Epoch, b.Partition)
	of := fmt.Sprintf("%s/%d", b.Edge, b.Partition)
	switch {
	case b.Epoch < l.last[of]: // a later one was heard
		l.again++
		return
	case b.Seq <= l.last[id]:
		l.again++
		return
	case b.Seq != l.last[id]+1:
		t.Fatalf("%s: batch %d comes after %d", id, b.Seq, l.last[id])
	}
	l.last[id], l.last[of] = b.Seq, b.Epoch
	l.epoch = max(l.epoch, b.Epoch)
	for _, d := range b.Deltas {
		l.applyDeltas(t, b, d)
	}
	for _, r := range b.Rows {
		rows, err := wire.ReadColumns(r.Columns, int(r.Count), 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			l.rows[row[0].Text()+" "+row[2].Text()]++
		}
	}
	if b.Epoch != l.promised { // a lost disk's promises are not known; the core takes the largest
		l.promised, l.watermarks = b.Epoch, map[uint32]int64{}
	}
	for _, w := range b.Watermarks {
		if w.Us < l.watermarks[w.Stream] && b.Partition == 0 {
			t.Errorf("the watermark of stream %d goes back from %d to %d", w.Stream, l.watermarks[w.Stream], w.Us)
		}
		l.watermarks[w.Stream] = w.Us
	}
	l.rejected = append(l.rejected, b.Rejected...)
	if b.Stats != nil {
		l.stats = b.Stats
	}
}

// lastOf gives the last sequences of edge-1 in an epoch.
func (l *ledger) lastOf(epoch uint64) map[uint32]uint64 {
	last := map[uint32]uint64{}
	for p := range uint32(4) {
		if seq := l.last[fmt.Sprintf("edge-1/%d/%d", epoch, p)]; seq > 0 {
			last[p] = seq
		}
	}
	return last
}

func (l *ledger) applyDeltas(t testing.TB, b *wire.Batch, d *wire.Deltas) {
	keys, states := d.Keys, d.States
	for _, n := range d.Readings {
		device, rest, err := value.Read(keys)
		if err != nil {
			t.Fatal(err)
		}
		keys = rest
		l.versions[b.PlanVersion] += int(n)
		if d.View == byDevice {
			l.deltas[device.Text()] += int(n)
			l.readings += int(n)
			partial := l.layout.New()
			if states, err = partial.Read(states); err != nil || partial[0].Result().Int() != int64(n) {
				t.Fatalf("a delta of %d readings counts %v: %v", n, partial[0].Result(), err)
			}
			l.sums[device.Text()] += int(partial[1].Result().Int())
		}
	}
}

const (
	vehicles = 1
	byDevice = 10
)

// cityPlan has one stream, city/{device}/position with ts and x, whose rows are forwarded, and a view that counts by device.
func cityPlan(version uint64) *plan.Plan {
	str, num := &plan.Type{Kind: uint32(value.String)}, &plan.Type{Kind: uint32(value.Int)}
	device := &plan.Column{Name: "device", Type: str, Key: true}
	column := func(i uint32, t *plan.Type) *plan.Expr {
		return &plan.Expr{Type: t, Node: &plan.Expr_Column{Column: i}}
	}
	return &plan.Plan{Version: version, Partitions: 4,
		Streams: []*plan.Stream{{Id: vehicles, Name: "vehicles", Topic: "city/{device}/position", Format: "json", Timestamp: 1, DisorderUs: 5e6,
			Position: &plan.Position{}, Columns: []*plan.Column{device, {Name: "ts", Type: &plan.Type{Kind: uint32(value.Timestamp)}}, {Name: "x", Type: num}}}},
		Views: []*plan.View{{Id: byDevice, Name: "by_device", Stream: vehicles, PaneUs: 10e6, WindowUs: 10e6, Keys: []*plan.Column{device},
			KeyExprs:   []*plan.Expr{column(0, str)},
			Aggregates: []*plan.Aggregate{{Function: "COUNT"}, {Function: "SUM", Argument: column(2, num), ArgumentType: num}}}}}
}

// anotherView adds a view to a plan.
func anotherView(p *plan.Plan) *plan.Plan {
	v := p.Views[0]
	p.Views = append(p.Views, &plan.View{Id: byDevice + 1, Name: "more", Stream: v.Stream, PaneUs: v.PaneUs, WindowUs: v.WindowUs, Keys: v.Keys, KeyExprs: v.KeyExprs,
		Aggregates: v.Aggregates[:1]})
	return p
}

func textColumn(name string) *plan.Column {
	return &plan.Column{Name: name, Type: &plan.Type{Kind: uint32(value.String)}}
}
