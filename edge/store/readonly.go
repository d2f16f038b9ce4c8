package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/edge/space"
	"golang.org/x/sys/unix"
)

// ErrInUse says that a process has the store open; ErrNoStore that there is none.
var (
	ErrInUse   = errors.New("the store is in use")
	ErrNoStore = errors.New("no edge's store")
)

// OpenReadOnly opens a store to be looked at: nothing in dir is changed, no lock is taken, and what a crash left in the write-ahead
// log is read as well. A store that is in use is refused. Of the Store's methods only those that read may be called.
func OpenReadOnly(dir string, log *slog.Logger) (*Store, error) {
	if err := unused(filepath.Join(dir, "LOCK")); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if desc, err := pebble.Peek(dir, vfs.Default); err != nil || !desc.Exists {
		return nil, fmt.Errorf("%s: %w", dir, errors.Join(ErrNoStore, err))
	}
	s := &Store{sequences: map[uint32]uint64{}, observe: func(time.Duration) {}, space: space.New(dir, 0, "", "", log)}
	var err error
	s.db, err = pebble.Open(dir, &pebble.Options{ReadOnly: true, ErrorIfNotExists: true, FormatMajorVersion: pebble.FormatNewest, Logger: pebbleLog{log},
		FS: unlocked{vfs.Default}})
	if err != nil {
		return nil, fmt.Errorf("open edge store %s to read: %w", dir, err)
	}
	epoch, err := s.get(metaKey("epoch"))
	switch {
	case err == nil && len(epoch) != 8:
		err = ErrNoStore
	case err == nil:
		err = s.load()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read edge store %s: %w", dir, err), s.db.Close())
	}
	return s, nil
}

// unlocked takes no lock, since that would write.
type unlocked struct{ vfs.FS }

func (unlocked) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// unused reports whether no process holds a lock file, be it by flock or, as Pebble does, by fcntl.
func unused(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a copy
	} else if err != nil {
		return err
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err == nil && lock.Type != unix.F_UNLCK {
		return fmt.Errorf("%w by process %d: stop that, or copy the directory and look at the copy", ErrInUse, lock.Pid)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%w: stop its program, or copy the directory and look at the copy", ErrInUse)
	}
	return nil // closing gives the shared lock back
}

// JournalSize counts the journal's records and their bytes.
func (s *Store) JournalSize() (records, bytes int, err error) {
	err = s.scan('j', func(_, record []byte) error {
		records++
		bytes += len(record)
		return nil
	})
	return records, bytes, err
}

// Sequences are the last batch sequences used, by partition.
func (s *Store) Sequences() map[uint32]uint64 { return maps.Clone(s.sequences) }

// EachHeld gives what is held.
func (s *Store) EachHeld(delta func(HeldDelta), rows func(HeldRows)) error {
	return errors.Join(s.scan('h', func(key, v []byte) error {
		d, err := readHeldDelta(key, v)
		if err == nil {
			delta(d)
		}
		return err
	}), s.scan('r', func(key, v []byte) error {
		r, err := readHeldRows(key, v)
		if err == nil {
			rows(r)
		}
		return err
	}))
}
