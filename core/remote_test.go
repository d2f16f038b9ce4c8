package core

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/core/store"
	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

func TestInfluxDBConforms(t *testing.T) { onBoth(t, influxDBConforms) }

func influxDBConforms(t *testing.T, s *influxd) {
	var of *field
	var reader *influx.Reader
	conforms(t, func(f *field, m *moment) history {
		if f != of {
			if of, reader = f, nil; !s.enough() {
				reader = s.readerOf(f)
			}
		}
		if reader == nil {
			return kept{m}
		}
		return remote{m, reader}
	})
}

// Each view stands twice: one keeps all in the core, the other a minute, and the rest is InfluxDB's. They give the same rows, whatever came late, was hidden
// by HAVING since, or taken back.
const twinsSQL = `CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');
	CREATE STREAM r (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'r/{id}', timestamp = 'ts', disorder = '0s');
	CREATE VIEW a AS SELECT k, COUNT(*) AS n, COUNT(x) AS nx, SUM(x) AS sum, MIN(x) AS lo, MAX(x) AS hi, AVG(x) AS mean, PERCENTILE(x, 0.9) AS p90, LAST(x) AS ended,
		COUNT(DISTINCT id) AS ids, STDDEV(x) AS spread, COLLECT_LIST(x) AS list, MIN(ts) AS "first, of", x %% 2 = 0 AS even, NULLIF(COUNT(*), 2) AS untwo,
		SUM(CAST(x AS DECIMAL(9,9)) + 123456789.123456789) AS money FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k, x %% 2 = 0;
	CREATE VIEW b AS SELECT COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k, id HAVING COUNT(*) <> 2;
	CREATE VIEW c AS SELECT k, SUM(x) AS sum, PERCENTILE(x, 0.5) AS mid FROM l WINDOW HOPPING (SIZE 20 SECONDS, ADVANCE BY 10 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k;
	CREATE VIEW d AS SELECT k, COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 10 SECONDS%[1]s) GROUP BY k EMIT FINAL;
	CREATE VIEW e AS SELECT k, COUNT(*) AS n, PERCENTILE(x, 0.5) AS mid FROM l WINDOW SESSION (5 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k HAVING COUNT(*) <> 2;
	CREATE VIEW f AS SELECT k, SUM(x) AS sum FROM l WINDOW SESSION (5 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k EMIT FINAL;
	CREATE VIEW g AS SELECT l.k AS k, COUNT(*) AS n, COUNT(DISTINCT r.x) AS kinds FROM l JOIN r WITHIN (3 SECONDS, 5 SECONDS) ON l.k = r.k
		WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY l.k;
	CREATE VIEW h AS SELECT even, SUM(n) AS n, MAX(hi) AS hi, COUNT(*) AS groups FROM a GROUP BY even, window_start;`

// twinChanges are made while it runs: a column that shows a key renamed, HAVING changed either way, and a view that gathers something else from then on.
var twinChanges = []string{
	"CREATE OR REPLACE VIEW b AS SELECT k AS kind, COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k, id HAVING COUNT(*) < 3;",
	"CREATE OR REPLACE VIEW b AS SELECT COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k, id;",
	`CREATE OR REPLACE VIEW c AS SELECT k AS "the k", SUM(x) AS sum FROM l WINDOW HOPPING (SIZE 20 SECONDS, ADVANCE BY 10 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k;`,
	"CREATE OR REPLACE VIEW d AS SELECT k, COUNT(*) AS n, PERCENTILE(x, 0.5) AS mid FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 10 SECONDS%[1]s) GROUP BY k EMIT FINAL;",
	"CREATE OR REPLACE VIEW e AS SELECT k AS kind, COUNT(*) AS n FROM l WINDOW SESSION (5 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k HAVING COUNT(*) <> 1;",
}

var twinQuestions = []string{
	"SELECT * FROM a", "SELECT * FROM b", "SELECT * FROM c", "SELECT * FROM d", "SELECT * FROM e", "SELECT * FROM f", "SELECT * FROM g", "SELECT * FROM h",
	"SELECT n, window_start, revision, final FROM a WHERE k = 'b''' AND window_start >= '2026-01-01T00:00:30Z' AND window_start < '2026-01-01T00:02:00Z'",
	`SELECT k, window_start, window_end, MERGE(n), MERGE(nx), MERGE(sum), MERGE(lo), MERGE(hi), MERGE(mean), MERGE(money), MERGE(p90), MERGE(p90, 0.5), MERGE(ids), MERGE(ended), MERGE(list)
		FROM a WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k`,
	"SELECT window_start, SUM(n), MAX(p90) FROM a WINDOW TUMBLING (SIZE 30 SECONDS) GROUP BY window_start HAVING SUM(n) > 1",
	"SELECT COUNT(*), SUM(n) FROM b", "SELECT MERGE(n), MERGE(p90) FROM a", "SELECT window_start, MERGE(kinds) FROM g WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY window_start",
}

