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
	Measurement  string
	Tags, Fields []string // what is given of each, in this order
	From, To     int64    // µs; [From, To), in which math.MinInt64 and MaxInt64 are no bound
	Equal        []Pair   // tags and their values; none that IsPlain does not hold for
}

// chunk is how many points the server sends at once.
const chunk = 10_000

// farthest is about as far from 1970 as InfluxDB knows times, µs.
const farthest = 9_223_372_036_854_775

// Points gives each point wanted, series by series, each by time: its time (µs), the texts of its tags, "" for none, and its fields, json.Number, string,
// bool or nil. f must not keep them, and ends the reading by more = false.
func (r *Reader) Points(ctx context.Context, w Wanted, f func(us int64, tags []string, fields []any) (more bool, err error)) error {
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
	tags := make([]string, len(w.Tags))
	for {
		var answer struct {
			Error, Message string
			Results        []struct {
				Error  string
				Series []struct {
					Tags   map[string]string
					Values [][]any
				}
			}
		}
		if err := d.Decode(&answer); errors.Is(err, io.EOF) && resp.StatusCode == http.StatusOK {
			return nil
		} else if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrAsk, resp.Status, err)
		}
		if answer.Error+answer.Message != "" {
			return fmt.Errorf("%w: %s: %s", ErrAsk, resp.Status, answer.Error+answer.Message)
		}
		for _, result := range answer.Results {
			if result.Error != "" {
				return fmt.Errorf("%w: %s", ErrAsk, result.Error)
			}
			for _, series := range result.Series {
				for i, name := range w.Tags {
					tags[i] = series.Tags[name]
				}
				for _, values := range series.Values {
					if len(values) != 1+len(w.Fields) {
						return fmt.Errorf("ask InfluxDB: %d values of a point that has %d", len(values), 1+len(w.Fields))
					}
					number, _ := values[0].(json.Number)
					us, err := number.Int64()
					if err != nil {
						return fmt.Errorf("ask InfluxDB: time %v: %w", values[0], err)
					}
					if more, err := f(us, tags, values[1:]); err != nil || !more {
						return err
					}
				}
			}
		}
	}
}

func (w Wanted) query(policy string) string {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i, name := range w.Fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(ident(name) + "::field")
	}
	b.WriteString(" FROM " + ident(policy) + "." + ident(w.Measurement))
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
		where(ident(p.Name) + "::tag = '" + strings.ReplaceAll(tagText(p.Value.Text()), "'", `\'`) + "'")
	}
	for i, name := range w.Tags {
		if b.WriteString(", "); i == 0 {
			s := strings.TrimSuffix(b.String(), ", ")
			b.Reset()
			b.WriteString(s + " GROUP BY ")
		}
		b.WriteString(ident(name))
	}
	return b.String()
}
