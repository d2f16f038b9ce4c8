package core

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// An earlier period is what the same question gives of that period, with its times moved on; by SELECT, beside the present one by JOIN, and as
// the second line of a chart.
func TestAnEarlierPeriodIsThatPeriod(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := metricField(t)
		defer func() { f.close() }()
		var now []reading
		for i := range rapid.IntRange(0, 40).Draw(t, "readings") {
			now = append(now, fact{stream: "l", id: fmt.Sprint("id", rapid.IntRange(0, 5).Draw(t, "id")), k: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "k"),
				us: rapid.Int64Range(0, 600).Draw(t, "us")*second + int64(i), x: rapid.Int64Range(1, 40).Draw(t, "x")}.reading(f))
		}
		f.send("north", nil, now...)
		by := rapid.Int64Range(1, 6).Draw(t, "minutes") * 60 * second
		from, to := rapid.Int64Range(0, 30).Draw(t, "from")*10*second, rapid.Int64Range(31, 90).Draw(t, "to")*10*second
		ask := func(query string) []string {
			t.Helper()
			rows, err := f.ask(query)
			check(t, err)
			slices.Sort(rows)
			return rows
		}
		within := func(from, to int64) string {
			return fmt.Sprintf(" WHERE window_start >= '%s' AND window_end <= '%s'", value.FormatTime(from), value.FormatTime(to))
		}
		moved := fmt.Sprintf("k, n, hi, window_start + INTERVAL '%d' SECOND, window_end + INTERVAL '%d' SECOND", by/second, by/second)
		got, want := ask(fmt.Sprintf("SELECT k, n, hi, window_start, window_end FROM fine OFFSET '%ds'", by/second)+within(from, to)), ask("SELECT "+moved+" FROM fine"+within(from-by, to-by))
		if !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
		grouped := " WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY window_start, k"
		got = ask(fmt.Sprintf("SELECT window_start, k, MERGE(n), MERGE(p), MERGE(ids), MERGE(ended) FROM fine OFFSET '%ds'", by/second) + within(from, to) + grouped)
		want = ask(fmt.Sprintf("SELECT window_start + INTERVAL '%d' SECOND, k, MERGE(n), MERGE(p), MERGE(ids), MERGE(ended) FROM fine", by/second) + within(from-by, to-by) + grouped)
		if !slices.Equal(got, want) {
			t.Fatalf("grouped: %q, want %q", got, want)
		}
		beside := fmt.Sprintf(" JOIN fine OFFSET '%ds' AS b ON b.k = a.k AND b.window_start = a.window_start", by/second)
		got = ask("SELECT a.k, a.n, b.n, a.window_start FROM fine a" + beside + fmt.Sprintf(" WHERE a.window_start >= '%s'", value.FormatTime(from)))
		want = nil
		before := map[string]string{}
		for _, row := range f.rows(t, fmt.Sprintf("SELECT k, window_start + INTERVAL '%d' SECOND, n FROM fine", by/second)) {
			before[row[0].Text()+row[1].Text()] = row[2].Text()
		}
		for _, row := range f.rows(t, "SELECT k, window_start, n FROM fine"+fmt.Sprintf(" WHERE window_start >= '%s'", value.FormatTime(from))) {
			if n, ok := before[row[0].Text()+row[1].Text()]; ok {
				want = append(want, fmt.Sprintf("%s, %s, %s, %s", row[0].Text(), row[2].Text(), n, row[1].Text()))
			}
		}
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Fatalf("beside: %q, want %q", got, want)
		}
		q := api.MetricQuery{View: "fine", Column: "n", From: from, To: to, GranularityUs: 60 * second, OffsetUs: by}
		m, err := f.core.Metric(context.Background(), &q)
		check(t, err)
		q.From, q.To, q.OffsetUs = from-by, to-by, 0
		old, err := f.core.Metric(context.Background(), &q)
		check(t, err)
		for i := range old.Points {
			old.Points[i].Time = value.OfTime(old.Points[i].Time.Int() + by)
		}
		if !slices.Equal(m.Earlier, old.Points) {
			t.Fatalf("the earlier line is %v, want %v", m.Earlier, old.Points)
		}
	})
}

// rows are a SELECT's.
func (f *field) rows(t tester, query string) [][]value.Value {
	t.Helper()
	a, err := f.core.Execute(context.Background(), query)
	check(t, err)
	return a.Rows
}
