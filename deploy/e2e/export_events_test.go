package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/parquet"
	"github.com/hexpane/hexpane/protocol/value"
)

const eventsSQL = `CREATE STREAM v (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE) WITH (topic = 'v', timestamp = 'ts', disorder = '0s', position = 'lat,lon');
CREATE VIEW pace AS SELECT device, AVG(speed) AS mean FROM v WINDOW TUMBLING (SIZE 10 MINUTES, GRACE PERIOD 30 MINUTES) GROUP BY device;
CREATE VIEW recent AS SELECT device, COUNT(*) AS n FROM v WINDOW TUMBLING (SIZE 10 MINUTES, GRACE PERIOD 30 MINUTES, RETENTION 1 DAY) GROUP BY device;
CREATE ALERT fast ON pace WHEN mean > 70 SEVERITY warning;
CREATE PATTERN stays AS SELECT * FROM fence_events MATCH_RECOGNIZE (PARTITION BY device MEASURES A.ts AS came, B.ts AS went
	PATTERN (A B) WITHIN INTERVAL '2' HOUR DEFINE A AS kind = 'enter', B AS kind = 'exit');`

// commute has three buses in the yard for the first half of each hour, and fast meanwhile, for some days, six hours and 20 minutes: events and alerts twice an hour each.
func commute(t testing.TB, s *site, days int) {
	t.Helper()
	yard := `{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}}`
	r, err := http.NewRequest(http.MethodPut, s.http+"/api/v1/fences/yard", strings.NewReader(yard))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	end := firstDay.AddDate(0, 0, days).Add(6*time.Hour + 20*time.Minute)
	for from := firstDay; from.Before(end); from = from.AddDate(0, 0, 1) {
		var body bytes.Buffer
		var last time.Time
		for at := from; at.Before(end) && at.Before(from.AddDate(0, 0, 1)); at = at.Add(4 * time.Minute) {
			last = at
			place, speed := 0.5, 90
			if at.Minute() >= 30 {
				place, speed = 5, 10
			}
			for bus := range 3 {
				fmt.Fprintf(&body, `{"device":"bus-%d","ts":%d,"lat":%g,"lon":0.5,"speed":%d}`+"\n", bus, at.UnixMilli()+int64(bus), place, speed)
			}
		}
		resp, err := http.Post(s.http+"/api/v1/ingest?topic=v", "application/x-ndjson", &body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
		s.Eventually(t, func() error { // a day is applied before the next: rows of one turn are numbered bus by bus, and the oldest by their numbers go
			if us := s.Metric(t, `hexpane_core_merge_watermark_seconds{view="pace"}`); !(us >= float64(last.Unix())) {
				return fmt.Errorf("the watermark is at %v, before %s", us, last)
			}
			return nil
		})
	}
	eventsFinal(t, s, firstDay.AddDate(0, 0, days))
}

// eventsFinal waits until all that happened before a time is final, as the core says.
func eventsFinal(t testing.TB, s *site, before time.Time) {
	t.Helper()
	s.Eventually(t, func() error {
		_, text, err := get(s.http + "/api/v1/events")
		if err != nil {
			return err
		}
		var answer struct {
			Events []struct {
				Name  string
				Final *time.Time `json:"final_before"`
			}
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			return err
		}
		for _, e := range answer.Events {
			if e.Final == nil || e.Final.Before(before) {
				return fmt.Errorf("%s is final before %v", e.Name, e.Final)
			}
		}
		if len(answer.Events) != 3 {
			return fmt.Errorf("events: %s", text)
		}
		return nil
	})
}

var eventTables = map[string][]string{"fence_events": {"device", "fence", "kind", "id", "ts"}, "alerts": {"alert", "key", "state", "id", "ts"}, "stays": {"device", "came", "went", "match_id", "match_end"}}

// archivedEvents are the rows of each table of an archive.
func archivedEvents(t testing.TB, dir string) map[string][]string {
	t.Helper()
	files := filesIn(t, dir)
	got := map[string][]string{}
	for table, names := range eventTables {
		var columns []parquet.Column
		for _, name := range names {
			kind := value.String
			if name == "ts" || name == "came" || name == "went" || name == "match_end" {
				kind = value.Timestamp
			}
			columns = append(columns, parquet.Column{Name: name, Type: value.Type{Kind: kind}})
		}
		got[table] = rowsOf(t, files, table, columns)
	}
	return got
}

// What happened, at fences, to alerts and as matches, is archived by its days: with an export that is killed whenever, and a core that is killed too, each row is there and
// once; what an alert is told later, such as that it is acknowledged, changes no day that is there.
func TestEventsAreExported(t *testing.T) {
	t.Parallel()
	const days = 3
	s := startSite(t, eventsSQL)
	commute(t, s, days)
	dir := filepath.Join(t.TempDir(), "lake")
	kills := 0
	for n := 1; ; n++ {
		c := exec.Command(filepath.Join(bin, "hexpane"), "export", "--server", s.http, "--part", "6h", dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		var err error
		select {
		case err = <-ended:
		case <-time.After(time.Duration(n)*150*time.Millisecond + time.Duration(rand.IntN(100))*time.Millisecond):
			if n%4 == 3 {
				s.Kill(t)
				<-ended // it breaks off: the core is gone
				s.Restart(t)
			} else {
				_ = c.Process.Kill()
				<-ended
			}
			kills++
			continue
		}
		if err == nil {
			break
		}
		if n > 100 {
			t.Fatal(err)
		}
	}
	eventsFinal(t, s, firstDay.AddDate(0, 0, days)) // it may have started anew
	if out, err := hexpane("export", "--server", s.http, dir); err != nil {
		t.Fatal(err, out)
	}
	want := map[string][]string{}
	for table, names := range eventTables {
		_, rows := s.SQL(t, fmt.Sprintf("SELECT %s FROM %s WHERE %s < '%s'", strings.Join(names, ", "), table, names[4], firstDay.AddDate(0, 0, days).Format(time.RFC3339)))
		for _, row := range rows {
			want[table] = append(want[table], strings.TrimSuffix(fmt.Sprintln(row...), "\n"))
		}
		slices.Sort(want[table])
		if n, most := len(rows), 3*48*days; n == 0 || n > most || table != "stays" && n != most {
			t.Errorf("%s has %d rows", table, n)
		}
	}
	check := func() {
		t.Helper()
		for table, rows := range archivedEvents(t, dir) {
			if !slices.Equal(rows, want[table]) {
				t.Errorf("%s: the archive has %d rows, the core %d", table, len(rows), len(want[table]))
			}
		}
	}
	check()
	var standing struct{ Alerts []struct{ ID string } }
	_, text, err := get(s.http + "/api/v1/alerts")
	if err != nil || json.Unmarshal([]byte(text), &standing) != nil || len(standing.Alerts) == 0 {
		t.Fatal("no alert stands: ", text, err)
	}
	resp, err := http.Post(s.http+"/api/v1/alerts/"+standing.Alerts[0].ID+"/ack", "application/json", strings.NewReader(`{"by":"ann"}`))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	if out, err := hexpane("export", "--server", s.http, dir); err != nil || !strings.Contains(out, "0 days archived") {
		t.Errorf("once more: %v %s", err, out)
	}
	check()
	file := filepath.Join(dir, "view=fence_events", "date=2026-03-02", "part-0.parquet")
	copied := filepath.Join(s.dir, "core", "tables", "events.parquet")
	data, err := os.ReadFile(file)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(copied), 0o750)
	}
	if err == nil {
		err = os.WriteFile(copied, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.SQL(t, "CREATE TABLE old (id STRING KEY, kind STRING, ts TIMESTAMP) WITH (file = 'events.parquet')")
	if _, rows := s.SQL(t, "SELECT COUNT(*) FROM old WHERE kind = 'enter'"); fmt.Sprint(rows) != "[[18]]" {
		t.Errorf("read back: %v", rows) // three buses, six hours
	}
	if n, err := sum(s.http, "hexpane_core_events_after_final_total"); n != 0 || err != nil {
		t.Errorf("%v events after their time was final: %v", n, err)
	}
	t.Logf("soak: events archived, export killed %d times: %d rows at fences, %d of alerts, %d matches, lost=0 twice=0", kills, len(want["fence_events"]), len(want["alerts"]), len(want["stays"]))
	s.Stop(t)
}

// Days of which only rollups are left are named and not archived, be they asked for or not: no day without its windows is there, or called complete.
func TestDaysOfRollupsAreNotArchived(t *testing.T) {
	t.Parallel()
	s := startSite(t, eventsSQL)
	commute(t, s, 4)
	s.Eventually(t, func() error {
		_, text, err := get(s.http + "/metrics")
		if err == nil && !strings.Contains(text, `hexpane_core_history_windows{level="1h",view="recent"}`) {
			err = errors.New("recent is not rolled up")
		}
		return err
	})
	later := firstDay.AddDate(0, 0, 4).Add(7 * time.Hour) // what is rolled up goes when the watermark moves
	resp, err := http.Post(s.http+"/api/v1/ingest?topic=v", "application/x-ndjson", strings.NewReader(fmt.Sprintf(`{"device":"bus-0","ts":%d,"lat":5,"lon":5,"speed":1}`, later.UnixMilli())))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	s.Eventually(t, func() error {
		_, rows := s.SQL(t, "SELECT MIN(window_start) FROM recent")
		if len(rows) != 1 || rows[0][0] == nil || rows[0][0].(string) < "2026-03-03" {
			return fmt.Errorf("the oldest window is %v", rows)
		}
		return nil
	})
	dir := filepath.Join(t.TempDir(), "lake")
	for _, from := range [][]string{nil, {"--from", "2026-03-01"}} {
		out, err := hexpane(append(append([]string{"export", "--server", s.http, "--views", "recent"}, from...), dir)...)
		if err != nil || !strings.Contains(out, "recent: 2026-03-01 ") || !strings.Contains(out, "only larger ones are left (rollups of 1h0m0s, 24h0m0s") {
			t.Errorf("%v: %v %s", from, err, out)
		}
	}
	if out, err := hexpane("export", "--server", s.http, "--views", "pace", "--from", "2026-02-20", dir); err != nil || !strings.Contains(out, "pace: nothing is known of it before 2026-03-01") || !strings.Contains(out, "4 days archived") {
		t.Errorf("from before there was anything: %v %s", err, out)
	}
	days, err := filepath.Glob(filepath.Join(dir, "view=recent", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range days {
		if at := filepath.Base(filepath.Dir(file)); at <= "date=2026-03-03" {
			t.Errorf("there is %s", file)
		}
	}
	s.Stop(t)
}

// Of what is kept by number the oldest are given up: a day that lacks some is named and not archived, also over a restart, and one that is archived lacks none.
func TestDaysThatLackEventsAreNotArchived(t *testing.T) {
	t.Parallel()
	s := startSite(t, eventsSQL, "--core.state.table_rows", "220", "--core.pattern.keep_matches", "150")
	commute(t, s, 5)
	s.Kill(t)
	s.Restart(t)
	eventsFinal(t, s, firstDay.AddDate(0, 0, 5))
	dir := filepath.Join(t.TempDir(), "lake")
	out, err := hexpane("export", "--server", s.http, "--from", "2026-03-01", dir)
	if err != nil {
		t.Fatal(err, out)
	}
	for table, rows := range archivedEvents(t, dir) {
		if !strings.Contains(out, table+": 2026-03-01 is older than what is kept") {
			t.Errorf("%s: the first day is not named: %s", table, out)
		}
		perDay := map[string]int{}
		for _, row := range rows {
			perDay[row[strings.LastIndexByte(row, ' ')+1:][:10]]++
		}
		whole := 3 * 48
		if table == "stays" {
			whole = 3 * 24
		}
		if len(perDay) == 0 || len(perDay) == 5 {
			t.Errorf("%s: %v; %s", table, perDay, out)
		}
		for day, n := range perDay {
			if n != whole {
				t.Errorf("%s: the archive has %d rows of %s, of %d", table, n, day, whole)
			}
		}
	}
	s.Stop(t)
}
