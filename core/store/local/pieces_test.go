package local

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/protocol/plan"
	"pgregory.net/rapid"
)

func TestParseLevels(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "[]",
		"1m:30d, 1h:365d, 1d":             "[{60000000 2592000000000} {3600000000 31536000000000} {86400000000 0}]",
		"90s":                             "[{90000000 0}]",
		"1h:1y,1d:1y":                     "[{3600000000 31536000000000} {86400000000 31536000000000}]",
		"1":                               `"1": "1" is no length of time`,
		"1m:":                             `"1m:": "" is no length of time`,
		"-1m":                             `"-1m": "-1m" is no length of time`,
		"99999999999999999d":              "is no length of time",
		"1m, 90s":                         `"90s": its size is no multiple`,
		"1h, 1m":                          `"1m": its size is no multiple`,
		"1m, 1m":                          `"1m": its size is no multiple`,
		"100ms":                           `"100ms": a size is whole seconds`,
		"1h:30m":                          `"1h:30m": it is kept for less than one window`,
		"1m, 1h:365d":                     `"1h:365d": it is kept for less time`,
		"1m:30d, 1h:29d":                  `"1h:29d": it is kept for less time`,
		"10m:30d, 30m:40d, 2h:1000d , 1w": "[{600000000 2592000000000} {1800000000 3456000000000} {7200000000 86400000000000} {604800000000 0}]",
	} {
		levels, err := ParseLevels(text)
		if got := fmt.Sprint(levels, err); !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestLevelsOfAView(t *testing.T) {
	levels, err := ParseLevels("1m:30d, 1h:365d, 1d")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		view *plan.View
		want string
	}{
		{&plan.View{WindowUs: 10 * second}, "1m 1h 1d"},
		{&plan.View{WindowUs: 60 * second}, "1m 1h 1d"},
		{&plan.View{WindowUs: 90 * second}, "1h 1d"},
		{&plan.View{WindowUs: 7 * second}, ""},
		{&plan.View{WindowUs: 60 * second, Having: &plan.Expr{}}, "1m"},
		{&plan.View{WindowUs: 10 * second, Having: &plan.Expr{}}, ""},
		{&plan.View{WindowUs: 60 * second, AdvanceUs: 30 * second}, ""},
		{&plan.View{GapUs: 60 * second}, ""},
		{&plan.View{}, ""},
	} {
		var names []string
		for _, l := range Of(levels, c.view) {
			names = append(names, Name(l.Size))
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%v: %q, want %q", c.view, got, c.want)
		}
	}
}

// The pieces of a question, together, have each of its windows once, and no larger one than is exact and there.
func TestPiecesCoverARangeOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const own = 10
		var levels []held
		for _, size := range []int64{10, 60, 240} {
			from := size * rapid.Int64Range(0, 600/size).Draw(t, "from")
			levels = append(levels, held{size, from, from + size*rapid.Int64Range(0, 600/size).Draw(t, "windows")})
		}
		from, to := rapid.Int64Range(-30, 700).Draw(t, "from"), rapid.Int64Range(-30, 700).Draw(t, "to")
		step := rapid.SampledFrom([]int64{store.Own, 10, 60, 120, 240, store.Any}).Draw(t, "step")
		list := pieces(own, from, to, step, levels)
		for i, p := range list {
			if p.From >= p.To || i > 0 && list[i-1].To != p.From {
				t.Fatalf("%v", list)
			}
			if p.Size == 0 {
				continue
			}
			ok := false
			for _, l := range levels {
				ok = ok || l.size == p.Size && l.from <= p.From && p.To <= l.to && p.From%l.size == 0 && p.To%l.size == 0
			}
			if exact := step == store.Any || step != store.Own && step%p.Size == 0 || p.Size == own; !ok || !exact {
				t.Fatalf("%v of %v for a step of %d", p, levels, step)
			}
		}
		for start := int64(-60); start < 800; start += own {
			sizes := []int64{}
			for _, p := range list {
				if p.From <= start && start < p.To {
					sizes = append(sizes, p.Size)
				}
			}
			if wanted := start >= from && start < to; wanted != (len(sizes) == 1) {
				t.Fatalf("the window at %d of [%d, %d) is in %v", start, from, to, list)
			}
			best := int64(0)
			for _, l := range levels {
				w := start - (start%l.size+l.size)%l.size
				if exact := step == store.Any || step != store.Own && step%l.size == 0 || l.size == own; exact && l.from <= w && w+l.size <= l.to && w >= from && w+l.size <= (to+own-1)/own*own {
					best = max(best, l.size)
				}
			}
			if len(sizes) == 1 && sizes[0] != best {
				t.Fatalf("the window at %d of [%d, %d) is read at %d; %d would be exact (%v)", start, from, to, sizes[0], best, levels)
			}
		}
	})
	if got := fmt.Sprint(pieces(10, math.MinInt64, math.MaxInt64, store.Any, []held{{60, 60, 600}})); got != fmt.Sprintf("[{%d 60 0} {60 600 60} {600 %d 0}]", math.MinInt64, math.MaxInt64) {
		t.Error(got)
	}
}
