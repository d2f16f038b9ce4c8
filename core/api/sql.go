package api

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
)

// maxStatementBytes bounds a request's body.
const maxStatementBytes = 1 << 20

func (s *server) sql(w http.ResponseWriter, r *http.Request) {
	var body struct {
		SQL string `json:"sql"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxStatementBytes)).Decode(&body); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			fail(w, http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB")
			return
		}
		fail(w, http.StatusBadRequest, `the body must be JSON, {"sql":"…"}: `+err.Error())
		return
	}
	answer, err := s.Service.Execute(r.Context(), body.SQL)
	if err != nil {
		failWith(w, err)
		return
	}
	if answer.Stream != nil {
		defer answer.Stream.Close()
		s.push(w, r, answer)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/csv") {
		s.csv(w, answer)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		s.ndjson(w, answer)
		return
	}
	if answer.Columns == nil {
		answer.Columns = []Column{}
	}
	if answer.Rows == nil {
		answer.Rows = [][]value.Value{}
	}
	reply(w, http.StatusOK, answer)
}

func (s *server) csv(w http.ResponseWriter, answer *Answer) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	c := csv.NewWriter(w)
	record := make([]string, len(answer.Columns))
	for i, column := range answer.Columns {
		record[i] = column.Name
	}
	err := c.Write(record)
	for _, row := range answer.Rows {
		for i, v := range row {
			record[i] = v.Text()
		}
		err = errors.Join(err, c.Write(record))
	}
	c.Flush()
	if err = errors.Join(err, c.Error()); err != nil {
		s.Log.Debug("CSV answer was cut off", "error", err)
	}
}

// ndjson writes a JSON object a row, by column, as loaders of other tools take it.
func (s *server) ndjson(w http.ResponseWriter, answer *Answer) {
	names := make([][]byte, len(answer.Columns))
	for i, column := range answer.Columns {
		name, err := json.Marshal(column.Name)
		if err != nil {
			fail(w, http.StatusInternalServerError, "the answer could not be written: "+err.Error())
			return
		}
		names[i] = append(name, ':')
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	out := bufio.NewWriterSize(w, 64<<10)
	var line []byte
	for _, row := range answer.Rows {
		line = append(line[:0], '{')
		for i, v := range row {
			if i > 0 {
				line = append(line, ',')
			}
			line = v.AppendJSON(append(line, names[i]...))
		}
		if _, err := out.Write(append(line, '}', '\n')); err != nil {
			return // the client is gone
		}
	}
	if err := out.Flush(); err != nil {
		s.Log.Debug("NDJSON answer was cut off", "error", err)
	}
}
