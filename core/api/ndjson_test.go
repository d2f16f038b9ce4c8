package api

import (
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
)

// NDJSON is an object a row, by column, with values as in JSON.
func TestRowsAsNDJSON(t *testing.T) {
	f := &fake{answer: &Answer{Columns: []Column{{Name: `the "name"`, Type: "STRING"}, {Name: "n", Type: "BIGINT"}, {Name: "at", Type: "TIMESTAMP"}}, Rows: [][]value.Value{
		{value.OfString("a\n"), value.OfInt(7), value.OfTime(1_767_225_600_000_000)}, {{}, {}, {}}}}}
	w := call(Handler(parts(f, "")), "POST", "/api/v1/sql", `{"sql":"SELECT"}`, "Accept: application/x-ndjson")
	want := `{"the \"name\"":"a\n","n":7,"at":"2026-01-01T00:00:00Z"}` + "\n" + `{"the \"name\"":null,"n":null,"at":null}` + "\n"
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/x-ndjson" || w.Body.String() != want {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	f.answer = &Answer{Messages: []string{"view v dropped"}} // no rows: what was done is told as ever
	if w = call(Handler(parts(f, "")), "POST", "/api/v1/sql", `{"sql":"DROP"}`, "Accept: application/x-ndjson"); w.Code != 200 || w.Header().Get("Content-Type") != "application/json" ||
		!strings.Contains(w.Body.String(), "view v dropped") {
		t.Errorf("of no rows: %d %q", w.Code, w.Body)
	}
}
