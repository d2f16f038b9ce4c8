package core

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/protocol/wire"
)

// killed is what a dying core panics with.
type killed struct{ at string }

// A core that is killed at each step of its loop, over and over, and loses some or all of what was not synced: it goes on from the batch after the last commit,
// and in the end its windows are the oracle's, and so is what a history store was given: nothing lost, nothing twice, no revision with two contents, and each
// result of EMIT FINAL once. 200 kills and more with HEXPANE_SOAK=1.
func TestACoreKilledAtEachStepLosesNothing(t *testing.T) {
	points := stepsInSource(t)
	runs := 2
	if os.Getenv("HEXPANE_SOAK") != "" {
		runs = 60
	}
	p := planOf(t, oracleSQL())
	died, readings := map[string]int{}, 0
	for run := range uint64(runs) {
		rng := rand.New(rand.NewPCG(run, 7))
		w := newWorkload(t, rng, p)
		var log []*wire.Batch
		for _, d := range w.order(rng) {
			log = append(log, d.batch)
		}
		log = append(log, w.farewell()...)
		fs := vfs.NewCrashableMem()
		r := &rig{t: t, fs: fs, dir: "state", open: int64(run % 2)} // each second one with nothing in memory
		r.start(p, workloadStart)
		history := map[string]string{} // by measurement, tags, time and revision
		next := 0
		for r.p.position < uint64(len(log)) {
			at, passes := "", 1
			switch { // at first each place in turn, then any
			case run == 0 && next < len(points):
				at = points[next]
			case rng.IntN(3) == 0:
				at, passes = points[rng.IntN(len(points))], 1+rng.IntN(3)
			}
			place, effects, committed := r.p.position, r.p.effects, slices.Index(beforeCommit, at) < 0
			if !lives(r, at, passes, func() {
				from := place
				if rng.IntN(10) == 0 { // JetStream gives some again
					from -= min(from, rng.Uint64N(20))
				}
				r.sequence = from
				n := min(uint64(len(log)), place+1+rng.Uint64N(5))
				if committed {
					place = n
				}
				r.turn(workloadStart+int64(n)*minute, log[from:n]...)
				drain(t, r, history)
			}) {
				died[at]++
				next++
				old := r.core.store
				fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rand.New(rand.NewPCG(run, rng.Uint64()))})
				r.fs = fs
				_ = old.Close()
				r.start(p, workloadStart)
				if r.p.position != place {
					t.Fatalf("run %d: killed at %s the core goes on at %d, not at %d", run, at, r.p.position, place)
				}
				if !committed && r.p.effects > effects {
					t.Fatalf("run %d: killed at %s, before the commit, %d effects are there already", run, at, r.p.effects-effects)
				}
			}
		}
		r.p.step = func(string) {}
		r.turn(workloadStart + 1000*minute) // nothing new
		drain(t, r, history)
		want := oracleRows(w.rides)
		readings += len(w.rides)
		for _, v := range oracleViews {
			for _, name := range []string{v.name, v.name + "_once"} {
				if wrong := differs(r.rows("SELECT * FROM "+name), want[v.name]); wrong != "" {
					t.Fatalf("run %d, view %s: %s", run, name, wrong)
				}
			}
			given, last := 0, map[string]bool{}
			for id := range history {
				if strings.HasPrefix(id, v.name+"_once,") {
					given++
				}
				if strings.HasPrefix(id, v.name+",") {
					last[id[:strings.LastIndex(id, " ")]] = true
				}
			}
			if given != len(want[v.name]) {
				t.Fatalf("run %d: %d results of EMIT FINAL, of %d windows of %s", run, given, len(want[v.name]), v.name)
			}
			if v.gap == 0 && len(last) != len(want[v.name]) {
				t.Fatalf("run %d: a history of %d windows, of %d of %s", run, len(last), len(want[v.name]), v.name)
			}
		}
		r.close()
	}
	kills := 0
	for _, n := range died {
		kills += n
	}
	for _, at := range points {
		if died[at] == 0 {
			t.Errorf("it never died at %s: %v", at, died)
		}
	}
	t.Logf("soak: core killed kills=%d at %v readings=%d lost=0 twice=0", kills, died, readings)
}

// beforeCommit are the places at which nothing of a turn may be on disk.
var beforeCommit = []string{"turn.applied", "turn.advanced", "turn.flushed", "turn.gathered"}

// lives does something with a core that dies when it passes a place for the nth time; it reports false if it did.
func lives(r *rig, at string, passes int, do func()) (alive bool) {
	r.p.step = func(done string) {
		if done == at {
			if passes--; passes == 0 {
				panic(killed{at})
			}
		}
	}
	defer func() {
		if p := recover(); p != nil {
			if p != (killed{at}) {
				panic(p)
			}
		}
	}()
	do()
	return true
}

var revisionOf = regexp.MustCompile(`revision=\d+i(,retracted=true)?`)

// drain gives the queued effects to the history store and deletes them, as the sink does.
func drain(t *testing.T, r *rig, history map[string]string) {
	t.Helper()
	from, to := uint64(math.MaxUint64), uint64(0)
	check(t, r.core.store.Effects(0, 0, math.MaxInt, func(n uint64, data []byte) {
		from, to = min(from, n), max(to, n)
		line := string(data)
		head, _, _ := strings.Cut(line, " ")
		id := head + line[strings.LastIndex(line, " "):] + " " + revisionOf.FindString(line)
		if before, known := history[id]; known && before != line && !strings.HasPrefix(line, "sessions") {
			t.Fatalf("one result, two contents:\n%s\n%s", before, line)
		}
		history[id] = line
	}))
	r.p.step("sink.left")
	if to > 0 {
		check(t, r.core.store.EffectsDone(0, from, to))
	}
}

// stepsInSource gives the names of the places at which the partition may die, and the sink's, which is in drain.
func stepsInSource(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("partition.go")
	check(t, err)
	names := map[string]bool{"sink.left": true}
	for _, m := range regexp.MustCompile(`p\.step\("([a-z.-]+)"\)`).FindAllStringSubmatch(string(source), -1) {
		if names[m[1]] {
			t.Fatal(fmt.Sprint("two places are called ", m[1]))
		}
		names[m[1]] = true
	}
	if len(names) < 9 {
		t.Fatal(fmt.Sprint("steps ", names))
	}
	return slices.Sorted(maps.Keys(names))
}

// Killed when the watermark is committed and the finals that it brings are not: they come with the start, though the watermark never moves again.
func TestFinalsComeThoughTheWatermarkStays(t *testing.T) {
	p := planOf(t, fleetSQL)
	r := newRig(t, p)
	defer func() { r.close() }()
	e := newHandEdge("north", p)
	r.turn(0, e.cut(t, 0, oneRide)...)
	if lives(r, "turn.published", 1, func() { r.turn(0, e.cut(t, 60*second)...) }) {
		t.Fatal("it lived")
	}
	r.restart(0)
	r.turn(0)
	if got := r.effects(); len(got) != 2 || !strings.HasPrefix(got[0], "settled,") {
		t.Errorf("%q", got)
	}
}
