package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// keyFormat is the format of a store's keys. Until 1 nothing said which it was: keys of held deltas had no generation at first, and
// got one later.
const keyFormat = 2

// ErrFormat says that the store's keys are of a format that this version does not read.
var ErrFormat = errors.New("the store has another format")

// checkFormat refuses a store whose keys would be misread. One that says nothing is read if it holds no deltas, the only keys that
// changed.
func (s *Store) checkFormat() error {
	v, err := s.get(metaKey("format"))
	switch {
	case err != nil:
		return err
	case v == nil:
		err := s.scan('h', func(_, _ []byte) error { return errEnough })
		if errors.Is(err, errEnough) {
			return fmt.Errorf("%w: it is of a version that did not say which, and holds deltas of an outage, which can't be told apart. Start it once "+
				"with the version that wrote it, with the core in reach, until hexpane_edge_held_deltas is 0; then start this version. "+
				"Or give up what it holds with: hexpane-edge aside DATADIR", ErrFormat)
		}
		return err
	case len(v) != 8:
		return fmt.Errorf("%w: its format is unreadable", ErrDamaged)
	}
	if n := binary.BigEndian.Uint64(v); n != keyFormat {
		return fmt.Errorf("%w: %d, and this version knows %d: use the version that wrote it", ErrFormat, n, keyFormat)
	}
	return nil
}

// markFormat says in a store which format it has, if nothing does.
func (s *Store) markFormat() error {
	if v, err := s.get(metaKey("format")); err != nil || v != nil {
		return err
	}
	if err := s.db.Set(metaKey("format"), u64(keyFormat), pebble.Sync); err != nil {
		return fmt.Errorf("write format: %w", err)
	}
	return nil
}
