package live

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hexpane/hexpane/protocol/value"
)

const subscribeBuses = `{"action":"subscribe","topics":["positions:buses"]}`

func TestSnapshotThenUpdates(t *testing.T) {
	d := newDesk(t, nil)
	topic := d.hub.Topic("positions:buses", busColumns, true)
	topic.Put([]Row{bus("a", 60, 24, 1e6), bus("b", 61, 25, 1e6)}, 2e6, true)
	v := d.viewer()
	v.say(subscribeBuses)
	m := v.hear()
	if m.Type != "snapshot" || m.Topic != "positions:buses" || m.Seq != 1 || len(m.Positions) != 2 || *m.Watermark != "1970-01-01T00:00:02Z" {
		t.Fatalf("%+v", m)
	}
	topic.Put([]Row{bus("b", 62, 25, 2e6), bus("c", 63, 25, 2e6)}, 3e6, true)
	m = v.hear()
	if m.Type != "update" || m.Seq != 2 || len(m.Positions) != 2 || *m.Watermark != "1970-01-01T00:00:03Z" {
		t.Fatalf("%+v", m)
	}
	topic.Put([]Row{bus("b", 10, 10, 1e6)}, 3e6, true) // older than what is known
	topic.Put([]Row{bus("d", 64, 25.5, 3e6)}, 3e6, true)
	m = v.hear()
	p := m.Positions[0]
	if len(m.Positions) != 1 || p["id"] != "d" || p["lat"] != 64.0 || p["lon"] != 25.5 || p["speed_kmh"] != nil || p["ts"] != "1970-01-01T00:00:03Z" {
		t.Fatalf("%+v", m)
	}
	v.silence()
}

func TestViewRowsAndEmptyTopics(t *testing.T) {
	d := newDesk(t, nil)
	d.hub.Topic("view:speeds", []Column{{"id", value.String}, {"final", value.Bool}}, true)
	v := d.viewer()
	v.say(`{"action":"subscribe","topics":["view:speeds"]}`)
	if m := v.hear(); m.Type != "snapshot" || m.Rows == nil || len(m.Rows) != 0 || m.Watermark != nil {
		t.Fatalf("%+v", m)
	}
	v.say(`{"action":"subscribe","topics":["alerts:*"]}`)
	if m := v.hear(); m.Topic != "alerts:*" || m.Type != "snapshot" || len(m.Rows) != 0 {
		t.Fatalf("%+v", m)
	}
	d.hub.Lookup("view:speeds").Put([]Row{{Key: "x", Values: []value.Value{value.OfString("x"), value.OfBool(true)}}}, 0, false)
	if m := v.hear(); m.Type != "update" || m.Seq != 2 || len(m.Rows) != 1 || m.Rows[0]["final"] != true {
		t.Fatalf("%+v", m)
	}
}

func TestUnsubscribe(t *testing.T) {
	d := newDesk(t, nil)
	buses, trams := d.hub.Topic("positions:buses", busColumns, true), d.hub.Topic("positions:trams", busColumns, true)
	v := d.viewer()
	v.say(`{"action":"subscribe","topics":["positions:buses","positions:trams"]}`)
	v.hear()
	v.hear()
	v.say(`{"action":"unsubscribe","topics":["positions:buses","positions:none"]}`)
	v.say(`{"action":"subscribe","topics":["status:*"]}`)
	d.hub.SetStatus([]byte(`{"edges":3}`)) // when it is heard, the unsubscribe was
	if m := v.hear(); m.Status["edges"] != 3.0 || m.Type != "snapshot" {
		t.Fatalf("%+v", m)
	}
	buses.Put([]Row{bus("a", 60, 24, 1e6)}, 0, false)
	trams.Put([]Row{bus("t", 60, 24, 1e6)}, 0, false)
	if m := v.hear(); m.Topic != "positions:trams" {
		t.Fatalf("%+v", m)
	}
	v.say(subscribeBuses)
	if m := v.hear(); m.Type != "snapshot" || ids(m.Positions) != "a" {
		t.Fatalf("%+v", m)
	}
	v.silence()
}

func TestStatusComesAfterEachSubscribe(t *testing.T) {
	d := newDesk(t, nil)
	d.hub.SetStatus([]byte(`{"edges":1}`))
	v := d.viewer()
	for range 2 {
		v.say(`{"action":"subscribe","topics":["status:*"]}`)
		if m := v.hear(); m.Type != "snapshot" || m.Status["edges"] != 1.0 {
			t.Fatalf("%+v", m)
		}
	}
	d.hub.SetStatus([]byte(`{"edges":2}`))
	if m := v.hear(); m.Type != "update" || m.Status["edges"] != 2.0 {
		t.Fatalf("%+v", m)
	}
}

