package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hexpane/hexpane/protocol/value"
	dto "github.com/prometheus/client_model/go"
)

// padded makes a bus whose row is some KiB, so that sockets fill.
func padded(n int, order int64) Row {
	r := bus(fmt.Sprint("bus-", n), 60, 24, order)
	r.Values[0] = value.OfString(strings.Repeat("x", 4<<10))
	return r
}

// A client that does not read stalls nobody, and gets the newest state when it reads again, not all that it missed.
func TestSlowClientIsConflated(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Tick, c.WriteWait = 2*time.Millisecond, 20*time.Second })
	topic := d.hub.Topic("positions:buses", busColumns, true)
	slow, quick := d.viewer(), d.viewer()
	slow.say(subscribeBuses)
	quick.say(subscribeBuses)
	slow.hear()
	quick.hear()
	const puts, buses = 60, 50
	for i := range puts {
		rows := make([]Row, buses)
		for n := range rows {
			rows[n] = padded(n, int64(i+1))
		}
		topic.Put(rows, int64(i), true)
		began := time.Now()
		if m := quick.hear(); m.Type != "update" {
			t.Fatalf("%+v", m)
		}
		if waited := time.Since(began); waited > 2*time.Second {
			t.Fatalf("the quick client waited %s", waited)
		}
	}
	var shed dto.Metric
	if err := d.hub.shed.Write(&shed); err != nil || shed.Counter.GetValue() == 0 {
		t.Error("no tick was shed: the slow client was never slow")
	}
	newest, frames := "", 0
	want := `"ts":"1970-01-01T00:00:00.00006Z"`
	for !strings.Contains(newest, want) {
		_, data := slow.hearRaw()
		newest = string(data)
		frames++
	}
	if frames > puts/2 {
		t.Errorf("the slow client got %d frames of %d: a backlog", frames, puts)
	}
	if strings.Count(newest, want) != buses {
		t.Errorf("the last frame has %d buses at the newest time, want %d", strings.Count(newest, want), buses)
	}
}

// One that takes a frame for too long is closed.
func TestStuckClientIsClosed(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Tick, c.WriteWait = 2*time.Millisecond, 100*time.Millisecond })
	stuck(t, d, 1)
	deadline := time.Now().Add(10 * time.Second)
	for i := int64(1); d.hub.Clients() > 0; i++ {
		fill(d, i)
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
	}
}

// Many that do not read do not hold the end up one after another.
func TestHubEndsWithStuckClients(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Tick, c.WriteWait = 2*time.Millisecond, time.Minute })
	stuck(t, d, 5)
	good := d.viewer()
	good.say(`{"action":"subscribe","topics":["alerts:*"]}`)
	good.hear()
	for i := range int64(40) {
		fill(d, i)
	}
	began := time.Now()
	d.stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	if _, _, err := good.conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("a client that reads was told %v", err)
	}
}

func stuck(t *testing.T, d *desk, n int) {
	d.hub.Topic("positions:buses", busColumns, true)
	for range n {
		v := d.viewer()
		v.say(subscribeBuses)
		v.hear()
	}
	if d.hub.Clients() != n {
		t.Fatalf("%d clients, want %d", d.hub.Clients(), n)
	}
}

func fill(d *desk, order int64) {
	rows := make([]Row, 50)
	for n := range rows {
		rows[n] = padded(n, order)
	}
	d.hub.Lookup("positions:buses").Put(rows, 0, false)
	time.Sleep(2 * time.Millisecond)
}
