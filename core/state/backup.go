package state

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Checkpoint writes the database as it stands to dir, which must not exist, while it goes on: of one moment, synced, by hard links where the file
// system allows it.
func (s *Store) Checkpoint(dir string) error {
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("checkpoint core state to %s: %w", dir, err)
	}
	return nil
}

var restoredKey = []byte{'H'}

// Restored marks a store as put back from a backup: the catalogue has yet to get the plan, and the stream is read from its start, since it may be
// another one. What was applied is known by (edge, epoch, seq).
func (s *Store) Restored(plan []byte) error {
	b := s.db.NewBatch()
	defer b.Close()
	err := b.DeleteRange([]byte{'p'}, []byte{'p' + 1}, nil)
	if err == nil {
		err = b.Set(restoredKey, plan, nil)
	}
	if err == nil {
		err = b.Commit(pebble.Sync)
	}
	if err != nil {
		return fmt.Errorf("mark core state as restored: %w", err)
	}
	return nil
}

// RestoredPlan gives the plan of Restored, nil if there is none.
func (s *Store) RestoredPlan() ([]byte, error) { return s.get(restoredKey) }

// PlanKept says that the catalogue has the plan of Restored.
func (s *Store) PlanKept() error {
	if err := s.db.Delete(restoredKey, pebble.Sync); err != nil {
		return fmt.Errorf("unmark restored core state: %w", err)
	}
	return nil
}
