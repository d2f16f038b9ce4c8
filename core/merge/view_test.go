package merge_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"pgregory.net/rapid"
)

const (
	size  = 10 // of a window, in the unit of time of these tests
	grace = 25
)

func kind(k value.Kind) *plan.Type { return &plan.Type{Kind: uint32(k)} }

func column(i uint32, k value.Kind) *plan.Expr {
	return &plan.Expr{Type: kind(k), Node: &plan.Expr_Column{Column: i}}
}

// speedView is SELECT device, COUNT(*), SUM(n), SUM(x), MIN(n), MAX(n) … GROUP BY device.
func speedView() *plan.View {
	def := &plan.View{Id: 1, Name: "speed", Stream: 1, WindowUs: size, PaneUs: size, GraceUs: grace,
		Keys: []*plan.Column{{Name: "device", Type: kind(value.String)}}}
	for i, a := range []struct {
		function string
		of, to   value.Kind
	}{{"COUNT", value.Null, value.Int}, {"SUM", value.Int, value.Int}, {"SUM", value.Double, value.Double}, {"MIN", value.Int, value.Int}, {"MAX", value.Int, value.Int}} {
		def.Aggregates = append(def.Aggregates, &plan.Aggregate{Function: a.function, ArgumentType: kind(a.of), Type: kind(a.to)})
		def.Outputs = append(def.Outputs, &plan.Column{Name: fmt.Sprint(a.function, i), Type: kind(a.to)})
		def.OutputExprs = append(def.OutputExprs, column(uint32(1+i), a.to))
	}
	return def
}

type reading struct {
	device string
	us, n  int64
	x      float64
}

func (r reading) key() []byte { return value.Append(nil, value.OfString(r.device)) }

// partial is what an edge makes of readings of one key and pane.
func partial(layout aggregate.Layout, rs ...reading) aggregate.Partial {
	p := layout.New()
	for _, r := range rs {
		for i, v := range []value.Value{value.OfInt(1), value.OfInt(r.n), value.OfDouble(r.x), value.OfInt(r.n), value.OfInt(r.n)} {
			p[i].Observe(v, r.us)
		}
	}
	return p
}

type place struct {
	start int64
	key   string
}

// disk is a store as the view sees it, and what a view reported of each window.
type disk struct {
	windows map[place][]byte
	fired   map[place][]uint32 // revisions, in the order they were reported
	ends    map[place]int64    // of sessions
}

func newDisk() *disk {
	return &disk{map[place][]byte{}, map[place][]uint32{}, map[place]int64{}}
}

func (d *disk) Window(start int64, key []byte) ([]byte, error) {
	return d.windows[place{start, string(key)}], nil
}

