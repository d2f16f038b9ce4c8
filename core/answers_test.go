package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"
)

const answersSQL = `CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');
	CREATE VIEW fine AS SELECT k, COUNT(*) AS n, COUNT(DISTINCT id) AS ids, SUM(x) AS sum, MAX(x) AS hi, PERCENTILE(x, 0.9) AS p, LAST(x) AS ended
		FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 30 SECONDS) GROUP BY k;
	CREATE VIEW short AS SELECT k, COUNT(*) AS n, SUM(x) AS sum FROM l WINDOW TUMBLING (SIZE 20 SECONDS, RETENTION 5 MINUTES, GRACE PERIOD 10 SECONDS) GROUP BY k;
	CREATE VIEW busy AS SELECT k, COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY k HAVING COUNT(*) > 1 EMIT FINAL;
	CREATE VIEW hop AS SELECT k, COUNT(*) AS n, PERCENTILE(x, 0.9) AS p FROM l WINDOW HOPPING (SIZE 30 SECONDS, ADVANCE BY 10 SECONDS, GRACE PERIOD 20 SECONDS, RETENTION 4 MINUTES) GROUP BY k;`

// What is answered from slices that are known is what would be read, after whatever came in between: late readings within the grace period and after it,
// watermarks, retention, changes of the catalogue, a restart; with room for all slices or for few.
func TestKnownAnswersAreWhatWouldBeRead(t *testing.T) {
	hits := 0.0
	rapid.Check(t, func(t *rapid.T) {
		f := newField(t, 2)
		defer func() { f.close() }()
		statements, err := sql.Parse(answersSQL)
		check(t, err)
		for _, st := range statements {
			_, err := f.do(st)
			check(t, err)
		}
		room := rapid.SampledFrom([]int64{1 << 20, 20_000}).Draw(t, "room")
		f.core.answers = newAnswers(room, prometheus.NewRegistry())
		f.core.answers.back = 7200 * second
		mark := int64(0)
		var queries []string // again and again, as dashboards ask
		for range 4 {
			queries = append(queries, drawGrouped(t))
		}
		for step := range rapid.IntRange(2, 6).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "do") {
			case 0:
				st, err := sql.Parse("CREATE OR REPLACE VIEW busy AS SELECT k, COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY k HAVING COUNT(*) > " +
					fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "having")) + " EMIT FINAL")
				check(t, err)
				_, err = f.do(st[0])
				check(t, err)
			case 1:
				f.crash()
				a := f.core.answers
				f.core.answers = newAnswers(room, prometheus.NewRegistry())
				f.core.answers.back, f.core.answers.hits = a.back, a.hits
			default:
				var now []reading
				for i := range rapid.IntRange(0, 15).Draw(t, "readings") {
					now = append(now, fact{stream: "l", id: fmt.Sprint("id", rapid.IntRange(0, 5).Draw(t, "id")), k: rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "k"),
						us: max(0, mark+rapid.Int64Range(-90, 200).Draw(t, "us")*second) + int64(i), x: rapid.Int64Range(1, 40).Draw(t, "x")}.reading(f))
				}
				mark += rapid.SampledFrom([]int64{0, 10, 20, 45, 90, 130, 700}).Draw(t, "on") * second
				f.send("north", map[uint32]int64{f.core.catalog.plan().Streams[0].Id: mark}, now...)
			}
			for _, query := range queries {
				known, err := f.ask(query)
				check(t, err)
				again, err := f.ask(query)
				check(t, err)
				a := f.core.answers
				f.core.answers = nil
				read, err := f.ask(query)
				check(t, err)
				f.core.answers = a
				if !strings.Contains(query, "ORDER BY") {
					slices.Sort(known)
					slices.Sort(again)
					slices.Sort(read)
				}
				if !slices.Equal(known, read) || !slices.Equal(again, read) {
					t.Fatalf("step %d, watermark %d: %s\nknown  %q\nagain  %q\nread   %q", step, mark/second, query, known, again, read)
				}
			}
			if f.core.answers.bytes > room {
				t.Fatalf("%d bytes are kept, of %d", f.core.answers.bytes, room)
			}
		}
		hits += testutil.ToFloat64(f.core.answers.hits)
	})
	if hits < 100 {
		t.Errorf("only %v slices were known: this tests nothing", hits)
	}
}

