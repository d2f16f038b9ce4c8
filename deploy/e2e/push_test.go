package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const shopSQL = `
CREATE STREAM orders (id STRING KEY, ts TIMESTAMP, amount DOUBLE) WITH (topic = 'orders/{id}', timestamp = 'ts', disorder = '1s');
CREATE STREAM payments (pid STRING KEY, ts TIMESTAMP, id STRING, paid DOUBLE) WITH (topic = 'payments/{pid}', timestamp = 'ts', disorder = '1s');
CREATE VIEW settled AS SELECT o.id AS id, COUNT(*) AS parts, SUM(p.paid) AS paid, MAX(o.amount) AS amount
	FROM orders o JOIN payments p WITHIN 10 MINUTES ON o.id = p.id GROUP BY o.id;
CREATE VIEW total AS SELECT COUNT(*) AS orders, SUM(paid) AS paid FROM settled;`

// pushed follows a push query over HTTP.
type pushed struct {
	t      testing.TB
	lines  chan string
	cancel context.CancelFunc
}

func push(t testing.TB, server, statement string) *pushed {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	body, err := json.Marshal(map[string]string{"sql": statement})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server+"/api/v1/sql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Fatalf("%s answers %s %s", statement, resp.Status, got)
	}
	p := &pushed{t: t, lines: make(chan string, 1000), cancel: cancel}
	go func() {
		defer close(p.lines)
		defer resp.Body.Close()
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(cancel)
	return p
}

// next waits for a line; "" is the end.
func (p *pushed) next() string {
	p.t.Helper()
	select {
	case line := <-p.lines:
		return line
	case <-time.After(30 * time.Second):
		p.t.Fatal("no line within 30 s")
		return ""
	}
}

