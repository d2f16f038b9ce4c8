package core

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/core/sql"
	"pgregory.net/rapid"
)

// Windows and keys put together by a question give what a view over the larger ones holds.
func TestMergedIsAsIfNeverKeptApart(t *testing.T) {
	const columns = "COUNT(*) AS n, COUNT(DISTINCT id) AS ids, SUM(x) AS sum, AVG(x) AS avg, MIN(x) AS lo, MAX(x) AS hi, STDDEV(x) AS dev, PERCENTILE(x, 0.9) AS p90, " +
		"FIRST(x) AS began, LAST(x) AS ended, COLLECT_LIST(x) AS list, TOPK(x, 3) AS top"
	const merged = "MERGE(n), MERGE(ids), MERGE(sum), MERGE(avg), MERGE(lo), MERGE(hi), ROUND(MERGE(dev) * 1000), MERGE(p90), MERGE(p90, 0.2), MERGE(began), MERGE(ended), MERGE(list), MERGE(top)"
	rapid.Check(t, func(t *rapid.T) {
		f := newField(t, 2)
		defer func() { f.close() }()
		statements, err := sql.Parse(`CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts');
			CREATE VIEW fine AS SELECT k, x % 2 AS odd, ` + columns + ` FROM l WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY k, x % 2;
			CREATE VIEW coarse AS SELECT k, ` + columns + `, PERCENTILE(x, 0.2) AS p20 FROM l WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k`)
		check(t, err)
		for _, st := range statements {
			_, err := f.do(st)
			check(t, err)
		}
		var now []reading
		for i := range rapid.IntRange(0, 30).Draw(t, "readings") {
			now = append(now, fact{stream: "l", id: fmt.Sprint("id", rapid.IntRange(0, 5).Draw(t, "id")), k: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "k"),
				us: rapid.Int64Range(0, 130).Draw(t, "us")*second + int64(i), x: rapid.Int64Range(1, 40).Draw(t, "x")}.reading(f))
		}
		f.send("north", nil, now...)
		got, err := f.ask("SELECT window_start, k, " + merged + " FROM fine WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k")
		check(t, err)
		want, err := f.ask("SELECT window_start, k, n, ids, sum, avg, lo, hi, ROUND(dev * 1000), p90, p20, began, ended, list, top FROM coarse")
		check(t, err)
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	})
}
