package replay

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"
)

// CSVConfig says how rows become messages. Names of columns are those of the header.
type CSVConfig struct {
	Topic   string // template, as in "bus/{vehicle_id}/position"; required
	Payload string // template; default: a JSON object of all columns
	Time    string // column that paces the replay; empty: no pacing
	Sort    string // column to sort by
}

// CSV reads a table with a header. In the payload, a {column} is a JSON value: numbers unquoted, nothing as null;
// inside quotes ("{column}") it is text.
func CSV(r io.Reader, cfg CSVConfig) (iter.Seq2[Record, error], error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("read CSV header: %w", err)
	}
	header := append([]string(nil), head...)
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	t, err := newTable(header, cfg)
	if err != nil {
		return nil, err
	}
	return func(yield func(Record, error) bool) {
		for {
			row, err := rows.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			var rec Record
			var wrong *csv.ParseError
			switch {
			case err == nil:
				rec, err = t.record(row)
				if err != nil {
					line, _ := rows.FieldPos(0)
					err = fmt.Errorf("line %d: %w", line, err)
				}
			case errors.As(err, &wrong):
				err = fmt.Errorf("%w: %w", ErrUnparsed, err)
			default:
				yield(Record{}, fmt.Errorf("read CSV: %w", err))
				return
			}
			if !yield(rec, err) {
				return
			}
		}
	}, nil
}

// table turns rows into records.
type table struct {
	topic, payload template
	time, sort     int // columns, or -1
}

func newTable(header []string, cfg CSVConfig) (*table, error) {
	if cfg.Topic == "" {
		return nil, errors.New(`CSV needs a topic template, as in "bus/{vehicle_id}/position"`)
	}
	if err := checkHoles(cfg.Topic, header); err != nil {
		return nil, err
	}
	if cfg.Payload == "" {
		fields := make([]string, len(header))
		for i, h := range header {
			fields[i] = quote(h) + ":{" + h + "}"
		}
		cfg.Payload = "{" + strings.Join(fields, ",") + "}"
	}
	t := &table{topic: compile(cfg.Topic, header), payload: compile(cfg.Payload, header), time: -1, sort: -1}
	for _, c := range []struct {
		name string
		at   *int
	}{{cfg.Time, &t.time}, {cfg.Sort, &t.sort}} {
		if *c.at = column(header, c.name); c.name != "" && *c.at < 0 {
			return nil, fmt.Errorf("no column %q; there are %s", c.name, strings.Join(header, ", "))
		}
	}
	return t, nil
}

func (t *table) record(row []string) (Record, error) {
	rec := Record{Topic: t.topic.fill(row, asLevel), Payload: t.payload.fillJSON(row)}
	if t.sort >= 0 {
		rec.Sort = strings.Clone(row[t.sort])
	}
	if t.time >= 0 {
		at, err := parseTime(row[t.time])
		if err != nil {
			return Record{}, err
		}
		rec.At = at
	}
	return rec, checkTopic(rec.Topic)
}

// fillJSON fills holes with JSON values, and those inside quotes with escaped text.
func (t template) fillJSON(row []string) []byte {
	var b []byte
	for i, h := range t.holes {
		b = append(b, t.text[i]...)
		if t.quoted[i] {
			q := quote(row[h])
			b = append(b, q[1:len(q)-1]...)
			continue
		}
		b = append(b, asJSON(row[h])...)
	}
	return append(b, t.text[len(t.holes)]...)
}

// parseTime takes RFC 3339, "2006-01-02 15:04:05" (UTC), or epoch s, ms, µs or ns told by magnitude.
func parseTime(v string) (time.Time, error) {
	if f, err := strconv.ParseFloat(v, 64); err == nil && !math.IsNaN(f) && math.Abs(f) < 9.2e18 {
		unit := 1e9
		for a := math.Abs(f); a >= 1e11 && unit > 1; a /= 1e3 {
			unit /= 1e3
		}
		whole, frac := math.Modf(f)
		return time.Unix(0, int64(whole)*int64(unit)+int64(frac*unit)).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, v); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %.40q is no time", ErrUnparsed, v)
}
