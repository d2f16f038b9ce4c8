package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// influx is a real InfluxDB 1.8, with the endpoints of 2.
type influx struct {
	*process
	url  string
	args []string
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
	i.start(t)
	if _, err := i.query("CREATE DATABASE hexpane"); err != nil {
		t.Fatal(err)
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
	resp, err := http.PostForm(i.url+"/query", url.Values{"db": {"hexpane"}, "q": {q}, "epoch": {"ms"}})
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
	db := startInflux(t)
	s := startSite(t, loadSQL, "--core.influx.url", db.url, "--core.influx.bucket", "hexpane/autogen")
	count, away := 12_000, 2000.0
	if os.Getenv("HEXPANE_SOAK") != "" { // a minute before the kill, and another behind it
		count, away = 300_000, 120_000
	}
	l := load(t, s.mqtt, count, "--give-up", "5m")
	s.takesIn(t, 2500)
	db.Kill(t)
	began := time.Now()
	for range 4 {
		s.takesIn(t, away/4)
	}
	s.Kill(t)
	s.Restart(t)
	l.Wait(t, 5*time.Minute)
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
	t.Logf("soak: InfluxDB away for %s, and the site killed, under load: %d readings, points lost=0 twice=0", down, count)
	if series, err := db.query("SHOW SERIES FROM per_device"); err != nil || len(series) != 20 {
		t.Errorf("%d series, want one for each of 20 devices: %v", len(series), err)
	}
	s.Stop(t)
}
