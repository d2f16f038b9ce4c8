// Command hexpane-sim publishes over MQTT what a real fleet would: a simulated city, a recording, or a load.
//
//	main.go    the program
//	cli.go     flags that all commands share, configuration, logging
//	city.go, replay.go, load.go   one command each
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() { os.Exit(run(os.Args[1:])) }

// run the command that args ask for; the exit code is 1 for a failure and 2 for a wrong command line.
func run(args []string) int {
	var c cli
	parser, err := newParser(&c)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hexpane-sim:", err)
		return 2
	}
	cmd, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hexpane-sim:", err, "(--help tells more)")
		return 2
	}
	if c.CheckConfig || c.PrintConfig {
		return c.showConfig(cmd)
	}
	log := c.logger()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd.BindTo(ctx, (*context.Context)(nil))
	if err := cmd.Run(log, &c.Broker); err != nil {
		log.Error(cmd.Command()+" failed", "component", "sim", "err", err)
		return 1
	}
	return 0
}

// newParser teaches kong the command line, the environment (HEXPANE_…) and the configuration file.
func newParser(c *cli) (*kong.Kong, error) {
	return kong.New(c, kong.Name("hexpane-sim"), kong.Description(about),
		kong.DefaultEnvars("HEXPANE"), kong.Configuration(loadYAML), kong.Vars{"version": version()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}))
}
