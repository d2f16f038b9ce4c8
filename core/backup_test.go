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

// Whatever is missing, cut, longer or other in a backup than when it was made, it is refused with the file's name, and leaves nothing to start over.
func TestDamagedBackupIsRefused(t *testing.T) {
	log, dir := slog.New(slog.DiscardHandler), t.TempDir()
	f := newField(t, 1)
	defer f.close()
	store, err := state.Open(filepath.Join(dir, "live"), 0, log)
	check(t, err)
	for i := range uint64(3) { // tables, and a log
		tx := store.Begin()
		tx.Position(0, i+1)
		check(t, tx.Commit())
		check(t, store.Flush())
	}
	c := &Core{cfg: &Config{}, log: log, store: store, catalog: f.core.catalog}
	c.cfg.Backup.Dir = dir
	_, err = c.Backup(context.Background(), "whole")
	check(t, err)
	check(t, store.Close())
	whole := filepath.Join(dir, "whole")
	list, err := readList(whole)
	check(t, err)
	names := []string{backupList}
	for _, file := range list.Files {
		names = append(names, file.Name)
	}
	damages := map[string]func(data []byte) []byte{
		"gone":   func([]byte) []byte { return nil },
		"cut":    func(data []byte) []byte { return data[:len(data)-1-len(data)/3] },
		"longer": func(data []byte) []byte { return append(data, 'x') },
		"other":  func(data []byte) []byte { data[len(data)/2] ^= 1; return data },
	}
	tried := 0
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(whole, name))
		check(t, err)
		for how, damage := range damages {
			if len(data) == 0 && how != "gone" && how != "longer" {
				continue
			}
			backup, to := filepath.Join(dir, "damaged"), filepath.Join(dir, "to")
			check(t, os.RemoveAll(backup))
			check(t, os.CopyFS(backup, os.DirFS(whole)))
			if bad := damage(slices.Clone(data)); bad == nil {
				check(t, os.Remove(filepath.Join(backup, name)))
			} else {
				check(t, os.WriteFile(filepath.Join(backup, name), bad, 0o600))
			}
			err := Restore(backup, to, log)
			if err == nil && name == backupList { // of its spaces, or of what no reader looks at
				check(t, os.RemoveAll(to))
				continue
			}
			if err == nil || !strings.Contains(err.Error(), filepath.Base(name)) && name != backupList {
				t.Errorf("%s %s: %v", name, how, err)
			}
			for _, left := range []string{stateDir, stateDir + restorePart} {
				if _, err := os.Lstat(filepath.Join(to, left)); err == nil {
					t.Errorf("%s %s: %s is left", name, how, left)
				}
			}
			check(t, os.RemoveAll(to))
			tried++
		}
	}
	if tried < 4*4 {
		t.Errorf("only %d damages were tried, of %q", tried, names)
	}
	check(t, Restore(whole, filepath.Join(dir, "fine"), log))
	check(t, os.Rename(filepath.Join(dir, "fine", stateDir), filepath.Join(dir, "fine", stateDir+restorePart)))
	if err := refuseHalf(filepath.Join(dir, "fine")); err == nil || !strings.Contains(err.Error(), "was not finished") {
		t.Errorf("a start over half a restore: %v", err)
	}
}

func FuzzBackupList(f *testing.F) {
	f.Add([]byte(`{"format":1,"files":[{"name":"plan.pb","bytes":3,"crc32c":1},{"name":"state/000002.log","bytes":0,"crc32c":0}]}`))
	f.Add([]byte(`{"format":1,"files":[{"name":"plan.pb"},{"name":"state/../../x"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := parseList(text)
		if err != nil {
			return
		}
		for _, file := range list.Files {
			if at := filepath.Clean(filepath.Join("state", strings.TrimPrefix(file.Name, "state/"))); file.Name != backupPlan && !strings.HasPrefix(at, "state/") {
				t.Errorf("%q is written to %s", file.Name, at)
			}
		}
	})
}
