package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// output prints answers in one form.
type output struct {
	*bufio.Writer
	notes  io.Writer // for what is no data, where data alone belongs into the output
	format string
	quiet  bool // the prompt says itself how many rows there were
	tables int  // printed before
}

// show prints an answer as a table or as CSV. It may be long: the end of ctx stops it.
func (o *output) show(ctx context.Context, a *answer) (done, error) {
	for _, m := range a.Messages {
		if o.format != "table" {
			fmt.Fprintln(o.notes, printable(m))
		} else {
			fmt.Fprintln(o, printable(m))
		}
	}
	if len(a.Columns) == 0 {
		return done{}, nil
	}
	d := done{table: true}
	if a.Watermark != nil {
		d.watermark = *a.Watermark
	}
	print := o.table
	if o.format == "csv" {
		print = o.csv
	}
	var err error
	if d.rows, err = print(ctx, a); ctx.Err() != nil {
		return d, ctx.Err()
	} else if err != nil {
		return d, fmt.Errorf("read the answer's row %d: %w", d.rows+1, err)
	}
	if o.format == "table" && !o.quiet {
		fmt.Fprintf(o, "(%s)\n", count(d.rows))
	}
	return d, nil
}

func count(rows int) string {
	if rows == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", rows)
}

// table reads the rows twice: an answer is long in text, and longer taken apart.
func (o *output) table(ctx context.Context, a *answer) (int, error) {
	g := newGrid(o.Writer, a.Columns)
	if n, err := each(ctx, a.Rows, func(row rawRow) error { g.fit(cells(row)); return nil }); err != nil {
		return n, err
	}
	g.row(header(a.Columns))
	return each(ctx, a.Rows, func(row rawRow) error { g.row(cells(row)); return nil })
}

func (o *output) csv(ctx context.Context, a *answer) (int, error) {
	records := o.newRecords(a.Columns)
	n, err := each(ctx, a.Rows, records.row)
	records.w.Flush()
	return n, errors.Join(err, records.w.Error())
}

// records writes CSV.
type records struct {
	w      *csv.Writer
	record []string
}

// newRecords prints the header. An empty line parts one table from the next.
func (o *output) newRecords(columns []column) *records {
	if o.tables++; o.tables > 1 {
		fmt.Fprintln(o)
	}
	r := &records{csv.NewWriter(o.Writer), make([]string, len(columns))}
	for i, c := range columns {
		r.record[i] = c.Name
	}
	_ = r.w.Write(r.record) // its error is kept for Flush
	return r
}

func (r *records) row(row rawRow) error {
	for i := range r.record {
		if r.record[i] = ""; i < len(row) {
			r.record[i] = plain(row[i])
		}
	}
	return r.w.Write(r.record)
}

// each reads an array of rows, one at a time until ctx ends, and counts those that use took.
func each(ctx context.Context, rows json.RawMessage, use func(rawRow) error) (n int, err error) {
	if len(rows) == 0 || string(rows) == "null" {
		return 0, nil
	}
	d := json.NewDecoder(bytes.NewReader(rows))
	if _, err := d.Token(); err != nil {
		return 0, err
	}
	for ; d.More() && ctx.Err() == nil; n++ {
		var row rawRow
		if err := d.Decode(&row); err != nil {
			return n, err
		}
		if err := use(row); err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}
