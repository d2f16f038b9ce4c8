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

// long gives so many rows, then fails.
func long(rows int, failure error, given *int) *Answer {
	return &Answer{Columns: []Column{column("n", value.Type{Kind: value.Int}), column("text", value.Type{Kind: value.String})},
		Each: func(ctx context.Context, take func([]value.Value) error) error {
			row := make([]value.Value, 2)
			for i := range rows {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				row[0], row[1] = value.OfInt(int64(i)), value.OfString(fmt.Sprint("row number ", i))
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
			rows    int
			failure error
			status  int
			whole   bool
		}{
			{200_000, nil, 200, true}, {200_000, wrong, 200, false},
			{10, wrong, 500, true}, // nothing had left: it is an answer like any other
			{0, &StatementError{Message: "no"}, 400, true}, {0, nil, 200, true},
		} {
			s := httptest.NewServer(Handler(parts(&fake{answer: long(c.rows, c.failure, nil)}, "")))
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
			if c.status == 200 && c.failure != nil && accept == parquet.MediaType && resp.StatusCode == 500 {
				continue // a row group had not left yet
			}
			if resp.StatusCode != c.status || (err == nil) != c.whole {
				t.Errorf("%s, %d rows, %v: %d, %v", accept, c.rows, c.failure, resp.StatusCode, err)
			}
			if got := resp.Trailer.Get(rowsTrailer); c.failure == nil && got != fmt.Sprint(c.rows) || c.failure != nil && got != "" {
				t.Errorf("%s, %d rows, %v: the trailer says %q rows", accept, c.rows, c.failure, got)
			}
			if c.status != 200 && (!strings.Contains(string(body), c.failure.Error()) || resp.Header.Get("Content-Type") != "application/json") {
				t.Errorf("%s: %v %s", accept, resp.Header, body)
			}
			if c.failure == nil && accept == "text/csv" && bytes.Count(body, []byte("\n")) != c.rows+1 {
				t.Errorf("%d lines of %d rows", bytes.Count(body, []byte("\n")), c.rows)
			}
		}
	}
}

// A client that goes away ends the reading; it is not read on for nobody.
func TestExportEndsWithItsClient(t *testing.T) {
	given, ended := 0, make(chan struct{})
	answer := long(1<<40, nil, &given)
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
