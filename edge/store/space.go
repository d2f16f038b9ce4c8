package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Space guards the disk's free space. Below the reserve nothing more may be taken in: what is left is for the cuts of what was,
// for flushes and for the core to be told. Should the disk run out all the same, since another program fills it, the ballast, a
// file of real blocks, is given up: without it a failed write would end the process.
//
//	free ≥ reserve + a quarter, ballast there   → taken in again
//	free < reserve, or the ballast is gone      → full
//	a write finds no block                      → the ballast is deleted, and the write done again
type Space struct {
	dir     string
	reserve int64 // 0: no guard
	log     *slog.Logger
	free    func() (int64, error)

	full    atomic.Bool
	left    atomic.Int64 // bytes free when last looked
	ballast atomic.Int64 // bytes the ballast has; 0: given up, or none yet

	mu     sync.Mutex // one look at a time
	failed bool       // the last one did
}

// ballastName is the ballast's file, beside the database's.
const ballastName = "BALLAST"

// ballastPart of the reserve goes into the ballast.
const ballastPart = 4

func newSpace(dir string, reserve int64, log *slog.Logger) *Space {
	s := &Space{dir: dir, reserve: reserve, log: log}
	s.free = func() (int64, error) {
		u, err := vfs.Default.GetDiskUsage(dir)
		return int64(u.AvailBytes), err
	}
	if info, err := os.Stat(s.path()); err == nil {
		s.ballast.Store(info.Size())
	}
	return s
}

func (s *Space) path() string { return filepath.Join(s.dir, ballastName) }

// Full reports whether nothing more may be taken in.
func (s *Space) Full() bool { return s.full.Load() }

// Free is how many bytes the disk had left when last looked, beside the ballast.
func (s *Space) Free() int64 { return s.left.Load() }

// Ballast is how many bytes the ballast has; 0 when it was given up.
func (s *Space) Ballast() int64 { return s.ballast.Load() }

// Look measures the free space and decides whether the disk is full. Any goroutine may call it at any time; it takes about a
// microsecond, but for the making of the ballast.
func (s *Space) Look() {
	if s.reserve <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	free, err := s.free()
	if err != nil {
		if !s.failed {
			s.log.Error("the disk's free space can't be measured; going on without a guard", "dir", s.dir, "error", err)
		}
		s.failed = true
		return
	}
	s.failed = false
	s.left.Store(free)
	again := s.reserve + s.reserve/4 // to be taken in again it takes more, so that the state doesn't flutter
	if s.ballast.Load() < s.reserve/ballastPart {
		if free >= again+s.reserve/ballastPart {
			s.lay()
		} else if !s.full.Load() {
			s.fill(free)
		}
		return
	}
	switch full := s.full.Load(); {
	case !full && free < s.reserve:
		s.fill(free)
	case full && free >= again:
		s.log.Info("there is room on the disk again: readings are taken in", "dir", s.dir, "free_bytes", free)
		s.full.Store(false)
	}
}

func (s *Space) fill(free int64) {
	s.full.Store(true)
	s.log.Error("the disk is full: readings are neither taken in nor acknowledged until there is room; devices hold theirs", "dir", s.dir,
		"free_bytes", free, "reserve_bytes", s.reserve, "ballast_bytes", s.ballast.Load())
}

// lay makes the ballast, of blocks that are really the disk's.
func (s *Space) lay() {
	size := s.reserve / ballastPart
	if err := layBallast(s.path(), size); err != nil {
		s.log.Error("no ballast could be laid on the disk", "file", s.path(), "bytes", size, "error", err)
		_ = os.Remove(s.path()) // what there is of it
		s.ballast.Store(0)
		if !s.full.Load() {
			s.fill(s.left.Load())
		}
		return
	}
	s.ballast.Store(size)
}

func layBallast(path string, size int64) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	err = syscall.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		err = nil
		for zeros := make([]byte, 1<<20); size > 0 && err == nil; size -= int64(len(zeros)) {
			_, err = f.Write(zeros[:min(size, int64(len(zeros)))])
		}
	}
	if err != nil {
		return fmt.Errorf("allocate: %w", err)
	}
	return f.Sync()
}

// GiveUp deletes the ballast, since a write found no block. The disk counts as full then.
func (s *Space) GiveUp() {
	if s.reserve <= 0 {
		return
	}
	size := s.ballast.Swap(0)
	s.full.Store(true)
	if err := os.Remove(s.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Error("the ballast can't be given up", "file", s.path(), "error", err)
		return
	}
	s.log.Error("no block was left on the disk: the ballast is given up so that what was taken in can be kept; free some space", "dir", s.dir, "ballast_bytes", size)
}

// commitClock says how long a commit that is under way has taken.
type commitClock struct{ began atomic.Int64 } // Unix µs; 0: none is

func (c *commitClock) start() time.Time {
	now := time.Now()
	c.began.Store(now.UnixMicro())
	return now
}

func (c *commitClock) stop() { c.began.Store(0) }

func (c *commitClock) pending() time.Duration {
	if us := c.began.Load(); us != 0 {
		return time.Since(time.UnixMicro(us))
	}
	return 0
}
