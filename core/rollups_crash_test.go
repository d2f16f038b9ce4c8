package core

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// A core that is killed at any step of rolling up and trimming, over and over, and loses some or all of what was not synced, goes on where the last commit left
// it: what is asked afterwards is answered as if nothing had ever been rolled up. Hundreds of kills with HEXPANE_SOAK=1.
func TestKilledWhileRollingUpLosesNothing(t *testing.T) {
	runs, batches, deaths := 1, 6, 2
	if os.Getenv("HEXPANE_SOAK") != "" {
		runs, batches, deaths = 20, 25, 12
	}
	kills, readings, places := map[string]int{}, 0, 0
	for run := range uint64(runs) {
		rng := rand.New(rand.NewPCG(run, 3))
		rolled := &field{t: t, fs: vfs.NewCrashableMem(), edges: map[string]*fieldEdge{}, rollups: "10s:2h, 1m:10h, 10m:40h, 1h"}
		all := newField(t, 2)
		rolled.start(all.core.catalog.plan())
		rolled.define(rolledSQL(", RETENTION 2 MINUTES"))
		all.define(rolledSQL(", RETENTION 9000 DAYS"))
		watermark := int64(0)
		for range batches {
			var now []fact
			for range rng.IntN(20) {
				now = append(now, fact{stream: "l", id: fmt.Sprint("id", rng.IntN(6)), k: string(rune('a' + rng.IntN(3))), us: watermark + rng.Int64N(20_000)*second, x: 1 + rng.Int64N(40)})
			}
			readings += len(now)
			watermark += rng.Int64N(20_000) * second
			for _, f := range []*field{rolled, all} {
				var list []reading
				for _, r := range now {
					list = append(list, r.reading(f))
				}
				f.send("north", map[uint32]int64{f.core.catalog.plan().Streams[0].Id: watermark}, list...)
			}
			for range deaths {
				places++
				survives(rolled, rng, rollupSteps[places%len(rollupSteps)], 1+rng.IntN(4), kills)
			}
			rolled.roll()
			// The last two hours have their own windows; before, only whole hours are sure to be there.
			for _, question := range []string{"SELECT k, " + rolledMerged + " FROM v GROUP BY k", "SELECT window_start, k, " + rolledMerged + " FROM v WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k",
				fmt.Sprintf("SELECT * FROM v WHERE window_start >= CAST('%s' AS TIMESTAMP)", value.FormatTime(watermark-3600*second))} {
				got, err := rolled.ask(question)
				check(t, err)
				want, err := all.ask(question)
				check(t, err)
				slices.Sort(got)
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Fatalf("run %d, after %v: %s\n%q\nwant\n%q", run, kills, question, got, want)
				}
			}
		}
		rolled.close()
		all.close()
	}
	n := 0
	for _, at := range rollupSteps {
		if n += kills[at]; kills[at] == 0 {
			t.Errorf("it never died at %s: %v", at, kills)
		}
	}
	t.Logf("soak: core killed while rolling up kills=%d at %v readings=%d lost=0 twice=0", n, kills, readings)
}

var rollupSteps = []string{"rollup.gathered", "rollup.committed", "rollup.dropping", "rollup.dropped"}

// survives rolls up until all is done, or until it dies as it passes a place for the nth time; then the core has started again.
func survives(f *field, rng *rand.Rand, place string, passes int, kills map[string]int) {
	f.died = func(at string) {
		if at != place {
			return
		}
		if passes--; passes == 0 {
			panic(killed{at})
		}
	}
	defer func() {
		f.died = nil
		p := recover()
		if p == nil {
			return
		}
		dead, ok := p.(killed)
		if !ok {
			panic(p)
		}
		kills[dead.at]++
		old, p2 := f.core.store, f.core.catalog.plan()
		lost := rand.New(rand.NewPCG(rng.Uint64(), 4)) // of its own: how much is drawn goes by what Pebble happens to have written
		f.fs = f.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: lost})
		_ = old.Close()
		f.start(p2)
	}()
	f.roll()
}

// A backup that is made at any step of rolling up and trimming holds what some commit left: a core over it answers as the one that it was made of, and rolls up the rest.
func TestBackupsWhileRollingUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	root := t.TempDir()
	f := &field{t: t, edges: map[string]*fieldEdge{}, rollups: "10s:2h, 1m:10h, 10m:40h, 1h", dir: filepath.Join(root, "state")}
	f.start(&plan.Plan{Version: 1, Partitions: 2, NextId: 1})
	defer f.close()
	f.define(rolledSQL(", RETENTION 2 MINUTES"))
	questions := []string{"SELECT k, " + rolledMerged + " FROM v GROUP BY k", "SELECT window_start, k, " + rolledMerged + " FROM v WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k"}
	answers := func(f *field) (all []string) {
		t.Helper()
		for _, q := range questions {
			rows, err := f.ask(q)
			check(t, err)
			slices.Sort(rows)
			all = append(all, rows...)
		}
		return all
	}
	taken := map[string]int{}
	for batch := range int64(4) {
		var list []reading
		for range 40 {
			r := fact{stream: "l", id: fmt.Sprint("id", rng.IntN(6)), k: string(rune('a' + rng.IntN(3))), us: (batch*20_000 + rng.Int64N(20_000)) * second, x: 1 + rng.Int64N(40)}
			list = append(list, r.reading(f))
		}
		f.send("north", map[uint32]int64{f.core.catalog.plan().Streams[0].Id: (batch + 1) * 20_000 * second}, list...)
		want := answers(f)
		steps := 0
		var backups []string
		f.died = func(at string) {
			if steps++; taken[at] < 2 || steps%60 == 0 {
				taken[at]++
				backups = append(backups, filepath.Join(root, fmt.Sprint(batch, "-", steps)))
				check(t, f.core.store.Checkpoint(backups[len(backups)-1]))
			}
		}
		f.roll()
		f.died = nil
		for _, dir := range backups {
			g := &field{t: t, edges: map[string]*fieldEdge{}, rollups: f.rollups, dir: dir}
			g.start(f.core.catalog.plan())
			for _, when := range []string{"as it is", "rolled up"} {
				if got := answers(g); !slices.Equal(got, want) {
					t.Fatalf("%s, %s:\n%q\nwant\n%q", dir, when, got, want)
				}
				g.roll()
			}
			g.close()
		}
	}
	for _, at := range rollupSteps {
		if taken[at] == 0 {
			t.Errorf("no backup was made at %s: %v", at, taken)
		}
	}
}
