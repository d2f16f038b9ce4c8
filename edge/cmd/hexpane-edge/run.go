package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/hexpane/hexpane/deploy/service"
	"github.com/hexpane/hexpane/edge"
)

// run is the edge until it is stopped.
func run(ctx context.Context, rt *service.Runtime, cfg *config) error {
	release, err := service.LockDir(cfg.Data, "hexpane-edge", dataFormat)
	if err != nil {
		return err
	}
	e, err := edge.New(&cfg.Config, edge.Deps{Log: rt.Log("edge"), Metrics: rt.Metrics, DataDir: cfg.Data, Version: service.Version})
	if err != nil {
		return errors.Join(err, release())
	}
	listener, err := net.Listen("tcp", cfg.HTTP.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("http.listen: %w", err), release())
	}
	for name, check := range e.Checks() {
		rt.Ops.Check(name, func(context.Context) error { return check() })
	}
	rt.Serve("http", listener, pages(rt.Ops, e))
	rt.Go("edge", e.Run)
	select {
	case <-e.Served():
		rt.Ready(append(append([]string{"http", "http://" + listener.Addr().String()}, e.Announced()...), "nats", cfg.NATS.URL, "data", cfg.Data)...)
	case <-ctx.Done():
	}
	return errors.Join(rt.Wait(), release())
}

// pages are what the edge's address serves; its front door leads to the state.
func pages(ops *service.Ops, e http.Handler) http.Handler {
	mux := http.NewServeMux()
	ops.Mount(mux)
	mux.Handle("/api/v1/ingest", e)
	mux.Handle("/status", e)
	mux.Handle("/{$}", http.RedirectHandler("/status", http.StatusFound))
	return mux
}
