package state_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/core/state"
	"pgregory.net/rapid"
)

// commit is what one turn writes, and the partition's facts after it.
type commit struct {
	writes []func(*state.Tx)
	after  facts
}

// writer runs one partition's commits, as a partition's goroutine does.
type writer struct {
	partition       uint32
	commits         []commit
	started, synced atomic.Int64
}

func (w *writer) run(s *state.Store) error {
	for i, c := range w.commits {
		w.started.Store(int64(i + 1))
		tx := s.Begin()
		for _, write := range c.writes {
			write(tx)
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		w.synced.Store(int64(i + 1))
	}
	return nil
}

// After a power cut at any moment each partition stands exactly where some commit of its left it, with all that was acknowledged:
// windows, rows, marks, place in the stream and effects all of that same commit.
func TestCrashLeavesAPrefixOfTheCommits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewCrashableMem()
		s := open(t, fs)
		writers := []*writer{drawWriter(t, 0), drawWriter(t, 1)}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		pauses := rapid.SliceOfN(rapid.IntRange(0, 300), 1, 2).Draw(t, "crashes after")

		var running sync.WaitGroup
		errs := make([]error, len(writers))
		for i, w := range writers {
			running.Go(func() { errs[i] = w.run(s) })
		}
		for _, pause := range pauses {
			for range pause {
				runtime.Gosched()
			}
			var atLeast, atMost []int64
			for _, w := range writers {
				atLeast = append(atLeast, w.synced.Load())
			}
			after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
			for _, w := range writers {
				atMost = append(atMost, w.started.Load())
			}
			checkCrashed(t, after, writers, atLeast, atMost)
		}
		running.Wait()
		for _, err := range errs {
			must(t, err)
		}
		must(t, s.Close())
		for _, w := range writers {
			n := int64(len(w.commits))
			checkCrashed(t, fs, []*writer{w}, []int64{n}, []int64{n})
		}
	})
}

func checkCrashed(t *rapid.T, fs vfs.FS, writers []*writer, atLeast, atMost []int64) {
	s := open(t, fs)
	for i, w := range writers {
		got := read(t, s, w.partition)
		n := int64(0)
		if _, err := fmt.Sscan(got["position"], &n); err != nil && got["position"] != "" {
			t.Fatal(err)
		}
		if n < atLeast[i] || n > atMost[i] {
			t.Fatalf("partition %d stands at commit %d; %d were acknowledged, %d begun", w.partition, n, atLeast[i], atMost[i])
		}
		want := facts{}
		if n > 0 {
			want = w.commits[n-1].after
		}
		if !maps.Equal(got, want) {
			t.Fatalf("partition %d at commit %d\nholds %v\nwant  %v", w.partition, n, got, want)
		}
	}
	must(t, s.Close())
}

func drawWriter(t *rapid.T, partition uint32) *writer {
	w := &writer{partition: partition}
	now := facts{}
	var tables [2][]string
	effects, seq := uint64(0), [2]uint64{}
	for i := range rapid.IntRange(1, 25).Draw(t, "commits") {
		var c commit
		add := func(write func(*state.Tx)) { c.writes = append(c.writes, write) }
		for range rapid.IntRange(0, 6).Draw(t, "writes") {
			value := fmt.Sprintf("v%d-%s", i, strings.Repeat("x", rapid.SampledFrom([]int{0, 10, 5000}).Draw(t, "padding")))
			id := rapid.Uint32Range(1, views).Draw(t, "id")
			key := rapid.SampledFrom([]string{"", "a", "b\xff"}).Draw(t, "key")
			us := rapid.Int64Range(-3, 3).Draw(t, "us")
			switch rapid.SampledFrom([]string{"window", "latest", "effect", "entry", "watermark", "final", "drop windows", "drop view", "drop stream"}).Draw(t, "write") {
			case "window":
				add(func(tx *state.Tx) { tx.Window(partition, id, us, []byte(key), []byte(value)) })
				now[fmt.Sprintf("window %d %d %s", id, us, key)] = value
			case "latest":
				add(func(tx *state.Tx) { tx.Latest(partition, id, []byte(key), []byte(value)) })
				now[fmt.Sprintf("latest %d %s", id, key)] = value
			case "effect":
				effects++
				n := effects
				add(func(tx *state.Tx) { tx.Effect(partition, n, []byte(value)) })
				now[fmt.Sprintf("effect %d", n)] = value
			case "entry":
				table := []byte{state.TableLate, state.TableRejected}[id-1]
				tables[id-1] = append(tables[id-1], value)
				n := uint64(len(tables[id-1]))
				add(func(tx *state.Tx) { tx.Entry(table, partition, n, []byte(value)) })
				now["table "+string(table)] = strings.Join(tables[id-1], ",")
			case "watermark":
				add(func(tx *state.Tx) {
					tx.EdgeWatermark(partition, id, "e"+key, us)
					tx.Watermark(partition, id, us)
				})
				now[fmt.Sprintf("watermark %d e%s", id, key)] = fmt.Sprint(us)
				now[fmt.Sprintf("watermark %d ", id)] = fmt.Sprint(us)
			case "final":
				add(func(tx *state.Tx) { tx.Final(partition, id, us) })
				now[fmt.Sprintf("final %d", id)] = fmt.Sprint(us)
			case "drop windows":
				add(func(tx *state.Tx) { tx.DropWindows(partition, id, -1<<63, us) })
				for start := int64(-3); start < us; start++ {
					now.drop(fmt.Sprintf("window %d %d ", id, start))
				}
			case "drop view":
				add(func(tx *state.Tx) { tx.DropView(partition, id) })
				now.drop(fmt.Sprintf("window %d ", id))
				now.drop(fmt.Sprintf("final %d", id))
			case "drop stream":
				add(func(tx *state.Tx) { tx.DropStream(partition, id) })
				now.drop(fmt.Sprintf("latest %d ", id))
				now.drop(fmt.Sprintf("watermark %d ", id))
			}
		}
		e := rapid.IntRange(0, 1).Draw(t, "edge")
		seq[e]++
		edge, epoch, n, position := fmt.Sprintf("edge-%d", e), uint64(7), seq[e], uint64(i+1)
		add(func(tx *state.Tx) {
			tx.Applied(partition, edge, epoch, n)
			tx.Position(partition, position)
		})
		now["applied "+edge] = fmt.Sprint(epoch, n)
		now["position"] = fmt.Sprint(position)
		c.after = maps.Clone(now)
		w.commits = append(w.commits, c)
	}
	return w
}

func (f facts) drop(prefix string) {
	maps.DeleteFunc(f, func(k, _ string) bool { return strings.HasPrefix(k, prefix) })
}