func TestInfluxDBGoesOnWhereRetentionEnds(t *testing.T) { onBoth(t, influxDBGoesOnWhereRetentionEnds) }

func influxDBGoesOnWhereRetentionEnds(t *testing.T, s *influxd) {
	const day = 1_767_225_600_000_000 // 2026-01-01
	old := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		fields, retentions := make([]*field, 2), []string{"", ", RETENTION 1 MINUTE"}
		do := func(text string) {
			for i, f := range fields {
				statements, err := sql.Parse(fmt.Sprintf(text, retentions[i]))
				check(t, err)
				for _, st := range statements {
					_, err := f.do(st)
					check(t, err)
				}
			}
		}
		for i := range fields {
			fields[i] = newHistoryField(t, 3)
			defer fields[i].close()
		}
		do(twinsSQL)
		kept, short := fields[0], fields[1]
		if s.enough() {
			return
		}
		bucket := s.bucket(t)
		short.core.reader = s.reader(bucket)
		watermark := int64(day)
		compare := func(question string) (rows int) {
			want, err := kept.ask(question)
			check(t, err)
			got, err := short.ask(question)
			check(t, err)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%s\n%s\nwant\n%s", question, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			return len(want)
		}
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			var facts []fact
			for range rapid.IntRange(0, 15).Draw(t, "readings") {
				facts = append(facts, fact{stream: rapid.SampledFrom([]string{"l", "l", "r"}).Draw(t, "stream"), id: fmt.Sprint("id", rapid.IntRange(0, 2).Draw(t, "id")),
					k:  rapid.SampledFrom([]string{"a", "a", "a", "b'", "", `c\`}).Draw(t, "k"),
					us: max(day, watermark+rapid.Int64Range(-25*second, 40*second).Draw(t, "us")), x: rapid.Int64Range(1, 40).Draw(t, "x")})
			}
			watermark += rapid.Int64Range(0, 60).Draw(t, "on") * second
			for _, f := range fields {
				var now []reading
				for _, one := range facts {
					now = append(now, one.reading(f))
				}
				streams := f.core.catalog.plan().Streams
				f.send("north", map[uint32]int64{streams[0].Id: watermark, streams[1].Id: watermark}, now...)
			}
			s.take(short, bucket)
			if rapid.IntRange(0, 3).Draw(t, "change") == 0 {
				do(rapid.SampledFrom(twinChanges).Draw(t, "to"))
			}
			if rapid.IntRange(0, 3).Draw(t, "crash") == 0 {
				short.crash()
				short.core.reader = s.reader(bucket)
			}
			if rapid.IntRange(0, 2).Draw(t, "ask") == 0 { // so that there are answers to know
				compare(rapid.SampledFrom(twinQuestions).Draw(t, "question"))
			}
		}
		for _, question := range twinQuestions {
			rows := compare(question)
			short.core.reader = nil
			alone, err := short.ask(question)
			check(t, err)
			old[question] += rows - len(alone)
			short.core.reader = s.reader(bucket)
		}
	})
	all := 0
	for _, question := range twinQuestions[:8] {
		if all += old[question]; old[question] == 0 && os.Getenv("HEXPANE_SOAK") != "" {
			t.Errorf("%s: no row was InfluxDB's", question)
		}
	}
	if all < 20 {
		t.Errorf("only %d rows were InfluxDB's", all)
	}
}

// oneView is a field with a view of a minute's retention.
func oneView(t *testing.T, history bool) (f *field, send func(us, watermark int64)) {
	f = newField(t, 1)
	if history {
		f.close()
		f = newHistoryField(t, 1)
	}
	statements, err := sql.Parse(`CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');
		CREATE VIEW p AS SELECT k, PERCENTILE(x, 0.9) AS p90, COUNT(DISTINCT id) AS ids FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS, RETENTION 1 MINUTE) GROUP BY k;`)
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	return f, func(us, watermark int64) {
		f.send("north", map[uint32]int64{f.core.catalog.plan().Streams[0].Id: watermark}, fact{stream: "l", id: "1", k: "a", us: us, x: us / second}.reading(f))
	}
}

// InfluxDB is asked once windows were given up, and not before; a restart does not forget it.
func TestInfluxDBIsAskedOnceWindowsWereGivenUp(t *testing.T) {
	f, send := oneView(t, true)
	defer func() { f.close() }()
	nobody := influx.NewReader(influx.Config{URL: "http://127.0.0.1:1", Bucket: "x"})
	f.core.reader = nobody
	for at := int64(0); at <= 50; at += 10 {
		send(at*second, at*second)
	}
	if rows, err := f.ask("SELECT * FROM p"); err != nil || len(rows) != 6 {
		t.Errorf("nothing was given up: %v, %v", rows, err)
	}
	send(600*second, 600*second)
	send(700*second, 700*second)
	for range 2 {
		plan, err := f.ask("EXPLAIN SELECT * FROM p")
		check(t, err)
		if text := strings.Join(plan, "\n"); !strings.Contains(text, "windows in InfluxDB, before 1970-01-01T00:10:40Z") || !strings.Contains(text, "windows of 10s, as they are kept, from 1970-01-01T00:11:40Z") {
			t.Error(text)
		}
		_, err = f.ask("SELECT * FROM p")
		if err == nil || !strings.Contains(err.Error(), "ask InfluxDB") || !strings.Contains(err.Error(), "window_start >= '1970-01-01T00:10:40Z'") {
			t.Errorf("without a server: %v", err)
		}
		if _, err := f.ask("SELECT COUNT(*) FROM p"); err == nil || !strings.Contains(err.Error(), "window_start >= '1970-01-01T00:10:40Z'") {
			t.Errorf("cut into slices, without a server: %v", err)
		}
		if rows, err := f.ask("SELECT * FROM p WHERE window_start >= '1970-01-01T00:10:40Z'"); err != nil || len(rows) != 1 {
			t.Errorf("what the core has: %v, %v", rows, err)
		}
		rows, err := f.ask("EXPLAIN SELECT * FROM p")
		if check(t, err); !strings.Contains(rows[0], "windows in InfluxDB, before 1970-01-01T00:10:40Z") || !strings.Contains(rows[0], "as they are kept, from 1970-01-01T00:11:40Z") {
			t.Errorf("%s", rows)
		}
		f.crash()
		f.core.reader = nobody
	}
	send(800*second, 800*second)
	given, ok, err := f.core.store.GivenUp(0, f.core.catalog.plan().Views[0].Id)
	if check(t, err); !ok || given != (state.GivenUp{First: 0, Before: 740 * second}) {
		t.Errorf("given up: %v", given)
	}
}

// A result that is told once is no row before it is told, or a question that comes between would look for its point in vain.
func TestFinalResultsAreRowsOnceTheyAreTold(t *testing.T) {
	f := newHistoryField(t, 1)
	defer f.close()
	statements, err := sql.Parse(fmt.Sprintf(twinsSQL, ""))
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	looked := map[string]bool{}
	f.core.partitions[0].step = func(at string) {
		rows, err := f.ask("SELECT * FROM d")
		check(t, err)
		told := 0
		check(t, f.core.store.Effects(0, 0, math.MaxInt, func(_ uint64, line []byte) {
			if strings.HasPrefix(string(line), "d,") {
				told++
			}
		}))
		if looked[at] = true; len(rows) > told {
			t.Errorf("%s: %d rows, and %d of them told", at, len(rows), told)
		}
		_, err = f.ask("SELECT COUNT(*) FROM d") // the answer is kept, as far as it is final
		check(t, err)
	}
	for us := int64(0); us < 700*second; us += 70 * second {
		f.send("north", map[uint32]int64{f.core.catalog.plan().Streams[0].Id: us}, fact{stream: "l", id: "1", k: "a", us: us, x: 1}.reading(f),
			fact{stream: "l", id: "1", k: "a", us: max(0, us-30*second), x: 1}.reading(f))
	}
	if !looked["finals.gathered"] || !looked["turn.published"] {
		t.Errorf("looked at %v", looked)
	}
	known, err := f.ask("SELECT COUNT(*) FROM d")
	check(t, err)
	f.core.answers = nil
	read, err := f.ask("SELECT COUNT(*) FROM d")
	if check(t, err); !slices.Equal(known, read) {
		t.Errorf("%q are known, and there are %q", known, read)
	}
}

// What a question came to of times that only InfluxDB has is known afterwards, too.
func TestAnswersFromInfluxDBAreKept(t *testing.T) {
	s := startInfluxd(t)
	f, send := oneView(t, true)
	defer func() { f.close() }()
	bucket := s.bucket(t)
	f.core.reader = s.reader(bucket)
	for at := int64(0); at <= 600; at += 10 {
		send(at*second, at*second)
	}
	s.take(f, bucket)
	const question = "SELECT window_start, MERGE(p90), MERGE(ids) FROM p WHERE window_start >= '1970-01-01T00:01:00Z' AND window_start < '1970-01-01T00:08:00Z' WINDOW TUMBLING (SIZE 1 MINUTE)"
	want, err := f.ask(question)
	if err != nil || len(want) != 7 {
		t.Fatal(want, err)
	}
	f.core.reader = influx.NewReader(influx.Config{URL: "http://127.0.0.1:1", Bucket: "x"})
	if got, err := f.ask(question); err != nil || !slices.Equal(got, want) {
		t.Errorf("asked again, without a server: %v %v, want %v", got, err, want)
	}
	if _, err := f.ask(strings.Replace(question, "00:08", "00:08:30", 1)); err == nil {
		t.Error("what was not asked before has an answer without a server")
	}
}

// What left while influx.history was off can't be read back, and the answer says until when that was. What left since can.
func TestPointsWithoutTheirWindowsAreNoAnswer(t *testing.T) {
	onBoth(t, pointsWithoutTheirWindowsAreNoAnswer)
}

func pointsWithoutTheirWindowsAreNoAnswer(t *testing.T, s *influxd) {
	f, send := oneView(t, false)
	defer func() { f.close() }()
	bucket := s.bucket(t)
	on := func() {
		f.history = true
		f.crash()
		f.core.reader = s.reader(bucket)
	}
	for at := int64(0); at <= 50; at += 10 {
		send(at*second, at*second)
	}
	s.take(f, bucket)
	on()
	for at := int64(60); at <= 310; at += 10 {
		send(at*second, at*second)
	}
	s.take(f, bucket)
	if _, err := f.ask("SELECT * FROM p"); err == nil || !strings.Contains(err.Error(), "left before influx.history was on") || !strings.Contains(err.Error(), "window_start > '1970-01-01T00:00:40Z'") {
		t.Errorf("with such points: %v", err)
	}
	rows, err := f.ask("SELECT p90 FROM p WHERE window_start > '1970-01-01T00:00:40Z'")
	if check(t, err); len(rows) != 27 {
		t.Errorf("after them: %d rows, %v", len(rows), rows)
	}
	// off again: a late reading makes the point another one, whose window is that of before
	f.history = false
	f.crash()
	send(301*second, 312*second)
	s.take(f, bucket)
	on()
	for at := int64(330); at <= 600; at += 10 {
		send(at*second, at*second)
	}
	s.take(f, bucket)
	if _, err := f.ask("SELECT * FROM p WHERE window_start > '1970-01-01T00:00:40Z'"); err == nil || !strings.Contains(err.Error(), "window_start > '1970-01-01T00:05:00Z'") {
		t.Errorf("a window that is not that of its point: %v", err)
	}
}

// A view that was replaced by one that gathers something else begins anew: the points of the one before are no rows of it, those of the same places
// with their windows, and older ones without.
func TestReplacedViewsBeginAnew(t *testing.T) {
	s := startInfluxd(t)
	f, send := oneView(t, false)
	defer func() { f.close() }()
	bucket := s.bucket(t)
	send(5*second, 50*second)
	s.take(f, bucket)
	f.history = true
	f.crash()
	f.core.reader = s.reader(bucket)
	send(75*second, 120*second)
	s.take(f, bucket)
	_, err := f.do(parsed(t, `CREATE OR REPLACE VIEW p AS SELECT k, SUM(x) AS total FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS, RETENTION 1 MINUTE) GROUP BY k;`))
	check(t, err)
	for _, at := range [][2]int64{{101, 121}, {150, 150}, {300, 300}, {500, 500}} {
		send(at[0]*second, at[1]*second)
	}
	s.take(f, bucket)
	got, err := f.ask("SELECT total FROM p ORDER BY window_start")
	if check(t, err); !slices.Equal(got, []string{"101", "150", "300", "500"}) {
		t.Errorf("%q", got)
	}
}

// A window that is written, and given up, in the turn that gives up those after it, is asked for like them.
func TestWindowsGivenUpAtOnceComeBack(t *testing.T) {
	s := startInfluxd(t)
	f, send := oneView(t, true)
	defer f.close()
	bucket := s.bucket(t)
	f.core.reader = s.reader(bucket)
	send(100*second, 100*second)
	send(95*second, 700*second)
	send(800*second, 800*second)
	s.take(f, bucket)
	got, err := f.ask("SELECT window_start FROM p ORDER BY window_start")
	if check(t, err); !slices.Equal(got, []string{"1970-01-01T00:01:30Z", "1970-01-01T00:01:40Z", "1970-01-01T00:13:20Z"}) {
		t.Errorf("%q", got)
	}
}

// A window that is revised after the column of its key got another name has two points, and is one row; one that was not is found by the new name.
func TestRenamedKeysAreOneRow(t *testing.T) {
	s := startInfluxd(t)
	for _, name := range []string{"a", "z"} { // one comes before k, the other behind it
		f, send := oneView(t, true)
		bucket := s.bucket(t)
		f.core.reader = s.reader(bucket)
		send(5*second, 12*second)
		send(15*second, 22*second) // this one is not revised
		s.take(f, bucket)
		_, err := f.do(parsed(t, `CREATE OR REPLACE VIEW p AS SELECT k AS `+name+`, PERCENTILE(x, 0.9) AS p90, COUNT(DISTINCT id) AS ids FROM l
			WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS, RETENTION 1 MINUTE) GROUP BY k;`))
		check(t, err)
		send(7*second, 23*second)
		for at := int64(0); at < 200; at += 50 {
			send((300+at)*second, (300+at)*second)
		}
		s.take(f, bucket)
		got, err := f.ask("SELECT MERGE(ids), MAX(revision), COUNT(*) FROM p WHERE window_start < '1970-01-01T00:01:00Z' AND " + name + " = 'a'")
		if check(t, err); !slices.Equal(got, []string{"1, 1, 2"}) {
			t.Errorf("renamed to %s: %q", name, got)
		}
		f.close()
	}
}

// Of sessions that became one, those that are no more are no rows, though their points are there; nor are they if HAVING hid them.
func TestJoinedSessionsAreOneRow(t *testing.T) {
	s := startInfluxd(t)
	f := newHistoryField(t, 1)
	defer f.close()
	statements, err := sql.Parse(`CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');
		CREATE VIEW p AS SELECT k, PERCENTILE(x, 0.5) AS mid, COUNT(*) AS n FROM l WINDOW SESSION (5 SECONDS, GRACE PERIOD 20 SECONDS, RETENTION 1 MINUTE) GROUP BY k;
		CREATE VIEW q AS SELECT k, COUNT(*) AS n FROM l WINDOW SESSION (5 SECONDS, GRACE PERIOD 20 SECONDS, RETENTION 1 MINUTE) GROUP BY k HAVING COUNT(*) > 1;`)
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	bucket, stream := s.bucket(t), f.core.catalog.plan().Streams[0].Id
	f.core.reader = s.reader(bucket)
	for _, at := range [][2]int64{{1, 1}, {10, 10}, {50, 18}, {6, 18}, {300, 300}, {400, 400}} { // the fourth is late, and joins the first two
		f.send("north", map[uint32]int64{stream: at[1] * second}, fact{stream: "l", id: "1", k: "a", us: at[0] * second, x: at[0]}.reading(f))
		s.take(f, bucket)
	}
	for _, view := range []string{"p", "q"} {
		got, err := f.ask("SELECT n, window_start, window_end, revision FROM " + view + " WHERE window_start < '1970-01-01T00:00:40Z'")
		if check(t, err); !slices.Equal(got, []string{"3, 1970-01-01T00:00:01Z, 1970-01-01T00:00:10Z, 1"}) {
			t.Errorf("%s: %q", view, got)
		}
	}
	_, err = f.do(parsed(t, "CREATE OR REPLACE VIEW q AS SELECT k, COUNT(*) AS n FROM l WINDOW SESSION (5 SECONDS, GRACE PERIOD 20 SECONDS, RETENTION 1 MINUTE) GROUP BY k;"))
	check(t, err)
	got, err := f.ask("SELECT n FROM q WHERE window_start < '1970-01-01T00:01:00Z' ORDER BY window_start") // hidden until now
	if check(t, err); !slices.Equal(got, []string{"3", "1"}) {
		t.Errorf("without HAVING: %q", got)
	}
}

// A session that began before any that was given up is a row, whether a late reading made it begin earlier, or it goes on.
func TestSessionsBeforeThoseGivenUpAreRows(t *testing.T) {
	s := startInfluxd(t)
	type sent struct {
		k             string
		at, watermark int64
	}
	goesOn := []sent{{"a", 1, 1}, {"b", 3, 3}}
	for at := int64(5); at < 200; at += 4 {
		goesOn = append(goesOn, sent{"a", at, at})
	}
	for _, sends := range [][]sent{{{"a", 10, 10}, {"a", 6, 300}}, goesOn} {
		f := newHistoryField(t, 1)
		for _, text := range []string{"CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');",
			"CREATE VIEW p AS SELECT COUNT(*) AS n FROM l WINDOW SESSION (5 SECONDS, GRACE PERIOD 20 SECONDS, RETENTION 1 MINUTE) GROUP BY k;"} {
			_, err := f.do(parsed(t, text))
			check(t, err)
		}
		bucket, stream := s.bucket(t), f.core.catalog.plan().Streams[0].Id
		f.core.reader = s.reader(bucket)
		for _, one := range sends {
			f.send("north", map[uint32]int64{stream: one.watermark * second}, fact{stream: "l", id: "1", k: one.k, us: one.at * second, x: 1}.reading(f))
			s.take(f, bucket)
		}
		got, err := f.ask("SELECT SUM(n) FROM p")
		if check(t, err); !slices.Equal(got, []string{fmt.Sprint(len(sends))}) {
			t.Errorf("%v: %q", sends, got)
		}
		f.close()
	}
}

func parsed(t tester, text string) sql.Statement {
	t.Helper()
	statements, err := sql.Parse(text)
	check(t, err)
	return statements[0]
}

// A window larger than a field of InfluxDB may be comes back whole, and one that was larger once does not leave its rest behind.
func TestLargeWindowsComeBack(t *testing.T) { onBoth(t, largeWindowsComeBack) }

func largeWindowsComeBack(t *testing.T, s *influxd) {
	f := newHistoryField(t, 1)
	defer f.close()
	statements, err := sql.Parse(`CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');
		CREATE VIEW p AS SELECT k, COLLECT_LIST(id) AS ids, COLLECT_LIST(id || '!') AS more, COUNT(DISTINCT x) AS xs FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS) GROUP BY k;`)
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	stream := f.core.catalog.plan().Streams[0].Id
	var all []reading
	for i := range int64(1500) {
		all = append(all, fact{stream: "l", id: fmt.Sprintf("%060d", i), k: "a", us: i, x: i * i}.reading(f))
	}
	f.send("north", map[uint32]int64{stream: 5 * second}, all...)
	f.send("north", map[uint32]int64{stream: 1000 * second})
	v := f.core.catalog.plan().Views[0]
	q := &store.Question{View: v, From: math.MinInt64, To: math.MaxInt64, Keys: make([]value.Value, 1), States: []int{0, 1, 2}}
	m := f.core.moment(v)
	defer func() { check(t, m.store.Close()) }()
	texts := func(h history) (all []string) {
		check(t, h.Rows(context.Background(), q, func(row []value.Value) (bool, error) {
			all = append(all, rowText(row))
			return true, nil
		}))
		return all
	}
	bucket := s.bucket(t)
	s.take(f, bucket)
	want, got := texts(kept{m}), texts(remote{m, s.reader(bucket)})
	if len(want) != 1 || len(want[0]) < 100_000 || !slices.Equal(got, want) {
		t.Errorf("%d rows came back of %d", len(got), len(want))
	}
}

// A watermark that goes far at once takes no final result away before it was told.
func TestFinalResultsAreToldBeforeTheyExpire(t *testing.T) {
	f := newField(t, 1)
	defer f.close()
	statements, err := sql.Parse(fmt.Sprintf(twinsSQL, ", RETENTION 1 MINUTE"))
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	stream := f.core.catalog.plan().Streams[0].Id
	f.send("north", map[uint32]int64{stream: second}, fact{stream: "l", id: "1", k: "a", us: 0, x: 1}.reading(f))
	f.send("north", map[uint32]int64{stream: 1000 * second})
	told := 0
	check(t, f.core.store.Effects(0, 0, math.MaxInt, func(_ uint64, line []byte) {
		if strings.HasPrefix(string(line), "d,k=a n=1i") {
			told++
		}
	}))
	if told != 1 {
		t.Errorf("the result was told %d times", told)
	}
}
