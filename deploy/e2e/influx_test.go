package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// influx is a real InfluxDB: 1.8, with the endpoints of 2, or 2.7.
type influx struct {
	*process
	url    string
	args   []string
	config []string // of a core, so that it writes there
	token  string   // 2.7's
}

func startInflux(t *testing.T) *influx {
	t.Helper()
	path := program(t, "influxd")
	dir, address := t.TempDir(), freeAddress(t)
	conf := filepath.Join(dir, "influxd.conf")
	text := fmt.Sprintf("reporting-disabled = true\nbind-address = %q\n[meta]\ndir = %q\n[data]\ndir = %q\nwal-dir = %q\n[http]\nbind-address = %q\nflux-enabled = true\nlog-enabled = false\n[monitor]\nstore-enabled = false\n",
		freeAddress(t), dir+"/meta", dir+"/data", dir+"/wal", address)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	i := &influx{url: "http://" + address, args: []string{path, "-config", conf}}
	i.config = []string{"--core.influx.url", i.url, "--core.influx.bucket", "hexpane/autogen"}
	i.start(t)
	if _, err := i.query("CREATE DATABASE hexpane"); err != nil {
		t.Fatal(err)
	}
	return i
}

// startInflux2 starts 2.7, with an organisation and a token. The core has to make its bucket.
func startInflux2(t *testing.T) *influx {
	t.Helper()
	path := program(t, "influxd2")
	dir, address := t.TempDir(), freeAddress(t)
	i := &influx{url: "http://" + address, token: "all-access",
		args: []string{path, "--reporting-disabled", "--http-bind-address", address, "--bolt-path", dir + "/bolt", "--sqlite-path", dir + "/sqlite", "--engine-path", dir + "/engine"}}
	i.config = []string{"--core.influx.url", i.url, "--core.influx.org", "city", "--core.influx.bucket", "hexpane", "--core.influx.create", "--core.influx.token", i.token}
	i.start(t)
	resp, err := http.Post(i.url+"/api/v2/setup", "application/json", strings.NewReader(`{"username":"tests","password":"of hexpane","token":"`+i.token+`","org":"city","bucket":"first"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(resp.Body)
		t.Fatal(resp.Status, string(text))
	}
	return i
}

func (i *influx) start(t *testing.T) {
	t.Helper()
	i.process = launch(t, i.args[0], i.args[1:]...)
	eventually(t, func() error {
		status, _, err := get(i.url + "/ping")
		if err == nil && status != http.StatusNoContent {
			err = fmt.Errorf("%d", status)
		}
		return err
	})
}

// query runs InfluxQL and gives the rows of all series, without their times.
func (i *influx) query(q string) (rows [][]any, err error) {
	req, err := http.NewRequest(http.MethodPost, i.url+"/query", strings.NewReader(url.Values{"db": {"hexpane"}, "q": {q}, "epoch": {"ms"}}.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if i.token != "" {
		req.Header.Set("Authorization", "Token "+i.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	for _, r := range answer.Results {
		if r.Error != "" {
			return nil, fmt.Errorf("%s: %s", q, r.Error)
		}
		for _, s := range r.Series {
			rows = append(rows, s.Values...)
		}
	}
	return rows, nil
}

// Each window becomes one point, also those of a time when InfluxDB was away and the site was killed.
func TestInfluxHistory(t *testing.T) {
	t.Parallel()
	influxHistory(t, startInflux(t))
}

func TestInflux2History(t *testing.T) {
	t.Parallel()
	influxHistory(t, startInflux2(t))
}

func influxHistory(t *testing.T, db *influx) {
	s := startSite(t, loadSQL, db.config...)
	away := 2000.0
	if os.Getenv("HEXPANE_SOAK") != "" { // a minute before the kill, and another behind it
		away = 120_000
	}
	l := endless(t, s.mqtt, "--give-up", "5m")
	s.takesIn(t, 2500)
	db.Kill(t)
	began := time.Now()
	for range 4 {
		s.takesIn(t, away/4)
	}
	s.Kill(t)
	s.Restart(t)
	for range 4 {
		s.takesIn(t, away/4)
	}
	count := l.end(t, s)
	down := time.Since(began).Round(time.Second)
	countedOnce(t, s, count, 20)
	db.start(t)
	eventually(t, func() error {
		_, want, err := ask(s.http, "SELECT COUNT(*) AS windows, SUM(n) AS n, SUM(total) AS total FROM per_device")
		if err != nil {
			return err
		}
		got, err := db.query("SELECT COUNT(n), SUM(n), SUM(total) FROM per_device")
		if err != nil || len(got) != 1 {
			return fmt.Errorf("%v: %w", got, err)
		}
		if fmt.Sprint(got[0][1:]) != fmt.Sprint(want[0]) {
			return fmt.Errorf("InfluxDB has windows, n, total %v; the core %v", got[0][1:], want[0])
		}
		return nil
	})
	t.Logf("soak: %s away for %s, and the site killed, under load: %d readings, points lost=0 twice=0", db.name, down, count)
	if series, err := db.query("SHOW SERIES FROM per_device"); err != nil || len(series) != 20 {
		t.Errorf("%d series, want one for each of 20 devices: %v", len(series), err)
	}
	s.Stop(t)
}

// What RETENTION took from the core is read from a 2.7 that refused the token at first, to a core that was killed since.
func TestInflux2GoesOnWhereRetentionEnds(t *testing.T) {
	t.Parallel()
	db := startInflux2(t)
	s := startSite(t, strings.Replace(loadSQL, "10 SECONDS)", "10 SECONDS, GRACE PERIOD 10 SECONDS, RETENTION 1 MINUTE)", 1),
		append(db.config, "--core.influx.history", "--core.history.rollups", "", "--core.influx.token", "stale")...)
	c := connect(t, s.mqtt)
	defer func() { c.Disconnect(100) }()
	base := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	const windows = 100
	for n := range windows + 10 { // the last ones move the watermark past those that are asked for
		token := c.Publish(fmt.Sprintf("load/bus '%d'/position", n%3), 1, false, fmt.Sprintf(`{"ts":%q,"seq":%d,"lat":1,"lon":1}`, base.Add(time.Duration(n)*10*time.Second).Format(time.RFC3339Nano), n))
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal("not acknowledged: ", token.Error())
		}
	}
	s.Eventually(t, func() error {
		if waiting := s.Metric(t, "hexpane_core_store_waiting_points"); waiting < windows {
			return fmt.Errorf("%v points wait", waiting)
		}
		return nil
	})
	s.Kill(t)
	s.args = append(s.args, "--core.influx.token", db.token)
	s.Restart(t)
	end := base.Add(windows * 10 * time.Second).Format(time.RFC3339)
	s.Eventually(t, func() error {
		_, got, err := ask(s.http, "SELECT COUNT(*), SUM(n), SUM(total) FROM per_device WHERE window_end <= '"+end+"'")
		if want := fmt.Sprint([]any{windows, windows, windows * (windows - 1) / 2}); err != nil || len(got) != 1 || fmt.Sprint(got[0]) != want {
			return fmt.Errorf("%v, want %s: %w", got, want, err)
		}
		return nil
	})
	if got, err := db.query("SELECT COUNT(n) FROM per_device WHERE time < '" + end + "'"); err != nil || len(got) != 1 || got[0][1] != float64(windows) {
		t.Errorf("InfluxDB has %v: %v", got, err)
	}
	s.Stop(t)
}
