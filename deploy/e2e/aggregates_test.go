package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const tramsSQL = `
CREATE STREAM trams (tram STRING KEY, ts TIMESTAMP, line BIGINT, speed DOUBLE, fare DECIMAL(6,2), stop STRING)
	WITH (topic = 'tram/{tram}', timestamp = 'ts', disorder = '1s');
CREATE VIEW lines AS
	SELECT line, COUNT(DISTINCT tram) AS trams, COUNT(DISTINCT stop) AS stops, PERCENTILE(speed, 0.5) AS median, PERCENTILE(fare, 0.95) AS p95,
		STDDEV(speed) AS dev, FIRST(stop) AS began, LAST(stop) AS ended, COLLECT_LIST(tram) AS seen, TOPK(speed, 2) AS fastest
	FROM trams WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY line;`

// Every aggregate from MQTT through an edge's deltas to SELECT, a viewer's socket, InfluxDB, and over a kill: twenty trams send five
// readings each, in no order.
func TestAggregates(t *testing.T) {
	t.Parallel()
	db := startInflux(t)
	s := startSite(t, tramsSQL, "--core.influx.url", db.url, "--core.influx.bucket", "hexpane/autogen")
	ws, _, err := websocket.DefaultDialer.Dial(strings.Replace(s.http, "http", "ws", 1)+"/ws", http.Header{"Origin": {s.http}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteJSON(map[string]any{"action": "subscribe", "topics": []string{"view:lines"}}); err != nil {
		t.Fatal(err)
	}
	c := connect(t, s.mqtt)
	defer func() { c.Disconnect(100) }()
	send := func(tram string, at time.Time, line int, rest string) {
		t.Helper()
		token := c.Publish("tram/"+tram, 1, false, fmt.Sprintf(`{"ts":%q,"line":%d%s}`, at.Format(time.RFC3339Nano), line, rest))
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal("not acknowledged: ", token.Error())
		}
	}
	base := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	var seen []string
	for n := range 100 {
		seen = append(seen, fmt.Sprintf("t%02d", n%20))
	}
	for _, n := range rand.Perm(100) {
		send(seen[n], base.Add(time.Duration(n)*50*time.Millisecond), 4, fmt.Sprintf(`,"speed":%d,"fare":"%d.50","stop":"s%02d"`, n+1, n+1, n/20))
	}
	list, err := json.Marshal(seen)
	if err != nil {
		t.Fatal(err)
	}
	// Of the numbers 1 to 100 the median is 50, the 95th fare 95.50, the deviation √(100·101/12).
	right := func(row map[string]any) error {
		near := func(name string, want, within float64) error {
			if got, ok := row[name].(float64); !ok || got < want*(1-within) || got > want*(1+within) {
				return fmt.Errorf("%s is %v, want %v", name, row[name], want)
			}
			return nil
		}
		for name, want := range map[string]string{"trams": "20", "stops": "5", "began": "s00", "ended": "s04", "seen": string(list), "fastest": "[100,99]"} {
			if got := fmt.Sprint(row[name]); got != want {
				return fmt.Errorf("%s is %s, want %s", name, got, want)
			}
		}
		for _, err := range []error{near("median", 50, 0.01), near("p95", 95.5, 0.01), near("dev", 29.011491975882016, 1e-12)} {
			if err != nil {
				return err
			}
		}
		return nil
	}
	asked := func() error {
		columns, rows, err := ask(s.http, "SELECT * FROM lines WHERE line = 4")
		if err != nil || len(rows) != 1 {
			return fmt.Errorf("%d rows: %w", len(rows), err)
		}
		return right(named(columns, rows[0]))
	}
	eventually(t, asked)
	for {
		var m struct{ Rows []map[string]any }
		_ = ws.SetReadDeadline(time.Now().Add(20 * time.Second))
		if readErr := ws.ReadJSON(&m); readErr != nil {
			t.Fatalf("the viewer saw at last: %v; %v", err, readErr)
		}
		if len(m.Rows) > 0 {
			if err = right(m.Rows[0]); err == nil {
				break
			}
		}
	}
	s.Kill(t)
	s.Restart(t)
	if err := asked(); err != nil {
		t.Error("after a kill:", err)
	}
	c.Disconnect(0)
	c = connect(t, s.mqtt)
	send("t99", base.Add(time.Hour), 5, "") // time goes on, so the window closes and goes to InfluxDB
	columns := []string{"time", "trams", "stops", "median", "p95", "dev", "began", "ended", "seen", "fastest"}
	eventually(t, func() error {
		rows, err := db.query(`SELECT ` + strings.Join(columns[1:], ", ") + ` FROM lines WHERE "line" = '4'`)
		if err != nil || len(rows) != 1 {
			return fmt.Errorf("%d points: %w", len(rows), err)
		}
		return right(named(columns, rows[0]))
	})
	s.Stop(t)
}

func named(columns []string, row []any) map[string]any {
	m := map[string]any{}
	for i, name := range columns {
		m[name] = row[i]
	}
	return m
}
