package rounds

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stays are places where it matters what is on disk by then.
var stays = []string{"store.before-commit", "store.cut-committed", "ack.written", "store.committed", "uplink.before-trim", "line.before-ack", "uplink.trimmed", "uplink.in-publish"}

// The power of the edge's disk is cut, and in some rounds that of the NATS server's: whatever was acknowledged was synced.
func TestPowerCuts(t *testing.T) {
	rounds := 6
	if soak() {
		rounds = 50
	}
	edgeDisk, natsDisk := newDisk(t, "edge", 512), newDisk(t, "nats", 1024)
	if err := os.WriteFile(filepath.Join(edgeDisk.dir, "unsynced"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	idle := start(t, nil, "sleep", "60")
	edgeDisk.cut(idle)
	if _, err := os.Stat(filepath.Join(edgeDisk.dir, "unsynced")); err == nil {
		t.Fatal("a file that nobody synced outlived the power cut: the cuts of this test are none")
	}
	r := newRig(t, filepath.Join(edgeDisk.dir, "data"), filepath.Join(natsDisk.dir, "data"))
	began, cuts := time.Now(), map[string]int{}
	for round := range rounds {
		stuck := "" // a place where the edge stays, other goroutines going on, so that a rare moment is met for sure
		if round%2 == 0 {
			stuck = stays[round/2%len(stays)]
			r.startEdge(fmt.Sprintf("%s:%d:1m", stuck, 1+r.rng.IntN(60)))
		} else {
			r.startEdge("")
		}
		if r.rng.IntN(4) == 0 {
			r.version++
			r.book.put(t, r.version)
		}
		if r.rng.IntN(5) == 0 {
			r.outage("release")
		}
		for end := time.Now().Add(2 * time.Second); stuck != "" && !strings.Contains(r.edge.log.String(), "crash point") && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if stuck == "" {
			r.wait(900 * time.Millisecond)
		} else {
			r.wait(30 * time.Millisecond)
		}
		both := round%4 == 3
		if round%4 != 1 {
			edgeDisk.cut(r.edge)
			cuts["edge"]++
		}
		if round%4 == 1 || both {
			natsDisk.cut(r.server)
			cuts["nats"]++
			r.startNATS()
			r.book.forget() // what was there and not synced may be gone, and come again under the same number
		}
		if round%4 != 1 {
			r.startEdge("")
		}
		r.check(round)
		if round%10 == 9 || round == rounds-1 {
			t.Logf("round %d of %d, %s: %s", round+1, rounds, time.Since(began).Round(time.Second), r.told())
		}
		r.wait(300 * time.Millisecond)
		r.edge.kill()
	}
	t.Logf("soak: power cut: rounds=%d edge_disk=%d nats_disk=%d %s lost=0 twice=0", rounds, cuts["edge"], cuts["nats"], r.told())
}
