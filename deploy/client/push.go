package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	maxPushed  = 16 << 20               // bytes of a line
	fitRows    = 100                    // first rows that a table's columns are made to fit
	fitWithin  = 200 * time.Millisecond // so long they are waited for, once the first is there
	pushedSoon = 256                    // lines read ahead of the printing
)

// pushed is a line of a push query's answer: the columns first, then rows.
type pushed struct {
	Columns  []column
	Row      rawRow
	Messages []string
	Error    *refusal
	text     []byte
	err      error // of reading
}

// stream prints the rows of a push query as they come, until it ends or Ctrl-C does.
func (o *output) stream(ctx context.Context, body io.Reader) (done, error) {
	d := done{table: true}
	if o.quiet && o.format == "table" {
		fmt.Fprintln(o, "rows come as they change; Ctrl-C stops")
	}
	printer := o.pushPrinter()
	lines := make(chan pushed, pushedSoon)
	go readPushed(ctx, body, lines)
	var settled <-chan time.Time
	var err error
	for err == nil && !d.stopped {
		select {
		case p, ok := <-lines:
			if !ok {
				d.stopped = ctx.Err() != nil
				return d, errors.Join(printer.settle(), o.finish(d))
			}
			switch {
			case ctx.Err() != nil:
				d.stopped = true
			case p.err != nil:
				err = fmt.Errorf("the answer broke off after %s: %w", count(d.rows), p.err)
			case p.Error != nil:
				err = p.Error
			default:
				if p.Row != nil {
					if d.rows++; d.rows == 1 {
						settled = time.After(fitWithin)
					}
				}
				err = printer.line(p)
			}
		case <-settled:
			settled = nil
			err = printer.settle()
		case <-ctx.Done():
			d.stopped = true
		}
		if len(lines) == 0 {
			err = errors.Join(err, o.Flush())
		}
	}
	return d, errors.Join(printer.settle(), o.finish(d), err)
}

func (o *output) finish(d done) error {
	if o.format == "table" && !o.quiet {
		fmt.Fprintf(o, "(%s)\n", count(d.rows))
	}
	return o.Flush()
}

func readPushed(ctx context.Context, body io.Reader, lines chan<- pushed) {
	defer close(lines)
	send := func(p pushed) bool {
		select {
		case lines <- p:
			return true
		case <-ctx.Done():
			return false
		}
	}
	in := bufio.NewScanner(body)
	in.Buffer(nil, maxPushed)
	for in.Scan() {
		if len(in.Bytes()) == 0 { // a sign of life
			continue
		}
		p := pushed{text: append([]byte(nil), in.Bytes()...)}
		p.err = json.Unmarshal(p.text, &p)
		if !send(p) || p.err != nil {
			return
		}
	}
	if err := in.Err(); err != nil {
		send(pushed{err: err})
	}
}

// pushPrinter prints lines of one form.
type pushPrinter interface {
	line(pushed) error
	settle() error // what was held back is printed
}

func (o *output) pushPrinter() pushPrinter {
	switch o.format {
	case "csv":
		return &pushCSV{o: o}
	case "json", "ndjson":
		return pushJSON{o}
	}
	return &pushTable{o: o}
}

type pushJSON struct{ o *output }

func (p pushJSON) settle() error { return nil }

func (p pushJSON) line(l pushed) error {
	_, err := fmt.Fprintf(p.o, "%s\n", l.text)
	return err
}

type pushCSV struct {
	o       *output
	records *records
}

func (p *pushCSV) settle() error { return nil }

func (p *pushCSV) line(l pushed) error {
	if l.Columns != nil {
		p.records = p.o.newRecords(l.Columns)
	}
	for _, m := range l.Messages {
		fmt.Fprintln(p.o.notes, printable(m))
	}
	if p.records == nil {
		return nil
	}
	if l.Row != nil {
		if err := p.records.row(l.Row); err != nil {
			return err
		}
	}
	p.records.w.Flush()
	return p.records.w.Error()
}

// pushTable holds the first rows back until it knows how wide columns are. A wider value later on widens its column from there.
type pushTable struct {
	o       *output
	columns []column
	held    [][]string
	grid    *grid
}

func (p *pushTable) line(l pushed) error {
	if l.Columns != nil {
		p.columns = l.Columns
	}
	for _, m := range l.Messages {
		fmt.Fprintln(p.o, printable(m))
	}
	switch {
	case l.Row == nil:
	case p.grid == nil:
		if p.held = append(p.held, cells(l.Row)); len(p.held) == fitRows {
			return p.settle()
		}
	default:
		p.print(cells(l.Row))
	}
	return nil
}

func (p *pushTable) settle() error {
	if p.grid != nil || p.columns == nil {
		return nil
	}
	p.grid = newGrid(p.o.Writer, p.columns)
	for _, row := range p.held {
		p.grid.fit(row)
	}
	p.grid.row(header(p.columns))
	for _, row := range p.held {
		p.grid.row(row)
	}
	p.held = nil
	return p.o.Flush()
}

func (p *pushTable) print(row []string) {
	p.grid.fit(row)
	p.grid.row(row)
}
