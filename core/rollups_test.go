package core

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"
)

const (
	rolledColumns = "COUNT(*) AS n, COUNT(DISTINCT id) AS ids, SUM(x) AS sum, AVG(x) AS avg, MIN(x) AS lo, MAX(x) AS hi, STDDEV(x) AS dev, PERCENTILE(x, 0.9) AS p90, " +
		"FIRST(x) AS began, LAST(x) AS ended, COLLECT_LIST(x) AS list, TOPK(x, 3) AS top"
	rolledMerged = "MERGE(n), MERGE(ids), MERGE(sum), MERGE(avg), MERGE(lo), MERGE(hi), ROUND(MERGE(dev) * 1000), MERGE(p90), MERGE(p90, 0.2), MERGE(began), MERGE(ended), MERGE(list), MERGE(top)"
)

// rolledSQL is views that are kept for as long as said.
func rolledSQL(retention string) string {
	return `CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');
	CREATE VIEW v AS SELECT k, x % 2 AS odd, ` + rolledColumns + ` FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS` + retention + `) GROUP BY k, x % 2;
	CREATE VIEW one AS SELECT COUNT(*) AS n, PERCENTILE(x, 0.5) AS p FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS` + retention + `);
	CREATE VIEW some AS SELECT k, SUM(x) AS sum FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS` + retention + `) GROUP BY k HAVING COUNT(*) > 1;
	CREATE VIEW final_only AS SELECT k, SUM(x) AS sum FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS` + retention + `) GROUP BY k EMIT FINAL;
	CREATE VIEW over AS SELECT SUM(n) AS total FROM v WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 0 SECONDS);`
}

func (f *field) define(text string) {
	f.t.Helper()
	statements, err := sql.Parse(text)
	check(f.t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(f.t, err)
	}
}

// roll does all that the background would.
func (f *field) roll() {
	f.t.Helper()
	check(f.t, f.core.rollAll(context.Background(), func(time.Duration) {}))
}

// Whatever is asked of windows that were rolled up, dropped, rolled up further, over restarts, is answered as if all windows were there.
func TestRolledUpAnswersAsIfAllWereThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rolled := newRollingField(t, 2, rapid.SampledFrom([]string{"10s, 1m, 10m, 1h, 1d", "10s, 1m, 1h", "10s, 10m"}).Draw(t, "levels"))
		defer func() { rolled.close() }()
		all := newField(t, 2)
		defer func() { all.close() }()
		rolled.define(rolledSQL(", RETENTION 40 SECONDS"))
		all.define(rolledSQL(", RETENTION 9000 DAYS"))
		watermark := int64(0)
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			var now []fact
			for range rapid.IntRange(0, 12).Draw(t, "readings") {
				ahead := rapid.SampledFrom([]int64{30, 90, 600, 5000, 40_000}).Draw(t, "ahead") // s
				now = append(now, fact{stream: "l", id: fmt.Sprint("id", rapid.IntRange(0, 5).Draw(t, "id")), k: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "k"),
					us: watermark + rapid.Int64Range(-25, ahead).Draw(t, "us")*second, x: rapid.Int64Range(1, 40).Draw(t, "x")})
			}
			watermark += rapid.SampledFrom([]int64{0, 10, 45, 100, 700, 3600, 20_000, 90_000}).Draw(t, "on") * second
			for _, f := range []*field{rolled, all} {
				var list []reading
				for _, r := range now {
					list = append(list, r.reading(f))
				}
				f.send("north", map[uint32]int64{f.core.catalog.plan().Streams[0].Id: watermark}, list...)
			}
			switch rapid.IntRange(0, 5).Draw(t, "then") {
			case 0: // it lags behind
			case 1:
				rolled.roll()
				rolled.crash()
			default:
				rolled.roll()
			}
			for range rapid.IntRange(0, 3).Draw(t, "questions") {
				question := drawSelect(t, watermark)
				got, err := rolled.ask(question)
				check(t, err)
				want, err := all.ask(question)
				check(t, err)
				slices.Sort(got)
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Fatalf("%s\n%q\nwant\n%q", question, got, want)
				}
			}
		}
	})
}