// until reads lines up to one that holds a text.
func (p *pushed) until(text string) {
	p.t.Helper()
	for {
		line := p.next()
		if line == "" {
			p.t.Fatalf("it ended before %s", text)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}

// Joins, views over views and push queries with the real programs: two halves, a real broker, kills between.
func TestJoinsAndPushQueries(t *testing.T) {
	t.Parallel()
	h := startHalves(t, shopSQL, nil, nil)
	base := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	send := func(topic, format string, second int, args ...any) {
		t.Helper()
		c := connect(t, h.edge.mqtt)
		defer c.Disconnect(100)
		args = append([]any{base.Add(time.Duration(second) * time.Second).Format(time.RFC3339)}, args...)
		token := c.Publish(topic, 1, false, fmt.Sprintf(format, args...))
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatal("not acknowledged: ", token.Error())
		}
	}
	order := func(id string, second int, amount float64) {
		send("orders/"+id, `{"ts":%q,"amount":%v}`, second, amount)
	}
	payment := func(pid string, second int, id string, paid float64) {
		send("payments/"+pid, `{"ts":%q,"id":%q,"paid":%v}`, second, id, paid)
	}
	holds := func(statement string, want ...string) {
		t.Helper()
		eventually(t, func() error {
			_, rows, err := ask(h.core.http, statement)
			var got []string
			for _, row := range rows {
				got = append(got, strings.Trim(fmt.Sprint(row), "[]"))
			}
			if err == nil && !slices.Equal(got, want) {
				err = fmt.Errorf("%s gives %q, want %q", statement, got, want)
			}
			return err
		})
	}
	const settled = "SELECT id, parts, paid FROM settled ORDER BY id"

	// A stream's rows come while somebody listens, those that pass and no others, and a view's as they change.
	stream := push(t, h.core.http, "SELECT id, amount * 2 AS twice FROM orders WHERE amount > 5 EMIT CHANGES")
	if got := stream.next(); got != `{"columns":[{"name":"id","type":"STRING"},{"name":"twice","type":"DOUBLE"}]}` {
		t.Fatal(got)
	}
	view := push(t, h.core.http, "SELECT orders, paid FROM total EMIT CHANGES LIMIT 2")
	view.next()
	plan := func() (version float64) {
		_, rows, err := ask(h.core.http, "SELECT MIN(plan_version) AS v FROM edges")
		if err == nil && len(rows) == 1 && rows[0][0] != nil {
			version = rows[0][0].(float64)
		}
		return version
	}
	var listening float64
	eventually(t, func() error { // the edge has the route once it says that it runs the plan
		if listening = plan(); listening < 6 {
			return fmt.Errorf("the edge runs plan %v", listening)
		}
		return nil
	})
	order("o1", 0, 20)
	order("small", 1, 1)
	order("o2", 2, 30)
	rows := []string{stream.next(), stream.next()} // of two partitions, so in any order
	if slices.Sort(rows); !slices.Equal(rows, []string{`{"row":["o1",40]}`, `{"row":["o2",60]}`}) {
		t.Fatalf("%q", rows)
	}
	payment("p1", 5, "o1", 20)
	view.until(`{"row":[1,20]}`)
	holds(settled, "o1 1 20")

	// Killed, both halves go on where they were: what the join kept is there, what a push query wanted is not.
	h.core.Kill(t)
	h.edge.Kill(t)
	h.edge.start(t)
	payment("p2", 6, "o2", 10)
	payment("p3", 7, "o2", 20)
	h.core.start(t)
	holds(settled, "o1 1 20", "o2 2 30")
	holds("SELECT orders, paid FROM total", "2 50")
	if got := stream.next(); got != "" {
		t.Errorf("a push query outlives its core and says %s", got)
	}
	eventually(t, func() error {
		if now := plan(); now <= listening {
			return fmt.Errorf("the edge runs plan %v still, with the route of a push query that is gone", now)
		}
		return nil
	})

	// Over the WebSocket beside topics, until the client has enough.
	ws, _, err := websocket.DefaultDialer.Dial(strings.Replace(h.core.http, "http", "ws", 1)+"/ws", http.Header{"Origin": {h.core.http}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	say := func(what string) {
		t.Helper()
		if err := ws.WriteMessage(websocket.TextMessage, []byte(what)); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(text string) {
		t.Helper()
		if err := ws.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		for {
			_, data, err := ws.ReadMessage()
			if err != nil {
				t.Fatalf("%s does not come: %v", text, err)
			}
			if strings.Contains(string(data), text) {
				return
			}
		}
	}
	say(`{"action":"query","id":"wrong","sql":"SELECT idd FROM settled EMIT CHANGES"}`)
	hear(`{"topic":"query:wrong","type":"error","message":`)
	say(`{"action":"query","id":"q1","sql":"SELECT id, parts FROM settled WHERE parts > 1 EMIT CHANGES"}`)
	hear(`{"topic":"query:q1","type":"snapshot","seq":1,"rows":[],"watermark":null}`)
	payment("p4", 8, "o2", 5)
	hear(`"rows":[{"id":"o2","parts":3}]`)
	say(`{"action":"query","id":"q1","sql":"SELECT id FROM settled EMIT CHANGES"}`)
	hear("runs already")
	say(`{"action":"unsubscribe","topics":["query:q1"]}`)

	// It ends when its view is dropped, and at once when the core is stopped.
	gone := push(t, h.core.http, "SELECT * FROM total EMIT CHANGES")
	gone.next()
	left := push(t, h.core.http, "SELECT id FROM orders EMIT CHANGES")
	left.next()
	if _, _, err := ask(h.core.http, "DROP VIEW total"); err != nil {
		t.Fatal(err)
	}
	gone.until(`{"error":{"message":"what it reads was dropped or defined anew"}}`)
	begun := time.Now()
	h.core.Stop(t)
	if got := left.next(); got != "" {
		t.Errorf("after the stop it says %s", got)
	}
	t.Logf("stopped in %s", time.Since(begun).Round(time.Millisecond))
}
