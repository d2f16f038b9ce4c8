package core

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
)

const fencedSQL = `
CREATE STREAM vans (van STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE) WITH (topic = 'v/{van}', timestamp = 'ts', position = 'lat,lon');
CREATE VIEW visits AS SELECT fence, kind, COUNT(*) AS n, SUM(dwell_s) AS stayed, MIN(ts) AS first FROM fence_events WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 0 SECONDS) GROUP BY fence, kind EMIT FINAL;
CREATE PATTERN stays AS SELECT * FROM (SELECT * FROM fence_events WHERE fence < 'f3') MATCH_RECOGNIZE (
	PARTITION BY fence, device MEASURES A.ts AS came, B.ts AS went, COUNT(*) AS n PATTERN (A X* B) DEFINE A AS kind = 'enter', X AS kind <> 'exit', B AS kind = 'exit');`

// arrival is a reading and when it reaches the core.
type arrival struct {
	at, us int64
	row    []value.Value
}

// walks gives positions of vans about some fences, in order of their time.
func walks(r *rand.Rand, vans, steps int) (list []arrival) {
	for v := range vans {
		lat, lon, us := 5*r.Float64(), 5*r.Float64(), int64(1_000_000_000)
		for range steps {
			us += r.Int64N(20*second) + 1000
			if r.IntN(30) == 0 {
				us += 400 * second
			}
			lat, lon = min(5, max(0, lat+r.NormFloat64())), min(5, max(0, lon+r.NormFloat64()))
			list = append(list, arrival{us, us, []value.Value{value.OfString(fmt.Sprint("v", v)), value.OfTime(us), value.OfDouble(lat), value.OfDouble(lon), value.OfDouble(100 * r.Float64())}})
		}
	}
	slices.SortFunc(list, func(a, b arrival) int { return cmp.Compare(a.us, b.us) })
	return list
}

// fencesOf answers what happened, from the table and from a view of it, after all positions came to a core of so many partitions.
func fencesOf(t *testing.T, partitions uint32, list []arrival, disorder int64, crashes *rand.Rand) string {
	f := newField(t, partitions)
	defer func() { f.close() }()
	statements, err := sql.Parse(fencedSQL)
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	for i, properties := range []string{`{}`, `{"dwell":"40s","detect":["enter","exit","dwell","cross","lost"]}`, `{"speed_limit_kmh":50,"speed_for":"10s"}`, `{"min_time":"15s","dwell":"30s"}`, `{"min_distance_m":100000,"streams":["vans"]}`} {
		x, y := float64(i%3), float64(i/3*2)
		body := fmt.Sprintf(`{"type":"Feature","properties":%s,"geometry":{"type":"Polygon","coordinates":[[[%g,%g],[%g,%g],[%g,%g],[%g,%g],[%g,%g]]]}}`,
			properties, x, y, x+2, y, x+2, y+2, x, y+2, x, y)
		_, _, _, err := f.core.fences.PutFence(t.Context(), fmt.Sprint("f", i), []byte(body), "")
		check(t, err)
	}
	f.settle()
	stream := f.core.catalog.plan().Streams[0]
	newest := int64(0)
	for i, a := range list {
		newest = max(newest, a.us)
		f.send([]string{"north", "south"}[i%2], map[uint32]int64{stream.Id: newest - disorder}, reading{stream, a.row})
		f.send([]string{"south", "north"}[i%2], map[uint32]int64{stream.Id: newest - disorder})
		if crashes != nil && crashes.IntN(25) == 0 {
			f.crash()
		}
	}
	for _, edge := range []string{"north", "south"} {
		f.send(edge, map[uint32]int64{stream.Id: newest + 3600*second})
	}
	var all []string
	for _, q := range []string{"SELECT device, fence, kind, ts, lat, lon, speed_kmh, dwell_s, stream, id FROM fence_events", "SELECT fence, kind, window_start, n, stayed, first FROM visits"} {
		rows, err := f.ask(q)
		check(t, err)
		slices.Sort(rows)
		all = append(all, rows...)
	}
	stays, err := f.ask("SELECT fence, device, came, went, n FROM stays")
	check(t, err)
	slices.Sort(stays)
	for _, s := range stays {
		all = append(all, "stay "+s)
	}
	counted, err := f.ask("SELECT fence, kind, SUM(n) AS n FROM visits GROUP BY fence, kind ORDER BY fence, kind")
	check(t, err)
	told, err := f.ask("SELECT fence, kind, COUNT(*) AS n FROM fence_events GROUP BY fence, kind ORDER BY fence, kind")
	check(t, err)
	if c, w := strings.Join(counted, "\n"), strings.Join(told, "\n"); c != w {
		t.Errorf("the view misses some that the table has: %s", firstDifference(c, w))
	}
	for i := range 5 {
		for _, d := range f.core.fences.where.inside(fmt.Sprint("f", i)) {
			all = append(all, fmt.Sprint("in f", i, " ", d.Device))
		}
	}
	for _, p := range f.core.partitions {
		for _, w := range p.watches {
			if len(w.held) > 0 {
				t.Error("held at the end: ", len(w.held))
			}
			check(t, f.core.store.FenceEvents(p.id, stream.Id, func(id string, _ []byte) error { return errors.New("held on disk: " + id) }))
		}
	}
	return strings.Join(all, "\n")
}

