package api

import (
	"encoding/json"
	"errors"
	"net/http"

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
	f := formatOf(r.Header.Get("Accept"))
	ask := s.Service.Execute
	if f != nil {
		ask = s.Service.Export
	}
	answer, err := ask(r.Context(), body.SQL)
	if err != nil {
		failWith(w, err)
		return
	}
	if answer.Stream != nil {
		defer answer.Stream.Close()
		s.push(w, r, answer)
		return
	}
	if f != nil && answer.Columns != nil {
		s.export(w, r, f, answer)
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
