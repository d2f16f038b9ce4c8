package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"

	"github.com/hexpane/hexpane/core"
	"github.com/hexpane/hexpane/dashboard"
	"github.com/hexpane/hexpane/deploy/service"
	"github.com/hexpane/hexpane/edge"
)

// siteConfig is an edge and a core that share a process and a disk, and nothing else: they speak over NATS.
type siteConfig struct {
	Data     string      `yaml:"data" default:"hexpane-data" help:"directory for everything that must survive a restart"`
	Insecure bool        `yaml:"insecure" help:"listen beyond loopback without authentication"`
	Core     core.Config `yaml:"core" help:"the core"`
	Edge     edge.Config `yaml:"edge" help:"the edge"`
}

func (c *siteConfig) Validate() error {
	if c.Data == "" {
		return errors.New("data: a directory is needed")
	}
	for _, l := range []struct {
		key, address string
		auth         bool
	}{{"core.http.listen", c.Core.HTTP.Listen, c.Core.HTTP.Token != ""}, {"core.nats.listen", c.Core.NATS.Listen, false}} {
		if err := service.CheckBind(l.address, l.auth, c.Insecure); err != nil {
			return fmt.Errorf("%s: %w", l.key, err)
		}
	}
	for _, l := range c.Edge.MQTT.Listeners() {
		if err := service.CheckBind(l.Address, l.Asks, c.Insecure); err != nil {
			return fmt.Errorf("edge.%s: %w (edge.mqtt.users, or edge.mqtt.tls.client_ca)", l.Key, err)
		}
	}
	return nil
}

// site is a running edge and core.
type site struct {
	core    *core.Core
	edge    *edge.Edge
	release func() error
}

// dataFormat is raised when a newer hexpane writes what an older one can't read.
const dataFormat = 1

// start opens both halves and runs them as tasks of rt; it returns when readings are taken in. The caller waits for
// the tasks, then closes.
func start(ctx context.Context, rt *service.Runtime, cfg *siteConfig) (_ *site, err error) {
	s := &site{}
	if s.release, err = service.LockDir(cfg.Data, "hexpane", dataFormat); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	coreDir, edgeDir := filepath.Join(cfg.Data, "core"), filepath.Join(cfg.Data, "edge")
	for _, dir := range []string{coreDir, edgeDir} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
	}
	if s.core, err = core.New(ctx, &cfg.Core, core.Deps{Log: rt.Log("core"), Metrics: rt.Metrics, DataDir: coreDir,
		Dashboard: dashboard.Handler(), Ops: rt.Ops, Edge: http.HandlerFunc(s.serveEdge), Version: service.Version}); err != nil {
		return nil, err
	}
	cfg.Edge.NATS.URL = s.core.NATSAddress()
	cfg.tokens()
	coreCtx, stopCore := context.WithCancel(context.WithoutCancel(ctx))
	if s.edge, err = edge.New(&cfg.Edge, edge.Deps{Log: rt.Log("edge"), Metrics: rt.Metrics, DataDir: edgeDir, Version: service.Version}); err != nil {
		stopCore()
		return nil, errors.Join(err, s.core.Run(coreCtx))
	}
	rt.Go("core", func(context.Context) error { return s.core.Run(coreCtx) })
	rt.Go("edge", func(ctx context.Context) error {
		defer stopCore() // after the edge, so that it can hand over what it holds
		return s.edge.Run(ctx)
	})
	for _, checks := range []map[string]func() error{s.core.Checks(), s.edge.Checks()} {
		for name, check := range checks {
			rt.Ops.Check(name, func(context.Context) error { return check() })
		}
	}
	select {
	case <-s.edge.Served():
	case <-ctx.Done():
	}
	return s, nil
}

// tokens: the core's token, which guards the address, is good for posting readings to it as well.
func (c *siteConfig) tokens() {
	if c.Core.HTTP.Token == "" {
		return
	}
	all := map[string]string{"*": c.Core.HTTP.Token}
	maps.Copy(all, c.Edge.Ingest.Tokens)
	c.Edge.Ingest.Tokens = all
}

// serveEdge is the edge's part of the core's address, which is served once both are there.
func (s *site) serveEdge(w http.ResponseWriter, r *http.Request) { s.edge.ServeHTTP(w, r) }

func (s *site) announce(rt *service.Runtime, data string) {
	path, err := filepath.Abs(data)
	if err != nil {
		path = data
	}
	rt.Ready(append(append([]string{"http", s.core.HTTPAddress()}, s.edge.Announced()...), "nats", s.core.NATSAddress(), "data", path)...)
}

func runCommand() service.Program {
	cfg := &siteConfig{}
	return service.Program{Name: "run", Summary: "edge and core for a small site: hexpane run --sql city.sql --data DIR", Config: cfg,
		Run: func(ctx context.Context, rt *service.Runtime) error {
			s, err := start(ctx, rt, cfg)
			if err != nil {
				return err
			}
			if ctx.Err() == nil {
				s.announce(rt, cfg.Data)
			}
			return errors.Join(rt.Wait(), s.release())
		}}
}
