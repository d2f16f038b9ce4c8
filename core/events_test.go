package core

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/alert"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
	dto "github.com/prometheus/client_model/go"
)

const eventsSQL = `
CREATE STREAM vans (van STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE) WITH (topic = 'v/{van}', timestamp = 'ts', position = 'lat,lon');
CREATE VIEW driven AS SELECT van, COUNT(*) AS n, MAX(speed) AS fastest FROM vans WINDOW TUMBLING (SIZE 20 SECONDS, GRACE PERIOD 40 SECONDS) GROUP BY van;
CREATE VIEW once AS SELECT van, MIN(speed) AS slowest FROM vans WINDOW TUMBLING (SIZE 20 SECONDS, GRACE PERIOD 40 SECONDS) GROUP BY van EMIT FINAL;
CREATE PATTERN rush AS SELECT * FROM vans MATCH_RECOGNIZE (PARTITION BY van MEASURES A.speed AS before, LAST(B.speed) AS after, COUNT(*) AS n
	PATTERN (A B+) WITHIN INTERVAL '3' MINUTE DEFINE B AS speed > A.speed);
CREATE PATTERN soon AS SELECT * FROM vans MATCH_RECOGNIZE (PARTITION BY van MEASURES A.speed AS before, LAST(B.speed) AS after
	PATTERN (A B B) WITHIN INTERVAL '3' MINUTE DEFINE B AS speed > A.speed) EMIT ON ARRIVAL;
CREATE ALERT fast ON driven WHEN fastest > 70 SEVERITY warning;
CREATE ALERT slow ON once WHEN slowest < 20 FOR 2 WINDOWS SEVERITY info;
CREATE ALERT rushes ON rush WHEN n > 2 SEVERITY info;
CREATE ALERT visits ON fence_events WHEN kind = 'enter' SEVERITY info;`

// eventTables are as Core.Events has them.
func eventTables(f *field) map[string]map[string]any {
	tables := map[string]map[string]any{}
	for _, o := range f.core.Events().(object)["events"].([]object) {
		tables[o["name"].(string)] = o
	}
	return tables
}

// eventRows are those of a table from a time on and before another, RFC 3339; "" is any.
func eventRows(t *testing.T, f *field, o map[string]any, from, to string) []string {
	t.Helper()
	q := fmt.Sprintf("SELECT * FROM %s WHERE %s < '%s'", o["name"], o["time"], to)
	if from != "" {
		q += fmt.Sprintf(" AND %s >= '%s'", o["time"], from)
	}
	if o["on_arrival"].(bool) {
		q += " AND final"
	}
	rows, err := f.ask(q)
	check(t, err)
	slices.Sort(rows)
	return rows
}

func textOf(v any) string {
	switch v := v.(type) {
	case *string:
		if v != nil {
			return *v
		}
	case string:
		return v
	}
	return ""
}

