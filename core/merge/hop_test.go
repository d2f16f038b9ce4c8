package merge_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/window"
	"pgregory.net/rapid"
)

// hops are sizes and advances, with panes of their greatest common divisor.
var hops = []struct{ size, advance, pane int64 }{{10, 5, 5}, {12, 3, 3}, {10, 4, 2}, {9, 6, 3}, {6, 1, 1}, {7, 7, 7}}

func hoppingView(size, advance, pane, grace int64) *plan.View {
	def := speedView()
	def.WindowUs, def.AdvanceUs, def.PaneUs, def.GraceUs = size, advance, pane, grace
	return def
}

// panes reads the disk as the store would.
func (d *disk) panes(from, to int64, f func(start int64, key, stored []byte) (bool, error)) error {
	places := slices.SortedFunc(maps.Keys(d.windows), func(a, b place) int {
		if a.start != b.start {
			return int(a.start - b.start)
		}
		return bytes.Compare([]byte(a.key), []byte(b.key))
	})
	for _, at := range places {
		if at.start < from || at.start >= to {
			continue
		}
		if more, err := f(at.start, []byte(at.key), d.windows[at]); err != nil || !more {
			return err
		}
	}
	return nil
}

func (d *disk) Pane(start int64, f func(key, stored []byte) error) error {
	return d.panes(start, start+1, func(_ int64, key, stored []byte) (bool, error) { return true, f(key, stored) })
}

