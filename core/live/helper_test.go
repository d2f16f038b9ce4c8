package live

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/prometheus/client_golang/prometheus"
)

// desk is a hub behind a real HTTP server.
type desk struct {
	t    *testing.T
	hub  *Hub
	url  string
	stop func() // ends the hub, and waits
}

func newDesk(t *testing.T, change func(*Config)) *desk {
	t.Helper()
	cfg := Config{Tick: 5 * time.Millisecond, MaxClients: 100, MaxMessage: 64 << 10, WriteWait: 5 * time.Second, MaxTopics: 10}
	if change != nil {
		change(&cfg)
	}
	stage := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "stage"})
	d := &desk{t: t, hub: New(cfg, prometheus.NewRegistry(), stage, slog.New(slog.DiscardHandler))}
	server := httptest.NewUnstartedServer(d.hub)
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(16 << 10) // so that one who does not read is felt soon
		return ctx
	}
	server.Start()
	d.url = "ws" + strings.TrimPrefix(server.URL, "http") + "/ws"
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := d.hub.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	d.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(func() {
		d.stop()
		server.Close()
	})
	return d
}

var busColumns = []Column{{"id", value.String}, {"lat", value.Double}, {"lon", value.Double}, {"speed_kmh", value.Double}, {"ts", value.Timestamp}}

func bus(id string, lat, lon float64, us int64) Row {
	return Row{Key: id, Order: us, Lat: lat, Lon: lon, Placed: true,
		Values: []value.Value{value.OfString(id), value.OfDouble(lat), value.OfDouble(lon), {}, value.OfTime(us)}}
}

// viewer is a browser.
type viewer struct {
	t    *testing.T
	conn *websocket.Conn
}

func (d *desk) dial(header http.Header) (*viewer, *http.Response, error) {
	dialer := websocket.Dialer{NetDial: func(network, address string) (net.Conn, error) {
		c, err := net.Dial(network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(16 << 10)
		}
		return c, err
	}}
	conn, resp, err := dialer.Dial(d.url, header)
	if err != nil {
		return nil, resp, err
	}
	d.t.Cleanup(func() { conn.Close() })
	return &viewer{d.t, conn}, resp, nil
}

func (d *desk) viewer() *viewer {
	d.t.Helper()
	v, _, err := d.dial(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return v
}

func (v *viewer) say(text string) {
	v.t.Helper()
	if err := v.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		v.t.Fatal(err)
	}
}

// message is what the server says in JSON.
type message struct {
	Topic     string           `json:"topic"`
	Type      string           `json:"type"`
	Seq       uint64           `json:"seq"`
	Rows      []map[string]any `json:"rows"`
	Positions []map[string]any `json:"positions"`
	Status    map[string]any   `json:"status"`
	Watermark *string          `json:"watermark"`
	Message   string           `json:"message"`
}

func (v *viewer) hear() message {
	v.t.Helper()
	kind, data := v.hearRaw()
	var m message
	if err := json.Unmarshal(data, &m); err != nil || kind != websocket.TextMessage {
		v.t.Fatalf("%q: %v", data, err)
	}
	return m
}

func (v *viewer) hearRaw() (int, []byte) {
	v.t.Helper()
	if err := v.conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		v.t.Fatal(err)
	}
	kind, data, err := v.conn.ReadMessage()
	if err != nil {
		v.t.Fatal(err)
	}
	return kind, data
}

// silence wants nothing for some ticks. The connection is of no use after it.
func (v *viewer) silence() {
	v.t.Helper()
	_ = v.conn.SetReadDeadline(time.Now().Add(60 * time.Millisecond))
	if _, data, err := v.conn.ReadMessage(); err == nil {
		v.t.Fatalf("unexpected: %s", data)
	}
}

func ids(list []map[string]any) string {
	var names []string
	for _, m := range list {
		names = append(names, m["id"].(string))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// binaryFrame is one frame, read by offsets as a browser reads it.
type binaryFrame struct {
	update    bool
	topic     string
	seq       float64
	watermark float64
	rows      int
	columns   map[string]any // []float64, []float32, []string, []uint64 or []bool
}

// frames takes a binary message apart, by the byte table at wire.BeginFrame.
func frames(t *testing.T, b []byte) (list []binaryFrame) {
	t.Helper()
	le := binary.LittleEndian
	f64 := func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }
	padded := func(n int) int { return (n + 7) &^ 7 }
	for len(b) > 0 {
		if string(b[:2]) != "HP" || b[2] != 1 {
			t.Fatalf("no frame: % x", b[:min(8, len(b))])
		}
		f := binaryFrame{update: b[3] == 2, seq: f64(b[8:]), watermark: f64(b[16:]), rows: int(le.Uint32(b[24:])), columns: map[string]any{}}
		length, topic, columns := int(le.Uint32(b[4:])), int(le.Uint16(b[28:])), int(le.Uint16(b[30:]))
		f.topic = string(b[32 : 32+topic])
		at := 32 + padded(topic)
		for range columns {
			kind, name, size := b[at], int(b[at+1]), int(le.Uint32(b[at+4:]))
			text := string(b[at+8 : at+8+name])
			data := b[at+8+padded(name):][:size]
			at += 8 + padded(name) + padded(size)
			switch kind {
			case 1:
				column := make([]float64, f.rows)
				for i := range column {
					column[i] = f64(data[8*i:])
				}
				f.columns[text] = column
			case 2:
				column := make([]float32, f.rows)
				for i := range column {
					column[i] = math.Float32frombits(le.Uint32(data[4*i:]))
				}
				f.columns[text] = column
			case 3:
				column, bytes := make([]string, f.rows), data[4*(f.rows+1):]
				for i := range column {
					column[i] = string(bytes[le.Uint32(data[4*i:]):le.Uint32(data[4*i+4:])])
				}
				f.columns[text] = column
			case 4:
				column := make([]uint64, f.rows)
				for i := range column {
					column[i] = le.Uint64(data[8*i:])
				}
				f.columns[text] = column
			case 5:
				column := make([]bool, f.rows)
				for i := range column {
					column[i] = data[i] == 1
				}
				f.columns[text] = column
			default:
				t.Fatalf("column %s is of kind %d", text, kind)
			}
		}
		if at != length {
			t.Fatalf("frame of %d bytes says it has %d", at, length)
		}
		list, b = append(list, f), b[min(len(b), padded(length)):]
	}
	return list
}
