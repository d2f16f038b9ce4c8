package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"time"

	"github.com/hexpane/hexpane/simulators/replay"
)

type replayCmd struct {
	File string `arg:"" help:"Recording; unpacked if it ends in .gz; - is standard input."`

	Speed       float64       `help:"1: as it was; 10: ten times faster; 0: as fast as it is acknowledged." default:"1"`
	QoS         byte          `help:"QoS, 0 or 1." default:"1" name:"qos"`
	MaxInflight int           `help:"Messages sent and not yet acknowledged." default:"200"`
	GiveUp      time.Duration `help:"Fail after so long without a broker; 0: never." default:"5m"`
	Limit       int           `help:"Publish so many records; 0: all." default:"0"`

	Shuffle time.Duration `help:"Publish out of order, each record late by up to so much." default:"0" placeholder:"30s"`
	Seed    uint64        `help:"Of the shuffle: one seed, one order." default:"1"`
	Sort    string        `help:"CSV column to sort by first." placeholder:"COLUMN"`

	Format  string `help:"lines, csv, or auto: by the file's name." enum:"auto,lines,csv" default:"auto"`
	Topic   string `help:"CSV: topic template with {column} holes." placeholder:"TEMPLATE"`
	Payload string `help:"CSV: payload template; default: a JSON object of all columns." placeholder:"TEMPLATE"`
	Time    string `help:"CSV: column that paces the replay; default: that of --sort." placeholder:"COLUMN"`
}

// Help shows both kinds of file.
func (replayCmd) Help() string {
	return `A recording has lines "RECEIVED_AT TOPIC PAYLOAD": RFC 3339, a topic that may hold spaces, JSON.
A CSV file has a header; {column} in the templates is a row's value, as JSON in the payload: numbers
unquoted, nothing as null, inside quotes text. Unparsed lines are counted and skipped.

When the broker goes away, what it did not acknowledge is published again, in order, once it is back.
The last line has the counts: read, published, acked, unparsed.

Examples:
  hexpane-sim replay hfp_dump.txt.gz --speed 60
  hexpane-sim replay hfp_dump.txt.gz --speed 0 --shuffle 30s --seed 7
  hexpane-sim replay 2016-11-25.csv.gz --sort timestamp --speed 600 \
    --topic 'bus/{vehicle_id}/position' \
    --payload '{"ts":{timestamp},"lat":{latitude},"lon":{longitude},"speed":{speed},"route":"{route_id}"}'`
}

// Validate what needs each other.
func (c *replayCmd) Validate() error {
	switch {
	case c.QoS > 1:
		return errors.New("QoS is 0 or 1")
	case c.Speed < 0 || c.MaxInflight < 1 || c.Shuffle < 0 || c.Limit < 0:
		return errors.New("speed, limit and shuffle cannot be negative, and at least 1 message is in flight")
	case c.csv() && c.Topic == "":
		return errors.New("CSV needs --topic, as in --topic 'bus/{vehicle_id}/position'")
	case c.csv() && c.Shuffle > 0 && c.Time == "" && c.Sort == "":
		return errors.New("--shuffle of CSV needs --time COLUMN")
	case c.csv() && c.Speed > 0 && c.Time == "" && c.Sort == "":
		return errors.New("--speed of CSV needs --time COLUMN (or --speed 0)")
	case !c.csv() && (c.Sort != "" || c.Topic != "" || c.Payload != "" || c.Time != ""):
		return errors.New("--sort, --topic, --payload and --time are for CSV (--format csv)")
	}
	return nil
}

func (c *replayCmd) csv() bool {
	return c.Format == "csv" || c.Format == "auto" && replay.CSVName(c.File)
}

// Run the replay.
func (c *replayCmd) Run(ctx context.Context, log *slog.Logger, b *broker) error {
	file, err := replay.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	source, err := c.source(file)
	if err != nil {
		return fmt.Errorf("replay %s: %w", c.File, err)
	}
	pub := b.config("hexpane-replay", log)
	pub.MaxInflight, pub.GiveUp = c.MaxInflight, c.GiveUp
	n, err := replay.Run(ctx, replay.Config{
		Publish: pub, QoS: c.QoS, Speed: c.Speed, Sort: c.Sort != "", Shuffle: c.Shuffle, Seed: c.Seed,
		Limit: c.Limit, Log: log, Progress: func(n replay.Counts) { fmt.Println("replaying", n) },
	}, source)
	fmt.Println("replay", n)
	return err
}

func (c *replayCmd) source(r io.Reader) (iter.Seq2[replay.Record, error], error) {
	if !c.csv() {
		return replay.Lines(r), nil
	}
	cfg := replay.CSVConfig{Topic: c.Topic, Payload: c.Payload, Sort: c.Sort, Time: c.Time}
	if c.Speed > 0 || c.Shuffle > 0 {
		cfg.Time = cmp.Or(c.Time, c.Sort)
	}
	return replay.CSV(r, cfg)
}
