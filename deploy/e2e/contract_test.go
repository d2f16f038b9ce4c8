package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// The outside of hexpane: what programs that nobody here wrote rely on.

// command runs a program to its end.
func command(t *testing.T, stdin string, args ...string) (out string, code int) {
	t.Helper()
	c := exec.Command(filepath.Join(bin, args[0]), args[1:]...)
	c.Stdin = strings.NewReader(stdin)
	text, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return string(text), c.ProcessState.ExitCode()
}

func TestCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		args string
		code int
		has  string
	}{
		{"hexpane --help", 0, "hexpane demo"},
		{"hexpane --version", 0, "hexpane "},
		{"hexpane nonsense", 2, "nonsense"},
		{"hexpane demo --help", 0, "--vehicles"},
		{"hexpane run --check-config", 0, "configuration ok"},
		{"hexpane run --print-config", 0, "max_packet_bytes"},
		{"hexpane run --http 0.0.0.0:0 --data " + dir, 2, "core.http.listen"},
		{"hexpane-core --help", 0, "--sql"},
		{"hexpane-edge --help", 0, "--mqtt"},
		{"hexpane-edge --help", 0, "hexpane-edge inspect DATADIR"},
		{"hexpane-edge check --nats.url nats://127.0.0.1:1 --mqtt 127.0.0.1:0 --http 127.0.0.1:0 --disk-for 10ms --data " + dir, 1, "fail  nats"},
		{"hexpane-edge inspect " + dir, 1, "no edge's store"},
		{"hexpane-sim --help", 0, "replay"},
		{"hexpane-edge --mqtt 0.0.0.0:0 --data " + dir, 2, "mqtt.listen"},
		{"hexpane-edge --http 0.0.0.0:0 --data " + dir, 2, "ingest.tokens"},
		{"hexpane-edge --check-config --config " + repo("deploy/config/edge.yaml"), 0, "configuration ok"},
		{"hexpane-edge --check-config --config " + repo("deploy/config/edge-subscribe.yaml"), 0, "configuration ok"},
		{"hexpane-core --check-config --config " + repo("deploy/config/core.yaml"), 0, "configuration ok"},
		{"hexpane-edge --check-config --config " + file("a.yaml", "mqtt:\n  listn: 127.0.0.1:1\n"), 2, "a.yaml:2: mqtt.listn: unknown key"},
		{"hexpane-edge --check-config --config " + file("b.yaml", "id: no spaces please\n"), 2, "id: "},
		{"hexpane-core --check-config --config " + file("c.yaml", "partitions: 1000\n"), 2, "partitions: "},
	} {
		out, code := command(t, "", strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.has) {
			t.Errorf("%s: exit %d, want %d and %q:\n%.600s", c.args, code, c.code, c.has, out)
		}
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	s := startSite(t, loadSQL)
	if out, code := command(t, "", "hexpane", "run", "--data", s.dir, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--core.nats.listen", "127.0.0.1:0"); code == 0 || !strings.Contains(out, "in use") {
		t.Errorf("a second one on the same data: exit %d: %s", code, out)
	}
	load(t, s.mqtt, 400, "--rate", "0").Wait(t, time.Minute)
	countedOnce(t, s, 400, 20)

	status := func(method, path, body string, want int) string {
		t.Helper()
		r, err := http.NewRequest(method, s.http+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%s %s: %d, want %d: %.300s (%v)", method, path, resp.StatusCode, want, text, err)
		}
		if strings.HasPrefix(path, "/api/") && want >= 400 {
			var e struct{ Error struct{ Message string } }
			if json.Unmarshal(text, &e) != nil || e.Error.Message == "" {
				t.Errorf("%s %s: not an error: %.300s", method, path, text)
			}
		}
		return string(text)
	}
	at := time.Now().Truncate(10 * time.Second).UnixMilli()
	posted := fmt.Sprintf(`{"source_id":"poster","data_points":[{"ts":%d,"seq":1,"lat":1,"lon":2,"speed":3},{"ts":%d,"seq":2,"lat":1,"lon":2,"speed":3}]}`, at, at+500)
	for range 2 { // the second time it counts no more
		if text := status("POST", "/api/v1/ingest", posted, 200); !strings.Contains(text, `"accepted":2`) {
			t.Errorf("posted: %s", text)
		}
	}
	if text := status("POST", "/api/v1/ingest", strings.Replace(posted, `"seq":2`, `"seq":"x"`, 1), 400); !strings.Contains(text, `"point":1`) {
		t.Errorf("posted a bad one: %s", text)
	}
	s.Eventually(t, func() error {
		if _, rows := s.SQL(t, `SELECT n FROM per_device WHERE device = 'poster'`); len(rows) != 1 || fmt.Sprint(rows[0][0]) != "2" {
			return fmt.Errorf("%v", rows)
		}
		return nil
	})
	for _, path := range []string{"/", "/status", "/healthz", "/readyz", "/metrics", "/api/v1/streams", "/api/v1/views", "/api/v1/edges", "/api/v1/partitions"} {
		status("GET", path, "", 200)
	}
	if text := status("GET", "/api/v1/metrics/per_device.n/data", "", 200); !strings.Contains(text, `"points":[{`) || !strings.Contains(text, `"watermark"`) {
		t.Errorf("a metric's data: %s", text)
	}
	status("GET", "/api/v1/metrics/per_device.m/data", "", 400)
	status("PUT", "/api/v1/fences/a", "{}", 400)
	status("PUT", "/api/v1/fences/a", `{"type":"Feature","properties":{"name":"A"},"geometry":{"type":"Polygon","coordinates":[[[1,1],[2,1],[2,2],[1,1]]]}}`, 201)
	if text := status("GET", "/api/v1/fences", "", 200); !strings.Contains(text, `"name":"A"`) {
		t.Errorf("fences: %s", text)
	}
	status("GET", "/api/v1/fences/a/inside", "", 200)
	status("DELETE", "/api/v1/fences/a", "", 204)
	if text := status("POST", "/api/v1/alerts", `{"metric_id":"per_device.n","condition":">","threshold":1000000}`, 201); !strings.Contains(text, `"sql":"CREATE ALERT`) {
		t.Errorf("a rule made: %s", text)
	}
	if text := status("GET", "/api/v1/alerts", "", 200); !strings.Contains(text, `"per_device_n_above_1000000"`) || !strings.Contains(text, `"alerts":[]`) {
		t.Errorf("alerts: %s", text)
	}
	status("POST", "/api/v1/alerts", `{"metric_id":"per_device.m","condition":">","threshold":1}`, 400)
	status("POST", "/api/v1/alerts/a/ack", "{}", 404)
	for _, call := range []string{"GET /api/v1/dashboards", "DELETE /api/v1/dashboards/a"} {
		method, path, _ := strings.Cut(call, " ")
		status(method, path, "{}", 501)
	}
	status("GET", "/api/v1/nothing", "", 404)
	status("POST", "/api/v1/sql", "no json", 400)
	if e := status("POST", "/api/v1/sql", `{"sql":"SELECT n\nFROM per_devise"}`, 400); !strings.Contains(e, `"line":2`) || !strings.Contains(e, `"column":6`) || !strings.Contains(e, "per_device") {
		t.Errorf("an error that places and hints: %s", e)
	}
	var doc struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal([]byte(status("GET", "/api/openapi.json", "", 200)), &doc); err != nil || len(doc.Paths) < 10 {
		t.Errorf("OpenAPI: %d paths, %v", len(doc.Paths), err)
	}

	r, _ := http.NewRequest("POST", s.http+"/api/v1/sql", strings.NewReader(`{"sql":"SELECT COUNT(*) AS devices FROM load"}`))
	r.Header.Set("Accept", "text/csv")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); string(text) != "devices\r\n21\r\n" && string(text) != "devices\n21\n" {
		t.Errorf("CSV: %q", text)
	}
	if out, code := command(t, "SHOW VIEWS;", "hexpane", "sql", "--server", s.http); code != 0 || !strings.Contains(out, "per_device") {
		t.Errorf("hexpane sql, from stdin: exit %d: %s", code, out)
	}
	if out, code := command(t, "", "hexpane", "sql", "--server", s.http, "SELEC 1"); code != 1 || !strings.Contains(out, "line 1, column 1") {
		t.Errorf("hexpane sql, an error: exit %d: %s", code, out)
	}
	s.Stop(t)
}

