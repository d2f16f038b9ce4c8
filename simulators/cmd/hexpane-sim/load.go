package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hexpane/hexpane/simulators/load"
)

type loadCmd struct {
	Rate        rate          `help:"Readings a second over all devices; 0: as many as go." default:"1000/s" placeholder:"N/s"`
	Devices     int           `help:"Devices, spread over the connections." default:"1000"`
	QoS         byte          `help:"QoS, 0 or 1." default:"1" name:"qos"`
	BatchSize   int           `help:"Readings in a message, all of one device." default:"1"`
	Format      string        `help:"Payload: json (an array when batched), ndjson, senml, cbor, line, owntracks or sparkplug." enum:"json,ndjson,senml,cbor,line,owntracks,sparkplug" default:"json"`
	Topic       string        `help:"Topic template with {device}; default load/{device}/position, of sparkplug spBv1.0/load/{type}/{node}/{device}."`
	Connections int           `help:"MQTT connections." default:"8"`
	MaxInflight int           `help:"Unacknowledged messages of a connection." default:"1000"`
	For         time.Duration `help:"Stop after so long; 0: by --count." default:"10s"`
	Count       int64         `help:"Stop after so many readings; 0: by --for." default:"0"`
	Seed        int64         `help:"Of the readings' values." default:"1"`
	GiveUp      time.Duration `help:"Fail after so long without a broker." default:"30s"`
}

// Help tells what is measured.
func (loadCmd) Help() string {
	return `A reading is {"ts","seq","lat","lon","speed","heading"}; seq counts a device's readings from 1. Messages
follow an absolute schedule, and latency counts from when a message was due to its PUBACK. In format owntracks speed and heading
are vel and cog. In format sparkplug a connection is a node; its devices are born with their first reading, and again
after a reconnect. Both hold one reading a message.

Examples:
  hexpane-sim load --rate 20k/s --devices 1000 --qos 1 --for 30s
  hexpane-sim load --rate 0 --batch-size 100 --qos 0 --count 10000000 --for 0s
  hexpane-sim load --format senml --batch-size 20 --topic 'senml/{device}'`
}

// Validate the numbers.
func (c *loadCmd) Validate() error {
	switch {
	case c.QoS > 1:
		return errors.New("QoS is 0 or 1")
	case c.For <= 0 && c.Count <= 0:
		return errors.New("a load needs a bound: --for or --count")
	case c.Devices < 1 || c.BatchSize < 1 || c.Connections < 1 || c.MaxInflight < 1:
		return errors.New("devices, batch size, connections and max inflight are at least 1")
	}
	return nil
}

// Run the load.
func (c *loadCmd) Run(ctx context.Context, log *slog.Logger, b *broker) error {
	p := b.config("hexpane-load", log)
	r, err := load.Run(ctx, load.Config{
		Broker: p.Broker, Username: p.Username, Password: p.Password, ClientID: p.ClientID, Topic: c.Topic,
		Devices: c.Devices, Rate: float64(c.Rate), QoS: c.QoS, BatchSize: c.BatchSize, Format: c.Format,
		Connections: c.Connections, MaxInflight: c.MaxInflight, For: c.For, Count: c.Count, Seed: c.Seed,
		GiveUp: c.GiveUp, Log: log, Progress: func(r load.Report) { fmt.Println("loading", r) },
	})
	fmt.Println("load", r)
	return err
}
