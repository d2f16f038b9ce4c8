package core

import (
	"cmp"
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
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"github.com/hexpane/hexpane/protocol/wire"
	"pgregory.net/rapid"
)

const conformSQL = `CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');
	CREATE STREAM r (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'r/{id}', timestamp = 'ts', disorder = '0s');
	CREATE VIEW two AS SELECT k, x % 2 AS odd, COUNT(*) AS n, SUM(x) AS sum, MIN(x) AS lo, MAX(x) AS hi, AVG(x) AS mean, PERCENTILE(x, 0.9) AS p90, COUNT(DISTINCT id) AS ids,
		SUM(CAST(x AS DECIMAL(9,9)) + 123456789.123456789) AS money, NULLIF(COUNT(*), 2) AS untwo, TOPK(x, 2) AS top
		FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY k, x % 2;
	CREATE VIEW once AS SELECT k, COUNT(*) AS n, LAST(x) AS ended FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY k EMIT FINAL;
	CREATE VIEW busy AS SELECT k, COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY k HAVING COUNT(*) > 1;
	CREATE VIEW hops AS SELECT k, COUNT(*) AS n, PERCENTILE(x, 0.5) AS mid, COUNT(DISTINCT x) AS kinds FROM l
		WINDOW HOPPING (SIZE 20 SECONDS, ADVANCE BY 10 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY k HAVING MAX(x) > 9;
	CREATE VIEW visits AS SELECT k, COUNT(*) AS n, PERCENTILE(x, 0.5) AS mid, FIRST(x) AS began FROM l WINDOW SESSION (8 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY k HAVING COUNT(*) <> 2;
	CREATE VIEW visited AS SELECT k, SUM(x) AS sum FROM l WINDOW SESSION (8 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY k EMIT FINAL;
	CREATE VIEW always AS SELECT k, SUM(x) AS sum FROM l GROUP BY k;
	CREATE VIEW met AS SELECT l.k AS k, COUNT(*) AS n, SUM(l.x * r.x) AS total, PERCENTILE(r.x, 0.5) AS mid FROM l JOIN r WITHIN (3 SECONDS, 5 SECONDS) ON l.k = r.k
		WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY l.k;
	CREATE VIEW over AS SELECT odd, SUM(n) AS n, MAX(hi) AS hi, COUNT(*) AS groups FROM two GROUP BY odd, window_start;`

