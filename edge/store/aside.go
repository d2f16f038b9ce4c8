package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/edge/space"
)

// ErrDamaged says that there is a store, and that it can't be read. It is never taken for no store: what it holds was acknowledged.
var ErrDamaged = errors.New("the store is damaged")

// asidePrefix begins the names of the folders that damaged stores were moved to.
const asidePrefix = "store.aside-"

// found refuses a directory that holds a store's files without what says which of them count: Pebble would begin a new one there.
func found(dir string, files vfs.FS) error {
	desc, err := pebble.Peek(dir, files)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing yet; a marker's file that is missing, opening finds
	}
	if err != nil || desc.Exists {
		return err
	}
	names, err := files.List(dir)
	for _, n := range names {
		if ext := filepath.Ext(n); ext == ".sst" || ext == ".log" || strings.HasPrefix(n, "MANIFEST-") {
			return fmt.Errorf("%w: %s is there, but what tells which files count (marker.manifest…) is not", ErrDamaged, n)
		}
	}
	return err
}

// damaged marks an error of opening that comes of the store's files, and not of rights or of the disk. Two of Pebble's have no kind of
// their own.
func damaged(err error) error {
	if pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrCorrupt) ||
		strings.Contains(err.Error(), "object size mismatch") || strings.Contains(err.Error(), "is not pristine") {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// MoveAside moves the store's files in dir, whose lock the caller holds, to a folder beside them, and gives that: what is opened in
// dir next is empty. The ballast, the lock and the folders of earlier moves stay.
func MoveAside(dir string, now time.Time) (to string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("move the store aside: %w", err)
	}
	var names []string
	for _, e := range entries {
		if n := e.Name(); n != "LOCK" && n != "FORMAT" && n != space.BallastName && !strings.HasPrefix(n, asidePrefix) {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return "", fmt.Errorf("%s: %w", dir, ErrNoStore)
	}
	// What makes it a store goes last: cut off in the middle, it is still damaged, and not empty.
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	to = filepath.Join(dir, asidePrefix+now.UTC().Format("20060102T150405Z"))
	if err := os.Mkdir(to, 0o750); err != nil {
		return "", fmt.Errorf("move the store aside: %w", err)
	}
	for _, n := range names {
		if err := os.Rename(filepath.Join(dir, n), filepath.Join(to, n)); err != nil {
			return to, fmt.Errorf("move the store aside, begun to %s: %w", to, err)
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		return to, fmt.Errorf("move the store aside: %w", err)
	}
	return to, errors.Join(d.Sync(), d.Close())
}

// rank orders files for MoveAside: first what found does not look for, then the marker, then what it does.
func rank(name string) int {
	switch ext := filepath.Ext(name); {
	case strings.HasPrefix(name, "marker."):
		return 1
	case ext == ".sst" || ext == ".log" || strings.HasPrefix(name, "MANIFEST-"):
		return 2
	}
	return 0
}
