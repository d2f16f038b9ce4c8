package fence_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/fence"
)

// ledger is what somebody knows who was told all events.
type ledger map[string]fence.Event

func (l ledger) take(t interface{ Fatalf(string, ...any) }, events []fence.Event) {
	for _, e := range events {
		_, known := l[e.ID]
		switch {
		case e.Withdrawn:
			if !known {
				t.Fatalf("withdrawn, and never told: %v", e)
			}
			delete(l, e.ID)
			continue
		case e.Replaces != "":
			if _, ok := l[e.Replaces]; !ok {
				t.Fatalf("%v replaces what was never told", e)
			}
			delete(l, e.Replaces)
		case known:
			t.Fatalf("told twice: %v", e)
		}
		e.Replaces = ""
		l[e.ID] = e
	}
}

// events in the order of a device's time, as text.
func (l ledger) events() []string {
	all := slices.SortedFunc(maps.Values(l), func(a, b fence.Event) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.At, b.At), cmp.Compare(a.Fence, b.Fence), cmp.Compare(a.Kind, b.Kind))
	})
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = fmt.Sprint(e.ID, e, e.Lat, e.Lon, e.Speed)
	}
	return out
}

// shuffled gives the fixes as they might arrive: each up to disorder later than it should, and some of them twice.
func shuffled(r *rand.Rand, fixes []fence.Fix, disorder time.Duration, twice float64) []fence.Fix {
	type arrival struct {
		at  int64
		fix fence.Fix
	}
	var all []arrival
	for _, f := range fixes {
		all = append(all, arrival{f.At + r.Int64N(disorder.Milliseconds()), f})
		if r.Float64() < twice {
			all = append(all, arrival{f.At + r.Int64N(disorder.Milliseconds()), f})
		}
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	out := make([]fence.Fix, len(all))
	for i, a := range all {
		out[i] = a.fix
	}
	return out
}

// feed gives an engine the fixes in this order, with the watermark that a stream of that disorder has, and gives what is known at the end.
func feed(t interface{ Fatalf(string, ...any) }, e *fence.Engine, fixes []fence.Fix, disorder time.Duration) ledger {
	l, newest := ledger{}, int64(math.MinInt64)
	for _, f := range fixes {
		l.take(t, e.Observe([]fence.Fix{f}, nil))
		newest = max(newest, f.At)
		l.take(t, e.Advance(newest-disorder.Milliseconds(), nil))
	}
	l.take(t, e.Advance(newest+time.Hour.Milliseconds(), nil))
	return l
}

// Whatever order the positions come in, within the disorder, and however often, the events are those of the positions in order.
func TestOrderOfArrivalDoesNotMatter(t *testing.T) {
	set := new(fence.Set)
	for i, words := range [][]string{{}, {"dwell=40s", "cross"}, {"speed=50", "for=10s"}, {"speed=30", "fixes=3", "mintime=15s", "dwell=20s"}, {"mindistance=40", "dwell=1m"}, {"cross"}} {
		x := 60 * (i % 3)
		y := 60 * (i / 3)
		set = set.With(fence.Fence{
			ID:    fmt.Sprint("f", i),
			Shape: rectangle(t, fmt.Sprintf("%d,%d", x, y), fmt.Sprintf("%d,%d", x+80, y+80)),
			Rule:  rule(t, words),
		})
	}
	const disorder = 30 * time.Second
	told := map[fence.Kind]int{}
	seeds := uint64(12)
	if os.Getenv("HEXPANE_SOAK") != "" {
		seeds = 2_000
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		var fixes []fence.Fix
		for device := range 3 {
			x, y, at := 200*r.Float64(), 140*r.Float64(), int64(1_000_000)
			for range 80 {
				at += r.Int64N(12_000) + 1
				if r.IntN(25) == 0 {
					at += 100_000
				}
				x, y = math.Mod(x+30*r.NormFloat64()+260, 260), math.Mod(y+30*r.NormFloat64()+200, 200)
				lat, lon := place(t, fmt.Sprintf("%v,%v", x-30, y-30))
				speed := 100 * r.Float64()
				if r.IntN(10) == 0 {
					speed = math.NaN()
				}
				fixes = append(fixes, fence.Fix{Device: fmt.Sprint("d", device), At: at, Lat: lat, Lon: lon, Speed: speed})
			}
		}
		slices.SortStableFunc(fixes, func(a, b fence.Fix) int { return cmp.Compare(a.At, b.At) })
		engine := func() *fence.Engine {
			e := fence.New(fence.Config{LostAfter: 90 * time.Second, Forget: 95 * time.Second})
			e.Use(set, 0, nil)
			return e
		}
		want := feed(t, engine(), fixes, disorder)
		for _, e := range want {
			told[e.Kind]++
		}
		for range 5 {
			e := engine()
			got := feed(t, e, shuffled(r, fixes, disorder, 0.05), disorder)
			if g, w := got.events(), want.events(); !slices.Equal(g, w) {
				for i := range min(len(g), len(w)) {
					if g[i] != w[i] {
						t.Fatalf("seed %d: event %d is\n%s, want\n%s", seed, i, g[i], w[i])
					}
				}
				t.Fatalf("seed %d: %d events, want %d", seed, len(g), len(w))
			}
		}
	}
	t.Logf("soak: %d walks of 3 devices, each in 5 orders of arrival: %v", seeds, told)
	for _, k := range []fence.Kind{fence.Enter, fence.Exit, fence.Dwell, fence.Speeding, fence.Cross, fence.Lost} {
		if told[k] < 10 {
			t.Errorf("only %d %s events: the positions do not try it", told[k], k)
		}
	}
}