// What is said to be final never changes after it, and of what is said to be whole nothing is missing: held against a core that keeps everything, and against what
// it has at the end. Readings come out of order, the core is killed now and then, alerts are acknowledged and fences edited.
func TestFinalEventsAreFinalAndWhole(t *testing.T) {
	runs, steps := uint64(3), 120
	if os.Getenv("HEXPANE_SOAK") != "" {
		runs, steps = 60, 400
	}
	const disorder = 30 * second
	seen, dropped := map[string]int{}, map[string]int{}
	for seed := range runs {
		r := rand.New(rand.NewPCG(seed, 31))
		var list []arrival
		for _, a := range walks(r, 3, steps) {
			a.at += r.Int64N(2 * disorder) // half of them within the disorder, the others late
			list = append(list, a)
		}
		slices.SortStableFunc(list, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
		some, all := newField(t, 2), newField(t, 2)
		keep := func() { some.core.cfg.State.TableRows, some.core.cfg.Pattern.KeepMatches = 30, 20 }
		keep()
		both := []*field{some, all}
		statements, err := sql.Parse(eventsSQL)
		check(t, err)
		fence := func(id, properties string, x float64) {
			for _, f := range both {
				body := fmt.Sprintf(`{"type":"Feature","properties":%s,"geometry":{"type":"Polygon","coordinates":[[[%[2]g,0],[%[3]g,0],[%[3]g,4],[%[2]g,4],[%[2]g,0]]]}}`, properties, x, x+2)
				_, _, _, err := f.core.fences.PutFence(t.Context(), id, []byte(body), "")
				check(t, err)
				f.settle()
			}
		}
		clock := func(us int64) {
			for _, f := range both {
				f.now = us
			}
		}
		clock(1000 * second)
		for _, f := range both {
			for _, st := range statements {
				_, err := f.do(st)
				check(t, err)
			}
		}
		fence("a", `{"dwell":"40s"}`, 0)
		fence("b", `{"min_time":"15s"}`, 1)
		type said struct {
			table, until string
			rows         []string
		}
		var finals []said
		newest := int64(0)
		for i, a := range list {
			newest = max(newest, a.us)
			clock(newest + 120*second)
			for _, f := range both {
				stream := f.core.catalog.plan().Streams[0]
				f.send("north", map[uint32]int64{stream.Id: newest - disorder}, reading{stream, a.row})
			}
			if r.IntN(40) == 0 {
				some.crash()
				keep()
			}
			if r.IntN(30) == 0 {
				clock(newest + 130*second)
				fence("b", fmt.Sprintf(`{"min_time":"%ds"}`, 1+r.IntN(20)), r.Float64()*3)
			}
			if stands := all.core.standing.list(); len(stands) > 0 && r.IntN(10) == 0 {
				clock(newest + 140*second)
				for _, f := range both {
					s := stands[0]
					if s.State != alert.Firing {
						break
					}
					p := f.core.partitions[s.partition]
					p.asked = append(p.asked, &acknowledging{rule: s.def.Id, key: s.Key, id: s.ID, by: "ann", done: make(chan struct{})})
					f.turn(p)
				}
			}
			if i%7 != 0 {
				continue
			}
			kept := eventTables(all)
			for name, o := range eventTables(some) {
				until, since := textOf(o["final_before"]), textOf(o["whole_since"])
				if until == "" {
					continue
				}
				if got, want := eventRows(t, some, o, since, until), eventRows(t, all, kept[name], since, until); !slices.Equal(got, want) {
					t.Fatalf("seed %d, %s from %s to %s is said to be whole:\n%s", seed, name, since, until, firstDifference(strings.Join(got, "\n"), strings.Join(want, "\n")))
				}
				if since != "" {
					dropped[name]++
				}
				finals = append(finals, said{name, until, eventRows(t, all, kept[name], "", until)})
				seen[name] = max(seen[name], len(finals[len(finals)-1].rows))
			}
		}
		for _, s := range finals {
			if now := eventRows(t, all, eventTables(all)[s.table], "", s.until); !slices.Equal(now, s.rows) {
				for _, x := range now {
					if !slices.Contains(s.rows, x) {
						t.Log("added ", x)
					}
				}
				for _, x := range s.rows {
					if !slices.Contains(now, x) {
						t.Log("gone ", x)
					}
				}
				t.Fatalf("seed %d, %s before %s was said to be final:\n%s", seed, s.table, s.until, firstDifference(strings.Join(now, "\n"), strings.Join(s.rows, "\n")))
			}
		}
		for _, f := range both {
			for name := range seen {
				var m dto.Metric
				check(t, f.core.m.afterFinal.WithLabelValues(name).Write(&m))
				if n := m.Counter.GetValue(); n != 0 {
					t.Errorf("seed %d: %v rows of %s after their time was final", seed, n, name)
				}
			}
			f.close()
		}
	}
	for _, name := range []string{"fence_events", "alerts", "rush", "soon"} {
		if seen[name] < 10 || dropped[name] == 0 {
			t.Errorf("%s: at most %d final rows, and %d times some were given up: the walks do not try it", name, seen[name], dropped[name])
		}
	}
	t.Logf("soak: final events, runs=%d rows at most %v changed=0 missing=0", runs, seen)
}

// Steps that are told late, as of a time long before: an alert that fires again since a revision joins windows that are far apart, and one of a key whose first window comes at
// the end of its grace period. What was said to be final waits for both.
func TestAlertsWaitForRevisions(t *testing.T) {
	type step struct {
		van             string
		at, speed, mark int64 // s, km/h, s
	}
	for name, c := range map[string]struct {
		before []step
		late   step
		as     int64 // s
	}{
		"far apart": {[]step{{"v", 1000, 90, 1045}, {"v", 1400, 10, 1425}}, step{"v", 1401, 95, 1430}, 1000},
		"new key":   {[]step{{"v", 1300, 10, 1499}}, step{"w", 1441, 90, 1499}, 1440},
	} {
		f := newField(t, 1)
		statements, err := sql.Parse(eventsSQL)
		check(t, err)
		statements = []sql.Statement{statements[0], statements[1], statements[5]} // the stream, driven, fast: nothing else holds back
		for _, st := range statements {
			_, err := f.do(st)
			check(t, err)
		}
		send := func(s step) {
			f.now = max(f.now, 5000*second) + 2*finalEvery
			stream := f.core.catalog.plan().Streams[0]
			row := []value.Value{value.OfString(s.van), value.OfTime(s.at * second), value.OfDouble(1), value.OfDouble(1), value.OfDouble(float64(s.speed))}
			f.send("north", map[uint32]int64{stream.Id: s.mark * second}, reading{stream, row})
		}
		for _, s := range c.before {
			send(s)
		}
		f.now += 2 * finalEvery
		f.settle()
		until := textOf(eventTables(f)["alerts"]["final_before"])
		send(c.late)
		rows, err := f.ask("SELECT ts FROM alerts WHERE alert = 'fast' AND state = 'firing'")
		check(t, err)
		if at := value.FormatTime(c.as * second); len(rows) == 0 || rows[len(rows)-1] != at || until == "" || until > at {
			t.Errorf("%s: fired at %q, at last as of %s, and all before %s was said to be final", name, rows, at, until)
		}
		f.close()
	}
}

// One device whose clock is far ahead does not make all days up to its own look incomplete.
func TestOneFastClockTakesNoDays(t *testing.T) {
	f := newField(t, 1)
	defer f.close()
	p := f.core.partitions[0]
	p.cfg.State.TableRows, p.cfg.Time.MaxFuture = 10, time.Minute
	now := int64(1_000_000) * second
	f.now = now
	for i := range int64(20) {
		us := now - (20-i)*second
		if i == 3 {
			us = now + 10*365*day
		}
		tx := p.store.Begin()
		row := make([]value.Value, len(ownTables["alerts"]))
		row[alertTs] = value.OfTime(us)
		p.entry(&turn{tx: tx}, 'a', row...)
		check(t, tx.Commit())
	}
	f.settle()
	if got, want := textOf(eventTables(f)["alerts"]["whole_since"]), value.FormatTime(now-11*second+1); got != want {
		t.Errorf("whole since %q, want %q", got, want)
	}
}