// What a view's and a stream's definitions do at run time: an edge takes them up by itself.
func TestStatementsAtRunTime(t *testing.T) {
	t.Parallel()
	s := startSite(t, "")
	const planVersion = "hexpane_edge_plan_version"
	before := s.Metric(t, planVersion)
	s.SQL(t, "CREATE STREAM meters (device STRING KEY, ts TIMESTAMP, wh BIGINT) WITH (topic = 'meter/{device}', timestamp = 'ts')")
	s.SQL(t, "CREATE VIEW energy AS SELECT device, MAX(wh) AS wh, COUNT(*) AS n FROM meters WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY device")
	s.Eventually(t, func() error {
		if v := s.Metric(t, planVersion); v < before+2 {
			return fmt.Errorf("the edge has plan %v, and had %v before two statements", v, before)
		}
		return nil
	})
	publish(t, s.mqtt, "meter/m1", `[{"ts":"2026-01-01T00:10:00Z","wh":10},{"ts":"2026-01-01T00:20:00Z","wh":14}]`)
	publish(t, s.mqtt, "meter/m2", "{\"ts\":1767226200,\"wh\":3}\n{\"ts\":1767226260000,\"wh\":4}")
	s.Eventually(t, func() error {
		_, rows := s.SQL(t, "SELECT device, window_start, wh, n FROM energy ORDER BY device")
		if got, want := fmt.Sprint(rows), "[[m1 2026-01-01T00:00:00Z 14 2] [m2 2026-01-01T00:00:00Z 4 2]]"; got != want {
			return fmt.Errorf("%s, want %s", got, want)
		}
		return nil
	})
	s.SQL(t, "DROP VIEW energy")
	if _, _, err := ask(s.http, "SELECT * FROM energy"); err == nil {
		t.Error("a dropped view still answers")
	}
	s.Stop(t)
}

