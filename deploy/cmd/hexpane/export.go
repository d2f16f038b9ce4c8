package main

import (
	"context"
	"errors"

	"github.com/hexpane/hexpane/deploy/client"
	"github.com/hexpane/hexpane/deploy/service"
)

func exportCommand() service.Program {
	cfg := &client.ArchiveConfig{}
	return service.Program{Name: "export", Summary: "archive whole days of views, events at fences, alerts and matches as Parquet, in a directory or an S3-compatible bucket", Args: "DIR|s3://BUCKET/PREFIX", Config: cfg,
		Run: func(ctx context.Context, rt *service.Runtime) error {
			if len(rt.Args) != 1 {
				return errors.New("one target is wanted: hexpane export DIR, or hexpane export s3://BUCKET/PREFIX")
			}
			return client.Archive(ctx, cfg, rt.Args[0], client.Process{Stdout: rt.Stdout, Stderr: rt.Stderr})
		}}
}
