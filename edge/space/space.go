// Package space guards the free space of the disk that an edge or a core keeps its data on.
package space

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

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Guard measures the disk's free space. Below the reserve nothing more may be taken in: what is left is for what was taken in already,
// for flushes and for others to be told. Should the disk run out all the same, since another program fills it, the ballast, a
// file of real blocks, is given up: without it a failed write would end the process.
//
//	free ≥ reserve + a quarter, ballast there   → taken in again
//	free < reserve, or the ballast is gone      → full
//	a write finds no block                      → the ballast is deleted, and the write done again
type Guard struct {
	dir     string
	reserve int64 // 0: no guard
	log     *slog.Logger

	saysFull, saysAgain string

	free func() (int64, error)

	full    atomic.Bool
	left    atomic.Int64 // bytes free when last looked
	ballast atomic.Int64 // bytes the ballast has; 0: given up, or none yet

	mu     sync.Mutex // one look at a time
	failed bool       // the last one did
}

// BallastName is the ballast's file, beside the database's.
const BallastName = "BALLAST"

// ballastPart of the reserve goes into the ballast.
const ballastPart = 4

// New guards the disk that dir is on; with a reserve of 0 not at all. full and again are what the log says when it fills, and when there is room.
func New(dir string, reserve int64, full, again string, log *slog.Logger) *Guard {
	s := &Guard{dir: dir, reserve: reserve, log: log, saysFull: full, saysAgain: again}
	s.free = func() (int64, error) {
		u, err := vfs.Default.GetDiskUsage(dir)
		return int64(u.AvailBytes), err
	}
	if info, err := os.Stat(s.path()); err == nil {
		s.ballast.Store(info.Size())
	}
	return s
}

func (s *Guard) path() string { return filepath.Join(s.dir, BallastName) }

// Full reports whether nothing more may be taken in.
func (s *Guard) Full() bool { return s.full.Load() }

// Free is how many bytes the disk had left when last looked, beside the ballast.
func (s *Guard) Free() int64 { return s.left.Load() }

// Ballast is how many bytes the ballast has; 0 when it was given up.
func (s *Guard) Ballast() int64 { return s.ballast.Load() }

// Look measures the free space and decides whether the disk is full. Any goroutine may call it at any time; it takes about a
// microsecond, but for the making of the ballast.
func (s *Guard) Look() {
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
		s.log.Info("there is room on the disk again: "+s.saysAgain, "dir", s.dir, "free_bytes", free)
		s.full.Store(false)
	}
}

func (s *Guard) fill(free int64) {
	s.full.Store(true)
	s.log.Error("the disk is full: "+s.saysFull, "dir", s.dir,
		"free_bytes", free, "reserve_bytes", s.reserve, "ballast_bytes", s.ballast.Load())
}

// lay makes the ballast, of blocks that are really the disk's.
func (s *Guard) lay() {
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
func (s *Guard) GiveUp() {
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
