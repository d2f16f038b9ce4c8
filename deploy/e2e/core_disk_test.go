package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A disk that another program fills to its last block under a core, in one process with its edge and apart.

// coreFull says whether the core says that its disk is full.
func (s *site) coreFull(t testing.TB) bool { return s.Metric(t, "hexpane_core_state_full") == 1 }

// appliesAgain waits until all is applied that the edge has taken in so far. A core whose NATS was caught so badly by the full disk that it neither stops nor starts may end, saying so, and
// be started once more.
func appliesAgain(t testing.TB, edge, s *site, start func(testing.TB)) {
	t.Helper()
	taken := edge.Metric(t, `hexpane_edge_ingest_readings_total{stream="load"}`)
	eventually(t, func() error {
		select {
		case <-s.done:
			if !strings.Contains(s.log.String(), "the NATS server in this process is stuck") {
				t.Fatalf("it ended: %v", s.err)
			}
			t.Log("its NATS was stuck: it is started anew")
			start(t)
		default:
		}
		_, rows, err := ask(s.http, "SELECT SUM(n) FROM per_device")
		if err != nil || len(rows) != 1 {
			return fmt.Errorf("%v: %w", rows, err)
		}
		if n, _ := rows[0][0].(float64); n < taken {
			return fmt.Errorf("%v readings of %v are applied", n, taken)
		}
		return nil
	})
}

func startSiteOnSmallDisk(t *testing.T) (s *site, disk string) {
	disk = smallDisk(t, 640)
	s = startSite(t, loadSQL, "--data", filepath.Join(disk, "site"), "--edge.store.memtable_bytes", "16MiB", "--edge.store.reserve_bytes", "48MiB",
		"--core.state.reserve_bytes", "32MiB", "--log.format", "text")
	return s, disk
}

// One disk for all: devices get no PUBACK while it is full, /readyz says why, what was taken in can be asked for, and it goes on by itself. Killed on the
// full disk, and started there again, it waits for room.
func TestSiteDiskFull(t *testing.T) {
	t.Parallel()
	s, disk := startSiteOnSmallDisk(t)
	l := endless(t, s.mqtt)
	s.takesIn(t, 3000)
	full := func() *filler {
		t.Helper()
		f := fill(t, disk)
		eventually(t, func() error {
			if s.Metric(t, "hexpane_edge_store_full") != 1 || !s.coreFull(t) {
				return errors.New("edge and core do not say that their disk is full")
			}
			return nil
		})
		return f
	}
	f := full()
	const readings = `hexpane_edge_ingest_readings_total{stream="load"}`
	took := s.Metric(t, readings)
	for range 5 {
		if status, why, err := get(s.http + "/readyz"); err != nil || status != http.StatusServiceUnavailable || !strings.Contains(why, "disk is full") {
			t.Fatalf("/readyz: %d %s %v", status, why, err)
		}
		if _, rows, err := ask(s.http, "SELECT SUM(n) FROM per_device"); err != nil || len(rows) != 1 {
			t.Fatalf("%v %v", rows, err)
		}
		time.Sleep(100 * time.Millisecond) // of load that must not be taken in
	}
	if now := s.Metric(t, readings); now != took {
		t.Errorf("%v readings were acknowledged on a full disk", now-took)
	}
	if _, _, err := ask(s.http, "CREATE VIEW more AS SELECT COUNT(*) AS n FROM load WINDOW TUMBLING (SIZE 1 MINUTE)"); err == nil || !strings.Contains(err.Error(), "507") {
		t.Errorf("a new view on a full disk: %v", err)
	}
	f.free(t)
	appliesAgain(t, s, s, s.Restart)
	eventually(t, func() error {
		if status, why, err := get(s.http + "/readyz"); err != nil || status != http.StatusOK || s.coreFull(t) {
			return fmt.Errorf("with room again, /readyz: %d %s %w", status, why, err)
		}
		return nil
	})
	s.takesIn(t, 1000)
	f = full()
	s.Kill(t)
	s.process = launch(t, filepath.Join(bin, "hexpane"), append(s.args, "--mqtt", strings.TrimPrefix(s.mqtt, "tcp://"), "--http", strings.TrimPrefix(s.http, "http://"))...)
	select {
	case line := <-s.out:
		t.Logf("started on a full disk: %s", line)
	case <-time.After(time.Second):
	}
	s.Kill(t)
	if log := s.log.String(); !strings.Contains(log, "full") && !strings.Contains(log, "no space left") {
		t.Errorf("the log does not say why it waits:\n%s", log)
	}
	f.free(t)
	s.Restart(t)
	count := l.end(t, s)
	countedOnce(t, s, count, 20)
	t.Logf("soak: disk full under a site, and killed there: %d readings, %v acknowledged when it was full, lost=0 twice=0", count, took)
	s.Stop(t)
}

// A core with a disk of its own, and JetStream on it: the edge takes everything in, holds it, and sends it when there is room, also over a kill of the core.
func TestCoreDiskFull(t *testing.T) {
	t.Parallel()
	disk, address := smallDisk(t, 640), freeAddress(t)
	h := &halves{natsURL: "nats://" + address}
	h.startPrograms(t, t.TempDir(), loadSQL, []string{"--data", filepath.Join(disk, "core"), "--nats.url", "", "--nats.listen", address, "--state.reserve_bytes", "48MiB"},
		[]string{"--nats.url", h.natsURL})
	l := endless(t, h.edge.mqtt)
	h.edge.takesIn(t, 3000)
	f := fill(t, disk)
	eventually(t, func() error {
		if !h.core.coreFull(t) {
			return errors.New("the core does not say that its disk is full")
		}
		return nil
	})
	var before [][]any
	for i := range 6 { // what was under way is over with the first
		_, rows, err := ask(h.core.http, "SELECT SUM(n) FROM per_device")
		if err != nil {
			t.Fatal(err)
		}
		if i > 1 && fmt.Sprint(rows) != fmt.Sprint(before) {
			t.Errorf("on a full disk the core applies: %v, then %v", before, rows)
		}
		before = rows
		time.Sleep(200 * time.Millisecond) // of load that must not be applied
	}
	h.edge.takesIn(t, 1000)
	f.free(t)
	appliesAgain(t, h.edge, h.core, h.core.start)
	if h.core.coreFull(t) {
		t.Error("the core does not say that there is room")
	}
	f = fill(t, disk)
	eventually(t, func() error {
		if !h.core.coreFull(t) {
			return errors.New("the core does not say that its disk is full again")
		}
		return nil
	})
	h.core.Kill(t)
	f.free(t)
	h.core.start(t)
	count := l.end(t, h.edge)
	countedOnce(t, h.core, count, 20)
	t.Logf("soak: disk full under a core, twice, and killed there: %d readings, lost=0 twice=0", count)
	h.edge.Stop(t)
	h.core.Stop(t)
}
