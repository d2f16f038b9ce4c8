package core

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/core/alert"
	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/notify"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

func alertedSQL() string {
	return oracleSQL() + fmt.Sprintf(`
CREATE ALERT fast ON %[1]s WHEN n > 0 AND device <> 'nobody' FOR 2 WINDOWS SEVERITY critical NOTIFY desk;
CREATE ALERT busy ON %[1]s WHEN n > 1 SEVERITY warning NOTIFY desk;
CREATE ALERT lasting ON %[1]s WHEN n > 0 FOR '12m' SEVERITY info;
CREATE ALERT brief ON %[1]s WHEN n > 0 STALE AFTER '7m' SEVERITY info NOTIFY desk;
CREATE ALERT final ON %[1]s_once WHEN n > 1 SEVERITY info;`, oracleViews[0].name)
}

// A core killed at any step of its loop, again and again, tells the steps of alerts that one tells which was never killed: each once, to channels too, in order.
func TestAlertsAreToldOnce(t *testing.T) {
	p := planOf(t, alertedSQL())
	points := stepsInSource(t)
	steps, kills := 0, 0
	for run := range uint64(4) {
		rng := rand.New(rand.NewPCG(run, 21))
		w := newWorkload(t, rng, p)
		var log []*wire.Batch
		for _, d := range w.order(rng) {
			log = append(log, d.batch)
		}
		log = append(log, w.farewell()...)
		told := func(deaths *rand.Rand) []string {
			fs := vfs.NewCrashableMem()
			r := &rig{t: t, fs: fs, dir: "state"}
			r.start(p, workloadStart)
			defer func() { r.close() }()
			history := map[string]string{}
			died := 0
			for r.p.position < uint64(len(log)) {
				at, passes := "", 1
				if deaths != nil && deaths.IntN(3) == 0 {
					at = points[deaths.IntN(len(points))]
				}
				if lives(r, at, passes, func() {
					from := r.p.position
					r.sequence = from
					n := min(uint64(len(log)), from/3*3+3) // the same turns, however often it dies
					r.turn(workloadStart+int64(n)*minute, log[from:n]...)
					drain(t, r, history)
				}) {
					continue
				}
				died++
				old := r.core.store
				fs = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: deaths.IntN(101), RNG: rand.New(rand.NewPCG(run, deaths.Uint64()))})
				r.fs = fs
				_ = old.Close()
				r.start(p, workloadStart)
			}
			r.p.step = func(string) {}
			r.turn(workloadStart + 1000*minute)
			drain(t, r, history)
			rows := r.ask("SELECT alert, key, state, ts, since, value, revised, stale, id FROM alerts ORDER BY alert, key, ts, state, since, revised")
			points := 0
			for _, line := range history {
				if strings.HasPrefix(line, "alerts,") {
					points++
				}
			}
			if points == 0 || points > len(rows) { // steps of one alert at one time are one point, as they are one place in InfluxDB
				t.Fatalf("%d points of %d steps", points, len(rows))
			}
			live := map[string]int{}
			for _, a := range r.core.standing.list() {
				live[a.def.Name+a.Key]++
			}
			count := 0
			for _, s := range r.p.alerts {
				count += s.Live()
			}
			if len(live) != count {
				t.Fatalf("%d alerts stand, of %d", len(live), count)
			}
			kills += died
			ids := map[string]bool{}
			check(t, r.core.store.Notices("desk", math.MaxInt, func(_, text []byte) error {
				n, err := notify.ReadNotice(text)
				if ids[n.ID] {
					t.Errorf("%s is told twice", n.ID)
				}
				ids[n.ID] = true
				rows = append(rows, fmt.Sprint("desk ", n.ID, " ", n.At, " ", n.Revised))
				return err
			}))
			if steps := r.ask("SELECT id FROM alerts WHERE alert IN ('fast', 'busy', 'brief')"); len(steps) != len(ids) {
				t.Errorf("a channel is told %d steps of %d", len(ids), len(steps))
			}
			return rows
		}
		want := told(nil)
		got := told(rand.New(rand.NewPCG(run, 22)))
		if !slices.Equal(got, want) {
			t.Fatalf("run %d: told\n%s\nnever killed\n%s", run, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		steps += len(want)
	}
	if steps < 100 || kills < 50 {
		t.Fatalf("%d steps and %d kills are too few", steps, kills)
	}
	t.Logf("soak: alerts steps=%d kills=%d twice=0 lost=0", steps, kills)
}

