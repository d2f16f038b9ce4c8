package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A disk that another program fills to its last block, under an edge that devices publish to at QoS 1. Whatever the edge does then,
// each reading is counted once in the end, so none was acknowledged that is not kept, and none is lost.

// smallDisk mounts an ext4 of some MiB, and takes it away with the test.
func smallDisk(t testing.TB, mib int) string {
	t.Helper()
	give := t.Skipf
	if os.Getenv("CI") != "" {
		give = t.Fatalf
	}
	if os.Getuid() != 0 {
		give("a small disk needs root, to mount it")
	}
	dir := t.TempDir()
	image, at := filepath.Join(dir, "disk"), filepath.Join(dir, "mnt")
	mount := []string{"mount", "-o", "loop", image, at}
	if err := errors.Join(os.Mkdir(at, 0o700), os.WriteFile(image, nil, 0o600), os.Truncate(image, int64(mib)<<20)); err != nil {
		t.Fatal(err)
	}
	mkfs := []string{"/usr/sbin/mkfs.ext4", "-q", "-m", "0", image} // nothing kept for root
	if out, err := exec.Command(mkfs[0], mkfs[1:]...).CombinedOutput(); err != nil {
		t.Logf("%v: %v %s: a tmpfs instead", mkfs, err, out)
		mount = []string{"mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", mib), "none", at}
	}
	if out, err := exec.Command(mount[0], mount[1:]...).CombinedOutput(); err != nil {
		mount = []string{"mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", mib), "none", at}
		if out2, err2 := exec.Command(mount[0], mount[1:]...).CombinedOutput(); err2 != nil {
			give("neither a loop device (%v %s) nor a tmpfs (%v %s) can be mounted", err, out, err2, out2)
		}
	}
	t.Cleanup(func() { // after the processes have ended, which were started later
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			out, err := exec.Command("umount", at).CombinedOutput()
			if err == nil {
				return
			}
			if time.Now().After(end) {
				t.Errorf("umount: %v %s", err, out)
				return
			}
		}
	})
	return at
}

// filler takes every block of a disk, and each that becomes free, until stopped.
type filler struct {
	file *os.File
	stop chan struct{}
	done sync.WaitGroup
	once sync.Once
}

func fill(t testing.TB, dir string) *filler {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	f := &filler{file: file, stop: make(chan struct{})}
	chunk := make([]byte, 256<<10)
	f.done.Go(func() {
		for {
			select {
			case <-f.stop:
				return
			default:
			}
			n := len(chunk)
			for n > 0 { // to the last block
				if _, err := file.Write(chunk[:n]); err == nil {
					break
				} else if !errors.Is(err, syscall.ENOSPC) {
					t.Error(err)
					return
				}
				n /= 4
			}
			if n == 0 {
				time.Sleep(2 * time.Millisecond)
			}
		}
	})
	t.Cleanup(func() { f.free(t) })
	return f
}

// free gives it all back.
func (f *filler) free(t testing.TB) {
	t.Helper()
	f.once.Do(func() {
		close(f.stop)
		f.done.Wait()
		if err := errors.Join(f.file.Close(), os.Remove(f.file.Name())); err != nil {
			t.Error(err)
		}
	})
}

func startOnSmallDisk(t *testing.T, reserve string) (h *halves, disk string) {
	disk = smallDisk(t, 128)
	h = startHalves(t, loadSQL, nil, []string{"--data", filepath.Join(disk, "edge"), "--store.memtable_bytes", "16MiB", "--store.reserve_bytes", reserve})
	return h, disk
}

