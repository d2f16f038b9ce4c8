package edge

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/peers"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// post posts to an edge and gives the answer.
func post(t testing.TB, e http.Handler, target, body string, headers ...string) (code int, text string) {
	t.Helper()
	r := httptest.NewRequest("POST", "/api/v1/ingest"+target, strings.NewReader(body))
	for _, line := range headers {
		name, v, _ := strings.Cut(line, ": ")
		r.Header.Set(name, v)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func envelope(source string, points []string, more string) string {
	return fmt.Sprintf(`{"source_id":%q,"data_points":[%s]%s}`, source, strings.Join(points, ","), more)
}

// kitchenPlan adds streams of other shapes to the city's.
func kitchenPlan() *plan.Plan {
	p := cityPlan(1)
	str, num := &plan.Type{Kind: uint32(value.String)}, &plan.Type{Kind: uint32(value.Double)}
	add := func(name, topic, format string, columns ...*plan.Column) {
		p.Streams = append(p.Streams, &plan.Stream{Id: uint32(20 + len(p.Streams)), Name: name, Topic: topic, Format: format, Timestamp: -1, Columns: columns})
	}
	add("posted", "ingest/{source}", "json", &plan.Column{Name: "source", Type: str, Key: true}, &plan.Column{Name: "v", Type: num})
	add("packs", "packs/{id}", "senml", &plan.Column{Name: "id", Type: str}, &plan.Column{Name: "name", Type: str}, &plan.Column{Name: "value", Type: num})
	add("points", "lines/+", "line", &plan.Column{Name: "measurement", Type: str}, &plan.Column{Name: "v", Type: num})
	add("plant", "plant/{line}/{device}", "json", &plan.Column{Name: "line", Type: &plan.Type{Kind: uint32(value.Int)}},
		&plan.Column{Name: "device", Type: str, Key: true}, &plan.Column{Name: "v", Type: num})
	add("spark", "spBv1.0/#", "sparkplug", &plan.Column{Name: "v", Type: num})
	add("everything", "city/#", "json", &plan.Column{Name: "x", Type: num})
	return p
}

func TestPostsAreSorted(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, kitchenPlan())
	e := runEdge(t, testConfig(h.URL()), t.TempDir()).serving()
	ndjson, text := "Content-Type: application/x-ndjson", "Content-Type: text/plain"
	for name, c := range map[string]struct {
		target, body, header string
		code                 int
		has                  string
	}{
		"by stream":              {"", envelope("bus", readings(0, 3), `,"stream":"vehicles"`), "", 200, `{"accepted":3}`},
		"by the query's stream":  {"?stream=VEHICLES", envelope("bus2", readings(0, 3), ""), "", 200, `3`},
		"by topic":               {"", envelope("me", []string{`{"x":1,"ts":1700000000000}`}, `,"topic":"city/bus3/position"`), "", 200, `1`},
		"by source":              {"", envelope("kettle", []string{`{"v":1}`, `{"v":2}`}, ""), "", 200, `2`},
		"levels from the points": {"?stream=plant", envelope("gateway", []string{`{"line":7,"device":"a","v":1}`, `{"line":7,"v":2}`, `{"line":8,"device":"a","v":1}`}, ""), "", 200, `3`},
		"lines":                  {"?topic=city/bus4/position", strings.Join(readings(0, 4), "\n"), ndjson, 200, `4`},
		"SenML":                  {"?stream=packs&source_id=p1", `[{"bn":"p1/","n":"t","v":20,"t":1e9},{"n":"h","v":40,"t":1e9}]`, "Content-Type: application/senml+json", 200, `2`},
		"line protocol":          {"?topic=lines/x", "heat v=1\nheat v=2", text, 200, `2`},

		"a point that is wrong":      {"?stream=vehicles", envelope("b", []string{`{"x":1}`, `{"x":"one"}`}, ""), "", 400, `"reason":"bad_type","point":1`},
		"a point that is no object":  {"?stream=vehicles", envelope("b", []string{`{"x":1}`, `7`}, ""), "", 400, `"point":1`},
		"a time that is none":        {"?stream=vehicles", envelope("b", []string{`{"ts":"noon"}`}, ""), "", 400, `"reason":"bad_timestamp","point":0`},
		"a list in the list":         {"?stream=vehicles", envelope("b", []string{`{}`, `{}`, `[{}]`}, ""), "", 400, `"point":2`},
		"a level that is none":       {"?stream=vehicles", envelope("b", []string{`{}`, `{"device":"a/b"}`}, ""), "", 400, `data_points[1]`},
		"a level that is an object":  {"?stream=vehicles", envelope("b", []string{`{"device":{}}`}, ""), "", 400, `data_points[0]`},
		"a level of the wrong type":  {"?stream=plant", envelope("b", []string{`{"line":1}`, `{"line":"x"}`}, ""), "", 400, `"point":1`},
		"a source that is no level":  {"?stream=vehicles", envelope("a/b", []string{`{}`}, ""), "", 400, `a/b`},
		"a wildcard":                 {"", envelope("+", []string{`{}`}, ""), "", 400, "topic"},
		"a stream that is not":       {"?stream=nothing", envelope("b", []string{`{}`}, ""), "", 400, "vehicles, posted"},
		"a topic that nobody reads":  {"?topic=nowhere", envelope("b", []string{`{}`}, ""), "", 400, "vehicles, posted"},
		"a topic of two streams":     {"?topic=city/b/position", envelope("b", []string{`{"x":1}`, `{"x":null,"ts":"x"}`}, ""), "", 400, `vehicles`},
		"lines of which one is bad":  {"?topic=city/b/position", "{}\n{", ndjson, 400, "malformed"},
		"line protocol that is none": {"?topic=lines/x", "heat v=1\nheat", text, 400, "stream points"},
		"Sparkplug":                  {"?topic=spBv1.0/g/NBIRTH/n", "x", "Content-Type: application/octet-stream", 415, "MQTT"},
		"too much text":              {"?stream=posted", envelope("b", []string{`{}`, `{"source":"` + strings.Repeat("x", 65537) + `"}`}, ""), "", 400, "point"},
	} {
		if code, got := post(t, e, c.target, c.body, c.header); code != c.code || !strings.Contains(got, c.has) {
			t.Errorf("%s: %d %s, want %d and %s", name, code, got, c.code, c.has)
		}
	}
	peers.Eventually(t, "all is counted", func() bool { return h.received(t).readings >= 11 })
	e.stop()
	l := h.received(t)
	for device, n := range map[string]int{"bus": 3, "bus2": 3, "bus3": 1, "bus4": 4, "b": 0, "a": 0} {
		if l.deltas[device] != n {
			t.Errorf("%d readings of %s, want %d", l.deltas[device], device, n)
		}
	}
	if l.stats.Rejected != 0 || len(l.rejected) != 0 {
		t.Errorf("the line rejected %d: %v", l.stats.Rejected, l.rejected)
	}
	// Of those refused nothing was taken: these are the accepted, and the city's once more in the stream that reads all of it.
	if want := uint64(3 + 3 + 1 + 2 + 3 + 4 + 2 + 2 + (3 + 3 + 1 + 4)); l.stats.Readings != want {
		t.Errorf("%d readings were taken, want %d", l.stats.Readings, want)
	}
}

// 200 means that the reading is in the store, before anything is cut.
func TestAPostIsInTheJournalWhenAnswered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := newDesk(t, dir)
	defer func() { d.abandon(t) }()
	stopped := make(chan struct{})
	go func() { // one turn of the line, by hand
		defer close(stopped)
		m := <-d.edge.line.queue.in
		if err := d.edge.line.turn(d.edge.line.gather([]ingest.Message{m}), d.edge.line.lastWhole, false); err != nil {
			t.Error(err)
		}
	}()
	if code, text := post(t, d.edge, "?stream=vehicles", envelope("bus", readings(0, 1), "")); code != 200 {
		t.Fatal(code, text)
	}
	<-stopped
	d.abandon(t)
	d.open(t)
	if n := d.edge.line.sources[vehicles].counters.readings; n != 1 {
		t.Errorf("%d readings after the crash", n)
	}
}

