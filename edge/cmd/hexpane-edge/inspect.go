package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/hexpane/hexpane/deploy/service"
	"github.com/hexpane/hexpane/edge"
)

type inspectConfig struct {
	Format  string `yaml:"format" default:"text" enum:"text,json" help:"how to print it"`
	Journal int    `yaml:"journal" default:"0" help:"show this many messages of the journal, the oldest first"`
}

func inspectCommand() service.Program {
	cfg := &inspectConfig{}
	return service.Program{Name: "inspect", Args: "DATADIR", Summary: "prints what an edge's data directory holds, changing nothing", Config: cfg,
		Run: func(_ context.Context, rt *service.Runtime) error {
			if len(rt.Args) != 1 {
				return errors.New("one data directory is wanted: hexpane-edge inspect DATADIR")
			}
			dir, err := edgeDir(rt.Args[0])
			if err != nil {
				return err
			}
			i, err := edge.Inspect(dir, cfg.Journal)
			if err != nil {
				return err
			}
			if cfg.Format == "json" {
				e := json.NewEncoder(rt.Stdout)
				e.SetIndent("", "  ")
				return e.Encode(i)
			}
			return printInspection(rt.Stdout, i)
		}}
}

// edgeDir is the edge's part of a data directory: all of it, or of the all-in-one's the folder edge.
func edgeDir(dir string) (string, error) {
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	owner, format, err := service.DirFormat(dir)
	switch {
	case err != nil:
		return "", err
	case owner == "hexpane":
		return filepath.Join(dir, "edge"), nil
	case owner != "" && owner != "hexpane-edge":
		return "", fmt.Errorf("data directory %s belongs to %s, not to an edge", dir, owner)
	case format > dataFormat:
		return "", fmt.Errorf("data directory %s has format %d, this version knows up to %d: use the newer version that wrote it", dir, format, dataFormat)
	}
	return dir, nil
}

func printInspection(out io.Writer, i *edge.Inspection) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	row("store\t%s", i.Dir)
	row("epoch\t%d", i.Epoch)
	row("plan\t%s", orNone(i.PlanVersion > 0, "version %d, %d streams, %d views", i.PlanVersion, len(i.Streams), len(i.Views)))
	j := i.Journal
	row("journal\t%d messages in %d records, %d bytes; rows of %d are cut", j.Messages, j.Records, j.Bytes, j.RowsCut)
	if j.Messages > 0 {
		row("\tarrived %s to %s", at(j.Oldest), at(j.Newest))
	}
	row("outbox\t%d batches, %d bytes", i.Outbox.Batches, i.Outbox.Bytes)
	row("held\t%d deltas, %d bytes; %d rows, %d bytes", i.Held.Deltas, i.Held.DeltaBytes, i.Held.Rows, i.Held.RowBytes)

	row("\nstream\ttopic\tformat\twatermark\tin the journal\trejected there\tdedupe marks\tsince\theld rows")
	for _, s := range i.Streams {
		row("%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%d", text(s.Name), text(s.Topic), s.Format, at(s.Watermark), s.Replayed, s.Rejected, s.Dedupe, at(s.Remembered), s.HeldRows)
	}
	row("\nview\tstream\topen panes\tkeys\treadings\toldest\tnewest\theld deltas")
	for _, v := range i.Views {
		row("%s\t%s\t%d\t%d\t%d\t%s\t%s\t%d", text(v.Name), text(v.Stream), v.OpenPanes, v.OpenKeys, v.Readings, at(v.Oldest), at(v.Newest), v.HeldDeltas)
	}
	row("\npartition\tlast sequence used\tbatches in the outbox\tbytes\tfirst\tlast\toldest cut")
	for _, s := range i.Sequences {
		var p edge.InspectedPartition
		for _, o := range i.Outbox.Partitions {
			if o.Partition == s.Partition {
				p = o
			}
		}
		row("%d\t%d\t%d\t%d\t%s\t%s\t%s%s", s.Partition, s.Seq, p.Batches, p.Bytes, orNone(p.Batches > 0, "%d", p.FirstSeq), orNone(p.Batches > 0, "%d", p.LastSeq),
			at(p.OldestSent), unreadable(p.Corrupt))
	}
	if len(j.First) > 0 {
		row("\narrival\ttopic\tbytes\tpayload")
	}
	for _, m := range j.First {
		row("%s\t%s\t%d\t%s", at(m.Arrival), text(m.Topic), m.Bytes, text(m.Payload))
	}
	return w.Flush()
}

func at(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// text is what a device or a plan chose, safe for a terminal.
func text(s string) string {
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

func orNone(is bool, format string, args ...any) string {
	if !is {
		return "-"
	}
	return fmt.Sprintf(format, args...)
}

func unreadable(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d UNREADABLE", n)
}