// The demo: within seconds vehicles move and cells fill, it stops by itself, and leaves nothing behind. It runs beside no other test, because of the seconds.
func TestDemo(t *testing.T) {
	tmp := t.TempDir()
	d := &site{process: launchWith(t, []string{"TMPDIR=" + tmp}, filepath.Join(bin, "hexpane"), "demo", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--core.nats.listen", "127.0.0.1:0",
		"--vehicles", "200", "--for", "12s")}
	d.addresses = readAddresses(d.line(t, "hexpane ready"))
	ready := time.Now()
	ws, _, err := websocket.DefaultDialer.Dial(strings.Replace(d.http, "http", "ws", 1)+"/ws", http.Header{"Origin": {d.http}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteJSON(map[string]any{"action": "subscribe", "topics": []string{"positions:vehicles", "view:cell_speed"}}); err != nil {
		t.Fatal(err)
	}
	places, cells := map[string]map[string]bool{}, map[string]bool{}
	moved := 0
	_ = ws.SetReadDeadline(ready.Add(10 * time.Second))
	for moved < 100 || len(cells) < 50 {
		var m struct {
			Topic     string
			Type      string
			Positions []struct {
				ID       string
				Lat, Lon float64
			}
			Rows []map[string]any
		}
		if err := ws.ReadJSON(&m); err != nil {
			t.Fatalf("10 s after ready %d vehicles moved and %d cells have a value: %v", moved, len(cells), err)
		}
		for _, p := range m.Positions {
			if places[p.ID] == nil {
				places[p.ID] = map[string]bool{}
			}
			places[p.ID][fmt.Sprint(p.Lat, p.Lon)] = true
			if len(places[p.ID]) == 2 {
				moved++
			}
		}
		for _, r := range m.Rows {
			cells[fmt.Sprint(r["cell"])] = true
		}
	}
	d.Wait(t, 40*time.Second)
	if left, err := filepath.Glob(filepath.Join(tmp, "hexpane-demo-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
