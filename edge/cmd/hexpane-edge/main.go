// Command hexpane-edge is an edge agent on its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/hexpane/hexpane/deploy/service"
	"github.com/hexpane/hexpane/edge"
)

type config struct {
	Data     string `yaml:"data" default:"hexpane-edge-data" help:"directory for everything that must survive a restart"`
	Insecure bool   `yaml:"insecure" help:"listen beyond loopback without authentication"`
	HTTP     struct {
		Listen string `yaml:"listen" default:"127.0.0.1:8081" flag:"http" help:"address of /healthz, /readyz and /metrics"`
	} `yaml:"http" help:"operation"`
	edge.Config
}

func (c *config) Validate() error {
	if err := service.CheckBind(c.MQTT.Listen, len(c.MQTT.Users) > 0, c.Insecure || c.Mode != "broker"); err != nil {
		return fmt.Errorf("mqtt.listen: %w", err)
	}
	return c.Config.Validate()
}

func main() {
	cfg := &config{}
	service.Main(service.Program{Name: "hexpane-edge", Summary: "takes readings in by MQTT, pre-aggregates them, forwards to a core", Config: cfg,
		Run: func(ctx context.Context, rt *service.Runtime) error {
			release, err := service.LockDir(cfg.Data, "hexpane-edge", 1)
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
			rt.Serve("http", listener, rt.Ops)
			rt.Go("edge", e.Run)
			select {
			case <-e.Served():
				rt.Ready("http", "http://"+listener.Addr().String(), "mqtt", e.MQTTAddress(), "nats", cfg.NATS.URL, "data", cfg.Data)
			case <-ctx.Done():
			}
			return errors.Join(rt.Wait(), release())
		}})
}
