package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// mediaTypes are the forms in which a core gives rows as it reads them, however many they are, by the name that --format has for them.
var mediaTypes = map[string]string{"csv": "text/csv", "ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}

// rowsTrailer is what an answer of that kind announces, and says behind its last row.
const rowsTrailer = "Hexpane-Rows"

// emits tells what may be a push query: that is never asked for in another form, since its rows come one by one.
var emits = regexp.MustCompile(`(?i)\bEMIT\s+(CHANGES|FINAL)\b`)

// wanted is the media type to ask for; "" for JSON.
func (c *client) wanted(st statement) string {
	if c.out.quiet || emits.MatchString(st.text) {
		return ""
	}
	return mediaTypes[c.out.format]
}

func announced(resp *http.Response) bool {
	_, ok := resp.Trailer[rowsTrailer]
	return ok
}

// save copies an answer as it comes, and shows how far it is. An answer that broke off is an error, whatever was copied of it.
func (c *client) save(ctx context.Context, resp *http.Response) (done, error) {
	o := c.out
	if o.tables++; o.tables > 1 {
		if o.format == "parquet" {
			return done{}, errors.New("a Parquet file holds the rows of one statement: give one")
		}
		if o.format == "csv" {
			fmt.Fprintln(o)
		}
	}
	m := newMeter(o.notes, o.format != "parquet")
	_, err := io.Copy(io.MultiWriter(o.Writer, m), resp.Body)
	m.clear()
	d := done{table: true, rows: rowsIn(resp)}
	switch {
	case ctx.Err() != nil:
		return d, ctx.Err()
	case err != nil:
		return d, fmt.Errorf("the answer broke off after %s; what was written of it is not whole: %w", size(m.bytes), err)
	}
	c.saved = count(d.rows) + ", " + size(m.bytes)
	return d, nil
}

// rowsIn is what the trailer says, once the body is read.
func rowsIn(resp *http.Response) int {
	n, err := strconv.Atoi(resp.Trailer.Get(rowsTrailer))
	if err != nil {
		return 0
	}
	return n
}

// meter counts what goes through it, and shows it now and then if that is seen by someone.
type meter struct {
	notes io.Writer
	lines bool // each is a row
	shows bool
	rows  int64
	bytes int64
	begun time.Time
	next  time.Time
	shown bool
}

const meterEvery = 500 * time.Millisecond

func newMeter(notes io.Writer, lines bool) *meter {
	now := time.Now()
	return &meter{notes: notes, lines: lines, shows: isTerminal(notes), begun: now, next: now.Add(meterEvery)}
}

func (m *meter) Write(b []byte) (int, error) {
	m.bytes += int64(len(b))
	if m.lines {
		m.rows += int64(bytes.Count(b, []byte{'\n'}))
	}
	if now := time.Now(); m.shows && now.After(m.next) {
		m.next = now.Add(meterEvery)
		m.show(now)
	}
	return len(b), nil
}

func (m *meter) show(now time.Time) {
	rows := ""
	if m.lines {
		rows = fmt.Sprintf("%d rows, ", m.rows)
	}
	fmt.Fprintf(m.notes, "\r\x1b[K%s%s, %s", rows, size(m.bytes), now.Sub(m.begun).Round(time.Second))
	m.shown = true
}

func (m *meter) clear() {
	if m.shown {
		fmt.Fprint(m.notes, "\r\x1b[K")
	}
}

func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}

// whole writes a file that has its name only once it is complete: until then it is hidden beside it.
func whole(name string, write func(w io.Writer) error) (err error) {
	dir, base := filepath.Split(name)
	f, err := os.CreateTemp(filepath.Clean(dir+"."), "."+base+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()           // done with, one way or the other
			_ = os.Remove(f.Name()) // what is left is hidden, and no part of anything
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close(), os.Rename(f.Name(), name)); err != nil {
		return err
	}
	return syncDir(filepath.Clean(dir + "."))
}

// syncDir makes names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
