package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hexpane/hexpane/protocol/parquet"
	"github.com/hexpane/hexpane/protocol/value"
)

// stalled is how long a client may take for what fits no more into its connection's buffers; then it is gone, and its query ends.
const stalled = time.Minute

// rowsTrailer comes behind the last row, and says how many there were.
const rowsTrailer = "Hexpane-Rows"

// format is a form of rows that go out one by one.
type format struct {
	accept, contentType string
	begin               func(w io.Writer, answer *Answer) (encoder, error)
}

// encoder writes rows. What it has not written by the end of finish is lost.
type encoder interface {
	row(row []value.Value) error
	finish() error
}

var formats = []format{
	{"text/csv", "text/csv; charset=utf-8", newCSV},
	{"application/x-ndjson", "application/x-ndjson", newNDJSON},
	{parquet.MediaType, parquet.MediaType, newParquet},
}

// formatOf is what a client accepts that is not JSON; nil: JSON.
func formatOf(accept string) *format {
	for i := range formats {
		if strings.Contains(accept, formats[i].accept) {
			return &formats[i]
		}
	}
	return nil
}

// export writes an answer's rows as they are read. What goes wrong before the first bytes have left is an answer like any other; after it
// the connection breaks, since no form of rows has a place for an error: whoever reads to a proper end has everything. The trailer says
// how many rows that was.
func (s *server) export(w http.ResponseWriter, r *http.Request, f *format, answer *Answer) {
	out := &patient{w: w, control: http.NewResponseController(w)}
	defer out.done()
	buffer := bufio.NewWriterSize(out, 64<<10)
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Trailer", rowsTrailer)
	rows := int64(0)
	e, err := f.begin(buffer, answer)
	if err == nil {
		err = answer.each(r.Context(), func(row []value.Value) error { rows++; return e.row(row) })
	}
	if err == nil {
		err = e.finish()
	}
	if err == nil {
		err = buffer.Flush()
	}
	switch {
	case err == nil:
		w.Header().Set(rowsTrailer, strconv.FormatInt(rows, 10))
	case !out.begun:
		for _, name := range []string{"Content-Type", "Cache-Control", "Trailer"} {
			w.Header().Del(name)
		}
		failWith(w, err)
	default:
		if r.Context().Err() == nil && out.err == nil {
			s.Log.Warn("an export broke off", "format", f.accept, "rows", rows, "error", err)
		}
		panic(http.ErrAbortHandler)
	}
}

// each gives the rows, wherever they are.
func (a *Answer) each(ctx context.Context, take func([]value.Value) error) error {
	if a.Each != nil {
		return a.Each(ctx, take)
	}
	for _, row := range a.Rows {
		if err := take(row); err != nil {
			return err
		}
	}
	return nil
}

// patient writes to a client that may be slow, but has to take something now and then.
type patient struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
	err     error // of writing
}

func (p *patient) Write(b []byte) (int, error) {
	p.begun = true
	_ = p.control.SetWriteDeadline(time.Now().Add(stalled)) // what can't have one is no connection
	n, err := p.w.Write(b)
	p.err = err
	return n, err
}

// done gives the connection back as it was, for the next request on it.
func (p *patient) done() { _ = p.control.SetWriteDeadline(time.Time{}) }

// asCSV is RFC 4180 with a line of names.
type asCSV struct {
	w      *csv.Writer
	record []string
}

func newCSV(w io.Writer, answer *Answer) (encoder, error) {
	c := &asCSV{csv.NewWriter(w), make([]string, len(answer.Columns))}
	for i, column := range answer.Columns {
		c.record[i] = column.Name
	}
	return c, c.w.Write(c.record)
}

func (c *asCSV) row(row []value.Value) error {
	for i, v := range row {
		c.record[i] = v.Text()
	}
	return c.w.Write(c.record)
}

func (c *asCSV) finish() error {
	c.w.Flush()
	return c.w.Error()
}

// ndjson is a JSON object a row, by column, as loaders of other tools take it.
type ndjson struct {
	w     io.Writer
	names [][]byte
	line  []byte
}

func newNDJSON(w io.Writer, answer *Answer) (encoder, error) {
	n := &ndjson{w: w, names: make([][]byte, len(answer.Columns))}
	for i, column := range answer.Columns {
		name, err := json.Marshal(column.Name)
		if err != nil {
			return nil, err
		}
		n.names[i] = append(name, ':')
	}
	return n, nil
}

func (n *ndjson) row(row []value.Value) error {
	n.line = append(n.line[:0], '{')
	for i, v := range row {
		if i > 0 {
			n.line = append(n.line, ',')
		}
		n.line = v.AppendJSON(append(n.line, n.names[i]...))
	}
	n.line = append(n.line, '}', '\n')
	_, err := n.w.Write(n.line)
	return err
}

func (n *ndjson) finish() error { return nil }

// newParquet writes the watermark into the file, too: a file goes far from where it was made.
func newParquet(w io.Writer, answer *Answer) (encoder, error) {
	about := map[string]string{}
	if answer.Watermark != nil {
		about["hexpane.watermark"] = *answer.Watermark
	}
	columns := make([]parquet.Column, len(answer.Columns))
	for i, c := range answer.Columns {
		columns[i] = parquet.Column{Name: c.Name, Type: c.Of}
	}
	p, err := parquet.NewWriter(w, columns, about)
	return asParquet{p}, err
}

type asParquet struct{ w *parquet.Writer }

func (p asParquet) row(row []value.Value) error { return p.w.Write(row) }
func (p asParquet) finish() error               { return p.w.Close() }