// drawGrouped is a question whose order, if it has one, leaves nothing open.
func drawGrouped(t *rapid.T) string {
	view := rapid.SampledFrom([]string{"fine", "fine", "short", "busy", "hop"}).Draw(t, "view")
	what := map[string][]string{"fine": {"SUM(n), MAX(hi)", "MERGE(ids), MERGE(p), MERGE(ended)", "COUNT(*), MERGE(sum)", "AVG(n)"}, "short": {"SUM(n)", "MERGE(sum)"},
		"busy": {"SUM(n)", "COUNT(*)"}, "hop": {"SUM(n)", "MERGE(p), MAX(n)"}}[view]
	var where []string
	at := func(name string) string {
		return value.FormatTime(rapid.Int64Range(0, 60).Draw(t, name) * 10 * second)
	}
	if rapid.Bool().Draw(t, "from") {
		where = append(where, rapid.SampledFrom([]string{"window_start >= '", "window_start > '", "window_end > '"}).Draw(t, "lower")+at("from")+"'")
	}
	if rapid.Bool().Draw(t, "to") {
		where = append(where, rapid.SampledFrom([]string{"window_start < '", "window_end <= '"}).Draw(t, "upper")+at("to")+"'")
	}
	if rapid.Bool().Draw(t, "other") {
		where = append(where, rapid.SampledFrom([]string{"k = 'a'", "n > 1", "final", "(k = 'b' OR window_start < '" + value.FormatTime(200*second) + "')"}).Draw(t, "condition"))
	}
	query := " FROM " + view + rapid.SampledFrom([]string{"", "", " OFFSET '30s'", " OFFSET '1m'", " OFFSET '5m5s'"}).Draw(t, "offset")
	if where != nil {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	aggregates := rapid.SampledFrom(what).Draw(t, "what")
	by := rapid.IntRange(0, 3).Draw(t, "by")
	if view == "hop" && by == 2 { // makes up no larger windows
		by = 3
	}
	switch by {
	case 0:
		return "SELECT " + aggregates + query
	case 1:
		return "SELECT k, " + aggregates + query + " GROUP BY k" + rapid.SampledFrom([]string{"", " ORDER BY k", " ORDER BY k DESC LIMIT 1"}).Draw(t, "order")
	case 2:
		return "SELECT window_start, k, " + aggregates + query + " WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY window_start, k" +
			rapid.SampledFrom([]string{"", " HAVING COUNT(*) > 1", " ORDER BY window_start, k LIMIT 3"}).Draw(t, "order")
	}
	return "SELECT window_start, " + aggregates + query + " GROUP BY window_start"
}

func TestSlicesCoverTheTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(-1<<52, 1<<52).Draw(t, "from")
		to := from + rapid.Int64Range(0, longestCut).Draw(t, "long")
		least := rapid.SampledFrom([]int64{second, 60 * second, 90 * second, 3600 * second, 86400 * second}).Draw(t, "least")
		cut := slicesOf(from, to, least)
		if len(cut) > 120 {
			t.Fatalf("%d slices", len(cut))
		}
		for i, s := range cut {
			length := s.to - s.from
			if s.from < from || s.to > to || length < least || mod(s.from, length) != 0 || !slices.Contains(sliceLengths, length) || i > 0 && cut[i-1].to != s.from {
				t.Fatalf("%v of %d to %d", cut, from, to)
			}
		}
		if least <= 60*second && to-from >= 120*second && (len(cut) == 0 || cut[0].from-from >= 60*second || to-cut[len(cut)-1].to >= 60*second) {
			t.Fatalf("%v leaves much of %d to %d", cut, from, to)
		}
	})
}
