package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/edge/crash"
	"github.com/hexpane/hexpane/protocol/plan"
	"google.golang.org/protobuf/proto"
)

// A backup is a directory with these two and the list of its files (backup_files.go). It gets its name when all of it is synced: what has a name is whole.
const (
	backupState = "state"   // a Pebble database
	backupPlan  = "plan.pb" // the catalogue of the same moment
	backupPart  = ".hexpane-backup.part"
)

var backupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// Backup writes the state to a new directory in backup.dir, while turns go on: it holds what some commit left, all of it. name is the directory's,
// or its absolute path.
func (c *Core) Backup(ctx context.Context, name string) (*api.Backup, error) {
	if c.cfg.Backup.Dir == "" {
		return nil, &api.StatementError{Message: "no backups are made here: set backup.dir to a directory of the core's machine"}
	}
	if err := c.room.spare(); err != nil {
		return nil, err
	}
	root, err := filepath.Abs(c.cfg.Backup.Dir)
	if err != nil {
		return nil, fmt.Errorf("backup.dir: %w", err)
	}
	if filepath.IsAbs(name) && filepath.Dir(filepath.Clean(name)) == root {
		name = filepath.Base(name)
	}
	if !backupName.MatchString(name) {
		return nil, &api.StatementError{Message: fmt.Sprintf("%q is no name of a backup: it is a directory directly in %s (backup.dir), of letters, digits, . _ -", name, root)}
	}
	c.backing.Lock()
	defer c.backing.Unlock()
	if err := os.MkdirAll(root, 0o750); err != nil {
		return nil, fmt.Errorf("backup.dir: %w", err)
	}
	path, part := filepath.Join(root, name), filepath.Join(root, backupPart)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, &api.StatementError{Message: fmt.Sprintf("%s is there already: take another name, or remove it", path)}
	}
	p, err := c.checkpoint(ctx, part)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(part))
	}
	crash.Here("backup.listed")
	if err := errors.Join(os.Rename(part, path), syncPath(root)); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	crash.Here("backup.named")
	c.log.Info("backup written", "path", path, "plan_version", p.Version)
	return &api.Backup{Path: path, Views: len(p.Views), Plan: p.Version}, nil
}

// checkpoint writes state and plan of one moment: again if the plan changed meanwhile.
func (c *Core) checkpoint(ctx context.Context, part string) (*plan.Plan, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := os.RemoveAll(part); err != nil { // of one that was killed
			return nil, fmt.Errorf("backup: %w", err)
		}
		if err := os.Mkdir(part, 0o750); err != nil {
			return nil, fmt.Errorf("backup: %w", err)
		}
		p := c.catalog.plan()
		if err := c.store.Checkpoint(filepath.Join(part, backupState)); err != nil {
			return nil, err
		}
		crash.Here("backup.checkpointed")
		if c.catalog.plan().Version != p.Version {
			continue
		}
		data, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encode plan: %w", err)
		}
		file := filepath.Join(part, backupPlan)
		if err := errors.Join(os.WriteFile(file, data, 0o640), syncPath(file), syncPath(part)); err != nil {
			return nil, fmt.Errorf("backup: %w", err)
		}
		crash.Here("backup.planned")
		return p, writeList(ctx, part)
	}
}

// syncPath syncs a file or directory.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Restore puts a backup into a core's data directory, which must hold no state and belong to nobody who runs. The backup stays as it is, and is refused
// if it is not all there, or not as it was. Killed on the way, it is begun again; no core starts over what is there until then.
func Restore(backup, dataDir string, log *slog.Logger) error {
	list, err := readList(backup)
	if err != nil {
		return err
	}
	path := filepath.Join(dataDir, stateDir)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: restore into an empty directory, or move it away", path)
	}
	part := path + restorePart
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o750)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	data, err := list.copyState(backup, part)
	if err != nil { // nothing is left that a start could stumble over
		return errors.Join(err, os.RemoveAll(part))
	}
	crash.Here("restore.copied")
	p := new(plan.Plan)
	if err := proto.Unmarshal(data, p); err != nil {
		return errors.Join(fmt.Errorf("%s: read plan: %w", backup, err), os.RemoveAll(part))
	}
	store, err := state.Open(part, 0, log)
	if err != nil {
		return errors.Join(fmt.Errorf("%s can't be read: %w", backup, err), os.RemoveAll(part))
	}
	if err := errors.Join(store.Restored(data), store.Close()); err != nil {
		return err
	}
	crash.Here("restore.marked")
	if err := errors.Join(os.Rename(part, path), syncPath(dataDir)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	crash.Here("restore.named")
	return nil
}

const (
	stateDir    = "state" // the Pebble database in a core's data directory
	restorePart = ".part" // behind it: of a restore that is under way
)

// refuseHalf is for a start: a restore that was killed was to come first.
func refuseHalf(dataDir string) error {
	part := filepath.Join(dataDir, stateDir+restorePart)
	if _, err := os.Lstat(part); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("a restore was not finished here: run it again, or delete %s to start without what was to be restored", part)
}

// What a restored plan leaves free: versions and ids that were given after the backup was made, and that edges may still send.
const (
	versionsAhead = 1 << 20
	idsAhead      = 1 << 12
)

// restorePlan gives the catalogue the plan of a store that was put back, unless it has a later one of its own.
func (c *Core) restorePlan(ctx context.Context) error {
	data, err := c.store.RestoredPlan()
	if err != nil || data == nil {
		return err
	}
	p := new(plan.Plan)
	if err := proto.Unmarshal(data, p); err != nil {
		return fmt.Errorf("read the plan of the backup: %w", err)
	}
	switch now := c.catalog.plan(); {
	case now.Version >= p.Version: // NATS outlived the disk, or the core was killed here
	case now.NextId > 1:
		return fmt.Errorf("NATS holds a plan of version %d, which is not of this backup, whose is %d: give the restored core a NATS server of its own", now.Version, p.Version)
	default:
		p.Version += versionsAhead
		p.NextId += idsAhead
		for _, t := range p.Tables { // their rows lay in the NATS server: again from their files
			t.Contents = ""
		}
		if err := c.catalog.tables.Fill(ctx, p); err != nil {
			return fmt.Errorf("the files of the tables must be back before the core starts: %w", err)
		}
		if err := c.catalog.put(ctx, now, p); err != nil {
			return err
		}
		c.log.Info("the plan is that of the backup", "plan_version", p.Version)
	}
	return c.store.PlanKept()
}
