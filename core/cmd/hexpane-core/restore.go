package main

import (
	"context"
	"errors"

	"github.com/hexpane/hexpane/core"
	"github.com/hexpane/hexpane/deploy/service"
)

func restoreCommand() service.Program {
	return service.Program{Name: "restore", Summary: "put a backup into a new data directory", Args: "BACKUP DATADIR",
		Run: func(_ context.Context, rt *service.Runtime) error {
			if len(rt.Args) != 2 {
				return errors.New("a backup and a data directory are wanted: hexpane-core restore BACKUP DATADIR")
			}
			release, err := service.LockDir(rt.Args[1], "hexpane-core", 1)
			if err != nil {
				return err
			}
			return errors.Join(core.Restore(rt.Args[0], rt.Args[1], rt.Log("restore")), release())
		}}
}
