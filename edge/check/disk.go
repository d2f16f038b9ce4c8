package check

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	syncBytes  = 4096 // of one write: a small commit
	slowSync   = 20 * time.Millisecond
	stuckSync  = 250 * time.Millisecond
	plentyOver = 2                // times the reserve
	gatherTick = time.Millisecond // what a commit waits for more messages, if none come
)

// disk tests the data directory's disk, or that of the nearest directory above which is there.
func disk(c Config, report func(Result)) {
	dir, there := nearest(c.Dir)
	writable := ok("data directory", "%s can be written to", c.Dir)
	if !there {
		writable.Detail = c.Dir + " is not there yet, and can be made"
	}
	f, err := os.CreateTemp(dir, ".hexpane-check-*")
	if err != nil {
		writable.Detail = err.Error()
		report(writable.fail("let the user that runs the edge write there, or set data to another directory"))
		return
	}
	defer os.Remove(f.Name())
	defer f.Close()
	report(writable)
	report(speed(f, c))
	report(space(dir, c))
}

func nearest(dir string) (string, bool) {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil || !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return at, at == dir
		}
	}
}

// speed measures synced writes for a while, one at a time as the edge's commits are.
func speed(f *os.File, c Config) Result {
	block := make([]byte, syncBytes)
	var times []time.Duration
	for start := time.Now(); time.Since(start) < c.DiskFor || len(times) < 5; {
		block[len(times)%syncBytes]++
		began := time.Now()
		_, err := f.Write(block)
		if err = errors.Join(err, syscall.Fdatasync(int(f.Fd()))); err != nil {
			return ok("disk speed", "%v", err).fail("the disk does not take a synced write; see the kernel's log")
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	p50, p99 := times[len(times)/2], times[len(times)*99/100]
	r := ok("disk speed", "synced write of 4 KiB: half within %s, 99 %% within %s; so at most %.0f durable acks/s, and %.0f/s to a device that waits for each",
		p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond), float64(c.Batch)/(p50+c.Linger).Seconds(), 1/(p50+gatherTick).Seconds())
	switch {
	case p50 > stuckSync:
		return r.fail("far too slow for acknowledging devices: use another disk")
	case p50 > slowSync:
		return r.warn("slow: devices wait for it at each acknowledgement. An SSD, or a card made for many writes, helps")
	}
	return r
}

func space(dir string, c Config) Result {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return ok("free space", "%v", err).warn("it can't be told how much room there is")
	}
	free := int64(disk.Bavail) * disk.Bsize
	r := ok("free space", "%s free of %s", size(free), size(int64(disk.Blocks)*disk.Bsize))
	switch {
	case free < plentyOver*c.ReserveBytes:
		return r.fail("too little: below a reserve of " + size(c.ReserveBytes) + " (store.reserve_bytes) nothing is taken in. Free some")
	case free < c.BudgetBytes+c.ReserveBytes:
		return r.warn("a long outage may put " + size(c.BudgetBytes) + " here (store.outbox_bytes and store.held_row_bytes): lower these, or free some")
	}
	return r
}