func (d *disk) Near(key []byte, from, to int64, f func(start int64, stored []byte) error) error {
	for at, stored := range d.windows {
		if at.key == string(key) && at.start <= to && d.ends[at] >= from {
			if err := f(at.start, stored); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *disk) flush(t interface{ Fatal(...any) }, v *merge.View, watermark int64) {
	err := v.Flush(watermark, d, func(c merge.Change) {
		at := place{c.Start, c.Key}
		if c.Stored != nil {
			d.windows[at] = c.Stored
		}
		if c.Fired {
			d.fired[at] = append(d.fired[at], c.Window.Revision)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever the order, the delay and the moments of commits and restarts: what comes within the grace is counted as if all had
// come at once, and what comes later is refused, each delta.
func TestAnyOrderAndDelayGivesTheNaiveResult(t *testing.T) {
	def := speedView()
	layout, err := plan.Layout(def)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		memory := drawMemory(t)
		d := newDisk()
		v := restarted(t, def, memory, d, 0)
		naive := map[place][]reading{}
		wantRefused, refused, watermark := 0, 0, int64(-100)
		for range rapid.IntRange(1, 60).Draw(t, "deltas") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				watermark += rapid.Int64Range(0, 30).Draw(t, "watermark moves by")
				d.flush(t, v, watermark)
			case 1:
				d.flush(t, v, watermark)
			case 2: // a restart: open windows come back from the store
				d.flush(t, v, watermark)
				v.Close()
				v = restarted(t, def, memory, d, watermark)
			}
			if rapid.Bool().Draw(t, "committed") {
				d.flush(t, v, watermark)
				memory.Trim()
			}
			first := drawReading(t)
			pane := window.Pane(first.us, size)
			rs := []reading{first}
			for range rapid.IntRange(0, 3).Draw(t, "more") {
				r := drawReading(t)
				r.device, r.us = first.device, pane+(r.us%size+size)%size
				rs = append(rs, r)
			}
			state := append(partial(layout, rs...).Append(nil), "rest"...)
			rest, out, err := v.Delta(pane, first.key(), state, watermark, d)
			if err != nil || string(rest) != "rest" {
				t.Fatalf("rest %q, %v", rest, err)
			}
			if watermark >= pane+size+grace {
				wantRefused++
			} else {
				at := place{pane, string(first.key())}
				naive[at] = append(naive[at], rs...)
			}
			if out.Class == window.TooLate {
				refused++
			}
		}
		d.flush(t, v, watermark)
		d.flush(t, v, math.MaxInt64-1)
		if refused != wantRefused {
			t.Fatalf("%d deltas refused, want %d", refused, wantRefused)
		}
		compare(t, v, layout, d, naive)
		if bytes, items, _, _ := memory.Usage(); bytes != 0 || items != 0 {
			t.Fatalf("%d windows, %d bytes are still counted", items, bytes)
		}
	})
}

// drawMemory is one that holds nothing, or a few windows, or all.
func drawMemory(t *rapid.T) *merge.Memory {
	return merge.NewMemory(rapid.SampledFrom([]int64{0, 2000, 1 << 40}).Draw(t, "memory"))
}

func drawReading(t *rapid.T) reading {
	return reading{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "device"), rapid.Int64Range(-40, 60).Draw(t, "us"),
		rapid.Int64Range(-1000, 1000).Draw(t, "n"), rapid.Float64Range(-1e6, 1e6).Draw(t, "x")}
}

func restarted(t *rapid.T, def *plan.View, memory *merge.Memory, d *disk, watermark int64) *merge.View {
	v, err := merge.NewView(def)
	if err != nil {
		t.Fatal(err)
	}
	v.Within(memory)
	for at := range d.windows {
		if at.start+size > watermark {
			v.Away(at.start)
		}
	}
	return v
}

func compare(t *rapid.T, v *merge.View, layout aggregate.Layout, d *disk, naive map[place][]reading) {
	if len(d.windows) != len(naive) {
		t.Fatalf("%d windows, want %d", len(d.windows), len(naive))
	}
	for at, rs := range naive {
		w, err := v.Decode(d.windows[at])
		if err != nil {
			t.Fatal(err)
		}
		want := partial(layout, rs...)
		for i, s := range w.Partial {
			got, want := s.Result(), want[i].Result()
			if i == 2 && math.Abs(got.Float()-want.Float()) <= 1e-6 {
				continue
			}
			if !value.Equal(got, want) {
				t.Fatalf("window %d of %q, column %d: %s, want %s", at.start, at.key, i, got.Text(), want.Text())
			}
		}
		revisions := d.fired[at]
		if len(revisions) == 0 || revisions[len(revisions)-1] != w.Revision || !slices.IsSorted(revisions) || revisions[0] != 0 ||
			int(w.Revision) != len(revisions)-1 {
			t.Fatalf("window %d of %q fired with revisions %v, and is at %d", at.start, at.key, revisions, w.Revision)
		}
	}
}

// A window lives through: early results, the one on time, a revision, and a refusal.
func TestLifeOfAWindow(t *testing.T) {
	def := speedView()
	layout, err := plan.Layout(def)
	if err != nil {
		t.Fatal(err)
	}
	v, err := merge.NewView(def)
	if err != nil {
		t.Fatal(err)
	}
	d := newDisk()
	for _, step := range []struct {
		why       string
		watermark int64
		delta     bool
		class     window.Class
		reports   string // COUNT, revision, final, fired
	}{
		{"early", 5, true, window.OnTime, "1 0 false false"},
		{"nothing new", 6, false, 0, ""},
		{"early again", 9, true, window.OnTime, "2 0 false false"},
		{"on time", 10, false, 0, "2 0 false true"},
		{"still the same", 11, false, 0, ""},
		{"late", 20, true, window.Late, "3 1 false true"},
		{"late again", 34, true, window.Late, "4 2 false true"},
		{"too late", 35, true, window.TooLate, ""},
	} {
		if step.delta {
			r := reading{device: "bus", us: 3, n: 1}
			_, out, err := v.Delta(0, r.key(), partial(layout, r).Append(nil), step.watermark, d)
			if err != nil || out.Class != step.class || out.Refused != (step.class == window.TooLate) {
				t.Fatalf("%s: %+v, %v", step.why, out, err)
			}
		}
		got := ""
		if err := v.Flush(step.watermark, d, func(c merge.Change) {
			if c.Stored != nil {
				d.windows[place{c.Start, c.Key}] = c.Stored
			}
			row, ok, err := v.Shape().Row(nil, c.Start, []byte(c.Key), c.Window, step.watermark)
			if err != nil || !ok {
				t.Fatalf("%s: %v, %v", step.why, ok, err)
			}
			got += fmt.Sprintf("%s %s %s %v", row[0].Text(), row[7].Text(), row[8].Text(), c.Fired)
		}); err != nil {
			t.Fatal(err)
		}
		if got != step.reports {
			t.Errorf("%s: reported %q, want %q", step.why, got, step.reports)
		}
	}
	if n, panes := v.Open(); n != 0 || len(panes) != 0 {
		t.Errorf("%d windows are still held in memory, panes %v", n, panes)
	}
}

// Bytes that are no state change nothing.
func TestCorruptDeltaIsRefused(t *testing.T) {
	v, err := merge.NewView(speedView())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Delta(0, []byte{0}, []byte{1, 9}, 0, nil); err == nil {
		t.Fatal("half a state was taken")
	}
	if n, _ := v.Open(); n != 0 {
		t.Fatal("half a state made a window")
	}
	if _, err := v.Decode(nil); err == nil {
		t.Fatal("no bytes were taken for a window")
	}
	if _, _, err := v.ReadKey([]byte{byte(value.String), 200}); err == nil {
		t.Fatal("half a key was taken")
	}
}

// 10,000 keys in a pane that is open, one delta each, over and over.
func BenchmarkMerge(b *testing.B) {
	def := speedView()
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
		r := reading{device: fmt.Sprintf("cell-%05d", i), us: 3, n: int64(i), x: float64(i) / 10}
		keys[i], states[i] = r.key(), partial(layout, r).Append(nil)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, _, err := v.Delta(0, keys[i], states[i], -1, nil); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(keys) {
			i = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deltas/s")
}
