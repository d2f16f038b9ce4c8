package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/parquet"
	"github.com/hexpane/hexpane/protocol/value"
)

func TestSQLAnswersParquet(t *testing.T) {
	w := call(Handler(parts(&fake{answer: mixed}, "")), "POST", "/api/v1/sql", `{"sql":"SELECT * FROM v"}`, "Accept: "+parquet.MediaType)
	if w.Code != 200 || w.Header().Get("Content-Type") != parquet.MediaType || w.Result().Trailer.Get(rowsTrailer) != "2" {
		t.Fatalf("%d %v, trailer %v", w.Code, w.Header(), w.Result().Trailer)
	}
	var columns []parquet.Column
	for _, c := range mixed.Columns {
		columns = append(columns, parquet.Column{Name: c.Name, Type: c.Of})
	}
	n := 0
	if err := parquet.Read(w.Body.Bytes(), columns, parquet.Limits{Rows: 10, Bytes: 1 << 20}, func(row []value.Value) error {
		if !slices.Equal(row, mixed.Rows[n]) {
			t.Errorf("%v, not %v", row, mixed.Rows[n])
		}
		n++
		return nil
	}); err != nil || n != 2 {
		t.Errorf("%d rows: %v", n, err)
	}
}

// long gives so many rows of a text, then fails.
func long(rows, bytes int, failure error, given *int) *Answer {
	text := value.OfString(strings.Repeat("x", bytes))
	return &Answer{Columns: []Column{column("n", value.Type{Kind: value.Int}), column("text", value.Type{Kind: value.String})},
		Each: func(ctx context.Context, take func([]value.Value) error) error {
			row := make([]value.Value, 2)
			for i := range rows {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				row[0], row[1] = value.OfInt(int64(i)), text
				if err := take(row); err != nil {
					return err
				}
				if given != nil {
					*given = i + 1
				}
			}
			return failure
		}}
}

// Whoever reads an export to its end has all of it: one that fails late ends otherwise, in every form.
func TestExportThatBreaksOff(t *testing.T) {
	wrong := errors.New("the disk is gone")
	for _, accept := range []string{"text/csv", "application/x-ndjson", parquet.MediaType} {
		for _, c := range []struct {
			many    bool // as many as have left before the last is written
			failure error
			status  int
			whole   bool
		}{
			{true, nil, 200, true}, {true, wrong, 200, false},
			{false, wrong, 500, true}, // nothing had left: it is an answer like any other
			{false, &StatementError{Message: "no"}, 400, true}, {false, nil, 200, true},
		} {
			rows, size := 1, 10
			if c.many {
				rows, size = 3, 32<<10
				if accept == parquet.MediaType && c.failure != nil {
					continue // it would have to be a row group, and the connection knows of no form
				}
			}
			s := httptest.NewServer(Handler(parts(&fake{answer: long(rows, size, c.failure, nil)}, "")))
			r, err := http.NewRequest("POST", s.URL+"/api/v1/sql", strings.NewReader(`{"sql":"SELECT"}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", accept)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			s.Close()
			if resp.StatusCode != c.status || (err == nil) != c.whole {
				t.Errorf("%s, %d rows, %v: %d, %v", accept, rows, c.failure, resp.StatusCode, err)
			}
			if got := resp.Trailer.Get(rowsTrailer); c.failure == nil && got != fmt.Sprint(rows) || c.failure != nil && got != "" {
				t.Errorf("%s, %d rows, %v: the trailer says %q rows", accept, rows, c.failure, got)
			}
			if c.status != 200 && (!strings.Contains(string(body), c.failure.Error()) || resp.Header.Get("Content-Type") != "application/json") {
				t.Errorf("%s: %v %s", accept, resp.Header, body)
			}
			if c.failure == nil && accept == "text/csv" && bytes.Count(body, []byte("\n")) != rows+1 {
				t.Errorf("%d lines of %d rows", bytes.Count(body, []byte("\n")), rows)
			}
		}
	}
}

// A client that goes away ends the reading; it is not read on for nobody.
func TestExportEndsWithItsClient(t *testing.T) {
	given, ended := 0, make(chan struct{})
	answer := long(1<<40, 1000, nil, &given)
	each := answer.Each
	answer.Each = func(ctx context.Context, take func([]value.Value) error) error {
		defer close(ended)
		return each(ctx, take)
	}
	s := httptest.NewServer(Handler(parts(&fake{answer: answer}, "")))
	defer s.Close()
	r, err := http.NewRequest("POST", s.URL+"/api/v1/sql", strings.NewReader(`{"sql":"SELECT"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/csv")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	<-ended
}
