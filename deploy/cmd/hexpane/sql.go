package main

import (
	"context"

	"github.com/hexpane/hexpane/deploy/client"
	"github.com/hexpane/hexpane/deploy/service"
)

func sqlCommand() service.Program {
	cfg := &client.Config{}
	return service.Program{Name: "sql", Summary: "run SQL on a core: a statement, a file, stdin, or a prompt", Args: "['STATEMENT']", Config: cfg,
		Run: func(ctx context.Context, rt *service.Runtime) error {
			return client.Run(ctx, cfg, client.Process{Args: rt.Args, Stdin: rt.Stdin, Stdout: rt.Stdout, Stderr: rt.Stderr, OnInterrupt: rt.OnInterrupt})
		}}
}
