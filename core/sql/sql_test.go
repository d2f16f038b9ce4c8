package sql

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

const vehiclesSQL = `CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE, route STRING, riders BIGINT, fare DECIMAL(6,2))
	WITH (topic = 'city/{device}/position', timestamp = 'ts');`

const cellSpeedSQL = `CREATE VIEW cell_speed AS SELECT h3(lat, lon, 9) AS cell, COUNT(*) AS n, AVG(speed) AS avg_speed, MAX(speed) AS top
	FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 1 HOUR) WHERE speed >= 0 GROUP BY cell EMIT CHANGES;`

func applyAll(tb testing.TB, src string) *plan.Plan {
	tb.Helper()
	list, err := Parse(src)
	if err != nil {
		tb.Fatal(err)
	}
	p := &plan.Plan{Partitions: 8}
	for _, st := range list {
		if p, _, err = Apply(p, st); err != nil {
			tb.Fatal(err)
		}
	}
	return p
}

func compileSelect(tb testing.TB, p *plan.Plan, src string) *Query {
	tb.Helper()
	list, err := Parse(src)
	if err != nil {
		tb.Fatal(err)
	}
	rel, err := Resolve(p, list[0].(*Select))
	if err != nil {
		tb.Fatal(err)
	}
	q, err := CompileSelect(list[0].(*Select), rel, now)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// What a view's definition is, beyond what EXPLAIN shows.
func TestViewDefinition(t *testing.T) {
	p := applyAll(t, vehiclesSQL+cellSpeedSQL)
	v := p.Views[0]
	if p.Version != 2 || p.NextId != 3 || v.Id != 2 || v.Stream != p.Streams[0].Id {
		t.Errorf("version %d, next id %d, view %d over %d", p.Version, p.NextId, v.Id, v.Stream)
	}
	if v.WindowUs != 10e6 || v.PaneUs != 10e6 || v.GraceUs != 3600e6 || v.RetentionUs != 7*86400e6 || v.EmitFinal {
		t.Errorf("window %d pane %d grace %d retention %d final %v", v.WindowUs, v.PaneUs, v.GraceUs, v.RetentionUs, v.EmitFinal)
	}
	if s := p.Streams[0]; s.Timestamp != 1 || s.DisorderUs != 5e6 || s.Dedupe != "content" || s.Format != "json" ||
		s.Position.Lat != 2 || s.Position.Lon != 3 || s.Position.Speed != 4 || s.Position.Heading != -1 || s.Position.Kmh != 1 {
		t.Errorf("stream %v", s)
	}
	p2 := applyAll(t, vehiclesSQL+strings.Replace(cellSpeedSQL, "CREATE", "CREATE OR REPLACE", 1)+
		strings.Replace(strings.Replace(cellSpeedSQL, "CREATE", "CREATE OR REPLACE", 1), "10 SEC", "20 SEC", 1))
	if p2.Views[0].Id == v.Id || len(p2.Views) != 1 || p2.Views[0].WindowUs != 20e6 {
		t.Errorf("replaced: %v", p2.Views)
	}
}

func TestGraceAndRetentionDefaults(t *testing.T) {
	for _, c := range []struct {
		window, emit     string
		grace, retention int64
	}{
		{"WINDOW TUMBLING (SIZE 10 SECONDS)", "", defaultGrace, defaultRetention},
		{"WINDOW TUMBLING (SIZE 10 SECONDS)", "EMIT FINAL", 0, defaultRetention},
		{"WINDOW TUMBLING (SIZE 30 DAYS)", "", defaultGrace, 31 * 86400e6},
		{"", "", 0, 0},
	} {
		v := applyAll(t, vehiclesSQL+"CREATE VIEW v AS SELECT COUNT(*) AS n FROM vehicles "+c.window+c.emit).Views[0]
		if v.GraceUs != c.grace || v.RetentionUs != c.retention {
			t.Errorf("%q %q: grace %d, retention %d", c.window, c.emit, v.GraceUs, v.RetentionUs)
		}
	}
}

func TestHints(t *testing.T) {
	p := applyAll(t, vehiclesSQL+cellSpeedSQL)
	const noon = 1480075200_000_000
	for _, c := range []struct {
		where string
		start Range
		cell  string
	}{
		{"window_start >= '2016-11-25T12:00:00Z' AND cell = '8928308280fffff'", Range{noon, math.MaxInt64}, "8928308280fffff"},
		{"'2016-11-25T12:00:00Z' < window_start AND n > 3", Range{noon + 1, math.MaxInt64}, ""},
		{"window_start BETWEEN '2016-11-25T12:00:00Z' AND '2016-11-25T12:00:01Z'", Range{noon, noon + 1e6}, ""},
		{"window_start < NOW() - INTERVAL '1' HOUR AND window_start >= 1480075200000", Range{noon, now - 3600e6 - 1}, ""},
		{"window_start = '2016-11-25T12:00:00Z' OR n > 3", Everything, ""},
		{"NOT (cell = '8928308280fffff')", Everything, ""},
		{"window_start > '2016-11-25T12:00:00Z' AND window_start < '2016-11-25T12:00:00Z'", Range{noon + 1, noon - 1}, ""},
	} {
		q := compileSelect(t, p, "SELECT * FROM cell_speed WHERE "+c.where)
		start, end := q.TimeRange()
		key, ok := q.KeyEquals("CELL")
		if start != c.start || end != Everything || key.Text() != c.cell || ok != (c.cell != "") {
			t.Errorf("%s: start %v, end %v, cell %q", c.where, start, end, key.Text())
		}
	}
}

// The heap of ORDER BY with LIMIT gives what sorting everything and cutting gives.
func TestTopNIsSortAndCut(t *testing.T) {
	rel := Relation{Name: "t", Columns: []Column{{"a", value.Type{Kind: value.Int}}, {"b", value.Type{Kind: value.Double}}, {"i", value.Type{Kind: value.Int}}}}
	rapid.Check(t, func(t *rapid.T) {
		var rows [][]value.Value
		for i := range rapid.IntRange(0, 40).Draw(t, "rows") {
			row := []value.Value{value.OfInt(rapid.Int64Range(0, 3).Draw(t, "a")), value.OfDouble(float64(rapid.IntRange(0, 5).Draw(t, "b"))), value.OfInt(int64(i))}
			if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
				row[0] = value.Value{}
			}
			rows = append(rows, row)
		}
		order := rapid.SampledFrom([]string{"a", "a DESC", "a, b DESC", "a DESC NULLS LAST, b", "b * 2 DESC, a NULLS FIRST"}).Draw(t, "order")
		limit := rapid.IntRange(0, 50).Draw(t, "limit")
		run := func(src string) [][]value.Value {
			list, err := Parse(src)
			if err != nil {
				t.Fatal(err)
			}
			q, err := CompileSelect(list[0].(*Select), rel, 0)
			if err != nil {
				t.Fatal(err)
			}
			r, err := q.Run(context.Background(), reusing(rows))
			if err != nil {
				t.Fatal(err)
			}
			return r.Rows
		}
		all := run("SELECT * FROM t ORDER BY " + order)
		top := run(fmt.Sprintf("SELECT * FROM t ORDER BY %s LIMIT %d", order, limit))
		if len(all) != len(rows) || len(top) != min(limit, len(rows)) {
			t.Fatalf("%d of %d rows, %d of at most %d", len(all), len(rows), len(top), limit)
		}
		for i := range top {
			if !slices.EqualFunc(top[i], all[i], value.Equal) {
				t.Fatalf("row %d differs: %v, %v", i, top[i], all[i])
			}
		}
	})
}

