package merge

import (
	"math"
	"testing"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"pgregory.net/rapid"
)

func laidOut(t interface{ Fatal(...any) }) aggregate.Layout {
	var layout aggregate.Layout
	for _, function := range []string{"COUNT", "MAX", "LAST"} {
		maker, _, err := aggregate.New(function, value.Type{Kind: value.Int}, nil)
		if err != nil {
			t.Fatal(err)
		}
		layout = append(layout, maker)
	}
	return layout
}

// A window that moves over panes holds what its panes do, wherever in it something comes meanwhile: into panes that are merged already and
// packed, into new ones between them, and into more of them than gains are kept for.
func TestRunHoldsWhatItsPanesDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layout := laidOut(t)
		h := &hopper{layout: layout, size: 60, advance: 2, pane: 2, blank: layout.New().Append(nil), joined: layout.New()}
		n, naive := &run{settled: rapid.Bool().Draw(t, "settled")}, map[int64]aggregate.Partial{}
		start, watermark, number := int64(0), int64(0), int64(0)
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				start += 2 * rapid.Int64Range(0, 40).Draw(t, "hops")
				watermark = max(watermark, start+rapid.Int64Range(0, 70).Draw(t, "watermark after the start"))
				n.drop(start)
			case 1: // look at what is held below
			default:
				for range rapid.SampledFrom([]int{1, 2, 40}).Draw(t, "readings") {
					number++
					us := start + (number*37+rapid.Int64Range(0, 1).Draw(t, "us"))%79
					pane := window.Pane(us, 2)
					p := layout.New()
					for _, s := range p {
						s.Observe(value.OfInt(number%7), us)
					}
					r := n.look(pane)
					if r == nil {
						r = &record{}
						n.put(pane, r)
					}
					r.add(h, p, 0, false)
					n.gained(h, pane, p)
					if naive[pane] == nil {
						naive[pane] = layout.New()
					}
					naive[pane].Merge(p)
				}
				if rapid.Bool().Draw(t, "more before it is looked at") {
					continue
				}
			}
			want := layout.New()
			some := false
			for pane, p := range naive {
				if pane >= start && pane < start+60 {
					want.Merge(p)
					some = true
				}
			}
			got := n.at(h, start, watermark)
			if got == nil {
				if some {
					t.Fatalf("at %d: nothing", start)
				}
				continue
			}
			if string(got.Append(nil)) != string(want.Append(nil)) {
				t.Fatalf("at %d: %s, not %s", start, got[0].Result().Text(), want[0].Result().Text())
			}
			for _, o := range n.panes {
				p := layout.New()
				if o.record.into(h, p, math.MaxInt64); string(p.Append(nil)) != string(naive[o.start].Append(nil)) {
					t.Fatalf("pane %d: %s, not %s", o.start, p[0].Result().Text(), naive[o.start][0].Result().Text())
				}
			}
		}
	})
}

// Keys that began at one time, or came back from the store at one time, do not turn at one time: no flush has more than a small part of
// all merges to do.
func TestRunsTurnApart(t *testing.T) {
	const keys, panes = 40, 100
	for _, restored := range []int64{-1, 0, 20, 99, 100, 150, 250} {
		layout := laidOut(t)
		h := &hopper{layout: layout, size: panes, advance: 1, pane: 1, blank: layout.New().Append(nil), joined: layout.New()}
		runs, splits := make([]run, keys), make([]int64, keys)
		most, all := 0, 0
		for now := range int64(5 * panes) {
			turned := 0
			for i := range runs {
				n := &runs[i]
				if now == restored {
					*n = run{panes: n.panes, stale: true}
				}
				r := &record{}
				n.put(now, r)
				r.add(h, layout.New(), 0, false)
				n.at(h, now-panes+1, now+1)
				if n.split > 0 {
					if at := n.panes[n.split-1].start; at != splits[i] {
						splits[i] = at
						turned, all = turned+1, all+1
					}
				}
				n.drop(now - panes + 2)
			}
			if now != restored {
				most = max(most, turned)
			}
		}
		if most > 4 || all > 6*keys { // 5 windows long, and once before its time
			t.Errorf("restored at %d: %d of %d keys turned at once, and %d in all", restored, most, keys, all)
		}
	}
}
