package merge_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/merge"
)

// Each script is a day in the life of one stream's watermark. Seconds throughout; an edge silent for more than 10 is idle.
//
//	t=3 edge a watermark 10 → 5    at clock 3 edge a promises 10; the output is then 5
//	t=9 → 5                        nothing came
//	t=9 restart → 5                the core stops, and starts from what it committed
var watermarkScripts = []struct{ name, script string }{
	{"the output is the minimum over edges", `
		t=0 → none
		t=0 edge a watermark 10 → 10
		t=1 edge b watermark 12 → 10
		t=2 edge a watermark 15 → 12
		t=3 edge b watermark 13 → 13
		t=4 edge b watermark 20 → 15`},
	{"a new edge that is behind holds nothing back until it has caught up", `
		t=0 edge a watermark 10 → 10
		t=1 edge b watermark 5 → 10
		t=2 edge a watermark 14 → 14
		t=3 edge b watermark 13 → 14
		t=4 edge b watermark 14 → 14
		t=5 edge a watermark 30 → 14
		t=6 edge b watermark 20 → 20`},
	{"an idle edge is left out", `
		t=0 edge a watermark 10 → 10
		t=0 edge b watermark 10 → 10
		t=5 edge a watermark 20 → 10
		t=10 edge a watermark 25 → 10
		t=11 edge a watermark 26 → 26`},
	{"an edge coming back is ignored until it has caught up", `
		t=0 edge a watermark 10 → 10
		t=0 edge b watermark 10 → 10
		t=11 edge a watermark 50 → 50
		t=12 edge b watermark 20 → 50
		t=13 edge a watermark 60 → 60
		t=14 edge b watermark 59 → 60
		t=15 edge a watermark 70 → 70
		t=16 edge b watermark 72 → 70
		t=17 edge a watermark 90 → 72`},
	{"a watermark never goes back, whatever an edge says", `
		t=0 edge a watermark 10 → 10
		t=1 edge a watermark 3 → 10
		t=2 edge a watermark 11 → 11
		t=2 edge b watermark 11 → 11
		t=3 edge b watermark 20 → 11
		t=4 edge b watermark 15 → 11
		t=5 edge a watermark 30 → 20`},
	{"when all are idle the output moves to the largest known, and stays", `
		t=0 edge a watermark 10 → 10
		t=0 edge b watermark 30 → 10
		t=10 → 10
		t=11 → 30
		t=1000 → 30
		t=1001 edge a watermark 20 → 30
		t=1002 edge a watermark 31 → 31`},
	{"an edge that catches up is not idle: the output waits for it, not for an idle clock that ran ahead", `
		t=0 edge a watermark 10 → 10
		t=0 edge ahead watermark 500 → 10
		t=9 edge a watermark 100 → 100
		t=15 edge b watermark 20 → 100
		t=20 edge b watermark 40 → 100
		t=24 edge b watermark 60 → 100
		t=25 edge b watermark 130 → 130`},
	{"heartbeats that say the same keep an edge active", `
		t=0 edge a watermark 10 → 10
		t=0 edge b watermark 10 → 10
		t=8 edge b watermark 10 → 10
		t=16 edge b watermark 10 → 10
		t=17 edge a watermark 90 → 10`},
	{"a restart goes on where it stood", `
		t=0 edge a watermark 10 → 10
		t=0 edge b watermark 20 → 10
		t=5 restart → 10
		t=6 edge b watermark 30 → 10
		t=7 edge a watermark 25 → 25`},
	{"after a restart a silent edge is idle after the usual time", `
		t=0 edge a watermark 10 → 10
		t=0 edge b watermark 20 → 10
		t=100 restart → 10
		t=105 edge b watermark 30 → 10
		t=111 edge b watermark 40 → 40`},
	{"after a restart an edge that was catching up still is", `
		t=0 edge a watermark 10 → 10
		t=0 edge b watermark 10 → 10
		t=11 edge a watermark 50 → 50
		t=12 edge b watermark 20 → 50
		t=13 restart → 50
		t=14 edge a watermark 60 → 60
		t=15 edge b watermark 21 → 60
		t=16 edge a watermark 70 → 70`},
}

