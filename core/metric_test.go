package core

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

const metricSQLText = `CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts');
	CREATE VIEW fine AS SELECT k, COUNT(*) AS n, COUNT(DISTINCT id) AS ids, SUM(x) AS sum, AVG(x) AS avg, MIN(x) AS lo, MAX(x) AS hi, PERCENTILE(x, 0.9) AS p,
		MAX(x) - MIN(x) AS spread, LAST(id) AS ended FROM l WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY k;
	CREATE VIEW coarse AS SELECT k, COUNT(*) AS n, COUNT(DISTINCT id) AS ids, SUM(x) AS sum, AVG(x) AS avg, MIN(x) AS lo, MAX(x) AS hi,
		PERCENTILE(x, 0.5) AS p50, PERCENTILE(x, 0.95) AS p95, PERCENTILE(x, 0.99) AS p99 FROM l WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k;
	CREATE VIEW numbered AS SELECT x % 3 AS "the rest", COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY x % 3;
	CREATE VIEW overlapping AS SELECT k, COUNT(*) AS n FROM l WINDOW HOPPING (SIZE 1 MINUTE, ADVANCE BY 30 SECONDS) GROUP BY k;
	CREATE VIEW visits AS SELECT k, COUNT(*) AS n FROM l WINDOW SESSION (30 SECONDS) GROUP BY k;
	CREATE VIEW everything AS SELECT k, COUNT(*) AS n FROM l GROUP BY k;`

func metricField(t tester) *field {
	f := newField(t, 2)
	statements, err := sql.Parse(metricSQLText)
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	return f
}

func (f *field) points(q api.MetricQuery) []string {
	f.t.Helper()
	m, err := f.core.Metric(context.Background(), &q)
	check(f.t, err)
	list := []string{}
	for _, p := range m.Points {
		list = append(list, p.Time.Text()+" "+p.Value.Text())
	}
	return list
}

// A chart at a coarser granularity shows what a view over the larger windows shows, of each aggregate, over any range and key.
func TestMetricIsTheViewOfItsGranularity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := metricField(t)
		defer func() { f.close() }()
		var now []reading
		for i := range rapid.IntRange(0, 40).Draw(t, "readings") {
			now = append(now, fact{stream: "l", id: fmt.Sprint("id", rapid.IntRange(0, 5).Draw(t, "id")), k: rapid.SampledFrom([]string{"a", "b'"}).Draw(t, "k"),
				us: rapid.Int64Range(0, 250).Draw(t, "us")*second + int64(i), x: rapid.Int64Range(1, 40).Draw(t, "x")}.reading(f))
		}
		f.send("north", nil, now...)
		from, to := 60*second*rapid.Int64Range(0, 2).Draw(t, "from"), 60*second*rapid.Int64Range(3, 5).Draw(t, "to")
		key := rapid.SampledFrom([]string{"a", "b'"}).Draw(t, "key")
		for _, c := range []struct{ column, aggregation, of string }{{"n", "sum", "n"}, {"n", "count", "n"}, {"n", "", "n"}, {"ids", "count", "ids"}, {"ids", "", "ids"},
			{"sum", "sum", "sum"}, {"avg", "avg", "avg"}, {"lo", "min", "lo"}, {"hi", "max", "hi"}, {"p", "p50", "p50"}, {"p", "p95", "p95"}, {"p", "p99", "p99"}} {
			q := api.MetricQuery{View: "fine", Column: c.column, Aggregation: c.aggregation, Keys: []string{key}, From: from, To: to, GranularityUs: 60 * second}
			want, err := f.ask(fmt.Sprintf("SELECT window_start, %s FROM coarse WHERE k = '%s' AND window_start >= '%s' AND window_start < '%s' ORDER BY window_start", c.of,
				strings.ReplaceAll(key, "'", "''"), value.FormatTime(from), value.FormatTime(to)))
			check(t, err)
			for i := range want {
				want[i] = strings.Replace(want[i], ", ", " ", 1)
			}
			if got := f.points(q); !slices.Equal(got, want) {
				t.Fatalf("%s of %s: %q, want %q", c.aggregation, c.column, got, want)
			}
		}
	})
}

func TestMetricOfWindowsValues(t *testing.T) {
	f := metricField(t)
	defer func() { f.close() }()
	var all []reading
	for i, x := range []int64{1, 2, 3, 10, 20} { // windows of 10 s with 3 and 2 readings
		all = append(all, fact{stream: "l", id: fmt.Sprint("id", i), k: "a", us: int64(i)*3*second + second, x: x}.reading(f))
	}
	f.send("north", nil, all...)
	everything := api.MetricQuery{View: "fine", From: math.MinInt64, To: math.MaxInt64, GranularityUs: 3600 * second}
	for question, want := range map[string]string{
		"n avg": "2.5", "n min": "2", "n max": "3", "spread max": "10", "spread sum": "12", "spread count": "2", "hi avg": "11.5", "ended count": "2", "avg max": "15",
	} {
		q := everything
		q.Column, q.Aggregation, _ = strings.Cut(question, " ")
		got := f.points(q)
		if len(got) != 1 || !strings.HasSuffix(got[0], " "+want) {
			t.Errorf("%s: %q, want %s", question, got, want)
		}
	}
	q := api.MetricQuery{View: "numbered", Column: "n", Keys: []string{"1"}, From: math.MinInt64, To: math.MaxInt64, GranularityUs: 60 * second}
	if got := f.points(q); len(got) != 1 || !strings.HasSuffix(got[0], " 2") {
		t.Errorf("by a number: %q", got)
	}
	q = api.MetricQuery{View: "overlapping", Column: "n", From: math.MinInt64, To: math.MaxInt64}
	if got := f.points(q); len(got) != 2 {
		t.Errorf("overlapping windows: %q", got)
	}
}

func TestMetricRefusals(t *testing.T) {
	f := metricField(t)
	defer func() { f.close() }()
	for question, want := range map[string]string{
		"nothing n":           "there is no view `nothing`",
		"fine nothing":        "no column `nothing`",
		"fine k":              "key=",
		"visits n":            "no windows of one length",
		"everything n":        "no windows of one length",
		"overlapping n 60":    "overlap",
		"fine n 15":           "not a whole number of fine's windows, which are 10 s",
		"fine p 60 avg":       "would be no avg of readings",
		"fine ids 60 sum":     "COUNT DISTINCT",
		"fine avg 60 sum":     "which is AVG",
		"fine ended 60 max":   "no number",
		"fine spread 60":      "aggregation=",
		"fine n 60 sum a b":   "key is given 2 times; fine has 1",
		"numbered n 60 sum a": `"a" is no BIGINT`,
	} {
		words := strings.Fields(question)
		q := &api.MetricQuery{View: words[0], Column: words[1], From: math.MinInt64, To: math.MaxInt64}
		if len(words) > 2 {
			_, err := fmt.Sscan(words[2], &q.GranularityUs)
			check(t, err)
			q.GranularityUs *= second
		}
		if len(words) > 3 {
			q.Aggregation, q.Keys = words[3], words[4:]
		}
		_, err := f.core.Metric(context.Background(), q)
		if !isStatement(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", question, err, want)
		}
	}
}
