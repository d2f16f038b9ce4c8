package core

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/plan"
)

// Only a directory directly in backup.dir is ever written, whatever a client asks for.
func TestBackupStaysInItsDirectory(t *testing.T) {
	root := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	store, err := state.Open(filepath.Join(t.TempDir(), "state"), 0, log)
	check(t, err)
	defer func() { check(t, store.Close()) }()
	c := &Core{cfg: &Config{}, log: log, store: store, catalog: &catalog{log: log}}
	c.catalog.current.Store(&plan.Plan{Version: 3, Partitions: 1, NextId: 1})
	if _, err := c.Backup(context.Background(), "a"); !isStatement(err) || !strings.Contains(err.Error(), "backup.dir") {
		t.Errorf("without a directory: %v", err)
	}
	c.cfg.Backup.Dir = filepath.Join(root, "backups")
	outside := filepath.Join(root, "outside")
	for _, name := range []string{"", ".", "..", "../outside", outside, "a/b", `a\b`, ".hidden", backupPart, c.cfg.Backup.Dir, c.cfg.Backup.Dir + "/a/b",
		c.cfg.Backup.Dir + "/../outside", "-x", "a\x00", strings.Repeat("a", 200)} {
		if _, err := c.Backup(context.Background(), name); !isStatement(err) || !strings.Contains(err.Error(), "no name of a backup") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"a", filepath.Join(c.cfg.Backup.Dir, "b"), "2026-01-31_12.00"} {
		_, err := c.Backup(context.Background(), name)
		check(t, err)
	}
	var found []string
	entries, err := os.ReadDir(c.cfg.Backup.Dir)
	check(t, err)
	for _, e := range entries {
		found = append(found, e.Name())
	}
	if !slices.Equal(found, []string{"2026-01-31_12.00", "a", "b"}) {
		t.Errorf("%q were written", found)
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("a backup got out")
	}
}

// A restore that was killed leaves no state, and is begun again; one over a state is refused.
func TestRestoreIsWholeOrNothing(t *testing.T) {
	log, dir := slog.New(slog.DiscardHandler), t.TempDir()
	f := newField(t, 1)
	defer f.close()
	backup := filepath.Join(dir, "backup")
	store, err := state.Open(filepath.Join(dir, "live"), 0, log)
	check(t, err)
	tx := store.Begin()
	tx.Position(0, 77)
	tx.Applied(0, "north", 5, 6)
	check(t, tx.Commit())
	c := &Core{cfg: &Config{}, log: log, store: store, catalog: f.core.catalog}
	c.cfg.Backup.Dir = dir
	_, err = c.Backup(context.Background(), "backup")
	check(t, err)
	check(t, store.Close())

	data := filepath.Join(dir, "data")
	check(t, os.MkdirAll(filepath.Join(data, "state.part", "rubbish"), 0o750))
	check(t, Restore(backup, data, log))
	if err := Restore(backup, data, log); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("a second restore: %v", err)
	}
	if err := Restore(dir, filepath.Join(dir, "other"), log); err == nil || !strings.Contains(err.Error(), "no backup") {
		t.Errorf("of no backup: %v", err)
	}
	store, err = state.Open(filepath.Join(data, "state"), 0, log)
	check(t, err)
	defer func() { check(t, store.Close()) }()
	position, err := store.Position(0)
	check(t, err)
	kept, err := store.RestoredPlan()
	check(t, err)
	applied := ""
	check(t, store.Applied(0, func(edge string, epoch, seq uint64) { applied = edge }))
	if position != 0 || len(kept) == 0 || applied != "north" {
		t.Errorf("position %d, plan of %d bytes, applied of %q", position, len(kept), applied)
	}
	check(t, store.PlanKept())
	if kept, err = store.RestoredPlan(); kept != nil || err != nil {
		t.Errorf("the plan stays: %d bytes, %v", len(kept), err)
	}
}
