package rounds

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Killed at any time and at each crash point, over and over, the edge loses no reading that it acknowledged, and counts none twice;
// panes that were open go on.
func TestKills(t *testing.T) {
	points := crashPoints(t)
	rounds := len(points) + 6
	if soak() {
		rounds = 500
	}
	r := newRig(t, t.TempDir(), t.TempDir())
	began := time.Now()
	died := map[string]int{}
	for round := range rounds {
		at := "at random"
		if round < len(points) { // each once, then every other round
			at = points[round]
		} else if (round-len(points))%2 == 1 {
			at = points[r.rng.IntN(len(points))]
		}
		where := r.round(at, round < len(points))
		for try := 0; round < len(points) && where != at && try < 3; try++ { // nothing in the journal, say
			died[where]++
			where = r.round(at, true)
		}
		died[where]++
		if strings.HasPrefix(where, "store.") && (round < len(points) || round%3 == 0) {
			r.settle()
			r.wait(600 * time.Millisecond)
			r.edge.kill()
		}
		if wrong := r.book.catchUp(t); wrong != "" {
			t.Fatalf("round %d (SEED=%d), %s: %s", round, r.seed, at, wrong)
		}
		if round%10 == 9 || round == rounds-1 {
			r.startEdge("")
			r.check(round)
			t.Logf("round %d of %d, %s: %s", round+1, rounds, time.Since(began).Round(time.Second), r.told())
			r.edge.kill()
		}
	}
	for _, p := range points {
		if died[p] == 0 {
			t.Errorf("the edge never died at %s", p)
		}
	}
	all := 0
	for _, n := range died {
		all += n
	}
	t.Logf("soak: kill -9: kills=%d random=%d at_crash_points=%d (%d points) %s lost=0 twice=0", all, died["at random"], all-died["at random"], len(points), r.told())
	if soak() {
		slices.Sort(points)
		for _, p := range points {
			t.Logf("soak: kill -9 at %s: rounds=%d", p, died[p])
		}
	}
}

// round starts the edge, has it die, and gives where it did.
func (r *rig) round(at string, early bool) string {
	r.t.Helper()
	room, _, _ := strings.Cut(at, ".")
	crash := ""
	if at != "at random" {
		times := 1 + r.rng.IntN(3)
		switch room {
		case "hold", "release", "adopt", "recover":
			if early {
				times = 1
			}
		default:
			times = 1 + r.rng.IntN(30)
		}
		late := []string{"0s", "1ms", "15ms"}[r.rng.IntN(3)]
		if early {
			late = "15ms" // what was let go too soon gets out
		}
		crash = fmt.Sprintf("%s:%d:%s", at, times, late)
	}
	if serves := r.startEdge(crash); serves {
		switch {
		case room == "adopt":
			for range 3 {
				r.version++
				r.book.put(r.t, r.version)
			}
		case room == "hold", room == "release", r.rng.IntN(12) == 0:
			r.outage(room)
		}
		if crash == "" {
			r.wait(600 * time.Millisecond)
		} else {
			within := 3 * time.Second
			if room == "release" { // the edge has to find the server again first, beside other tests
				within = 20 * time.Second
			}
			r.edge.dead(within)
		}
	}
	byItself := r.edge.dead(0)
	r.edge.kill()
	if r.server.dead(0) {
		r.startNATS()
	}
	if !byItself {
		return "at random"
	}
	if !r.edge.killed() || at == "at random" {
		r.t.Fatalf("%s: the edge ended by itself: %v\n%s", at, r.edge.cmd.ProcessState, r.edge.log)
	}
	return at
}

// outage kills the NATS server, until the edge holds; for a release it comes back.
func (r *rig) outage(room string) {
	r.t.Helper()
	r.wait(100 * time.Millisecond)
	r.server.kill()
	if room == "hold" {
		return // round starts it again
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && !r.edge.dead(0) && !strings.Contains(r.edge.log.String(), "the core is away"); {
		time.Sleep(5 * time.Millisecond)
	}
	r.wait(1500 * time.Millisecond)
	r.startNATS()
}
