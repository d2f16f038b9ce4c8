package e2e

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hexpane/hexpane/simulators/oracle"
)

const fencesSQL = `
CREATE STREAM buses (vehicle STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE, route STRING)
  WITH (topic = 'bus/{vehicle}/position', timestamp = 'ts', disorder = '30s', position = 'lat,lon');
CREATE VIEW visits AS SELECT fence, kind, COUNT(*) AS n FROM fence_events GROUP BY fence, kind;`

// request makes an HTTP request with a body, and gives the status, the answer and its ETag.
func request(t testing.TB, method, url, body string) (int, string, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header.Get("ETag")
}

func unzipped(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// neighbourhoods gives Austin's as a FeatureCollection with ids, and as areas of the oracle.
func neighbourhoods(t *testing.T) (collection string, areas map[string]*oracle.Area) {
	t.Helper()
	var all struct {
		Type     string           `json:"type"`
		Features []map[string]any `json:"features"`
	}
	if err := json.Unmarshal(unzipped(t, data(t, "austin/zones.geojson.gz")), &all); err != nil {
		t.Fatal(err)
	}
	areas = map[string]*oracle.Area{}
	for i, f := range all.Features {
		id := fmt.Sprintf("zone-%02d", i)
		f["id"] = id
		text, err := json.Marshal(f["geometry"])
		if err != nil {
			t.Fatal(err)
		}
		var g struct{ Coordinates [][][][2]float64 }
		if err := json.Unmarshal(text, &g); err != nil {
			t.Fatal(err)
		}
		areas[id] = oracle.NewArea(g.Coordinates)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), areas
}

// visited is who enters and exits what on a day, by trying each position in order against each area.
func visited(t *testing.T, file string, areas map[string]*oracle.Area) (events []string) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(unzipped(t, file))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	type fix struct {
		at              time.Time
		vehicle         string
		lat, lon, speed float64
	}
	var fixes []fix
	for _, r := range records[1:] {
		at, err := time.Parse(time.RFC3339, r[1])
		if err != nil {
			t.Fatal(err)
		}
		fixes = append(fixes, fix{at, r[0], number(t, r[5]), number(t, r[6]), number(t, r[2])})
	}
	slices.SortFunc(fixes, func(a, b fix) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.vehicle, b.vehicle), cmp.Compare(a.lat, b.lat), cmp.Compare(a.lon, b.lon), cmp.Compare(a.speed, b.speed))
	})
	inside := map[[2]string]bool{}
	ids := slices.Sorted(maps.Keys(areas))
	for _, f := range fixes {
		for _, id := range ids {
			in := areas[id].Contains(f.lat, f.lon)
			if key := [2]string{f.vehicle, id}; in != inside[key] {
				kind := map[bool]string{true: "enter", false: "exit"}[in]
				inside[key] = in
				events = append(events, fmt.Sprint(f.vehicle, " ", id, " ", kind, " ", f.at.UTC().Format(time.RFC3339)))
			}
		}
	}
	slices.Sort(events)
	return events
}

// fencedAsBruteForce holds what was told of a day at the neighbourhoods against the truth.
func fencedAsBruteForce(t *testing.T, s *site, want []string) {
	t.Helper()
	var got []string
	s.Eventually(t, func() error {
		_, told := s.SQL(t, "SELECT device, fence, kind, ts FROM fence_events")
		got = got[:0]
		for _, r := range told {
			got = append(got, fmt.Sprint(r[0], " ", r[1], " ", r[2], " ", r[3]))
		}
		if len(got) != len(want) {
			return fmt.Errorf("%d events, want %d", len(got), len(want))
		}
		return nil
	})
	slices.Sort(got)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("event %d is %q, want %q", i, got[i], want[i])
		}
	}
}

// watcher is a viewer's connection.
type watcher struct {
	*websocket.Conn
	t testing.TB
}

