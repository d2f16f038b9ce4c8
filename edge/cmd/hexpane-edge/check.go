package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hexpane/hexpane/deploy/service"
	"github.com/hexpane/hexpane/edge/check"
)

// checkConfig is the edge's, with what is wrong in it being one of the results.
type checkConfig struct {
	Format  string        `yaml:"format" default:"text" enum:"text,json" help:"how to print the results"`
	DiskFor time.Duration `yaml:"disk_for" default:"1s" help:"how long to measure the disk"`
	config
}

// Validate leaves that to the run.
func (*checkConfig) Validate() error { return nil }

func checkCommand() service.Program {
	cfg := &checkConfig{}
	return service.Program{Name: "check", Summary: "may an edge run here? Tests configuration, disk, addresses, the way to the core and the clock", Config: cfg,
		Run: func(ctx context.Context, rt *service.Runtime) error { return runCheck(ctx, rt.Stdout, cfg) }}
}

func runCheck(ctx context.Context, out io.Writer, cfg *checkConfig) error {
	var results []check.Result
	failed := 0
	report := func(r check.Result) {
		results = append(results, r)
		if r.Status == check.Fail {
			failed++
		}
		if cfg.Format == "text" {
			fmt.Fprintln(out, line(r))
		}
	}
	valid := check.Result{Check: "configuration", Status: check.OK}
	if err := cfg.config.Validate(); err == nil { // it fills in the id
		valid.Detail = "it is of edge " + cfg.ID
	} else {
		valid.Status, valid.Detail, valid.Advice = check.Fail, err.Error(), "hexpane-edge --print-config shows all keys with their meaning"
	}
	report(valid)
	if r := owned(cfg.Data); r.Status != check.OK {
		report(r)
	}
	c := check.Config{ID: cfg.ID, Dir: cfg.Data, HTTP: cfg.HTTP.Listen, NATSURL: cfg.NATS.URL, Credentials: cfg.NATS.Credentials, Linger: cfg.Forward.Linger,
		Batch: cfg.Forward.Batch, ReserveBytes: cfg.Store.ReserveBytes, BudgetBytes: cfg.Store.OutboxBytes + cfg.Store.HeldRowBytes, MaxFuture: cfg.Time.MaxFuture,
		DiskFor: cfg.DiskFor}
	if cfg.Mode == "broker" {
		c.MQTT = cfg.MQTT.Listen
	} else {
		c.Broker = check.Broker{Address: cfg.Subscribe.Broker, Username: cfg.Subscribe.Username, Password: cfg.Subscribe.Password}
	}
	check.Run(ctx, c, report)
	if cfg.Format == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(map[string]any{"ok": failed == 0, "checks": results}); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(results))
	}
	return nil
}

// owned tells whether the data directory is an edge's, or may become one, and nobody else uses it.
func owned(dir string) check.Result {
	r := check.Result{Check: "data directory", Status: check.Fail}
	owner, format, err := service.DirFormat(dir)
	pid, used := service.DirInUse(dir)
	switch {
	case err != nil:
		r.Detail, r.Advice = err.Error(), "restore it, or set data to another directory"
	case owner != "" && owner != "hexpane-edge":
		r.Detail, r.Advice = dir+" belongs to "+owner, "set data to a directory of the edge's own"
	case format > dataFormat:
		r.Detail, r.Advice = fmt.Sprintf("%s has format %d, this version knows up to %d", dir, format, dataFormat), "use the newer version that wrote it"
	case used:
		r.Detail, r.Advice = fmt.Sprintf("%s is in use by process %s", dir, pid), "if that is this edge, it is running: see its /status, or stop it to check all"
	default:
		r.Status = check.OK
	}
	return r
}

// line is a result on one line.
func line(r check.Result) string {
	detail := r.Detail
	if r.Advice != "" {
		detail += ". To do: " + r.Advice
	}
	return fmt.Sprintf("%-4s  %-18s  %s", r.Status, r.Check, strings.Join(strings.Fields(detail), " "))
}
