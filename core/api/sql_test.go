package api

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
)

var mixed = &Answer{Columns: []Column{column("device", value.Type{Kind: value.String}), column("n", value.Type{Kind: value.Int}), column("x", value.Type{Kind: value.Double}),
	column("at", value.Type{Kind: value.Timestamp}), column("cell", value.Type{Kind: value.Cell}), column("price", value.Type{Kind: value.Decimal, Precision: 6, Scale: 2})},
	Rows: [][]value.Value{
		{value.OfString(`a "b", ` + "\nc"), value.OfInt(1 << 60), value.OfDouble(0.5), value.OfTime(1_500_000), value.OfCell(0x891126d3417ffff), value.OfDecimal(-105, 2)},
		{{}, {}, {}, {}, {}, {}}}}

func column(name string, t value.Type) Column { return Column{Name: name, Type: t.String(), Of: t} }

func TestSQLAnswersJSON(t *testing.T) {
	mark := "2024-01-01T00:00:00Z"
	mixed := *mixed
	mixed.Watermark = &mark
	f := &fake{answer: &mixed}
	w := call(Handler(parts(f, "")), "POST", "/api/v1/sql", `{"sql":"SELECT * FROM v"}`)
	want := `{"columns":[{"name":"device","type":"STRING"},{"name":"n","type":"BIGINT"},{"name":"x","type":"DOUBLE"},{"name":"at","type":"TIMESTAMP"},` +
		`{"name":"cell","type":"CELL"},{"name":"price","type":"DECIMAL(6,2)"}],"rows":[["a \"b\", \nc",1152921504606846976,0.5,"1970-01-01T00:00:01.5Z",` +
		`"891126d3417ffff",-1.05],[null,null,null,null,null,null]],"watermark":"2024-01-01T00:00:00Z"}` + "\n"
	if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" || f.asked != "SELECT * FROM v" {
		t.Errorf("%d %s\nwant %s", w.Code, w.Body, want)
	}
}

func TestStatementWithoutRowsAnswersEmptyLists(t *testing.T) {
	f := &fake{answer: &Answer{Messages: []string{"view v created"}}}
	w := call(Handler(parts(f, "")), "POST", "/api/v1/sql", `{"sql":"CREATE VIEW v …"}`)
	if want := `{"columns":[],"rows":[],"watermark":null,"messages":["view v created"]}` + "\n"; w.Body.String() != want {
		t.Errorf("%s", w.Body)
	}
}

func TestSQLAnswersCSV(t *testing.T) {
	for _, accept := range []string{"text/csv", "text/csv; header=present, */*;q=0.1"} {
		w := call(Handler(parts(&fake{answer: mixed}, "")), "POST", "/api/v1/sql", `{"sql":"SELECT * FROM v"}`, "Accept: "+accept)
		records, err := csv.NewReader(w.Body).ReadAll()
		if err != nil || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") {
			t.Fatalf("%s: %v", w.Header(), err)
		}
		want := fmt.Sprintf("%q", [][]string{{"device", "n", "x", "at", "cell", "price"},
			{`a "b", ` + "\nc", "1152921504606846976", "0.5", "1970-01-01T00:00:01.5Z", "891126d3417ffff", "-1.05"}, {"", "", "", "", "", ""}})
		if got := fmt.Sprintf("%q", records); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

func TestErrorsOfSQL(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		want problem
	}{
		{&StatementError{"no column speeed", 3, 14}, http.StatusBadRequest, problem{"no column speeed", 3, 14}},
		{fmt.Errorf("run: %w", &StatementError{"m", 1, 1}), http.StatusBadRequest, problem{"m", 1, 1}},
		{fmt.Errorf("run: %w", context.DeadlineExceeded), http.StatusServiceUnavailable, problem{"query.timeout", 0, 0}},
		{errors.New("the disk is gone"), http.StatusInternalServerError, problem{"the disk is gone", 0, 0}},
	} {
		for _, accept := range []string{"application/json", "text/csv"} {
			w := call(Handler(parts(&fake{err: c.err}, "")), "POST", "/api/v1/sql", `{"sql":"x"}`, "Accept: "+accept)
			p := refusal(t, w, c.code)
			if !strings.Contains(p.Message, c.want.Message) || p.Line != c.want.Line || p.Column != c.want.Column {
				t.Errorf("%v: %+v", c.err, p)
			}
		}
	}
}

func TestBodyOfSQL(t *testing.T) {
	f := &fake{answer: &Answer{}, asked: "nothing"}
	h := Handler(parts(f, ""))
	for _, body := range []string{"", "SELECT 1", "[]", `{"sql":5}`, `{"sql":"SEL`} {
		refusal(t, call(h, "POST", "/api/v1/sql", body), http.StatusBadRequest)
	}
	refusal(t, call(h, "POST", "/api/v1/sql", `{"sql":"`+strings.Repeat("x", maxStatementBytes)+`"}`), http.StatusRequestEntityTooLarge)
	if f.asked != "nothing" {
		t.Errorf("%q ran", f.asked)
	}
	if w := call(h, "POST", "/api/v1/sql", `{"sql":"`+strings.Repeat("x", maxStatementBytes-100)+`"}`); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