// A row of alerts that was stored before the table's last column was there is one all the same.
func TestRowsOfBefore(t *testing.T) {
	step := alert.Transition{ID: "x", Key: "k", To: alert.Resolved, Us: 5, Since: 3, Fired: 4, Value: 2, Stale: true}
	row := alertRow(&plan.Alert{Name: "hot"}, step)
	stored := value.AppendRow(nil, row[:alertStale])
	got := slices.Clone(row)
	if err := readEntry(stored, got); err != nil || !got[alertStale].IsNull() || got[alertID] != row[alertID] || got[alertTs] != row[alertTs] {
		t.Errorf("%v, %v", got, err)
	}
	if err := readEntry(stored[:len(stored)-1], got); err == nil {
		t.Error("half a row is read")
	}
}

// What the page and scripts ask for, and what they are told if it is wrong.
func TestAlertsThatAreAskedFor(t *testing.T) {
	f := newField(t, 2)
	defer func() { f.close() }()
	s := &script{field: f, edge: "north"}
	for _, text := range []string{
		"CREATE STREAM temps (sensor STRING KEY, ts TIMESTAMP, temp DOUBLE) WITH (topic = 't/{sensor}', timestamp = 'ts')",
		"CREATE VIEW v AS SELECT sensor, MAX(temp) AS top FROM temps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY sensor",
		"CREATE ALERT hot ON v WHEN top > 80 SEVERITY critical LABELS (team = 'heat')",
		"CREATE ALERT twice ON v WHEN top > 80 FOR 2 WINDOWS SEVERITY info",
		"INSERT INTO temps VALUES ('a', '10:00:10', 85), ('b', '10:00:10', 70)", "WATERMARK '10:01:00'"} {
		if said := s.run(text); said != nil {
			t.Fatal(text, said)
		}
	}
	get := func(q api.AlertQuery) []map[string]any {
		body, err := f.core.Alerts(&q)
		check(t, err)
		return body.(map[string]any)["alerts"].([]map[string]any)
	}
	all := get(api.AlertQuery{})
	text, err := json.Marshal(all)
	check(t, err)
	if len(all) != 2 || !strings.HasPrefix(string(text), `[{"alert":"hot","condition":"top \u003e 80","fired":"2026-01-01T10:00:00Z","id":"`) ||
		!strings.Contains(string(text), `"key":"a","keys":{"sensor":"a"},"labels":{"team":"heat"},"severity":"critical","since":"2026-01-01T10:00:00Z","state":"firing","value":85}`) ||
		all[1]["state"] != "pending" {
		t.Errorf("%s", text)
	}
	if only := get(api.AlertQuery{State: "pending", Severity: "info", Alert: "twice"}); len(only) != 1 {
		t.Errorf("%v", only)
	}
	for _, q := range []api.AlertQuery{{State: "resolved"}, {State: "odd"}, {Severity: "bad"}} {
		if _, err := f.core.Alerts(&q); err == nil {
			t.Errorf("%+v is answered", q)
		}
	}
	if _, err := f.core.AckAlert(context.Background(), "none", "ann"); err == nil {
		t.Error("an alert that is none was acknowledged")
	}
	three := 3.0
	for _, q := range []api.NewAlert{{MetricID: "v", Condition: ">", Threshold: &three}, {MetricID: "v.top", Condition: "~", Threshold: &three},
		{MetricID: "v.top", Condition: ">"}, {MetricID: "v.top", Condition: ">", Threshold: &three, Severity: "bad"}} {
		if _, err := f.core.MakeAlert(context.Background(), &q); err == nil {
			t.Errorf("%+v is made", q)
		}
	}
}