func TestViewport(t *testing.T) {
	d := newDesk(t, nil)
	topic := d.hub.Topic("positions:buses", busColumns, true)
	topic.Put([]Row{bus("helsinki", 60.2, 24.9, 1), bus("fiji-east", -17, 179, 1), bus("fiji-west", -17, -179, 1), bus("lima", -12, -77, 1)}, 0, false)
	v := d.viewer()
	v.say(`{"action":"subscribe","topics":["positions:buses"],"bbox":[24,60,26,61]}`)
	if m := v.hear(); m.Type != "snapshot" || ids(m.Positions) != "helsinki" {
		t.Fatalf("%+v", m)
	}
	topic.Put([]Row{bus("lima", -12.1, -77, 2), bus("helsinki", 60.3, 24.9, 2)}, 0, false)
	if m := v.hear(); m.Type != "update" || ids(m.Positions) != "helsinki" {
		t.Fatalf("%+v", m)
	}
	for _, c := range []struct{ bbox, want string }{
		{"[178,-20,-178,-10]", "fiji-east fiji-west"},
		{"[178,-20,182,-10]", "fiji-east fiji-west"}, // as a map gives it that was panned over the antimeridian
		{"[-80,-20,-70,0]", "lima"},
		{"[-540,-90,-180,90]", "fiji-east fiji-west helsinki lima"},
		{"[24.9,60.3,24.9,60.3]", "helsinki"},
	} {
		v.say(`{"action":"viewport","bbox":` + c.bbox + `}`)
		if m := v.hear(); m.Type != "update" || ids(m.Positions) != c.want {
			t.Errorf("%s: %s, want %s", c.bbox, ids(m.Positions), c.want)
		}
	}
}

// What a client may not say is answered, and the connection goes on.
func TestJunkIsAnswered(t *testing.T) {
	d := newDesk(t, nil)
	d.hub.Topic("positions:buses", busColumns, true)
	v := d.viewer()
	for _, c := range []struct{ text, want string }{
		{"", "not JSON"},
		{"hello", "not JSON"},
		{`{"action":`, "not JSON"},
		{`[1]`, "not JSON"},
		{`null`, `no action ""`},
		{`{"action":"dance"}`, `no action "dance"`},
		{`{"action":"subscribe"}`, "wants topics"},
		{`{"action":"subscribe","topics":["positions:none"]}`, `no topic "positions:none"`},
		{`{"action":"subscribe","topics":["positions:buses"],"encoding":"xml"}`, `no encoding "xml"`},
		{`{"action":"subscribe","topics":["positions:buses"],"bbox":[0,0,1]}`, "bbox"},
		{`{"action":"viewport"}`, "wants a bbox"},
		{`{"action":"viewport","bbox":[0,10,0,-10]}`, "bbox"},
		{`{"action":"viewport","bbox":[0,0,-1e300,1]}`, "bbox"},
		{`{"action":"viewport","bbox":[1e300,0,0,1]}`, "bbox"},
		{`{"action":"viewport","bbox":[0,-91,0,1]}`, "bbox"},
	} {
		v.say(c.text)
		if m := v.hear(); m.Type != "error" || !strings.Contains(m.Message, c.want) {
			t.Errorf("%s: %+v", c.text, m)
		}
	}
	if err := v.conn.WriteMessage(websocket.BinaryMessage, []byte{1, 2}); err != nil {
		t.Fatal(err)
	}
	if m := v.hear(); m.Type != "error" || !strings.Contains(m.Message, "binary") {
		t.Errorf("%+v", m)
	}
	v.say(subscribeBuses)
	if m := v.hear(); m.Type != "snapshot" {
		t.Fatalf("%+v", m)
	}
}

// A topic that is dropped and made anew while it is watched starts with a snapshot of the new one.
func TestTopicMadeAnew(t *testing.T) {
	d := newDesk(t, nil)
	topic := d.hub.Topic("view:speeds", []Column{{"id", value.String}}, true)
	row := func(id string) []Row { return []Row{{Key: id, Values: []value.Value{value.OfString(id)}}} }
	for i := range 10 {
		topic.Put(row(fmt.Sprint("old-", i)), 0, false)
	}
	v := d.viewer()
	v.say(`{"action":"subscribe","topics":["view:speeds","status:*"]}`)
	v.hear()
	d.hub.Drop("view:speeds")
	for i := range 3 { // some ticks pass
		d.hub.SetStatus(fmt.Appendf(nil, `{"n":%d}`, i))
		v.hear()
	}
	d.hub.Topic("view:speeds", []Column{{"id", value.String}}, true).Put(row("new"), 0, false)
	for {
		m := v.hear()
		if m.Topic == "view:speeds" && m.Type == "snapshot" && len(m.Rows) == 0 {
			continue // it was looked at between its making and its first row
		}
		if m.Type != "snapshot" && m.Seq < 2 || ids(m.Rows) != "new" {
			t.Fatalf("%+v", m)
		}
		return
	}
}