func TestPostsWaitForAPlan(t *testing.T) {
	t.Parallel()
	e := openEdge(t, testConfig("nats://127.0.0.1:1"), t.TempDir())
	defer (&desk{edge: e}).abandon(t)
	if code, text := post(t, e, "", envelope("bus", readings(0, 1), "")); code != 503 || !strings.Contains(text, "plan") {
		t.Errorf("%d %s", code, text)
	}
}

func TestAFullOutboxRefusesPosts(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	cfg := testConfig(h.URL())
	cfg.Store.OutboxBytes = 1
	e := runEdge(t, cfg, t.TempDir()).serving()
	h.Stop()
	peers.Eventually(t, "it is refused", func() bool {
		code, text := post(t, e, "", envelope("bus", readings(0, 1), ""))
		return code == 503 && strings.Contains(text, "full")
	})
	e.stop()
}

// A token of one source can't speak for another, neither by the topic nor by a reading's own fields.
func TestATokenOfOneSourceWritesItsOwnTopics(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, kitchenPlan())
	cfg := testConfig(h.URL())
	cfg.Ingest.Tokens = map[string]string{"bus-1": "one", "gate-*": "gate"}
	e := runEdge(t, cfg, t.TempDir()).serving()
	for _, c := range []struct {
		target, source, token, point string
		code                         int
	}{
		{"?stream=vehicles", "bus-1", "one", `{}`, 200},
		{"?stream=vehicles", "bus-1", "one", `{"device":"bus-1"}`, 200},
		{"?stream=vehicles", "bus-1", "one", `{"device":"bus-2"}`, 403},
		{"?topic=city/bus-1/position", "bus-1", "one", `{}`, 200},
		{"?topic=city/bus-2/position", "bus-1", "one", `{}`, 403},
		{"?stream=plant", "bus-1", "one", `{"line":1}`, 200},
		{"?stream=plant", "bus-1", "one", `{"line":1,"device":"x"}`, 403},
		{"?stream=vehicles", "bus-2", "one", `{}`, 401},
		{"?stream=vehicles", "gate-1", "gate", `{"device":"bus-2"}`, 200},
	} {
		if code, text := post(t, e, c.target, envelope(c.source, []string{c.point}, `,"authentication_token":"`+c.token+`"`)); code != c.code {
			t.Errorf("%+v: %d %s", c, code, text)
		}
	}
	e.stop()
}