// The same with clocks that are wrong: a watermark more than 300 ahead of the core's clock is that of one.
var futureScripts = []struct{ name, script string }{
	{"one that is a little ahead is believed", `
		t=1000 edge a watermark 1300 → 1300`},
	{"alone, an edge a day ahead makes no watermark", `
		t=1000 edge ahead watermark 87400 → none
		t=1001 edge a watermark 990 → 990`},
	{"beside others it neither moves nor holds back", `
		t=1000 edge a watermark 990 → 990
		t=1000 edge ahead watermark 87400 → 990
		t=1001 edge a watermark 995 → 995
		t=1002 edge b watermark 996 → 995
		t=1003 edge a watermark 999 → 996`},
	{"while all others are silent it moves nothing", `
		t=1000 edge a watermark 990 → 990
		t=1009 edge ahead watermark 87400 → 990
		t=1020 edge ahead watermark 87411 → 990
		t=1030 edge a watermark 1000 → 1000`},
	{"one that jumps ahead counts as silent from then on", `
		t=1000 edge a watermark 990 → 990
		t=1000 edge b watermark 991 → 990
		t=1005 edge b watermark 996 → 990
		t=1010 edge a watermark 87400 → 990
		t=1011 edge b watermark 1002 → 1002`},
	{"set right, it is as one that comes back", `
		t=1000 edge a watermark 990 → 990
		t=1000 edge ahead watermark 87400 → 990
		t=1005 edge ahead watermark 980 → 990
		t=1006 edge ahead watermark 996 → 990
		t=1007 edge a watermark 1000 → 996`},
	{"a restart does not make it believed", `
		t=1000 edge a watermark 990 → 990
		t=1000 edge ahead watermark 87400 → 990
		t=1020 restart → 990
		t=1040 → 990
		t=1041 edge a watermark 1030 → 1030`},
}

func TestAWatermarkOfTheFutureIsNotTaken(t *testing.T) {
	for _, s := range futureScripts {
		t.Run(s.name, func(t *testing.T) { runWatermarks(t, s.script, 300e6) })
	}
}

func TestWatermarkScripts(t *testing.T) {
	for _, s := range watermarkScripts {
		t.Run(s.name, func(t *testing.T) { runWatermarks(t, s.script, 0) })
	}
}

func runWatermarks(t *testing.T, script string, maxFuture int64) {
	marks := &merge.Watermarks{IdleAfter: 10e6, MaxFuture: maxFuture}
	before := "none"
	for line := range strings.Lines(strings.TrimSpace(script)) {
		line = strings.TrimSpace(line)
		doing, want, _ := strings.Cut(line, " → ")
		words := strings.Fields(doing)
		now := seconds(t, strings.TrimPrefix(words[0], "t="))
		switch {
		case len(words) == 2 && words[1] == "restart":
			marks = reborn(marks, now)
		case len(words) == 5:
			us := seconds(t, words[4])
			if taken := marks.Observe(words[2], us, now); taken != (maxFuture == 0 || us <= now+maxFuture) {
				t.Fatalf("%s: taken is %v", line, taken)
			}
		case len(words) != 1:
			t.Fatalf("no sense in %q", line)
		}
		us, moved, ok := marks.Advance(now)
		got := "none"
		if ok {
			got = fmt.Sprint(us / 1e6)
		}
		if got != want || moved != (got != before) {
			t.Fatalf("%s: got %s, moved %v", line, got, moved)
		}
		if out, known := marks.Output(); known != ok || known && out != us {
			t.Fatalf("%s: Output gives %d, %v", line, out, known)
		}
		before = got
	}
}

func seconds(t *testing.T, text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n * 1e6
}

// reborn makes what a restart makes of what was committed: the output, then each edge.
func reborn(old *merge.Watermarks, now int64) *merge.Watermarks {
	marks := &merge.Watermarks{IdleAfter: old.IdleAfter, MaxFuture: old.MaxFuture}
	if us, ok := old.Output(); ok {
		marks.Restore(us)
	}
	old.Edges(func(edge string, us int64) { marks.RestoreEdge(edge, us, now) })
	return marks
}
