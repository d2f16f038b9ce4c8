package merge_test

import (
	"fmt"
	"maps"
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

func sessionView(gap, grace int64, final bool) *plan.View {
	def := speedView()
	def.WindowUs, def.PaneUs, def.GapUs, def.GraceUs, def.EmitFinal = 0, gap, gap, grace, final
	def.Aggregates = append(def.Aggregates, &plan.Aggregate{Function: "SPAN", ArgumentType: kind(value.Null), Type: kind(value.Int)})
	return def
}

// spanned is what an edge makes of readings of one key and pane in a view with sessions.
func spanned(layout aggregate.Layout, rs ...reading) aggregate.Partial {
	p := layout.New()
	for _, r := range rs {
		for i, v := range []value.Value{value.OfInt(1), value.OfInt(r.n), value.OfDouble(r.x), value.OfInt(r.n), value.OfInt(r.n), value.OfInt(1)} {
			p[i].Observe(v, r.us)
		}
	}
	return p
}

// stretch is a session: its bounds and readings.
type stretch struct {
	first, last int64
	readings    []reading
}

// stretches are the sessions of one key's readings, found the plain way.
func stretches(rs []reading, gap int64) (list []stretch) {
	rs = slices.SortedFunc(slices.Values(rs), func(a, b reading) int { return int(a.us - b.us) })
	for _, r := range rs {
		if n := len(list); n > 0 && r.us-list[n-1].last <= gap {
			list[n-1].last = r.us
			list[n-1].readings = append(list[n-1].readings, r)
			continue
		}
		list = append(list, stretch{r.us, r.us, []reading{r}})
	}
	return list
}

// sessionDisk is a disk, and what sinks hold: by window the last that was told after it fired, less what was retracted.
type sessionDisk struct {
	*disk
	told map[place]string
}

func (d *sessionDisk) flush(t *rapid.T, v *merge.View, watermark int64) {
	err := v.Flush(watermark, d, func(c merge.Change) {
		at := place{c.Start, c.Key}
		switch {
		case c.Dropped:
			delete(d.windows, at)
			delete(d.ends, at)
			if _, out := d.told[at]; out != c.Retracted {
				t.Fatalf("session %v goes; told %v, retracted %v", at, out, c.Retracted)
			}
			delete(d.told, at)
		case c.Stored != nil:
			d.windows[at], d.ends[at] = c.Stored, c.Last
		}
		if c.Window != nil && !c.Dropped && c.Fired {
			d.told[at] = fmt.Sprint(c.Window.End, " ", results(c.Window.Partial))
			last := d.fired[at]
			if len(last) > 0 && c.Window.Revision <= last[len(last)-1] || len(last) == 0 && c.Window.Revision != 0 {
				t.Fatalf("session %v has revision %d after %v", at, c.Window.Revision, last)
			}
			d.fired[at] = append(last, c.Window.Revision)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A reading that is too late for a session takes none with it that is in time and only came in the same pane.
func TestSessionTakesWhatIsInTimeBesideWhatIsLate(t *testing.T) {
	def := sessionView(10, 0, true)
	layout, err := plan.Layout(def)
	if err != nil {
		t.Fatal(err)
	}
	v, err := merge.NewView(def)
	if err != nil {
		t.Fatal(err)
	}
	d := &sessionDisk{newDisk(), map[place]string{}}
	at := func(us int64) reading { return reading{device: "bus", us: us} }
	for _, step := range []struct {
		watermark int64
		pane      int64
		readings  []reading
		class     window.Class
	}{
		{0, 0, []reading{at(5)}, window.OnTime},
		{16, 10, []reading{at(12), at(19)}, window.OnTime}, // [5, 5] is final: 12 is late for it, 19 is not late at all
		{16, 0, []reading{at(4)}, window.TooLate},
		{16, 0, []reading{at(5), at(9)}, window.TooLate},
	} {
		if err := v.Flush(step.watermark, d, func(c merge.Change) {
			if c.Stored != nil {
				d.windows[place{c.Start, c.Key}], d.ends[place{c.Start, c.Key}] = c.Stored, c.Last
			}
		}); err != nil {
			t.Fatal(err)
		}
		_, out, err := v.Delta(step.pane, at(0).key(), spanned(layout, step.readings...).Append(nil), step.watermark, d)
		if err != nil || out.Class != step.class {
			t.Errorf("readings from %d: %+v, %v, want %s", step.readings[0].us, out, err, step.class)
		}
	}
}

// Whatever the order, the delay, and the moments of commits and restarts: sessions are those of the readings that were taken; one that
// was final never changes; and sinks hold what they are, each once of an EMIT FINAL view.
func TestSessionsAreTheNaiveOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gap := rapid.SampledFrom([]int64{1, 4, 10}).Draw(t, "gap")
		grace := rapid.SampledFrom([]int64{0, 3, 25}).Draw(t, "grace")
		final := rapid.Bool().Draw(t, "emit final")
		def := sessionView(gap, grace, final)
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
		v, d := fresh(), &sessionDisk{newDisk(), map[place]string{}}
		watermark := rapid.SampledFrom([]int64{-1 << 62, -60, 10}).Draw(t, "watermark")
		taken, sealed := map[string][]reading{}, map[place]string{}
		isFinal := func(last int64) bool { return last+gap+grace < watermark }
		ends := map[string]int64{} // of each key's last final session
		seal := func() {           // what is final now must stay, and nothing joins it
			for key, rs := range taken {
				taken[key] = nil
				for _, s := range stretches(rs, gap) {
					if !isFinal(s.last) {
						taken[key] = append(taken[key], s.readings...)
						continue
					}
					at := place{s.first, string(value.Append(nil, value.OfString(key)))}
					if _, ok := sealed[at]; ok {
						t.Fatalf("two sessions at %v", at)
					}
					sealed[at] = fmt.Sprint(s.last, " ", results(spanned(layout, s.readings...)))
					if end, ok := ends[key]; !ok || end < s.last {
						ends[key] = s.last
					}
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "deltas") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				watermark = max(watermark, -80) + rapid.Int64Range(0, 20).Draw(t, "watermark moves by")
				d.flush(t, v, watermark)
				seal()
			case 1:
				d.flush(t, v, watermark)
				memory.Trim()
			case 2: // a restart
				d.flush(t, v, watermark)
				v.Close()
				v = fresh()
				v.Begin(watermark)
				for at, stored := range d.windows {
					if err := v.Restore(at.start, []byte(at.key), stored); err != nil {
						t.Fatal(err)
					}
				}
			}
			first := drawReading(t)
			rs := []reading{first}
			pane := window.Pane(first.us, gap)
			for range rapid.IntRange(0, 2).Draw(t, "more") {
				r := drawReading(t)
				r.device, r.us = first.device, pane+(r.us%gap+gap)%gap
				rs = append(rs, r)
			}
			from, to := first.us, first.us
			for _, r := range rs {
				from, to = min(from, r.us), max(to, r.us)
			}
			end, closed := to, false
			for _, s := range stretches(taken[first.device], gap) {
				if s.first <= to+gap && s.last >= from-gap {
					end = max(end, s.last)
				}
			}
			if last, ok := ends[first.device]; ok {
				closed = from <= last
			}
			refused := closed || isFinal(end)
			if refused && to+grace >= watermark {
				t.Fatalf("readings up to %d are refused at %d, within the grace", to, watermark)
			}
			want := window.OnTime
			switch {
			case refused:
				want = window.TooLate
			case end+gap < watermark:
				want = window.Late
			}
			_, out, err := v.Delta(pane, first.key(), spanned(layout, rs...).Append(nil), watermark, d)
			if err != nil {
				t.Fatal(err)
			}
			if out.Class != want || out.Refused != refused {
				t.Fatalf("readings from %d to %d at %d: %+v, not %s", from, to, watermark, out, want)
			}
			if !refused {
				taken[first.device] = append(taken[first.device], rs...)
			}
		}
		d.flush(t, v, watermark)
		seal()
		watermark = 1000
		d.flush(t, v, watermark)
		seal()
		wants := sealed
		got := map[place]string{}
		if err := v.Scan(math.MinInt64, math.MaxInt64, d.panes, func(start int64, key []byte, w *merge.Window) (bool, error) {
			got[place{start, string(key)}] = fmt.Sprint(w.End, " ", results(w.Partial))
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, wants) {
			t.Fatalf("sessions\n%v, want\n%v", got, wants)
		}
		if !maps.Equal(d.told, wants) {
			t.Fatalf("sinks hold\n%v, want\n%v", d.told, wants)
		}
		for at, revisions := range d.fired {
			if final && len(revisions) != 1 {
				t.Fatalf("session %v was told %d times", at, len(revisions))
			}
		}
		if n, _ := v.Open(); n != 0 {
			t.Fatalf("%d sessions are held at the end", n)
		}
		if _, items, _, _ := memory.Usage(); items != 0 {
			t.Fatalf("%d sessions are still counted", items)
		}
	})
}

func TestCorruptSessionsAreRefused(t *testing.T) {
	def := sessionView(10, 0, false)
	layout, err := plan.Layout(def)
	if err != nil {
		t.Fatal(err)
	}
	v, err := merge.NewView(def)
	if err != nil {
		t.Fatal(err)
	}
	v.Begin(-100)
	whole := append([]byte{0, 1}, spanned(layout, reading{us: 5}).Append(nil)...)
	if err := v.Restore(5, []byte("k"), whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if err := v.Restore(5, []byte("k"), whole[:n]); err == nil {
			t.Errorf("%d bytes of %d were taken", n, len(whole))
		}
	}
	if _, _, err := v.Delta(0, []byte("k"), layout.New().Append(nil), 0, newDisk()); err == nil {
		t.Error("a delta without a reading was taken")
	}
}

// 1,000 keys that each report a session of four readings, a pane at a time, and then pause; the watermark follows.
func BenchmarkSessions(b *testing.B) {
	const keys, gap = 1000, 30
	def := sessionView(gap, 0, false)
	layout, err := plan.Layout(def)
	if err != nil {
		b.Fatal(err)
	}
	v, err := merge.NewView(def)
	if err != nil {
		b.Fatal(err)
	}
	names := make([][]byte, keys)
	for i := range names {
		names[i] = value.Append(nil, value.OfString(fmt.Sprintf("user-%05d", i)))
	}
	d := newDisk()
	v.Begin(0)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		key, turn := n%keys, int64(n/keys)
		us := turn*20 + turn/4*100 + int64(key%10)
		if _, _, err := v.Delta(us, names[key], spanned(layout, reading{us: us, n: 1}).Append(nil), us-20, d); err != nil {
			b.Fatal(err)
		}
		if key == keys-1 {
			if err := v.Flush(us-20, d, func(merge.Change) {}); err != nil {
				b.Fatal(err)
			}
		}
		n++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deltas/s")
}
