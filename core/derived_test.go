package core

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
	"pgregory.net/rapid"
)

const derivedSQL = `
CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts');
CREATE STREAM r (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'r/{id}', timestamp = 'ts');
CREATE TABLE t (k STRING KEY, ts TIMESTAMP, x BIGINT) WITH (topic = 't/{k}', timestamp = 'ts');
CREATE VIEW met AS SELECT l.k AS k, COUNT(*) AS n, SUM(l.x * r.x) AS total FROM l JOIN r WITHIN (3 SECONDS, 5 SECONDS) %[1]s ON l.k = r.k AND l.x <> r.x + 1
	WINDOW TUMBLING (SIZE 10 SECONDS%[2]s) WHERE l.x > 1 GROUP BY l.k;
CREATE VIEW alone AS SELECT l.id AS id, COUNT(*) AS n FROM l LEFT JOIN r WITHIN (3 SECONDS, 5 SECONDS) %[1]s ON l.k = r.k AND l.x <= r.x WHERE r.id IS NULL GROUP BY l.id;
CREATE VIEW known AS SELECT COALESCE(t.x, -1) AS tx, COUNT(*) AS n, SUM(l.x) AS total FROM l LEFT JOIN t ON l.k = t.k GROUP BY COALESCE(t.x, -1);
CREATE VIEW top AS SELECT MAX(total) AS top, MIN(n) AS least, COUNT(*) AS groups FROM met GROUP BY window_start;
CREATE VIEW per_k AS SELECT k, COUNT(*) AS n, PERCENTILE(x, 0.5) AS mid FROM l GROUP BY k HAVING SUM(x) > 3;
CREATE VIEW spread AS SELECT n, COUNT(*) AS groups FROM per_k GROUP BY n;
CREATE VIEW both AS SELECT k, COUNT(*) AS n, SUM(x) AS total FROM (SELECT k, x FROM l UNION ALL SELECT k, x + 100 FROM r WHERE x > 2) u
	WINDOW TUMBLING (SIZE 20 SECONDS%[2]s) GROUP BY k;
`

// fact is a reading as the oracle sees it.
type fact struct {
	stream string
	id, k  string
	us, x  int64
}

func (f fact) reading(p *field) reading {
	plan := p.core.catalog.plan()
	s := plan.Streams[slices.Index([]string{"l", "r", "t"}, f.stream)]
	row := []value.Value{value.OfString(f.id), value.OfTime(f.us), value.OfString(f.k), value.OfInt(f.x)}
	if f.stream == "t" {
		row = []value.Value{value.OfString(f.k), value.OfTime(f.us), value.OfInt(f.x)}
	}
	return reading{s, row}
}

// naiveDerived computes all views of derivedSQL from all facts at once.
func naiveDerived(facts []fact) map[string][]string {
	of := func(stream string) (list []fact) {
		for _, f := range facts {
			if f.stream == stream {
				list = append(list, f)
			}
		}
		return list
	}
	type sums struct{ n, total int64 }
	all := map[string][]string{}
	put := func(view, format string, args ...any) { all[view] = append(all[view], fmt.Sprintf(format, args...)) }
	start := func(us, size int64) string { return value.FormatTime(us / (size * second) * size * second) }
	add := func(m map[string]*sums, key string, x int64) {
		if m[key] == nil {
			m[key] = &sums{}
		}
		m[key].n++
		m[key].total += x
	}
	met, alone, both, known, perK := map[string]*sums{}, map[string]*sums{}, map[string]*sums{}, map[string]*sums{}, map[string]*sums{}
	for _, l := range of("l") {
		found := false
		for _, r := range of("r") {
			if l.k != r.k || r.us < l.us-3*second || r.us > l.us+5*second {
				continue
			}
			if l.x > 1 && l.x != r.x+1 {
				add(met, start(max(l.us, r.us), 10)+", "+l.k, l.x*r.x)
			}
			found = found || l.x <= r.x
		}
		if !found {
			add(alone, l.id, 0)
		}
		newest, tx := int64(-1), int64(-1)
		for _, t := range of("t") {
			if t.k == l.k && t.us <= l.us && t.us > newest {
				newest, tx = t.us, t.x
			}
		}
		add(known, fmt.Sprint(tx), l.x)
		add(perK, l.k, l.x)
		add(both, start(l.us, 20)+", "+l.k, l.x)
	}
	for _, r := range of("r") {
		if r.x > 2 {
			add(both, start(r.us, 20)+", "+r.k, r.x+100)
		}
	}
	tops := map[string][]*sums{}
	for key, s := range met {
		put("met", "%s, %d, %d", key, s.n, s.total)
		window := key[:len(start(0, 10))]
		tops[window] = append(tops[window], s)
	}
	for window, list := range tops {
		top, least := list[0].total, list[0].n
		for _, s := range list {
			top, least = max(top, s.total), min(least, s.n)
		}
		put("top", "%s, %d, %d, %d", window, top, least, len(list))
	}
	for key, s := range alone {
		put("alone", "%s, %d", key, s.n)
	}
	for key, s := range known {
		put("known", "%s, %d, %d", key, s.n, s.total)
	}
	for key, s := range both {
		put("both", "%s, %d, %d", key, s.n, s.total)
	}
	spread := map[int64]int{}
	for _, s := range perK {
		if s.total > 3 {
			spread[s.n]++
		}
	}
	for n, groups := range spread {
		put("spread", "%d, %d", n, groups)
	}
	for _, rows := range all {
		slices.Sort(rows)
	}
	return all
}

var derivedQuestions = map[string]string{
	"met": "SELECT window_start, k, n, total FROM met", "alone": "SELECT id, n FROM alone", "known": "SELECT tx, n, total FROM known",
	"top": "SELECT window_start, top, least, groups FROM top", "spread": "SELECT n, groups FROM spread", "both": "SELECT window_start, k, n, total FROM both",
}

