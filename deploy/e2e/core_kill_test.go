package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// onceSQL makes the core pass the steps of EMIT FINAL too.
const onceSQL = loadSQL + `
CREATE VIEW once AS SELECT device, COUNT(*) AS n FROM load WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 1 HOUR) GROUP BY device EMIT FINAL;`

// The real core dies, as by kill -9, at each named step of its partitions' loop and at random, and now and then the edge does, while readings come. Each
// reading counts once. 200 kills with HEXPANE_SOAK=1.
func TestKillsOfTheCore(t *testing.T) {
	t.Parallel()
	points := coreSteps(t)
	kills := len(points) + 1
	if os.Getenv("HEXPANE_SOAK") != "" {
		kills = 200
	}
	h := startHalves(t, onceSQL, nil, nil)
	h.core.Stop(t)
	h.core.args[0] = filepath.Join(t.TempDir(), "hexpane-core")
	build := exec.Command("go", "build", "-tags", "crashpoints", "-o", h.core.args[0], "./core/cmd/hexpane-core")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	l := endless(t, h.edge.mqtt, "--give-up", "10m")
	died, edges := map[string]int{}, 0
	for kill := range kills {
		at := "random"
		if kill < len(points) {
			at = points[kill]
		} else if rand.IntN(4) > 0 {
			at = points[rand.IntN(len(points))]
		}
		var env []string
		if at != "random" {
			env = []string{fmt.Sprintf("HEXPANE_CRASH=%s:%d", at, 1+rand.IntN(20))}
		}
		h.core.process = launchWith(t, env, h.core.args[0], h.core.args[1:]...)
		if at == "random" {
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Millisecond) // a kill at any time, when it starts too: nothing is waited for
			h.core.Kill(t)
		} else {
			select {
			case <-h.core.done:
			case <-time.After(time.Minute):
				t.Fatalf("the core does not die at %s:\n%s", at, h.core.log)
			}
			if !strings.Contains(h.core.log.String(), "crash point "+at) {
				t.Fatalf("the core died of something else than %s:\n%s", at, h.core.log)
			}
		}
		died[at]++
		if kill%5 == 4 {
			h.edge.Kill(t)
			h.edge.start(t)
			edges++
		}
	}
	h.core.start(t)
	count := l.end(t, h.edge)
	countedOnce(t, h.core, count, 20)
	t.Logf("soak: real core killed kills=%d at %v, edge killed %d, readings=%d lost=0 twice=0", kills, died, edges, count)
	h.edge.Stop(t)
	h.core.Stop(t)
}

func coreSteps(t *testing.T) (points []string) {
	t.Helper()
	source, err := os.ReadFile(repo("core/partition.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`p\.step\("([a-z.-]+)"\)`).FindAllStringSubmatch(string(source), -1) {
		points = append(points, m[1])
	}
	if len(points) < 9 {
		t.Fatal("steps ", points)
	}
	return points
}
