package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"

	"github.com/hexpane/hexpane/simulators/publish"
)

const about = `Publish over MQTT what a real fleet would: a simulated city, a recording, or a load.

Examples:
  hexpane-sim city --vehicles 2000 --for 10m
  hexpane-sim replay hfp_dump.txt.gz --speed 10
  hexpane-sim load --rate 20000 --devices 1000 --qos 1 --for 30s
"hexpane-sim COMMAND --help" tells more of each.`

// cli is the whole command line. Every flag is also a key of --config and an environment variable HEXPANE_….
type cli struct {
	Broker broker `embed:""`

	LogLevel    string           `help:"Least level that is logged." enum:"debug,info,warn,error" default:"info"`
	LogFormat   string           `help:"How the log is written, to stderr." enum:"text,json" default:"text"`
	Config      kong.ConfigFlag  `help:"YAML file of flags, by their long names." placeholder:"FILE"`
	PrintConfig bool             `help:"Print the flags in force as YAML, and stop." env:"-"`
	CheckConfig bool             `help:"Check the flags and the file, and stop." env:"-"`
	Version     kong.VersionFlag `help:"Print the version, and stop." env:"-"`

	City   cityCmd   `cmd:"" help:"Publish the simulated city of Port Meridian, live."`
	Replay replayCmd `cmd:"" help:"Publish a recording: RECEIVED_AT TOPIC PAYLOAD lines, or CSV."`
	Load   loadCmd   `cmd:"" help:"Publish a paced load, and report rate and latency."`
}

// broker is where to publish.
type broker struct {
	Broker   string `help:"MQTT broker." default:"tcp://127.0.0.1:1883" placeholder:"URL"`
	Username string `help:"Name to log in with."`
	Password string `help:"Password; better given as HEXPANE_PASSWORD."`
	ClientID string `help:"MQTT client id, numbered for each connection; default hexpane-COMMAND."`
}

func (b *broker) config(id string, log *slog.Logger) publish.Config {
	if b.ClientID != "" {
		id = b.ClientID
	}
	return publish.Config{Broker: b.Broker, Username: b.Username, Password: b.Password, ClientID: id, Log: log}
}

func (c *cli) logger() *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(os.Stderr, o)
	if c.LogFormat == "json" {
		h = slog.NewJSONHandler(os.Stderr, o)
	}
	return slog.New(h)
}

// showConfig prints what is in force, unless it was only to be checked.
func (c *cli) showConfig(ctx *kong.Context) int {
	if !c.PrintConfig {
		return 0
	}
	out := map[string]any{}
	for _, f := range ctx.Flags() {
		switch f.Name {
		case "help", "version", "config", "print-config", "check-config":
		case "password":
			out[f.Name] = strings.Repeat("*", min(8, len(c.Broker.Password)))
		default:
			out[f.Name] = fmt.Sprint(ctx.FlagValue(f))
		}
	}
	if err := yaml.NewEncoder(os.Stdout).Encode(out); err != nil {
		fmt.Fprintln(os.Stderr, "hexpane-sim: print configuration:", err)
		return 1
	}
	return 0
}

// fileFlags resolves flags from a YAML file. A key that is no flag's name is an error.
type fileFlags map[string]any

func loadYAML(r io.Reader) (kong.Resolver, error) {
	f := fileFlags{}
	if err := yaml.NewDecoder(r).Decode(&f); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return f, nil
}

// Validate that each key is a flag of some command.
func (f fileFlags) Validate(app *kong.Application) error {
	known := map[string]bool{}
	_ = kong.Visit(app, func(n kong.Visitable, next kong.Next) error {
		if flag, ok := n.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	})
	for key := range f {
		if !known[key] {
			return fmt.Errorf("configuration: unknown key %q", key)
		}
	}
	return nil
}

// Resolve a flag.
func (f fileFlags) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	v, ok := f[flag.Name]
	if !ok {
		return nil, nil
	}
	return fmt.Sprint(v), nil
}

func version() string {
	v := "hexpane-sim"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v += " " + info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value
		}
	}
	return v
}
