package core

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"pgregory.net/rapid"
)

const conformSQL = `CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');
	CREATE VIEW two AS SELECT k, x % 2 AS odd, COUNT(*) AS n, SUM(x) AS sum, MIN(x) AS lo, MAX(x) AS hi, AVG(x) AS mean, PERCENTILE(x, 0.9) AS p90, COUNT(DISTINCT id) AS ids
		FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY k, x % 2;
	CREATE VIEW once AS SELECT k, COUNT(*) AS n, LAST(x) AS ended FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY k EMIT FINAL;
	CREATE VIEW busy AS SELECT k, COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY k HAVING COUNT(*) > 1;`

// What every store of history must do. One that has no aggregates' states says so by states = false, and is not asked for them.
func conforms(t *testing.T, states bool, open func(f *field) history) {
	rapid.Check(t, func(t *rapid.T) {
		f := newField(t, 2)
		defer func() { f.close() }()
		statements, err := sql.Parse(conformSQL)
		check(t, err)
		for _, st := range statements {
			_, err := f.do(st)
			check(t, err)
		}
		var all []reading
		watermark := int64(0)
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			var now []reading
			for range rapid.IntRange(0, 15).Draw(t, "readings") {
				now = append(now, fact{stream: "l", id: fmt.Sprint("id", rapid.IntRange(0, 5).Draw(t, "id")), k: rapid.SampledFrom([]string{"a", "b'", "", " c,"}).Draw(t, "k"),
					us: watermark + rapid.Int64Range(0, 90*second).Draw(t, "us"), x: rapid.Int64Range(1, 40).Draw(t, "x")}.reading(f))
			}
			all = append(all, now...)
			watermark += rapid.Int64Range(0, 60).Draw(t, "on") * second
			f.send("north", map[uint32]int64{f.core.catalog.plan().Streams[0].Id: watermark}, now...)
		}
		h := open(f)
		for _, v := range f.core.catalog.plan().Views {
			q := drawQuestion(t, v, states)
			got := map[string]bool{}
			check(t, h.Rows(context.Background(), q, func(row []value.Value) (bool, error) {
				text := rowText(row)
				if got[text] {
					t.Fatal("twice:", text)
				}
				got[text] = true
				return true, nil
			}))
			must, may := expected(t, q, all, watermark)
			for text := range must {
				if !got[text] {
					t.Fatalf("%s: missing %q of\n%s", v.Name, text, strings.Join(slices.Sorted(maps.Keys(got)), "\n"))
				}
			}
			for text := range got {
				if !may[text] {
					t.Fatalf("%s: %q is none of\n%s", v.Name, text, strings.Join(slices.Sorted(maps.Keys(may)), "\n"))
				}
			}
			n := 0
			check(t, h.Rows(context.Background(), q, func([]value.Value) (bool, error) {
				n++
				return false, nil
			}))
			if n > 1 {
				t.Fatal("it goes on though it was ended")
			}
		}
	})
}

func drawQuestion(t *rapid.T, v *plan.View, states bool) *store.Question {
	q := &store.Question{View: v, From: math.MinInt64, To: math.MaxInt64, Keys: make([]value.Value, len(v.Keys))}
	if rapid.Bool().Draw(t, "bounded") {
		q.From, q.To = rapid.Int64Range(0, 100*second).Draw(t, "from"), rapid.Int64Range(0, 150*second).Draw(t, "to")
	}
	if rapid.Bool().Draw(t, "by k") {
		q.Keys[0] = value.OfString(rapid.SampledFrom([]string{"a", "b'", "", "none"}).Draw(t, "key"))
	}
	if len(q.Keys) > 1 && rapid.Bool().Draw(t, "by odd") {
		q.Keys[1] = value.OfInt(rapid.Int64Range(0, 1).Draw(t, "odd"))
	}
	if states {
		for i := range v.Aggregates {
			if rapid.Bool().Draw(t, "state") {
				q.States = append(q.States, i)
			}
		}
	}
	return q
}