// drawSelect makes up a question over the views of rolledSQL.
func drawSelect(t *rapid.T, watermark int64) string {
	var where []string
	if rapid.Bool().Draw(t, "from") {
		from := rapid.Int64Range(-30, watermark/second+100).Draw(t, "from s") * second
		if unit := rapid.SampledFrom([]int64{0, 60, 3600}).Draw(t, "aligned"); unit > 0 {
			from -= from % (unit * second)
		}
		where = append(where, rapid.SampledFrom([]string{"window_start >= '", "window_end > '"}).Draw(t, "start or end")+value.FormatTime(from)+"'")
	}
	if rapid.Bool().Draw(t, "to") {
		to := rapid.Int64Range(0, watermark/second+100).Draw(t, "to s") * second
		if unit := rapid.SampledFrom([]int64{0, 60, 3600}).Draw(t, "aligned"); unit > 0 {
			to -= to % (unit * second)
		}
		where = append(where, rapid.SampledFrom([]string{"window_start < '", "window_end <= '"}).Draw(t, "start or end")+value.FormatTime(to)+"'")
	}
	view := rapid.SampledFrom([]string{"v", "v", "v", "v", "one", "some", "final_only"}).Draw(t, "view")
	if view != "one" && rapid.Bool().Draw(t, "by k") {
		where = append(where, "k = '"+rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "k")+"'")
	}
	if view == "v" && rapid.Bool().Draw(t, "by odd") {
		where = append(where, rapid.SampledFrom([]string{"odd = 1", "odd < 1", "odd + 0 = 0"}).Draw(t, "odd"))
	}
	condition := ""
	if where != nil {
		condition = " WHERE " + strings.Join(where, " AND ")
	}
	if rapid.IntRange(0, 3).Draw(t, "rows") == 0 {
		return "SELECT * FROM " + view + condition
	}
	items := map[string]string{"v": rolledMerged, "one": "MERGE(n), MERGE(p)", "some": "MERGE(sum)", "final_only": "MERGE(sum)"}[view]
	group := ""
	if view != "one" {
		group = rapid.SampledFrom([]string{"", "k"}).Draw(t, "group")
	}
	if size := rapid.SampledFrom([]string{"", "10 SECONDS", "1 MINUTE", "20 MINUTES", "1 HOUR", "1 DAY"}).Draw(t, "size"); size != "" {
		items, condition = "window_start, window_end, "+items, condition+" WINDOW TUMBLING (SIZE "+size+")"
	}
	if group != "" {
		items, condition = "k, "+items, condition+" GROUP BY k"
	}
	return "SELECT " + items + " FROM " + view + condition
}

// retained is a core with readings of two and a half days, of which all but the last is rolled up, and dropped.
func retained(t *testing.T, rollups string, maxBytes int64) *field {
	f := newRollingField(t, 1, rollups)
	f.core.cfg.History.MaxBytes = maxBytes
	check(t, f.core.openRollups(func(string) {}))
	f.core.partitions[0].rollups = f.core.rollups
	f.define(rolledSQL(", RETENTION 1 MINUTE"))
	for hour := range int64(60) {
		var list []reading
		for minute := int64(0); minute < 60; minute += 20 {
			for _, k := range []string{"a", "b"} {
				list = append(list, fact{stream: "l", id: "x", k: k, us: (hour*60 + minute) * 60 * second, x: minute}.reading(f))
			}
		}
		f.send("north", map[uint32]int64{f.core.catalog.plan().Streams[0].Id: (hour + 1) * 3600 * second}, list...)
		f.roll()
	}
	return f
}