func TestRunStopsWhenTold(t *testing.T) {
	p := applyAll(t, vehiclesSQL+cellSpeedSQL)
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	endless := func(yield func([]value.Value) bool) {
		for row := make([]value.Value, 8); yield(row); n++ {
			if n == 5000 {
				cancel()
			}
		}
	}
	if _, err := compileSelect(t, p, "SELECT COUNT(*) FROM cell_speed").Run(ctx, endless); !errors.Is(err, context.Canceled) {
		t.Errorf("gave %v", err)
	}
	if n > 5000+checkEvery {
		t.Errorf("read %d rows", n)
	}
	n = 0
	r, err := compileSelect(t, p, "SELECT n FROM cell_speed LIMIT 3").Run(context.Background(), endless)
	if err != nil || len(r.Rows) != 3 || n > 3 {
		t.Errorf("%d rows of %d read: %v", len(r.Rows), n, err)
	}
	if _, err := compileSelect(t, p, "SELECT n FROM cell_speed").Run(context.Background(), endless); err == nil || !strings.Contains(err.Error(), "LIMIT") {
		t.Errorf("without LIMIT: %v", err)
	}
	keys := func(yield func([]value.Value) bool) {
		row := make([]value.Value, 8)
		for i := int64(0); ; i++ {
			row[1] = value.OfInt(i)
			if !yield(row) {
				return
			}
		}
	}
	if _, err := compileSelect(t, p, "SELECT n, COUNT(*) FROM cell_speed GROUP BY n").Run(context.Background(), keys); err == nil || !strings.Contains(err.Error(), "groups") {
		t.Errorf("endless groups: %v", err)
	}
}

