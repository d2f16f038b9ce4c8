// Command hexpane-core is a core node on its own.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hexpane/hexpane/core"
	"github.com/hexpane/hexpane/dashboard"
	"github.com/hexpane/hexpane/deploy/service"
)

type config struct {
	Data     string `yaml:"data" default:"hexpane-core-data" help:"directory for everything that must survive a restart"`
	Insecure bool   `yaml:"insecure" help:"listen beyond loopback without authentication"`
	core.Config
}

func (c *config) Validate() error {
	if err := service.CheckBind(c.HTTP.Listen, c.HTTP.Token != "", c.Insecure); err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	if err := service.CheckBind(c.NATS.Listen, false, c.Insecure || c.NATS.URL != ""); err != nil {
		return fmt.Errorf("nats.listen: %w", err)
	}
	return c.Config.Validate()
}

func main() {
	cfg := &config{}
	service.Main(service.Program{Name: "hexpane-core", Summary: "merges what edges send, answers SQL, serves the live map", Config: cfg,
		Commands: []service.Program{restoreCommand()},
		Run: func(ctx context.Context, rt *service.Runtime) error {
			release, err := service.LockDir(cfg.Data, "hexpane-core", 1)
			if err != nil {
				return err
			}
			c, err := core.New(ctx, &cfg.Config, core.Deps{Log: rt.Log("core"), Metrics: rt.Metrics, DataDir: cfg.Data,
				Dashboard: dashboard.Handler(), Ops: rt.Ops, Version: service.Version})
			if err != nil {
				return errors.Join(err, release())
			}
			for name, check := range c.Checks() {
				rt.Ops.Check(name, func(context.Context) error { return check() })
			}
			rt.Go("core", c.Run)
			rt.Ready("http", c.HTTPAddress(), "nats", c.NATSAddress(), "data", cfg.Data)
			return errors.Join(rt.Wait(), release())
		}})
}