func watch(t testing.TB, server string, topics ...string) watcher {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(strings.Replace(server, "http", "ws", 1)+"/ws", http.Header{"Origin": {server}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	if err := ws.WriteJSON(map[string]any{"action": "subscribe", "topics": topics}); err != nil {
		t.Fatal(err)
	}
	return watcher{ws, t}
}

// until reads messages up to one that the test wants.
func (w watcher) until(wants func(message map[string]any) bool) map[string]any {
	w.t.Helper()
	if err := w.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		w.t.Fatal(err)
	}
	var last map[string]any
	for {
		message := map[string]any{}
		if err := w.ReadJSON(&message); err != nil {
			w.t.Fatalf("%v; the last message was %v", err, last)
		}
		if last = message; wants(message) {
			return message
		}
	}
}

func (w watcher) event(kind, fence string) map[string]any {
	w.t.Helper()
	m := w.until(func(m map[string]any) bool {
		e, ok := m["event"].(map[string]any)
		return ok && e["kind"] == kind && e["fence"] == fence
	})
	return m["event"].(map[string]any)
}

// An operator's day: draw a fence while vans drive, see who comes, move it, delete it; the core is killed in between.
func TestOperatorsDrawFences(t *testing.T) {
	t.Parallel()
	s := startSite(t, strings.ReplaceAll(fencesSQL, "disorder = '30s'", "disorder = '1s'"))
	van := connect(t, s.mqtt)
	at := time.Now().Truncate(time.Second)
	drive := func(lat, lon float64) {
		t.Helper()
		at = at.Add(time.Second)
		token := van.Publish("bus/b1/position", 1, false, fmt.Sprintf(`{"ts":%q,"lat":%v,"lon":%v,"speed":10,"route":"7"}`, at.UTC().Format(time.RFC3339), lat, lon))
		if !token.WaitTimeout(30*time.Second) || token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	square := func(x float64) string {
		return fmt.Sprintf(`{"type":"Feature","properties":{"name":"Depot"},"geometry":{"type":"Polygon","coordinates":[[[%g,0],[%g,0],[%g,1],[%g,1],[%g,0]]]}}`, x, x+1, x+1, x, x)
	}
	drive(0.5, 0.5)
	s.Eventually(t, func() error {
		if _, rows := s.SQL(t, "SELECT vehicle FROM buses"); len(rows) == 0 {
			return fmt.Errorf("the core knows of no van")
		}
		return nil
	})
	if status, text, tag := request(t, "PUT", s.http+"/api/v1/fences/depot", square(0)); status != http.StatusCreated || tag != `"1"` {
		t.Fatal(status, text, tag)
	}
	viewer, counter := watch(t, s.http, "fences:*"), watch(t, s.http, "inside:fences")
	viewer.until(func(m map[string]any) bool { return m["topic"] == "fences:*" && m["type"] == "snapshot" })
	drive(0.6, 0.5)
	if e := viewer.event("enter", "depot"); e["device"] != "b1" || e["lat"] != 0.6 || e["stream"] != "buses" {
		t.Error(e)
	}
	counter.until(func(m map[string]any) bool {
		rows, _ := m["rows"].([]any)
		return m["topic"] == "inside:fences" && len(rows) == 1 && fmt.Sprint(rows[0]) == "map[fence:depot inside:1 version:1]"
	})
	inside := func() string {
		_, text, _ := request(t, "GET", s.http+"/api/v1/fences/depot/inside", "")
		return strings.TrimSpace(text)
	}
	const one = `{"count":1,"devices":[{"stream":"buses","device":"b1"}],"fence":"depot"}`
	if got := inside(); got != one {
		t.Error(got)
	}

	s.Kill(t)
	s.Restart(t)
	if got := inside(); got != one {
		t.Error("after the kill: ", got)
	}
	viewer = watch(t, s.http, "fences:depot")
	edited := time.Now()
	if status, text, _ := request(t, "PUT", s.http+"/api/v1/fences/depot", square(7)); status != http.StatusOK {
		t.Fatal(status, text)
	}
	viewer.event("exit", "depot")
	t.Logf("an edit let a device out after %v", time.Since(edited).Round(time.Millisecond))
	drive(0.5, 7.5)
	viewer.event("enter", "depot")
	if status, text, _ := request(t, "DELETE", s.http+"/api/v1/fences/depot", ""); status != http.StatusNoContent {
		t.Fatal(status, text)
	}
	viewer.event("exit", "depot")
	if status, _, _ := request(t, "GET", s.http+"/api/v1/fences/depot", ""); status != http.StatusNotFound {
		t.Error(status)
	}
	drive(0.5, 0.5)
	s.Eventually(t, func() error {
		_, told := s.SQL(t, "SELECT kind FROM fence_events ORDER BY ts, kind")
		_, counted := s.SQL(t, "SELECT kind, n FROM visits ORDER BY kind")
		if got := fmt.Sprint(told, counted); got != "[[enter] [exit] [enter] [exit]] [[enter 2]]" && got != "[[enter] [exit] [enter] [exit]] [[enter 2] [exit 2]]" {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
	s.Stop(t)
}

// Edges take readings by a fence's shape of now, wherever they run: an edit reaches them without a restart.
func TestEdgesKnowFences(t *testing.T) {
	t.Parallel()
	h := startHalves(t, `CREATE STREAM vans (van STRING KEY, lat DOUBLE, lon DOUBLE) WITH (topic = 'v/{van}', dedupe = 'none');`, nil, nil)
	put := func(x float64) {
		t.Helper()
		body := fmt.Sprintf(`{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[%g,0],[%g,0],[%g,1],[%g,1],[%g,0]]]}}`, x, x+1, x+1, x, x)
		if status, text, _ := request(t, "PUT", h.core.http+"/api/v1/fences/depot", body); status > 201 {
			t.Fatal(status, text)
		}
	}
	put(0)
	h.core.SQL(t, "CREATE VIEW inside AS SELECT van, COUNT(*) AS n FROM vans WHERE in_fence(lat, lon, 'depot') GROUP BY van")
	van := connect(t, h.edge.mqtt)
	counted := func(lon float64, at string) {
		t.Helper()
		eventually(t, func() error { // the edge may have the plan of before
			token := van.Publish("v/"+at, 1, false, fmt.Sprintf(`{"lat":0.5,"lon":%v}`, lon))
			if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
				return fmt.Errorf("publish: %w", token.Error())
			}
			_, rows := h.core.SQL(t, "SELECT n FROM inside WHERE van = '"+at+"'")
			if len(rows) == 0 {
				return fmt.Errorf("nothing inside at %s", at)
			}
			return nil
		})
	}
	counted(0.5, "before")
	put(7)
	counted(7.5, "after")
	if status, text, _ := request(t, "DELETE", h.core.http+"/api/v1/fences/depot", ""); status != http.StatusConflict || !strings.Contains(text, "inside") {
		t.Error(status, text)
	}
	token := van.Publish("v/late", 1, false, `{"lat":0.5,"lon":0.5}`)
	if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	counted(7.5, "last")
	if _, rows := h.core.SQL(t, "SELECT n FROM inside WHERE van = 'late'"); len(rows) > 0 {
		t.Error("a place in the old shape counts: ", rows)
	}
	h.edge.Stop(t)
	h.core.Stop(t)
}
