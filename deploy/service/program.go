// Package service is the one place where a hexpane program meets its operator: flags, configuration,
// logs, metrics and shutdown. Every binary calls Main with a Program and nothing else.
//
//	program.go    Program, Main: pick the command, answer --help & co., or run
//	config.go     a plain struct → keys; YAML and environment → the struct; Validate; --print-config
//	flags.go      the command line → keys; --help
//	size.go       the text forms of values: sizes, durations, lists
//	log.go        slog: text or JSON, level, component
//	metrics.go    Ops: /healthz, /readyz, /metrics
//	lifecycle.go  Runtime: signals, named tasks, the ready line, the ten-second bound on stopping
//	guard.go      what is refused at the door: a data directory in use, an open bind without auth
//
//	flag > HEXPANE_… environment > --config file > default tag
//
// A configuration struct documents itself, once:
//
//	type Config struct {
//		MQTT struct {
//			Listen  string        `yaml:"listen" default:"127.0.0.1:1883" flag:"mqtt" help:"address the MQTT broker listens on"`
//			MaxWait time.Duration `yaml:"max_wait" default:"5ms" help:"longest a commit waits for more readings"`
//			Buffer  int64         `yaml:"buffer" default:"64MiB" unit:"bytes" help:"readings held before a client is slowed"`
//			Policy  string        `yaml:"policy" default:"oldest" enum:"oldest,conflate" help:"what goes when the disk is full"`
//		} `yaml:"mqtt" help:"the MQTT broker"`
//	}
//
// Stages do not import this package: they declare such structs, and take plain slog and prometheus values.
package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

// Version is set when linking: -ldflags "-X github.com/hexpane/hexpane/deploy/service.Version=v1.2.3". Otherwise it is what
// Go knows of the build.
var Version string

func init() {
	if info, ok := debug.ReadBuildInfo(); ok && Version == "" {
		Version = info.Main.Version
	}
	if Version == "" {
		Version = "(devel)"
	}
}

// Program is a binary, or one of its commands.
type Program struct {
	Name     string    // as typed: "hexpane-edge", or "run" for a command
	Summary  string    // one line for --help
	Args     string    // positional arguments as --help shows them, such as "DATADIR"; empty: none are taken
	Config   any       // pointer to a configuration struct, or nil; fields already set override their default tag
	Commands []Program // optional; a program may have commands, a Run of its own, or both
	Run      func(ctx context.Context, rt *Runtime) error
}

// Main runs the program and exits: 0 after a clean stop, 1 when it failed, 2 when it was asked wrongly.
func Main(p Program) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(p.execute(host{
		args: os.Args[1:], getenv: os.Getenv, signals: signals,
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
	}))
}

// host is all that a program takes from its process.
type host struct {
	args           []string
	getenv         func(string) string
	signals        <-chan os.Signal
	stdin          io.Reader
	stdout, stderr io.Writer
}

func (p Program) execute(h host) int {
	p, args := p.pick(h.args)
	var common commonConfig
	set := newSettings(p.Config, &common)
	call, err := parseArgs(p, set, args)
	switch {
	case err != nil:
		return refuse(h, p, err)
	case call.help:
		writeHelp(h.stdout, p, set)
		return 0
	case call.version:
		fmt.Fprintln(h.stdout, strings.Fields(p.Name)[0], version())
		return 0
	case p.Run == nil:
		writeHelp(h.stderr, p, set)
		return 2
	}
	if err := set.load(call, h.getenv); err != nil {
		return refuse(h, p, err)
	}
	if call.print {
		if err := set.write(h.stdout, p.Name); err != nil {
			return refuse(h, p, err)
		}
		return 0
	}
	if err := set.validate(); err != nil {
		return refuse(h, p, err)
	}
	if call.check {
		fmt.Fprintln(h.stdout, "configuration ok")
		return 0
	}
	rt := newRuntime(h, common.Log.logger(h.stderr), call.args)
	if err := rt.run(p.Run, h.signals); err != nil {
		if common.Log.Format == "json" {
			rt.logger.Error("failed", "err", err)
		} else {
			fmt.Fprintf(h.stderr, "%s: %v\n", p.Name, err)
		}
		return 1
	}
	return 0
}

// pick follows command names down to the program that is meant, and names it in full.
func (p Program) pick(args []string) (Program, []string) {
	for len(args) > 0 {
		if args[0] == "help" && len(p.Commands) > 0 {
			picked, _ := p.pick(args[1:])
			return picked, []string{"--help"}
		}
		i := -1
		for j, c := range p.Commands {
			if c.Name == args[0] {
				i = j
			}
		}
		if i < 0 {
			break
		}
		c := p.Commands[i]
		c.Name = p.Name + " " + c.Name
		p, args = c, args[1:]
	}
	return p, args
}

func refuse(h host, p Program, err error) int {
	for _, e := range unjoin(err) {
		fmt.Fprintf(h.stderr, "%s: %v\n", p.Name, e)
	}
	fmt.Fprintf(h.stderr, "See %s --help.\n", p.Name)
	return 2
}

func unjoin(err error) []error {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		return many.Unwrap()
	}
	return []error{err}
}

func version() string {
	return fmt.Sprintf("%s %s %s/%s", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// commonConfig holds the keys that every program has.
type commonConfig struct {
	Log logConfig `yaml:"log" help:"logging, to stderr"`
}