// What every store of history must do.
func conforms(t *testing.T, open func(f *field, m *moment) history) {
	rapid.Check(t, func(t *rapid.T) {
		f := newHistoryField(t, 2)
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
				now = append(now, fact{stream: rapid.SampledFrom([]string{"l", "l", "r"}).Draw(t, "stream"), id: fmt.Sprint("id", rapid.IntRange(0, 5).Draw(t, "id")),
					k:  rapid.SampledFrom([]string{"a", "b'", "", " c,", `d\`}).Draw(t, "k"),
					us: watermark + rapid.Int64Range(0, 90*second).Draw(t, "us"), x: rapid.Int64Range(1, 40).Draw(t, "x")}.reading(f))
			}
			all = append(all, now...)
			watermark += rapid.Int64Range(0, 60).Draw(t, "on") * second
			streams := f.core.catalog.plan().Streams
			f.send("north", map[uint32]int64{streams[0].Id: watermark, streams[1].Id: watermark}, now...)
		}
		for _, v := range f.core.catalog.plan().Views {
			q := drawQuestion(t, v)
			m := f.core.moment(v)
			h := open(f, m)
			got := map[string]bool{}
			check(t, h.Rows(context.Background(), q, func(row []value.Value) (bool, error) {
				text := rowText(row)
				if got[text] {
					t.Fatal("twice:", text)
				}
				got[text] = true
				return true, nil
			}))
			must, may := expected(t, m, q, all)
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
			check(t, m.store.Close())
		}
	})
}

func drawQuestion(t *rapid.T, v *plan.View) *store.Question {
	q := &store.Question{View: v, From: math.MinInt64, To: math.MaxInt64, Keys: make([]value.Value, len(v.Keys))}
	if rapid.Bool().Draw(t, "bounded") {
		q.From, q.To = rapid.Int64Range(0, 100*second).Draw(t, "from"), rapid.Int64Range(0, 150*second).Draw(t, "to")
	}
	if v.Keys[0].Type.Value().Kind == value.String && rapid.Bool().Draw(t, "by k") {
		q.Keys[0] = value.OfString(rapid.SampledFrom([]string{"a", "b'", "", "none", `d\`}).Draw(t, "key"))
	}
	if v.Name == "two" && rapid.Bool().Draw(t, "by odd") {
		q.Keys[1] = value.OfInt(rapid.Int64Range(0, 1).Draw(t, "odd"))
	}
	for i := range v.Aggregates {
		if rapid.Bool().Draw(t, "state") {
			q.States = append(q.States, i)
		}
	}
	return q
}

// expected puts the readings into windows one by one: the rows that must come, and those that may. What the core makes of rows, not of readings, is
// what its own store says.
func expected(t *rapid.T, m *moment, q *store.Question, all []reading) (must, may map[string]bool) {
	v := q.View
	must, may = map[string]bool{}, map[string]bool{}
	note := func(row []value.Value) {
		start := int64(window.Beginning)
		if at := row[len(v.Outputs)]; !at.IsNull() {
			start = at.Int()
		}
		wanted := start >= q.From && start < q.To
		for i, k := range q.Keys {
			wanted = wanted && (k.IsNull() || k == row[i])
		}
		may[rowText(row)] = true
		if wanted {
			must[rowText(row)] = true
		}
	}
	if v.Core {
		everything := &store.Question{View: v, From: math.MinInt64, To: math.MaxInt64, States: q.States}
		check(t, kept{m}.Rows(context.Background(), everything, func(row []value.Value) (bool, error) {
			note(row)
			return true, nil
		}))
		return must, may
	}
	view, err := merge.NewView(v)
	check(t, err)
	layout, err := plan.Layout(v)
	check(t, err)
	f := &field{t: t}
	for place, readings := range placesOf(f, v, all) {
		w := &merge.Window{Partial: layout.New(), End: math.MinInt64}
		for _, r := range readings {
			w.End = max(w.End, r.us())
			for i, a := range v.Aggregates {
				argument := value.OfInt(1)
				if a.Argument != nil {
					argument = f.eval(a.Argument, r.row)
				}
				w.Partial[i].Observe(argument, r.us())
			}
		}
		watermark := m.watermarks[wire.Partition([]byte(place.key), uint32(len(m.watermarks)))]
		row, shown, err := view.Shape().Row(nil, place.start, []byte(place.key), w, watermark)
		check(t, err)
		if !shown || v.EmitFinal && !row[len(row)-1].Bool() {
			continue
		}
		for _, n := range q.States {
			row = append(row, value.OfString(string(w.Partial[n].Append(nil))))
		}
		note(row)
	}
	return must, may
}

// placed is a window of a key.
type placed struct {
	start int64
	key   string
}

// placesOf says which readings are in which windows of a view.
func placesOf(f *field, v *plan.View, all []reading) map[placed][]reading {
	byKey, places := map[string][]reading{}, map[placed][]reading{}
	for _, r := range all {
		if r.stream.Id != v.Stream {
			continue
		}
		var key []byte
		for _, e := range v.KeyExprs {
			key = value.Append(key, f.eval(e, r.row))
		}
		byKey[string(key)] = append(byKey[string(key)], r)
	}
	for key, readings := range byKey {
		slices.SortFunc(readings, func(a, b reading) int { return cmp.Compare(a.us(), b.us()) })
		session := placed{key: key}
		for i, r := range readings {
			switch {
			case v.GapUs > 0:
				if i == 0 || r.us()-readings[i-1].us() > v.GapUs {
					session.start = r.us()
				}
				places[session] = append(places[session], r)
			case v.AdvanceUs > 0:
				for start := window.Pane(r.us(), v.AdvanceUs); start > r.us()-v.WindowUs; start -= v.AdvanceUs {
					places[placed{start, key}] = append(places[placed{start, key}], r)
				}
			default:
				at := placed{window.Pane(r.us(), v.WindowUs), key}
				places[at] = append(places[at], r)
			}
		}
	}
	return places
}

func TestTheCoresOwnStoreConforms(t *testing.T) {
	conforms(t, func(_ *field, m *moment) history { return kept{m} })
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
