// Command hexpane-edge is an edge agent on its own.
//
//	main.go     configuration and commands
//	run.go      the agent
//	check.go    hexpane-edge check: may it run here?
//	inspect.go  hexpane-edge inspect: what does its disk hold?
//	aside.go    hexpane-edge aside: give up what it holds
package main

import (
	"context"
	"fmt"

	"github.com/hexpane/hexpane/deploy/service"
	"github.com/hexpane/hexpane/edge"
)

// dataFormat is raised when a newer edge writes what an older one can't read.
const dataFormat = 1

type config struct {
	Data     string `yaml:"data" default:"hexpane-edge-data" help:"directory for everything that must survive a restart"`
	Insecure bool   `yaml:"insecure" help:"listen beyond loopback without authentication"`
	HTTP     struct {
		Listen string `yaml:"listen" default:"127.0.0.1:8081" flag:"http" help:"address of /status, /healthz, /readyz, /metrics and of readings over HTTP; beyond loopback it wants ingest.tokens"`
	} `yaml:"http" help:"operation, and readings over HTTP"`
	edge.Config
}

func (c *config) Validate() error {
	for _, l := range c.MQTT.Listeners() {
		if err := service.CheckBind(l.Address, l.Asks, c.Insecure || c.Mode != "broker"); err != nil {
			return fmt.Errorf("%s: %w (mqtt.users, or mqtt.tls.client_ca)", l.Key, err)
		}
	}
	if err := service.CheckBind(c.HTTP.Listen, len(c.Ingest.Tokens) > 0, c.Insecure); err != nil {
		return fmt.Errorf("http.listen: %w (ingest.tokens)", err)
	}
	return c.Config.Validate()
}

func main() {
	cfg := &config{}
	service.Main(service.Program{Name: "hexpane-edge", Summary: "takes readings in by MQTT and HTTP, pre-aggregates them, forwards to a core", Config: cfg,
		Commands: []service.Program{checkCommand(), inspectCommand(), asideCommand()},
		Run:      func(ctx context.Context, rt *service.Runtime) error { return run(ctx, rt, cfg) }})
}
