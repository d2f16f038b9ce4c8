package influx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Reader reads points back, by InfluxQL: 1.8 speaks it, and so does 2.x at the same address, where a bucket is the database of its name (since 2.2; before
// that it wants a mapping, `influx v1 dbrp create`).
type Reader struct {
	cfg    Config
	client *http.Client
}

// ErrAsk is why no points come: the server's or the way's fault.
var ErrAsk = errors.New("ask InfluxDB")

// NewReader makes one for where a sink writes to.
func NewReader(cfg Config) *Reader { return &Reader{cfg: cfg, client: &http.Client{}} }

// Wanted says which points.
type Wanted struct {
	Measurement string
	From, To    int64  // µs; [From, To), in which math.MinInt64 and MaxInt64 are no bound
	Equal       []Pair // tags and their values, or without such a tag; none that IsPlain does not hold for
}

// Stored is what is read of a point.
type Stored struct {
	TimeUs    int64
	Revision  int64
	Retracted bool
	Carried   []byte // nil: nothing
}

// chunk is how many points the server sends at once: a point may carry a lot.
const chunk = 1000

// farthest is about as far from 1970 as InfluxDB knows times, µs.
const farthest = 9_223_372_036_854_775

// Points gives each point wanted, by time. f ends the reading by more = false.
func (r *Reader) Points(ctx context.Context, w Wanted, f func(p Stored) (more bool, err error)) error {
	database, policy := DatabaseOf(r.cfg.Bucket)
	form := url.Values{"db": {database}, "q": {w.query(policy)}, "epoch": {"u"}, "chunked": {"true"}, "chunk_size": {strconv.Itoa(chunk)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.cfg.URL+"/query", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if r.cfg.Token != "" {
		req.Header.Set("Authorization", "Token "+r.cfg.Token)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAsk, err)
	}
	defer resp.Body.Close()
	d := json.NewDecoder(resp.Body)
	d.UseNumber()
	// What goes wrong in the midst of an answer ends it, as a complete one ends; but each part says whether more is to come.
	complete := false
	for {
		var answer struct {
			Error, Message string
			Results        []struct {
				Error   string
				Partial bool
				Series  []series
			}
		}
		err := d.Decode(&answer)
		if errors.Is(err, io.EOF) {
			if resp.StatusCode == http.StatusOK && complete {
				return nil
			}
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrAsk, resp.Status, err)
		}
		if answer.Error+answer.Message != "" {
			return fmt.Errorf("%w: %s: %s", ErrAsk, resp.Status, answer.Error+answer.Message)
		}
		for _, result := range answer.Results {
			if result.Error != "" {
				return fmt.Errorf("%w: %s", ErrAsk, result.Error)
			}
			complete = !result.Partial
			for _, s := range result.Series {
				if more, err := s.points(f); err != nil || !more {
					return err
				}
			}
		}
	}
}

// series is a part of InfluxDB's answer: the columns that there are, and of each point their values, json.Number, string, bool or nil.
type series struct {
	Columns []string
	Values  [][]any
}

func (s *series) points(f func(p Stored) (bool, error)) (more bool, err error) {
	revision, retracted, carried := -1, -1, make([]int, len(s.Columns)) // of a column which of the fields carried it is, −1: none
	parts := 0
	for c, name := range s.Columns {
		carried[c] = -1
		if i, ok := carriedAt(name); ok {
			carried[c], parts = i, max(parts, i+1)
		}
		switch name {
		case "revision":
			revision = c
		case "retracted":
			retracted = c
		}
	}
	texts := make([]string, parts)
	for _, values := range s.Values {
		if len(values) != len(s.Columns) || len(values) == 0 {
			return false, fmt.Errorf("%w: %d values of a point that has %d", ErrAsk, len(values), len(s.Columns))
		}
		var p Stored
		if p.TimeUs, err = whole(values[0]); err != nil {
			return false, fmt.Errorf("%w: time %v: %w", ErrAsk, values[0], err)
		}
		clear(texts)
		for c, v := range values {
			switch {
			case c == revision && v != nil:
				if p.Revision, err = whole(v); err != nil {
					return false, fmt.Errorf("%w: revision %v: %w", ErrAsk, v, err)
				}
			case c == retracted:
				p.Retracted = v == true
			case carried[c] >= 0:
				texts[carried[c]], _ = v.(string)
			}
		}
		if p.Carried, err = readCarried(texts); err != nil {
			return false, fmt.Errorf("point of %s: %w", time.UnixMicro(p.TimeUs).UTC().Format(time.RFC3339Nano), err)
		}
		if more, err := f(p); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

func whole(v any) (int64, error) {
	number, _ := v.(json.Number)
	return number.Int64()
}

// query asks for points by time: without GROUP BY, InfluxDB merges the series.
func (w Wanted) query(policy string) string {
	var b strings.Builder
	b.WriteString("SELECT revision::field, retracted::field, " + carriedFields + " FROM " + ident(policy) + "." + ident(measurementText(w.Measurement)))
	join := " WHERE "
	where := func(text string) {
		b.WriteString(join + text)
		join = " AND "
	}
	if w.From > -farthest {
		where("time >= " + strconv.FormatInt(w.From, 10) + "u")
	}
	if w.To < farthest {
		where("time < " + strconv.FormatInt(w.To, 10) + "u")
	}
	for _, p := range w.Equal {
		tag := ident(columnText(p.Name)) + "::tag = "
		where("(" + tag + "'" + strings.ReplaceAll(tagText(p.Value.Text()), "'", `\'`) + "' OR " + tag + "'')")
	}
	return b.String()
}