func TestExplainSaysWhichLevelsAreRead(t *testing.T) {
	f := retained(t, "1m:20h, 1h:50h, 1d", 0)
	defer func() { f.close() }()
	for question, want := range map[string]string{
		"SELECT MERGE(n) FROM v": "all rows; windows of 1d, rolled up, from 1970-01-01T00:00:00Z, before 1970-01-03T00:00:00Z; " +
			"windows of 1m, rolled up, from 1970-01-03T00:00:00Z, before 1970-01-03T11:00:00Z; windows of 10s, as they are kept, from 1970-01-03T11:00:00Z",
		"SELECT MERGE(n) FROM v WHERE window_start >= '1970-01-02T09:30:00Z' AND window_start < '1970-01-02T12:00:00Z' WINDOW TUMBLING (SIZE 1 HOUR)": "rows within a range of time; " +
			"windows of 1h, rolled up, from 1970-01-02T10:00:00Z, before 1970-01-02T12:00:00Z",
		"SELECT n FROM v WHERE k = 'a' AND odd = 1":                                         "all rows; windows of 10s, as they are kept, from 1970-01-03T10:00:00Z",
		"SELECT n FROM v WHERE window_start < '1970-01-01'":                                 "rows within a range of time; no windows: there are none in the range",
		"SELECT n FROM v WHERE window_start > '1970-01-02' AND window_start < '1970-01-01'": "rows within a range of time; nothing: no time is within the range",
	} {
		a, err := f.core.Execute(context.Background(), "EXPLAIN "+question)
		check(t, err)
		text := a.Rows[0][0].Text()
		_, text, _ = strings.Cut(text, "scan     ")
		var lines []string
		for line := range strings.Lines(text) {
			if len(lines) > 0 && !strings.Contains(line, "│  ") {
				break
			}
			lines = append(lines, strings.TrimLeft(strings.TrimSpace(line), " │├└─"))
		}
		if got := strings.Join(lines, "; "); got != want {
			t.Errorf("%s\n%s\nwant\n%s", question, got, want)
		}
	}
}

// Each level is kept for as long as it says, and no longer; of what is older the coarser ones answer.
func TestLevelsAreKeptForAsLongAsTheySay(t *testing.T) {
	f := retained(t, "1m:20h, 1h:50h, 1d", 0)
	defer func() { f.close() }()
	count := func(where, size string) string {
		rows, err := f.ask("SELECT MERGE(n) FROM v WHERE " + where + " WINDOW TUMBLING (SIZE " + size + ")")
		check(t, err)
		return fmt.Sprint(len(rows))
	}
	for _, c := range []struct{ where, size, want string }{
		{"window_start >= '1970-01-01T00:00:00Z'", "1 DAY", "3"},
		{"window_start < '1970-01-02T00:00:00Z'", "1 DAY", "1"},
		{"window_start >= '1970-01-01T10:00:00Z' AND window_start < '1970-01-02T00:00:00Z'", "1 HOUR", "14"}, // hours are dropped by the day, as they were made
		{"window_start >= '1970-01-02T00:00:00Z' AND window_start < '1970-01-03T00:00:00Z'", "1 HOUR", "24"},
		{"window_start >= '1970-01-02T16:00:00Z' AND window_start < '1970-01-02T17:00:00Z'", "1 MINUTE", "3"},
		{"window_start >= '1970-01-02T15:00:00Z' AND window_start < '1970-01-02T16:00:00Z'", "1 MINUTE", "0"},
		{"window_start >= '1970-01-03T09:00:00Z' AND window_start < '1970-01-03T10:00:00Z'", "10 SECONDS", "0"},
		{"window_start >= '1970-01-03T11:00:00Z' AND window_start < '1970-01-03T12:00:00Z'", "10 SECONDS", "3"},
	} {
		if got := count(c.where, c.size); got != c.want {
			t.Errorf("%s by %s: %s windows, want %s", c.where, c.size, got, c.want)
		}
	}
}

// Past the limit the oldest blocks of the finest level go first, and what coarser ones are still to be made of stays.
func TestRollupsKeepTheirBudget(t *testing.T) {
	free := retained(t, "1m, 1h, 1d", 0)
	want, err := free.ask("SELECT window_start, MERGE(n), MERGE(p90) FROM v WINDOW TUMBLING (SIZE 1 DAY)")
	check(t, err)
	limit := int64(0) // all but half of the finest
	for _, u := range free.core.rollups.Usage() {
		if u.Size == 60*second {
			limit += u.Bytes / 2
		} else {
			limit += u.Bytes
		}
	}
	free.close()
	f := retained(t, "1m, 1h, 1d", limit)
	defer func() { f.close() }()
	now := int64(0)
	for _, u := range f.core.rollups.Usage() {
		now += u.Bytes
	}
	if now > limit || now < limit*9/10 {
		t.Errorf("%d bytes, of which %d may be", now, limit)
	}
	got, err := f.ask("SELECT window_start, MERGE(n), MERGE(p90) FROM v WINDOW TUMBLING (SIZE 1 DAY)")
	check(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	counted := make(chan prometheus.Metric, 100)
	f.core.m.rollupsDropped.Collect(counted)
	if len(counted) == 0 {
		t.Error("what was dropped is not counted")
	}
}