// A hostile statement is refused soon, and never overflows the stack.
func TestHostileStatements(t *testing.T) {
	repeat := strings.Repeat
	many := func(n int, s string) string { return strings.TrimSuffix(repeat(s+",", n), ",") }
	alias := "SELECT " + repeat("speed + ", 90) + "speed AS a, COUNT(*) FROM vehicles GROUP BY a HAVING " + many(1000, "a IN (a, a)")
	for name, src := range map[string]string{
		"parentheses":       "SELECT " + repeat("(", 1e6),
		"minus":             "SELECT " + repeat("- ", 1e6) + "1",
		"not":               "SELECT " + repeat("NOT ", 1e6) + "1",
		"case":              "SELECT " + repeat("CASE ", 1e5),
		"functions":         "SELECT " + repeat("ABS(", 1e5),
		"sum":               "SELECT 1" + repeat(" + 1", 1e5) + " FROM x",
		"long statement":    "SELECT 1" + repeat(" AND 1", 1e5) + " FROM x",
		"list":              "SELECT 1 IN (" + many(20_000, "1") + ") FROM x",
		"columns":           "CREATE STREAM v (" + many(1000, "a STRING") + ") WITH (topic = 't')",
		"statements":        repeat("SHOW VIEWS;", 2000),
		"bytes":             repeat(" ", maxSource+1),
		"comment":           repeat("/*", 1e5),
		"quotes":            repeat("'", 1e6+1),
		"not UTF-8":         "SELECT '\xff'",
		"NUL":               "SELECT \x00",
		"keys":              "SELECT COUNT(*) FROM vehicles GROUP BY " + many(100, "speed"),
		"aliases":           "CREATE VIEW v AS " + alias,
		"long name":         "SHOW " + repeat("a", 1e6),
		"long table":        "DESCRIBE " + repeat("a", 200),
		"texts that double": "CREATE VIEW v AS SELECT '" + repeat("x", 100_000) + "' AS t, COUNT(*) FROM vehicles HAVING " + repeat("t || 'a' = 'b' OR ", 2000) + "TRUE",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			p := applyAll(t, vehiclesSQL)
			list, err := Parse(src)
			for _, st := range list {
				if _, _, err = Apply(p, st); err != nil {
					break
				}
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("accepted, or with another error: %v", err)
			}
			if len(e.Message) > 300 {
				t.Errorf("a message of %d bytes: %.300s", len(e.Message), e.Message)
			}
			if d := time.Since(start); d > time.Second {
				t.Errorf("took %s", d)
			}
		})
	}
}

func TestLargeButHonest(t *testing.T) {
	conditions := strings.Repeat("speed > 1 AND ", 3000) + "TRUE"
	applyAll(t, vehiclesSQL+"CREATE VIEW v AS SELECT COUNT(*) AS n FROM vehicles WHERE "+conditions)
	rows := strings.TrimSuffix(strings.Repeat("('a', 1),", 10_000), ",")
	list, err := Parse("INSERT INTO vehicles (device, riders) VALUES " + rows)
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := InsertRows(applyAll(t, vehiclesSQL), list[0].(*Insert), 0)
	if err != nil || len(got) != 10_000 {
		t.Fatal(len(got), err)
	}
}

func TestStatementsKeepTheirText(t *testing.T) {
	list, err := Parse("-- first\nSHOW VIEWS ;\n\n  DROP VIEW\n a; ")
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	if list[0].Source() != "SHOW VIEWS" || list[1].Source() != "DROP VIEW\n a" || list[1].Place() != (Pos{4, 3}) {
		t.Errorf("%q, %q at %v", list[0].Source(), list[1].Source(), list[1].Place())
	}
}