// Positions that come out of order, some of them twice, by two edges, to a core of several partitions that is killed now and then, give the events, the
// views of them and the whereabouts that they give in order.
func TestFencesWhateverTheOrder(t *testing.T) {
	runs, steps := uint64(4), 40
	if os.Getenv("HEXPANE_SOAK") != "" {
		runs, steps = 200, 150
	}
	const disorder = 30 * second
	told := map[string]int{}
	for seed := range runs {
		r := rand.New(rand.NewPCG(seed, 7))
		list := walks(r, 3, steps)
		want := fencesOf(t, 1, list, disorder, nil)
		for _, kind := range []string{"enter", "exit", "dwell", "speeding", "cross", "lost"} {
			told[kind] += strings.Count(want, ", "+kind+", 1970-")
		}
		told["stays"] += strings.Count(want, "stay ")
		var mixed []arrival
		for _, a := range list {
			a.at += r.Int64N(disorder)
			if mixed = append(mixed, a); r.IntN(20) == 0 {
				a.at = a.us + r.Int64N(disorder)
				mixed = append(mixed, a)
			}
		}
		slices.SortStableFunc(mixed, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
		if got := fencesOf(t, 1+uint32(r.IntN(3)), mixed, disorder, r); got != want {
			t.Fatalf("seed %d:\n%s", seed, firstDifference(got, want))
		}
	}
	t.Logf("soak: fences in the core runs=%d told=%v", runs, told)
	for kind, n := range told {
		if n == 0 {
			t.Errorf("no %s was told: the walks do not try it", kind)
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "nothing", "nothing"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d:\n%s\nwant\n%s", i, a, b)
		}
	}
	return "the same"
}

func square(x, y float64) string {
	return fmt.Sprintf(`"geometry":{"type":"Polygon","coordinates":[[[%g,%g],[%g,%g],[%g,%g],[%g,%g],[%g,%g]]]}`, x, y, x+1, y, x+1, y+1, x, y+1, x, y)
}

// What operators do with fences, and what is refused.
func TestFenceBook(t *testing.T) {
	f := newField(t, 2)
	defer func() { f.close() }()
	put := func(id, body, ifMatch string) (string, bool, error) {
		_, tag, created, err := f.core.fences.PutFence(t.Context(), id, []byte(body), ifMatch)
		return tag, created, err
	}
	refused := func(err error, status int, says string) {
		t.Helper()
		var bad *api.RequestError
		if !errors.As(err, &bad) || bad.Status != status || !strings.Contains(bad.Message, says) {
			t.Errorf("%v, want %d %s", err, status, says)
		}
	}
	feature := func(properties string, x float64) string {
		return `{"type":"Feature","properties":` + properties + `,` + square(x, 0) + `}`
	}
	tag, created, err := put("a", feature(`{"name":"Depot","color":"red","inside":99,"version":7}`, 0), "")
	if err != nil || !created || tag != `"1"` {
		t.Fatal(tag, created, err)
	}
	if _, _, err = put("a", feature(`null`, 0), `"9"`); true {
		refused(err, 412, "changed meanwhile")
	}
	if tag, created, err = put("a", feature(`{"name":"Depot","color":"red"}`, 3), `"1"`); err != nil || created || tag != `"2"` {
		t.Fatal(tag, created, err)
	}
	text, tag, err := f.core.fences.Fence("a")
	var shown struct {
		ID         string
		Properties map[string]any
	}
	check(t, err)
	check(t, json.Unmarshal(text, &shown))
	if p := shown.Properties; tag != `"2"` || shown.ID != "a" || p["color"] != "red" || p["inside"] != 0.0 || p["version"] != 2.0 || fmt.Sprint(p["detect"]) != "[enter exit]" {
		t.Error(tag, string(text))
	}
	for body, says := range map[string]string{
		`{`:                                   "not GeoJSON",
		`{"type":"Point"}`:                    "a fence is a GeoJSON Feature",
		feature(`{"dwell":"soon"}`, 0):        `property dwell is "soon"`,
		feature(`{"dwell":5}`, 0):             "property dwell cannot be a number",
		feature(`{"detect":["dwell"]}`, 0):    `"dwell": "5m"`,
		feature(`{"detect":["speeding"]}`, 0): "speed_limit_kmh",
		feature(`{"detect":["entry"]}`, 0):    "enter, exit, dwell",
		feature(`{"speed_for":"10s"}`, 0):     "which is not given",
		feature(`{"min_distance_m":-1}`, 0):   "negative",
		`{"type":"Feature","properties":{}}`:  "no geometry",
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]}}`:               "cross",
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[` + strings.Repeat("[0,0],", 1200) + `[0,0]]]}}`: "a fence may have 1000",
	} {
		_, _, err := put("b", body, "")
		refused(err, 400, says)
	}
	_, _, err = put("b/c", feature("{}", 0), "")
	refused(err, 400, "no id may have")
	_, _, err = f.core.fences.Fence("b")
	refused(err, 404, "no fence")

	// A collection is taken as a whole or not at all.
	all := `{"type":"FeatureCollection","features":[{"id":"c","type":"Feature",` + square(0, 0) + `},{"id":7,"type":"Feature",` + square(1, 0) + `}]}`
	_, err = f.core.fences.ImportFences(t.Context(), []byte(strings.Replace(all, `"id":7,`, "", 1)))
	refused(err, 400, "feature 2: the fence has no id")
	_, err = f.core.fences.ImportFences(t.Context(), []byte(strings.Replace(all, `"id":7,`, `"id":"c",`, 1)))
	refused(err, 400, `feature 2: the id "c" comes twice`)
	_, _, err = f.core.fences.Fence("c")
	refused(err, 404, "no fence")
	_, err = f.core.fences.ImportFences(t.Context(), []byte(all))
	check(t, err)
	f.core.cfg.Fences.Max = 3
	_, _, err = put("d", feature("{}", 0), "")
	refused(err, 400, "fences.max")

	// A file brings what is not there yet.
	file := filepath.Join(t.TempDir(), "fences.geojson")
	check(t, os.WriteFile(file, []byte(`{"type":"FeatureCollection","features":[{"id":"c","type":"Feature","properties":{"name":"other"},`+square(9, 9)+`}]}`), 0o600))
	check(t, f.core.fences.readFile(t.Context(), file))
	if text, tag, _ := f.core.fences.Fence("c"); strings.Contains(string(text), "other") || tag != `"3"` {
		t.Error(tag, string(text))
	}
	check(t, os.WriteFile(file, []byte(`{"type":"FeatureCollection","features":[{"type":"Feature"}]}`), 0o600))
	if err := f.core.fences.readFile(t.Context(), file); err == nil || !strings.Contains(err.Error(), "fences.file") || !strings.Contains(err.Error(), "feature 1") {
		t.Error(err)
	}

	// They survive a restart, and export is import.
	before, err := f.core.fences.Fences()
	check(t, err)
	f.crash()
	after, err := f.core.fences.Fences()
	check(t, err)
	if string(before) != string(after) || strings.Count(string(after), `"Feature"`) != 3 {
		t.Errorf("%s\nwas %s", after, before)
	}
	_, err = f.core.fences.ImportFences(t.Context(), after)
	check(t, err)
	check(t, f.core.fences.DeleteFence(t.Context(), "7", ""))
	refused(f.core.fences.DeleteFence(t.Context(), "7", ""), 404, "no fence")
	refused(f.core.fences.DeleteFence(t.Context(), "c", `"1"`), 412, "changed meanwhile")
	if tag, _, err := put("c", feature("{}", 0), ""); err != nil || tag != `"9"` { // 4 so far, 3 imported anew, one deleted, this one
		t.Error(tag, err)
	}

	// One that a view names stays.
	statements, err := sql.Parse("CREATE STREAM vans (van STRING KEY, lat DOUBLE, lon DOUBLE) WITH (topic = 'v/{van}'); CREATE VIEW parked AS SELECT COUNT(*) AS n FROM vans WHERE in_fence(lat, lon, 'c')")
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	if next := f.core.catalog.plan(); len(next.Fences) > 0 {
		t.Error("the plan in force has fences")
	}
	refused(f.core.fences.DeleteFence(t.Context(), "c", ""), 409, "stands in parked")
}