// scanned gives the stored windows that start in [from, to) as text, and their order.
func (d *disk) scanned(t *rapid.T, v *merge.View, from, to int64) (texts map[place]string, order []place) {
	texts = map[place]string{}
	err := v.Scan(from, to, d.panes, func(start int64, key []byte, w *merge.Window) (bool, error) {
		at := place{start, string(key)}
		order = append(order, at)
		texts[at] = results(w.Partial)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts, order
}

// results are the exact ones: the third column is a sum of DOUBLEs, whose last bit may differ.
func results(p aggregate.Partial) string {
	text := ""
	for i, s := range p {
		if i != 2 {
			text += s.Result().Text() + " "
		}
	}
	return text
}

// Every window that a delta reaches in time counts it, and no other, whatever the order, the delay, and the moments of commits and
// restarts; what viewers and sinks were told last of a window that fired is what it holds.
func TestHoppingWindowsAreTheNaiveOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SampledFrom(hops).Draw(t, "size, advance, pane")
		grace := rapid.SampledFrom([]int64{0, 3, 25}).Draw(t, "grace")
		def := hoppingView(shape.size, shape.advance, shape.pane, grace)
		layout, err := plan.Layout(def)
		if err != nil {
			t.Fatal(err)
		}
		memory := drawMemory(t)
		fresh := func() *merge.View {
			v, err := merge.NewView(def)
			if err != nil {
				t.Fatal(err)
			}
			v.Within(memory)
			return v
		}
		v, d := fresh(), newDisk()
		told := map[place]string{}
		naive := map[place][]reading{}
		watermark := rapid.SampledFrom([]int64{-1 << 62, -60, 10}).Draw(t, "watermark")
		began := watermark
		flush := func() {
			shown := map[string]int64{}
			err := v.Flush(watermark, d, func(c merge.Change) {
				at := place{c.Start, c.Key}
				if c.Stored != nil {
					d.windows[at] = c.Stored
				}
				switch {
				case c.Window == nil:
				case c.Fired != (c.Start+shape.size <= watermark):
					t.Fatalf("window %d was told of with fired = %v at %d", c.Start, c.Fired, watermark)
				case c.Fired:
					told[at] = results(c.Window.Partial)
					if last := d.fired[at]; len(last) > 0 && c.Window.Revision != last[len(last)-1]+1 || len(last) == 0 && c.Window.Revision != 0 {
						t.Fatalf("window %v has revision %d after %v", at, c.Window.Revision, last)
					}
					d.fired[at] = append(d.fired[at], c.Window.Revision)
				default:
					if other, twice := shown[c.Key]; twice {
						t.Fatalf("two open windows of %q were shown, %d and %d", c.Key, other, c.Start)
					}
					shown[c.Key] = c.Start
					if want := results(partial(layout, naive[at]...)); results(c.Window.Partial) != want {
						t.Fatalf("window %v shows %s early, not %s", at, results(c.Window.Partial), want)
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			memory.Trim()
		}
		for range rapid.IntRange(1, 50).Draw(t, "deltas") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				watermark = max(watermark, -80) + rapid.Int64Range(0, 30).Draw(t, "watermark moves by")
				flush()
			case 1:
				flush()
			case 2: // a restart
				flush()
				v.Close()
				v = fresh()
				v.Begin(watermark)
				from := int64(math.MinInt64)
				if watermark > -1<<62 {
					from = watermark - shape.size + 1
				}
				if err := d.panes(from, math.MaxInt64, func(start int64, key, stored []byte) (bool, error) {
					return true, v.Restore(start, key, stored)
				}); err != nil {
					t.Fatal(err)
				}
			}
			r := drawReading(t)
			pane := window.Pane(r.us, shape.pane)
			_, out, err := v.Delta(pane, r.key(), partial(layout, r).Append(nil), watermark, d)
			if err != nil {
				t.Fatal(err)
			}
			taken, fired, refused, newestRefused := 0, false, false, int64(0)
			for s := window.Pane(r.us-200, shape.advance); s <= r.us; s += shape.advance {
				switch {
				case s+shape.size <= r.us:
				case s+shape.size+grace <= watermark:
					refused, newestRefused = true, s
				default:
					naive[place{s, string(r.key())}] = append(naive[place{s, string(r.key())}], r)
					fired = fired || s+shape.size <= watermark
					taken++
				}
			}
			want := merge.Outcome{Class: window.OnTime, Refused: refused}
			if refused {
				want.Window, want.End = newestRefused, newestRefused+shape.size
			}
			if fired {
				want.Class = window.Late
			}
			if taken == 0 {
				want.Class = window.TooLate
			}
			if out != want {
				t.Fatalf("reading at %d, watermark %d: %+v, not %+v", r.us, watermark, out, want)
			}
		}
		flush()
		for range rapid.IntRange(0, 2).Draw(t, "last turns") {
			watermark = max(watermark, -80) + 40
			flush()
		}
		if _, items, _, _ := memory.Usage(); watermark > 200 && items != 0 {
			t.Fatalf("%d keys are still counted", items)
		}
		texts, order := d.scanned(t, v, math.MinInt64, math.MaxInt64)
		if !slices.IsSortedFunc(order, func(a, b place) int {
			if a.start != b.start {
				return int(a.start - b.start)
			}
			return bytes.Compare([]byte(a.key), []byte(b.key))
		}) {
			t.Fatal("windows are out of order", order)
		}
		wants := map[place]string{}
		for at, rs := range naive {
			wants[at] = results(partial(layout, rs...))
		}
		if !maps.Equal(texts, wants) {
			t.Fatalf("windows\n%v, want\n%v", texts, wants)
		}
		for at, want := range wants {
			if at.start+shape.size <= watermark && told[at] != want {
				t.Fatalf("window %v was told to be %q and is %q (began at %d)", at, told[at], want, began)
			}
		}
		from, to := rapid.Int64Range(-60, 80).Draw(t, "from"), rapid.Int64Range(-60, 80).Draw(t, "to")
		part, _ := d.scanned(t, v, from, to)
		maps.DeleteFunc(wants, func(at place, _ string) bool { return at.start < from || at.start >= to })
		if !maps.Equal(part, wants) {
			t.Fatalf("windows from %d to %d\n%v, want\n%v", from, to, part, wants)
		}
	})
}

// A pane whose windows have all fired is not held, and a key without open panes neither.
func TestHoppingLetsGo(t *testing.T) {
	def := hoppingView(10, 5, 5, 25)
	layout, err := plan.Layout(def)
	if err != nil {
		t.Fatal(err)
	}
	v, err := merge.NewView(def)
	if err != nil {
		t.Fatal(err)
	}
	d := newDisk()
	for i := range int64(100) {
		r := reading{device: fmt.Sprint(i % 7), us: i, n: 1}
		if _, _, err := v.Delta(window.Pane(i, 5), r.key(), partial(layout, r).Append(nil), i-5, d); err != nil {
			t.Fatal(err)
		}
		d.flush(t, v, i-5)
		if n, _ := v.Open(); n > 7*3 {
			t.Fatalf("%d panes are held at %d", n, i)
		}
	}
	d.flush(t, v, 200)
	if n, panes := v.Open(); n != 0 || len(panes) != 0 {
		t.Fatalf("%d panes are held at the end: %v", n, panes)
	}
}

func TestCorruptPanesAreRefused(t *testing.T) {
	def := hoppingView(10, 5, 5, 0)
	layout, err := plan.Layout(def)
	if err != nil {
		t.Fatal(err)
	}
	v, err := merge.NewView(def)
	if err != nil {
		t.Fatal(err)
	}
	whole := append([]byte{0, 0, 1}, partial(layout, reading{}).Append(nil)...)
	if err := v.Restore(0, []byte("k"), whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if err := v.Restore(0, []byte("k"), whole[:n]); err == nil {
			t.Errorf("%d bytes of %d were taken", n, len(whole))
		}
	}
	if v.Restore(0, nil, append(whole, 0)) == nil || v.Restore(0, nil, []byte{0, 0, 2}) == nil || v.Restore(0, nil, []byte{0, 200, 0}) == nil {
		t.Error("odd bytes were taken")
	}
}

// An hour's window over one key after another that reports each second; a pane takes four deltas. The watermark follows.
func BenchmarkHop(b *testing.B) {
	const second, keys = 1_000_000, 100
	for _, advance := range []int64{3600, 300, 60, 10, 1} {
		b.Run(fmt.Sprintf("advance=%ds", advance), func(b *testing.B) {
			def := hoppingView(3600*second, advance*second, advance*second, 0)
			if advance == 3600 {
				def.AdvanceUs = 0 // tumbling, to compare with
			}
			layout, err := plan.Layout(def)
			if err != nil {
				b.Fatal(err)
			}
			v, err := merge.NewView(def)
			if err != nil {
				b.Fatal(err)
			}
			names, states := make([][]byte, keys), make([][]byte, keys)
			for i := range names {
				r := reading{device: fmt.Sprintf("cell-%05d", i), n: int64(i), x: float64(i) / 10}
				names[i], states[i] = r.key(), partial(layout, r).Append(nil)
			}
			none := newDisk()
			v.Begin(0)
			feed := func(us int64, n int) {
				if _, _, err := v.Delta(window.Pane(us, def.PaneUs), names[n%keys], states[n%keys], us-2*second, none); err != nil {
					b.Fatal(err)
				}
				if n%keys == keys-1 {
					if err := v.Flush(us-2*second, none, func(merge.Change) {}); err != nil {
						b.Fatal(err)
					}
				}
			}
			n := 0
			for ; n < 3600*keys; n++ { // the window is full
				feed(int64(n/keys)*second, n)
			}
			b.ReportAllocs()
			for b.Loop() {
				feed(int64(n/keys)*second, n)
				n++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deltas/s")
		})
	}
}
