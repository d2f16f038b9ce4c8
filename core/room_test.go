package core

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// While the disk is full nothing that an operator sends eats of the reserve: it is refused with the reason. What deletes is done, and a start with the
// statements that are in force already is none of it.
func TestEditsAreRefusedOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, dir, func(c *Config) { c.Backup.Dir, c.Alerts.MaxSilences = t.TempDir(), 5 })
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, n.core.HTTPAddress()+path, strings.NewReader(body))
		check(t, err)
		resp, err := http.DefaultClient.Do(r)
		check(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		check(t, err)
		return resp.StatusCode, string(text)
	}
	const square = `{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]},"properties":{}}`
	adds := []struct{ method, path, body string }{
		{"PUT", "/api/v1/fences/yard", square},
		{"POST", "/api/v1/fences", `{"type":"FeatureCollection","features":[` + strings.Replace(square, "{", `{"id":"quay",`, 1) + `]}`},
		{"POST", "/api/v1/sql", `{"sql":"CREATE VIEW more AS SELECT COUNT(*) AS n FROM vehicles WINDOW TUMBLING (SIZE 1 MINUTE)"}`},
		{"POST", "/api/v1/sql", `{"sql":"CREATE ALERT busy ON more WHEN n > 5 SEVERITY warning"}`},
		{"POST", "/api/v1/silences", `{"matchers":[{"name":"severity","match":"=","value":"warning"}],"for":"1h"}`},
		{"POST", "/api/v1/backup", `{"name":"b1"}`},
	}
	for _, a := range adds {
		if code, text := ask(a.method, a.path, a.body); code/100 != 2 {
			t.Fatalf("with room, %s %s: %d %s", a.method, a.path, code, text)
		}
	}
	n.stop()
	use, err := vfs.Default.GetDiskUsage(dir)
	check(t, err)
	n = startNode(t, dir, func(c *Config) {
		c.State.ReserveBytes, c.Backup.Dir, c.Alerts.MaxSilences = int64(use.AvailBytes)*2, t.TempDir(), 5
	}) // too much of it for a ballast, too
	before := n.plan().Version
	for _, a := range adds {
		body := strings.NewReplacer("VIEW more", "VIEW yet_more", "ALERT busy", "ALERT busier").Replace(a.body)
		if code, text := ask(a.method, a.path, body); code != http.StatusInsufficientStorage || !strings.Contains(text, "disk is full") {
			t.Errorf("%s %s: %d %s", a.method, a.path, code, text)
		}
	}
	if now := n.plan().Version; now != before {
		t.Errorf("the plan has version %d, and had %d", now, before)
	}
	if code, text := ask("GET", "/api/v1/fences/yard", ""); code != 200 {
		t.Errorf("what was there: %d %s", code, text)
	}
	if code, text := ask("DELETE", "/api/v1/fences/yard", ""); code != http.StatusNoContent {
		t.Errorf("deleting a fence: %d %s", code, text)
	}
	p := n.plan()
	view := p.Views[len(p.Views)-1].Id // more
	tx := n.core.store.Begin()
	tx.Window(0, view, 0, []byte("k"), []byte("state"))
	check(t, tx.Commit())
	for _, drop := range []string{"DROP ALERT busy", "DROP VIEW more"} {
		if code, text := ask("POST", "/api/v1/sql", `{"sql":"`+drop+`"}`); code != 200 {
			t.Errorf("%s: %d %s", drop, code, text)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // and its windows go, though nothing is applied
		window, err := n.core.store.Window(0, view, 0, []byte("k"))
		check(t, err)
		if window == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the windows of a view that was dropped stay")
		}
	}
}
