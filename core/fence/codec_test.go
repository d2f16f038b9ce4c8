package fence_test

import (
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

// kept is a store of devices' states, and of the log of their positions.
type kept struct {
	states map[string][]byte
	log    map[uint64][]byte
}

func (k kept) take(e *fence.Engine) {
	e.Changed(func(device string, state []byte) {
		if state == nil {
			delete(k.states, device)
		} else {
			k.states[device] = slices.Clone(state)
		}
	}, func(number uint64, entry []byte) {
		if entry == nil {
			delete(k.log, number)
		} else {
			k.log[number] = slices.Clone(entry)
		}
	})
}

// restore makes an engine of what is stored.
func (k kept) restore(config fence.Config, set *fence.Set, at, watermark int64) (*fence.Engine, error) {
	e := fence.New(config)
	e.Use(set, at, nil)
	e.Resume(watermark)
	for device, state := range k.states {
		if err := e.Restore(device, state); err != nil {
			return nil, err
		}
	}
	for _, number := range slices.Sorted(maps.Keys(k.log)) {
		if err := e.Relive(number, k.log[number]); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// An engine that is killed after any position, and restored from what was stored of its devices, goes on as one that never stopped: also when fences
// were edited meanwhile.
func TestRestoredEnginesGoOn(t *testing.T) {
	kinds := map[fence.Kind]int{}
	defer fence.LogLeast(0)()
	seeds, logged, dropped := uint64(30), 0, 0
	if os.Getenv("HEXPANE_SOAK") != "" {
		seeds = 3_000
	}
	for seed := range seeds {
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
		store := kept{map[string][]byte{}, map[uint64][]byte{}}
		at, watermark := int64(1_000_000), int64(0)
		var xs, ys [3]float64
		for step := range 400 {
			at += r.Int64N(8_000)
			if r.IntN(40) == 0 {
				at += 100_000
			}
			if r.IntN(3) == 0 {
				watermark = max(watermark, at-30_000)
			}
			d := r.IntN(len(xs))
			if seed%2 == 0 { // they jump, or walk
				xs[d], ys[d] = 240*r.Float64(), 190*r.Float64()
			} else {
				xs[d], ys[d] = math.Mod(xs[d]+10*r.NormFloat64()+240, 240), math.Mod(ys[d]+10*r.NormFloat64()+190, 190)
			}
			lat, lon := place(t, fmt.Sprintf("%v,%v", xs[d], ys[d]))
			f := fence.Fix{Device: fmt.Sprint("d", d), At: at - r.Int64N(30_000), Lat: lat, Lon: lon, Speed: 100 * r.Float64()}
			want := steady.Advance(watermark, steady.Observe([]fence.Fix{f}, nil))
			got := other.Advance(watermark, other.Observe([]fence.Fix{f}, nil))
			before := len(store.log)
			store.take(other)
			logged += max(0, len(store.log)-before)
			dropped += max(0, before-len(store.log))
			edited, crashed := r.IntN(20) == 0, r.IntN(5) == 0
			if edited {
				if set = set.With(random()); r.IntN(3) == 0 {
					set = set.Without(fmt.Sprint("f", r.IntN(6)))
				}
				want = steady.Use(set, at, want)
			}
			if crashed {
				var err error
				if other, err = store.restore(config, set, at, watermark); err != nil {
					t.Fatal(err)
				}
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
		if len(store.states) != other.Devices() {
			t.Fatalf("seed %d: %d devices are stored, and %d known", seed, len(store.states), other.Devices())
		}
	}
	t.Logf("soak: %d runs of an engine that is restored now and then: %v, %d entries of the log", seeds, kinds, logged)
	if logged < 100 || dropped < 10 {
		t.Errorf("the log grew %d times, and shrank %d times", logged, dropped)
	}
	for _, k := range []fence.Kind{fence.Enter, fence.Exit, fence.Dwell, fence.Speeding, fence.Cross, fence.Lost} {
		if kinds[k] < 10 {
			t.Errorf("only %d %s events", kinds[k], k)
		}
	}
}

func FuzzRestore(f *testing.F) {
	set := new(fence.Set).With(fence.Fence{ID: "a", Version: 1, Shape: rectangle(f, "0,0", "100,100"), Rule: rule(f, []string{"dwell=10s", "speed=30"})})
	e := fence.New(fence.Config{})
	e.Use(set, 0, nil)
	lat, lon := place(f, "50,50")
	var last []byte
	for i := range 12 {
		e.Observe([]fence.Fix{{Device: "d", At: int64(i) * 1000, Lat: lat, Lon: lon, Speed: float64(10 * (i % 5))}}, nil)
		e.Changed(func(_ string, state []byte) { last = slices.Clone(state) }, func(_ uint64, entry []byte) { f.Add(last, slices.Clone(entry)) })
		f.Add(last, []byte{})
	}
	f.Fuzz(func(t *testing.T, state, entry []byte) {
		e := fence.New(fence.Config{})
		e.Use(set, 0, nil)
		if e.Restore("d", state) != nil || e.Relive(1<<40, entry) != nil {
			return
		}
		e.Use(set, 0, nil)
		e.Observe([]fence.Fix{{Device: "d", At: 5000, Lat: lat, Lon: lon, Speed: 20}}, nil)
		e.Advance(1<<40, nil)
		e.Changed(func(string, []byte) {}, func(uint64, []byte) {})
	})
}