// Many at once, while plans change: each reading counts once. The race detector looks on.
func TestManyPostAtOnce(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	e := runEdge(t, testConfig(h.URL()), t.TempDir()).serving()
	s := httptest.NewServer(e)
	defer s.Close()
	const clients, posts, each = 8, 20, 10
	done := make(chan error, clients)
	for i := range clients {
		go func() {
			for k := range posts {
				resp, err := http.Post(s.URL+"/api/v1/ingest?stream=vehicles", "application/json", strings.NewReader(envelope(fmt.Sprint("bus-", i), readings(k*each, each), "")))
				if err != nil {
					done <- err
					return
				}
				text, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				var a struct{ Accepted int }
				if json.Unmarshal(text, &a) != nil || a.Accepted != each {
					done <- fmt.Errorf("%d %s", resp.StatusCode, text)
					return
				}
			}
			done <- nil
		}()
	}
	h.put(t, anotherView(cityPlan(2)))
	for range clients {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	e.stop()
	var devices []string
	for i := range clients {
		devices = append(devices, fmt.Sprint("bus-", i))
	}
	h.received(t).expectOnce(t, posts*each, devices...)
}

func TestAFullDiskRefusesPosts(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	cfg := testConfig(h.URL())
	cfg.Store.ReserveBytes = 1 << 60
	e := runEdge(t, cfg, t.TempDir()).serving()
	peers.Eventually(t, "it is refused", func() bool {
		code, text := post(t, e, "", envelope("bus", readings(0, 1), ""))
		return code == 503 && strings.Contains(text, "disk is full")
	})
	peers.Eventually(t, "the page says so", func() bool { return strings.Contains(get(t, e, "").Body.String(), "no, the disk is full") })
	e.stop()
}
