package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/hexpane/hexpane/core"
	"github.com/hexpane/hexpane/deploy/client"
	"github.com/hexpane/hexpane/deploy/service"
)

func backupCommand() service.Program {
	cfg := &client.BackupConfig{}
	return service.Program{Name: "backup", Summary: "let a running core write a backup of its state into its backup.dir", Args: "DIR", Config: cfg,
		Run: func(ctx context.Context, rt *service.Runtime) error {
			if len(rt.Args) != 1 {
				return errors.New("one name is wanted, or one directory in the core's backup.dir: hexpane backup DIR")
			}
			return client.Backup(ctx, cfg, rt.Args[0], client.Process{Stdout: rt.Stdout})
		}}
}

func restoreCommand() service.Program {
	return service.Program{Name: "restore", Summary: "put a backup into a new data directory, for hexpane run", Args: "BACKUP DATADIR",
		Run: func(_ context.Context, rt *service.Runtime) error {
			if len(rt.Args) != 2 {
				return errors.New("a backup and a data directory are wanted: hexpane restore BACKUP DATADIR")
			}
			release, err := service.LockDir(rt.Args[1], "hexpane", dataFormat)
			if err != nil {
				return err
			}
			return errors.Join(core.Restore(rt.Args[0], filepath.Join(rt.Args[1], "core"), rt.Log("restore")), release())
		}}
}
