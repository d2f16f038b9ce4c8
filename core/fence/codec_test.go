package fence_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/fence"
)

// kept is a store of devices' states.
type kept map[string][]byte

func (k kept) take(e *fence.Engine) {
	e.Changed(func(device string, state []byte) {
		if state == nil {
			delete(k, device)
		} else {
			k[device] = slices.Clone(state)
		}
	})
}

// An engine that is killed after any position, and restored from what was stored of its devices, goes on as one that never stopped: also when fences
// were edited meanwhile.
func TestRestoredEnginesGoOn(t *testing.T) {
	kinds := map[fence.Kind]int{}
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		config := fence.Config{LostAfter: 90 * time.Second, Forget: 95 * time.Second}
		version := uint64(0)
		random := func() fence.Fence {
			version++
			words := [][]string{{}, {"dwell=40s", "cross"}, {"speed=50", "for=10s"}, {"fixes=3", "speed=30", "mintime=15s", "dwell=20s"}, {"mindistance=40", "dwell=1m"}}
			x, y := r.IntN(150), r.IntN(100)
			return fence.Fence{ID: fmt.Sprint("f", r.IntN(6)), Version: version, Rule: rule(t, words[r.IntN(len(words))]),
				Shape: rectangle(t, fmt.Sprintf("%d,%d", x, y), fmt.Sprintf("%d,%d", x+90, y+90))}
		}
		set := new(fence.Set).With(random(), random(), random())
		steady, other := fence.New(config), fence.New(config)
		steady.Use(set, 0, nil)
		other.Use(set, 0, nil)
		store := kept{}
		at, watermark := int64(1_000_000), int64(0)
		for step := range 400 {
			at += r.Int64N(8_000)
			if r.IntN(40) == 0 {
				at += 100_000
			}
			if r.IntN(3) == 0 {
				watermark = max(watermark, at-30_000)
			}
			lat, lon := place(t, fmt.Sprintf("%v,%v", 240*r.Float64(), 190*r.Float64()))
			f := fence.Fix{Device: fmt.Sprint("d", r.IntN(3)), At: at - r.Int64N(30_000), Lat: lat, Lon: lon, Speed: 100 * r.Float64()}
			want := steady.Advance(watermark, steady.Observe([]fence.Fix{f}, nil))
			got := other.Advance(watermark, other.Observe([]fence.Fix{f}, nil))
			store.take(other)
			edited, crashed := r.IntN(20) == 0, r.IntN(5) == 0
			if edited {
				if set = set.With(random()); r.IntN(3) == 0 {
					set = set.Without(fmt.Sprint("f", r.IntN(6)))
				}
				want = steady.Use(set, at, want)
			}
			if crashed {
				other = fence.New(config)
				other.Use(set, at, nil)
				for device, state := range store {
					if err := other.Restore(device, state); err != nil {
						t.Fatal(err)
					}
				}
				other.Resume(watermark)
			}
			if edited || crashed {
				got = other.Use(set, at, got)
				store.take(other)
			}
			if w, g := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got); w != g {
				t.Fatalf("seed %d, step %d, crashed %v, edited %v:\n%s\nwant\n%s", seed, step, crashed, edited, g, w)
			}
			for i := range 6 {
				id := fmt.Sprint("f", i)
				if w, g := steady.Inside(id), other.Inside(id); !slices.Equal(w, g) {
					t.Fatalf("seed %d, step %d: in %s are %v, want %v", seed, step, id, g, w)
				}
			}
			for _, e := range want {
				kinds[e.Kind]++
			}
		}
		if len(store) != other.Devices() {
			t.Fatalf("seed %d: %d devices are stored, and %d known", seed, len(store), other.Devices())
		}
	}
	for _, k := range []fence.Kind{fence.Enter, fence.Exit, fence.Dwell, fence.Speeding, fence.Cross, fence.Lost} {
		if kinds[k] < 10 {
			t.Errorf("only %d %s events", kinds[k], k)
		}
	}
}

func FuzzRestore(f *testing.F) {
	set := new(fence.Set).With(fence.Fence{ID: "a", Version: 1, Shape: rectangle(f, "0,0", "100,100"), Rule: rule(f, []string{"dwell=10s", "speed=10"})})
	e := fence.New(fence.Config{})
	e.Use(set, 0, nil)
	lat, lon := place(f, "50,50")
	for i := range 12 {
		e.Observe([]fence.Fix{{Device: "d", At: int64(i) * 1000, Lat: lat, Lon: lon, Speed: 20}}, nil)
		e.Changed(func(_ string, state []byte) { f.Add(slices.Clone(state)) })
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		e := fence.New(fence.Config{})
		e.Use(set, 0, nil)
		if e.Restore("d", state) != nil {
			return
		}
		e.Use(set, 0, nil)
		e.Observe([]fence.Fix{{Device: "d", At: 5000, Lat: lat, Lon: lon, Speed: 20}}, nil)
		e.Advance(1<<40, nil)
		e.Changed(func(string, []byte) {})
	})
}
