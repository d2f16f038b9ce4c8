package api

import (
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