// An edit that is on disk when the core is killed lets devices out at its start, once.
func TestFencesEditedBeforeAKill(t *testing.T) {
	f := newField(t, 2)
	defer func() { f.close() }()
	statements, err := sql.Parse(fencedSQL)
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	_, _, _, err = f.core.fences.PutFence(t.Context(), "a", []byte(`{"type":"Feature","properties":{},`+square(0, 0)+`}`), "")
	check(t, err)
	f.settle()
	stream := f.core.catalog.plan().Streams[0]
	for v := range 4 {
		f.send("north", nil, reading{stream, []value.Value{value.OfString(fmt.Sprint("v", v)), value.OfTime(second), value.OfDouble(0.5), value.OfDouble(0.2 * float64(v+1)), value.OfDouble(1)}})
	}
	told := func() string {
		rows, err := f.ask("SELECT device, kind FROM fence_events ORDER BY kind, device")
		check(t, err)
		return strings.Join(rows, "; ")
	}
	if got := told(); got != "v0, enter; v1, enter; v2, enter; v3, enter" {
		t.Fatal(got)
	}
	half := `"geometry":{"type":"Polygon","coordinates":[[[0,0],[0.5,0],[0.5,1],[0,1],[0,0]]]}`
	_, _, _, err = f.core.fences.PutFence(t.Context(), "a", []byte(`{"type":"Feature","properties":{},`+half+`}`), "")
	check(t, err)
	for range 3 {
		f.crash()
		if got := told(); got != "v0, enter; v1, enter; v2, enter; v3, enter; v2, exit; v3, exit" {
			t.Fatal(got)
		}
		if n := f.core.fences.where.count("a"); n != 2 {
			t.Fatal(n, " inside")
		}
	}
	check(t, f.core.fences.DeleteFence(t.Context(), "a", ""))
	for range 2 {
		f.crash()
		if got := told(); got != "v0, enter; v1, enter; v2, enter; v3, enter; v0, exit; v1, exit; v2, exit; v3, exit" {
			t.Fatal(got)
		}
	}
}