func TestBinaryFrames(t *testing.T) {
	d := newDesk(t, nil)
	buses := d.hub.Topic("positions:buses", busColumns, true)
	cells := d.hub.Topic("view:cells", []Column{{"cell", value.Cell}, {"n", value.Int}, {"final", value.Bool}}, true)
	fast := bus("ä-2", 61, 25, 2_500)
	fast.Values[3] = value.OfDouble(50.25)
	buses.Put([]Row{bus("a", 60.5, 24, 1_000), fast}, 3_000_000, true)
	cells.Put([]Row{{Key: "c", Values: []value.Value{value.OfCell(0x891126d3417ffff), value.OfInt(1 << 40), value.OfBool(true)}}}, 0, false)
	v := d.viewer()
	v.say(`{"action":"subscribe","topics":["positions:buses","view:cells"],"encoding":"binary"}`)
	got := map[string]binaryFrame{}
	kind, data := v.hearRaw()
	if kind != websocket.BinaryMessage {
		t.Fatalf("%s", data)
	}
	for _, f := range frames(t, data) {
		got[f.topic] = f
	}
	b := got["positions:buses"]
	if b.update || b.seq != 1 || b.rows != 2 || b.watermark != 3000 || fmt.Sprint(b.columns["id"]) != "[ä-2 a]" || fmt.Sprint(b.columns["lat"]) != "[61 60.5]" ||
		fmt.Sprint(b.columns["ts"]) != "[2.5 1]" {
		t.Errorf("%+v", b)
	}
	if speeds := b.columns["speed_kmh"].([]float32); speeds[0] != 50.25 || !math.IsNaN(float64(speeds[1])) {
		t.Errorf("speeds %v", speeds)
	}
	c := got["view:cells"]
	if !math.IsNaN(c.watermark) || fmt.Sprint(c.columns["cell"], c.columns["n"], c.columns["final"]) != fmt.Sprint([]uint64{0x891126d3417ffff}, []float64{1 << 40}, []bool{true}) {
		t.Errorf("%+v", c)
	}
	buses.Put([]Row{bus("a", 60.6, 24, 3_000)}, 4_000_000, true)
	_, data = v.hearRaw()
	if f := frames(t, data); len(f) != 1 || !f[0].update || f[0].seq != 2 || f[0].rows != 1 {
		t.Errorf("%+v", f)
	}
}

func TestLimits(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MaxClients, c.MaxTopics, c.MaxMessage = 3, 2, 200 })
	d.hub.Topic("positions:buses", busColumns, true)
	v := d.viewer()
	v.say(`{"action":"subscribe","topics":["alerts:a","alerts:b","alerts:c"]}`)
	refused := false
	for range 3 {
		m := v.hear()
		refused = refused || m.Type == "error" && strings.Contains(m.Message, "at most 2")
	}
	if !refused {
		t.Error("three topics where two are allowed")
	}
	others := []*viewer{d.viewer(), d.viewer()}
	if _, resp, err := d.dial(nil); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a fourth client of three: %v", resp)
	}
	v.say(strings.Repeat(" ", 201))
	if _, _, err := v.conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
		t.Errorf("a message too long: %v", err)
	}
	for deadline := time.Now().Add(5 * time.Second); d.hub.open.Load() > 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the place of a client that went is not free")
		}
	}
	d.viewer().say(subscribeBuses)
	others[0].say(subscribeBuses)
	if m := others[0].hear(); m.Type != "snapshot" {
		t.Errorf("the others were disturbed: %+v", m)
	}
}

func TestTokenAndOrigin(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Token = "secret" })
	plain := d.url
	for _, c := range []struct {
		query, authorization, origin string
		status                       int
	}{
		{"", "", "", http.StatusUnauthorized},
		{"?token=wrong", "", "", http.StatusUnauthorized},
		{"", "Bearer wrong", "", http.StatusUnauthorized},
		{"?token=secret", "", "", http.StatusSwitchingProtocols},
		{"", "Bearer secret", "", http.StatusSwitchingProtocols},
		{"?token=secret", "", "same", http.StatusSwitchingProtocols},
		{"?token=secret", "", "https://elsewhere.example", http.StatusForbidden},
	} {
		d.url = plain + c.query
		header := http.Header{}
		if c.authorization != "" {
			header.Set("Authorization", c.authorization)
		}
		switch c.origin {
		case "":
		case "same":
			header.Set("Origin", "http"+strings.TrimSuffix(strings.TrimPrefix(plain, "ws"), "/ws"))
		default:
			header.Set("Origin", c.origin)
		}
		if _, resp, err := d.dial(header); resp == nil || resp.StatusCode != c.status {
			t.Errorf("%+v: %v, %v", c, resp, err)
		}
	}
}
