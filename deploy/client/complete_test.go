package client

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func testSession(t *testing.T) *session {
	t.Helper()
	answer := func(rows string) string { return `{"columns":[{"name":"a"},{"name":"b"}],"rows":` + rows + `}` }
	cfg := fakeCore(t, map[string]string{
		"SHOW STREAMS":        answer(`[["vehicles","city/+"],["HSL","hfp/#"],["order","o"]]`),
		"SHOW VIEWS":          answer(`[["cell_speed","vehicles"]]`),
		"SHOW TABLES":         answer(`[["depots","depots.csv"]]`),
		"DESCRIBE late":       answer(`[["lag_ms","BIGINT"]]`),
		"DESCRIBE vehicles":   answer(`[["device","STRING"],["Speed","DOUBLE"],["speed_limit","DOUBLE"],["a b","STRING"]]`),
		"DESCRIBE cell_speed": answer(`[["cell","CELL"],["avg_speed","DOUBLE"]]`),
		`DESCRIBE "order"`:    answer(`[["item","STRING"]]`),
	})
	s := newServer(cfg)
	return &session{client: &client{server: s}, catalog: &catalog{server: s}}
}

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		typed, line string // | is the cursor
		head        string
		want        []string // nil: none of them matters but that there is none
	}{
		{"", "|", "", beginnings},
		{"", "sel|", "", []string{"select"}},
		{"", "S|", "", []string{"SELECT", "SHOW"}},
		{"", "SHOW |", "SHOW ", []string{"ALERTS", "EDGES", "PATTERNS", "STREAMS", "TABLES", "VIEWS"}},
		{"", "show v|", "show ", []string{"views"}},
		{"", "CREATE OR REPLACE |", "CREATE OR REPLACE ", []string{"ALERT", "PATTERN", "STREAM", "TABLE", "VIEW"}},
		{"", "CREATE VIEW v|", "CREATE VIEW ", nil},
		{"", "DROP VIEW |", "DROP VIEW ", []string{"IF EXISTS", "cell_speed"}},
		{"", "DROP STREAM IF EXISTS v|", "DROP STREAM IF EXISTS ", []string{"vehicles"}},
		{"", "SELECT * FROM |", "SELECT * FROM ", []string{`"order"`, "HSL", "cell_speed", "depots", "late", "vehicles"}},
		{"", "SELECT * FROM v|", "SELECT * FROM ", []string{"vehicles"}},
		{"", "SELECT * FROM hs|", "SELECT * FROM ", []string{"HSL"}},
		{"", `SELECT * FROM "H|`, "SELECT * FROM ", []string{`"HSL"`}},
		{"", "INSERT INTO |", "INSERT INTO ", []string{`"order"`, "HSL", "vehicles"}},
		{"", "DESCRIBE c|", "DESCRIBE ", []string{"cell_speed"}},
		{"", "EXPLAIN c|", "EXPLAIN ", []string{"cell_speed", "create"}},
		{"", "SELECT sp| FROM vehicles", "SELECT ", []string{"speed", "speed_limit"}},
		{"", "SELECT DEV| FROM vehicles", "SELECT ", []string{"device"}},
		{"", "SELECT Sp| FROM vehicles", "SELECT ", []string{"Speed", "Speed_limit"}},
		{"", "SELECT | FROM cell_speed", "SELECT ", []string{"avg_speed", "cell"}},
		{"", "SELECT v.| FROM vehicles AS v", "SELECT v.", []string{`"a b"`, "Speed", "device", "speed_limit"}},
		{"", "SELECT v.dev| FROM cell_speed c JOIN vehicles v ON", "SELECT v.", []string{"device"}},
		{"", "SELECT * FROM \"order\" WHERE it|", "SELECT * FROM \"order\" WHERE ", []string{"item"}},
		{"SELECT avg_speed\nFROM cell_speed\n", "WHERE avg_|", "WHERE ", []string{"avg_speed"}},
		{"SELECT avg_speed\n", "|", "", []string{"  "}},
		{"", "SELECT count(*) FROM vehicles gro|", "SELECT count(*) FROM vehicles ", []string{"group"}},
		{"", "SELECT * FROM vehicles GROUP |", "SELECT * FROM vehicles GROUP ", []string{"BY"}},
		{"", "SELECT av|", "SELECT ", []string{"avg(", "avg_speed"}},
		{"", "SELECT PERC|", "SELECT ", []string{"PERCENTILE("}},
		{"", "SELECT 'FROM v|", "SELECT 'FROM v", nil},
		{"", "SELECT a -- FROM v|", "SELECT a -- FROM v", nil},
		{"SELECT a /*\n", "FROM v|", "FROM v", nil},
		{"SELECT a -- not 'here\n", "FROM v|", "FROM ", []string{"vehicles"}},
		{"", `\|`, "", []string{`\?`, `\d`, `\f`, `\i`, `\q`}},
		{"", `\d v|`, `\d `, []string{"vehicles"}},
		{"", `\f c|`, `\f `, []string{"csv"}},
		{"", "SELECT größe, v|é", "SELECT größe, ", nil},
	} {
		s := testSession(t)
		s.typed = c.typed
		before, after, _ := strings.Cut(c.line, "|")
		head, list, tail := s.complete(before+after, len([]rune(before)))
		slices.Sort(c.want)
		if strings.HasSuffix(c.line, "é") {
			c.want = list
		}
		if head != c.head || tail != after || !reflect.DeepEqual(list, c.want) {
			t.Errorf("%q %q: %q + %q + %q, want %q + %q", c.typed, c.line, head, list, tail, c.head, c.want)
		}
	}
}

// Names are asked for once, and again when they may have changed.
func TestCatalogForgets(t *testing.T) {
	s := testSession(t)
	if list, err := s.catalog.relations(t.Context()); err != nil || len(list) != 6 {
		t.Fatalf("%v, %v", list, err)
	}
	s.server.address = "http://127.0.0.1:1"
	if list, err := s.catalog.relations(t.Context()); err != nil || len(list) != 6 {
		t.Errorf("remembered: %v, %v", list, err)
	}
	s.catalog.forget()
	if list, err := s.catalog.relations(t.Context()); err == nil {
		t.Errorf("without a core: %v", list)
	}
	if _, list, _ := s.complete("SELECT * FROM ", 14); list != nil {
		t.Errorf("without a core: %q", list)
	}
}