// What happens at fences goes to the history store as points; one that a late position proves wrong is marked there, and the right one follows.
func TestFenceEventsArePoints(t *testing.T) {
	f := newField(t, 1)
	defer func() { f.close() }()
	statements, err := sql.Parse(fencedSQL)
	check(t, err)
	_, err = f.do(statements[0])
	check(t, err)
	_, _, _, err = f.core.fences.PutFence(t.Context(), "a", []byte(`{"type":"Feature","properties":{},`+square(0, 0)+`}`), "")
	check(t, err)
	stream := f.core.catalog.plan().Streams[0]
	at := func(us int64, lat float64) {
		f.send("north", nil, reading{stream, []value.Value{value.OfString("v 1"), value.OfTime(us), value.OfDouble(lat), value.OfDouble(0.5), value.OfDouble(9)}})
	}
	at(10*second, 7)
	at(20*second, 0.5)
	at(15*second, 0.25)
	var lines []string
	check(t, f.core.store.Effects(0, 0, 100, func(_ uint64, data []byte) {
		lines = append(lines, regexp.MustCompile(`id="[0-9a-f]+@`).ReplaceAllString(strings.TrimSpace(string(data)), `id="…@`))
	}))
	got := strings.Join(lines, "\n")
	want := `fence_events,device=v\ 1,fence=a,kind=enter,stream=vans lat=0.5,lon=0.5,speed_kmh=9,id="…@vans",retracted=false 20000000000
fence_events,device=v\ 1,fence=a,kind=enter,stream=vans lat=0.5,lon=0.5,speed_kmh=9,id="…@vans",retracted=true 20000000000
fence_events,device=v\ 1,fence=a,kind=enter,stream=vans lat=0.25,lon=0.5,speed_kmh=9,id="…@vans",retracted=false 15000000000`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
