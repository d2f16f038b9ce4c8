package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
)

// push writes a push query's rows as they come, until it ends or the client goes: {"columns":[…]}, then a line {"row":[…]} for each, and
// {"error":{…}} if it ends otherwise than by its LIMIT. As CSV it is a line of names and a line for each row.
func (s *server) push(w http.ResponseWriter, r *http.Request, answer *Answer) {
	line := func(row []value.Value) ([]byte, error) { return json.Marshal(map[string][]value.Value{"row": row}) }
	asCSV := strings.Contains(r.Header.Get("Accept"), "text/csv")
	next, err := json.Marshal(map[string][]Column{"columns": answer.Columns})
	if asCSV {
		names := make([]value.Value, len(answer.Columns))
		for i, c := range answer.Columns {
			names[i] = value.OfString(c.Name)
		}
		line = csvLine
		next, err = csvLine(names)
	}
	if err != nil {
		failWith(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	if asCSV {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy that gathered rows would hide them
	out := http.NewResponseController(w)
	for {
		if _, err := w.Write(append(next, '\n')); err != nil || out.Flush() != nil {
			return // the client is gone
		}
		row, err := answer.Stream.Next(r.Context())
		switch {
		case errors.Is(err, context.Canceled), err == nil && row == nil:
			return
		case err != nil && asCSV:
			panic(http.ErrAbortHandler) // CSV has no place for it; a connection that breaks says that something is missing
		case err != nil:
			if text, e := json.Marshal(map[string]problem{"error": {Message: err.Error()}}); e == nil {
				_, _ = w.Write(append(text, '\n')) // the client may be gone
			}
			return
		}
		if next, err = line(row); err != nil {
			s.Log.Error("a row could not be written", "error", err)
			return
		}
	}
}

func csvLine(row []value.Value) ([]byte, error) {
	var b bytes.Buffer
	c := csv.NewWriter(&b)
	record := make([]string, len(row))
	for i, v := range row {
		record[i] = v.Text()
	}
	err := c.Write(record)
	c.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), errors.Join(err, c.Error())
}