// Whatever the order in which two edges' readings and watermarks come, batches come twice and the core is killed between: joins, tables, unions and
// views over views hold what a computation over all readings at once gives. Watermarks are honest, and then no grace is needed; or they run
// ahead of all readings, and the grace makes up for it (but for tables, which go by the watermark).
func TestDerivedViewsAreThoseOfABatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		honest := rapid.Bool().Draw(t, "honest watermarks")
		text := fmt.Sprintf(derivedSQL, "GRACE PERIOD 0 SECONDS", ", GRACE PERIOD 0 SECONDS")
		if !honest {
			text = fmt.Sprintf(derivedSQL, "GRACE PERIOD 1 HOUR", ", GRACE PERIOD 1 HOUR")
		}
		f := newField(t, rapid.Uint32Range(1, 3).Draw(t, "partitions"))
		defer func() { f.close() }()
		statements, err := sql.Parse(text)
		check(t, err)
		for _, st := range statements {
			_, err := f.do(st)
			check(t, err)
		}
		var facts []fact
		for i := range rapid.IntRange(0, 40).Draw(t, "readings") {
			one := fact{stream: rapid.SampledFrom([]string{"l", "l", "r", "r", "t"}).Draw(t, "stream"), id: fmt.Sprint("id", i),
				k: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "k"), us: rapid.Int64Range(0, 40).Draw(t, "us")*second + int64(i), // no two at once
				x: rapid.Int64Range(0, 5).Draw(t, "x")}
			facts = append(facts, one)
		}
		waiting := slices.Clone(facts)
		marks := func(us int64) map[uint32]int64 {
			all := map[uint32]int64{}
			for _, s := range f.core.catalog.plan().Streams {
				all[s.Id] = us
			}
			return all
		}
		queues := make([][]*wire.Batch, len(f.core.partitions)) // partitions read the stream each at its own pace
		read := func(i int) {
			for _, b := range queues[i] {
				f.turn(f.core.partitions[i], b)
			}
			queues[i] = nil
		}
		cut := func(edge string, us int64, now ...reading) {
			var all map[uint32]int64
			if us > 0 {
				all = marks(us)
			}
			for i, b := range f.cut(edge, all, now...) {
				queues[i] = append(queues[i], slices.Repeat([]*wire.Batch{b}, rapid.IntRange(1, 2).Draw(t, "times"))...)
			}
		}
		for len(waiting) > 0 {
			n := rapid.IntRange(1, min(6, len(waiting))).Draw(t, "n")
			edge := rapid.SampledFrom([]string{"north", "south"}).Draw(t, "edge")
			var now []reading
			for _, one := range waiting[:n] {
				now = append(now, one.reading(f))
			}
			waiting = waiting[n:]
			us := int64(50 * second)
			if honest {
				for _, one := range waiting {
					us = min(us, one.us)
				}
			}
			told := rapid.Bool().Draw(t, "watermarks")
			if !told {
				us = 0
			}
			cut(edge, us, now...)
			if told {
				cut("north", us)
				cut("south", us)
			}
			for i := range queues {
				if rapid.Bool().Draw(t, "reads") {
					read(i)
				}
			}
			switch rapid.IntRange(0, 5).Draw(t, "then") {
			case 0:
				f.crash()
			case 1, 2:
				f.settle()
			}
		}
		for i := range queues {
			read(i)
		}
		for _, edge := range []string{"north", "south"} {
			f.send(edge, marks(10_000*second))
		}
		f.settle()
		want, got := naiveDerived(facts), map[string][]string{}
		for view, q := range derivedQuestions {
			rows, err := f.ask(q)
			check(t, err)
			if slices.Sort(rows); len(rows) > 0 {
				got[view] = rows
			}
		}
		if !honest {
			delete(want, "known")
			delete(got, "known")
		}
		if !maps.EqualFunc(got, want, slices.Equal) {
			for view := range derivedQuestions {
				if !slices.Equal(got[view], want[view]) {
					t.Errorf("%s holds\n%q, want\n%q", view, got[view], want[view])
				}
			}
			t.FailNow()
		}
		for id, j := range f.core.partitions[0].joins {
			if !j.def.Latest && j.Len() > 0 {
				t.Fatalf("join %d keeps %d rows that nothing can meet any more", id, j.Len())
			}
		}
	})
}

// A view over a view closes its windows when all partitions have told of theirs, not when the first has.
func TestAViewOverAViewWaitsForAllPartitions(t *testing.T) {
	f := newField(t, 3)
	defer func() { f.close() }()
	statements, err := sql.Parse(`CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts');
		CREATE VIEW per_id AS SELECT id, SUM(x) AS x FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 0 SECONDS) GROUP BY id;
		CREATE VIEW top AS SELECT SUM(x) AS x, COUNT(*) AS n FROM per_id GROUP BY window_start EMIT FINAL`)
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	var now []reading
	for i := range int64(20) {
		now = append(now, fact{stream: "l", id: fmt.Sprint("id", i), us: i, x: i}.reading(f))
	}
	for i, b := range f.cut("north", map[uint32]int64{now[0].stream.Id: 60 * second}, now...) {
		if rows, err := f.ask("SELECT x, n FROM top"); err != nil || len(rows) > 0 {
			t.Fatalf("%d of 3 partitions were read, and it says %q, %v", i, rows, err)
		}
		f.turn(f.core.partitions[i], b)
		f.settle()
	}
	if rows, err := f.ask("SELECT x, n FROM top"); err != nil || !slices.Equal(rows, []string{"190, 20"}) {
		t.Errorf("%q, %v", rows, err)
	}
}
