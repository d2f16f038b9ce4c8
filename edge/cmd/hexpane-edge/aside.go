package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hexpane/hexpane/deploy/service"
	"github.com/hexpane/hexpane/edge"
	"github.com/hexpane/hexpane/edge/store"
)

func asideCommand() service.Program {
	return service.Program{Name: "aside", Args: "DATADIR", Summary: "moves a store that can't be opened aside, and with it what it held; nothing else ever does that",
		Config: &struct{}{},
		Run: func(_ context.Context, rt *service.Runtime) error {
			if len(rt.Args) != 1 {
				return errors.New("one data directory is wanted: hexpane-edge aside DATADIR")
			}
			return moveAside(rt.Stdout, rt.Args[0])
		}}
}

// moveAside says what the store held, as far as it can be read, and moves it.
func moveAside(out io.Writer, data string) error {
	dir, err := edgeDir(data)
	if err != nil {
		return err
	}
	owner, format, err := service.DirFormat(data)
	if err != nil {
		return err
	}
	if owner == "" {
		return fmt.Errorf("data directory %s is nobody's: no hexpane has used it", data)
	}
	release, err := service.LockDir(data, owner, format)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "What is given up: readings that were acknowledged and are not at the core yet.")
	if i, err := edge.Inspect(dir, 0); err == nil {
		err = printInspection(out, i)
		if err != nil {
			return errors.Join(err, release())
		}
	} else {
		fmt.Fprintln(out, "It can't be read:", err)
	}
	to, err := store.MoveAside(dir, time.Now())
	if err == nil {
		fmt.Fprintf(out, "Moved to %s. The edge begins with an empty store, and asks the core for the plan.\n", to)
	}
	return errors.Join(err, release())
}