// expected puts the readings into windows one by one: the rows that must come, and those that may.
func expected(t *rapid.T, q *store.Question, all []reading, watermark int64) (must, may map[string]bool) {
	v := q.View
	view, err := merge.NewView(v)
	check(t, err)
	layout, err := plan.Layout(v)
	check(t, err)
	type at struct {
		start int64
		key   string
	}
	partials, f := map[at]aggregate.Partial{}, &field{t: t}
	for _, r := range all {
		var key []byte
		for _, e := range v.KeyExprs {
			key = value.Append(key, f.eval(e, r.row))
		}
		place := at{window.Pane(r.us(), v.WindowUs), string(key)}
		if partials[place] == nil {
			partials[place] = layout.New()
		}
		for i, a := range v.Aggregates {
			argument := value.OfInt(1)
			if a.Argument != nil {
				argument = f.eval(a.Argument, r.row)
			}
			partials[place][i].Observe(argument, r.us())
		}
	}
	must, may = map[string]bool{}, map[string]bool{}
	for place, p := range partials {
		row, shown, err := view.Shape().Row(nil, place.start, []byte(place.key), &merge.Window{Partial: p}, watermark)
		check(t, err)
		if !shown || v.EmitFinal && !row[len(row)-1].Bool() {
			continue
		}
		wanted := place.start >= q.From && place.start < q.To
		for i, k := range q.Keys {
			wanted = wanted && (k.IsNull() || k == row[i])
		}
		for _, n := range q.States {
			row = append(row, value.OfString(string(p[n].Append(nil))))
		}
		text := rowText(row)
		may[text] = true
		if wanted {
			must[text] = true
		}
	}
	return must, may
}

func TestTheCoresOwnStoreConforms(t *testing.T) {
	conforms(t, true, func(f *field) history { return kept{f.core} })
}

// tape is a history of rows of one column, the starts of windows.
type tape struct {
	since, to int64
	none      bool
	asked     []string
}

func (h *tape) Since(context.Context, *store.Question) (int64, bool, error) {
	return h.since, !h.none, nil
}

func (h *tape) Rows(_ context.Context, q *store.Question, f func([]value.Value) (bool, error)) error {
	h.asked = append(h.asked, fmt.Sprint(q.From, "-", q.To))
	for us := max(q.From, 0); us < min(q.To, h.to); us++ {
		if more, err := f([]value.Value{value.OfInt(us)}); err != nil || !more {
			return err
		}
	}
	return nil
}

// Of two stores the older rows come from the second, and none from both.
func TestHistoriesFollowOneAnother(t *testing.T) {
	view := &plan.View{WindowUs: 1}
	for _, c := range []struct {
		first, second *tape
		from, to      int64
		limit         int
		want          string
	}{
		{&tape{since: 5, to: 9}, &tape{to: 9}, 0, 9, 99, "012345678 [5-9] [0-5]"},
		{&tape{since: 5, to: 9}, &tape{to: 9}, 6, 9, 99, "678 [6-9] []"},
		{&tape{since: 5, to: 9}, &tape{to: 9}, 1, 3, 99, "12 [] [1-3]"},
		{&tape{since: 5, to: 9}, &tape{to: 9}, 3, 9, 2, "34 [] [3-5]"},
		{&tape{since: 5, to: 9}, &tape{to: 9}, 3, 9, 1, "3 [] [3-5]"},
		{&tape{since: 5, to: 9, none: true}, &tape{to: 9}, 3, 9, 99, "345678 [] [3-9]"},
		{&tape{since: 5, to: 9}, &tape{to: 9}, 3, 3, 99, " [] []"},
	} {
		got := ""
		check(t, rowsOf(context.Background(), []history{c.first, c.second}, &store.Question{View: view, From: c.from, To: c.to}, func(row []value.Value) (bool, error) {
			got += row[0].Text()
			return len(got) < c.limit, nil
		}))
		if got = fmt.Sprint(got, " ", c.first.asked, " ", c.second.asked); got != c.want {
			t.Errorf("%d to %d: %s, want %s", c.from, c.to, got, c.want)
		}
	}
}