// The guard sees the disk fill up: nothing more is taken in, what was goes on to the core, which shows the edge as full; and
// when there is room the edge goes on by itself.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	h, disk := startOnSmallDisk(t, "24MiB")
	l := endless(t, h.edge.mqtt)
	eventually(t, func() error {
		if n := h.edge.Metric(t, `hexpane_edge_ingest_readings_total{stream="load"}`); n < 2000 {
			return fmt.Errorf("%v readings", n)
		}
		return nil
	})
	f := fill(t, disk)
	eventually(t, func() error {
		if h.edge.Metric(t, "hexpane_edge_store_full") != 1 {
			return errors.New("the edge does not say that its disk is full")
		}
		return nil
	})
	var seen any
	eventually(t, func() error { // what was taken in reaches the core
		_, rows, err := ask(h.core.http, "SELECT state, disk_free_bytes, last_seen FROM edges")
		if err != nil {
			return err
		}
		if len(rows) != 1 || rows[0][0] != "full" || h.edge.Metric(t, "hexpane_edge_outbox_batches") > 8 {
			return fmt.Errorf("edges: %v", rows)
		}
		seen = rows[0][2]
		return nil
	})
	took := h.edge.Metric(t, `hexpane_edge_ingest_readings_total{stream="load"}`)
	for range 3 { // heartbeats
		eventually(t, func() error {
			_, rows, err := ask(h.core.http, "SELECT last_seen FROM edges")
			if err == nil && rows[0][0] == seen {
				err = errors.New("no heartbeat on a full disk")
			}
			seen = rows[0][0]
			return err
		})
	}
	if now := h.edge.Metric(t, `hexpane_edge_ingest_readings_total{stream="load"}`); now != took {
		t.Errorf("%v readings were taken in on a full disk", now-took)
	}
	f.free(t)
	count := l.end(t, h.edge)
	countedOnce(t, h.core, count, 20)
	_, rows := h.core.SQL(t, "SELECT state FROM edges")
	if rows[0][0] != "ok" || h.edge.Metric(t, "hexpane_edge_store_full") != 0 {
		t.Errorf("with room again the edge is %v", rows[0][0])
	}
	t.Logf("soak: disk full: %d readings, %v taken when the disk was full, lost=0 twice=0", count, took)
	h.edge.Stop(t)
	h.core.Stop(t)
}

// Killed on a full disk, and started there again.
func TestKilledOnAFullDisk(t *testing.T) {
	t.Parallel()
	h, disk := startOnSmallDisk(t, "24MiB")
	l := endless(t, h.edge.mqtt)
	h.edge.takesIn(t, 3000)
	f := fill(t, disk)
	eventually(t, func() error {
		if h.edge.Metric(t, "hexpane_edge_store_full") != 1 {
			return errors.New("the edge does not say that its disk is full")
		}
		return nil
	})
	h.edge.Kill(t)
	// It may serve, holding devices back, or end with an error that says what to do.
	h.edge.process = launch(t, h.edge.args[0], h.edge.args[1:]...)
	select {
	case l, open := <-h.edge.out:
		t.Logf("started on a full disk: %s", l)
		if open {
			h.edge.Kill(t)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("an edge that is started on a full disk neither serves nor ends")
	}
	<-h.edge.done
	if log := h.edge.log.String(); !strings.Contains(log, "full") && !strings.Contains(log, "no space left") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	f.free(t)
	h.edge.start(t)
	countedOnce(t, h.core, l.end(t, h.edge), 20)
	h.edge.Stop(t)
	h.core.Stop(t)
}

// Without the guard the disk runs out in the middle of a commit: the edge ends, or says that it hangs, and acknowledges nothing that is
// not kept.
func TestTheDiskRunsOutUnguarded(t *testing.T) {
	t.Parallel()
	h, disk := startOnSmallDisk(t, "0")
	l := endless(t, h.edge.mqtt, "--max-inflight", "500", "--rate", "4000/s")
	h.edge.takesIn(t, 3000)
	h.nats.Kill(t) // so that the store grows past what is allocated for its log
	f := fill(t, disk)
	select {
	case <-h.edge.done:
		t.Logf("ended: %v", h.edge.err)
		if log := h.edge.log.String(); !strings.Contains(log, "free some space") {
			t.Errorf("the log does not say what to do:\n%s", log)
		}
	case <-time.After(20 * time.Second):
		t.Logf("runs on:\n%s", h.edge.log)
		h.edge.Kill(t)
	}
	f.free(t)
	h.startNATS(t)
	h.edge.start(t)
	countedOnce(t, h.core, l.end(t, h.edge), 20)
	h.edge.Stop(t)
	h.core.Stop(t)
}
