package load

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/payload"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/simulators/publish/brokertest"
)

func TestCountIsExact(t *testing.T) {
	for format, per := range map[string]func(string) int{
		"json":   func(p string) int { return len(array(t, p)) },
		"ndjson": func(p string) int { return strings.Count(p, "\n") + 1 },
		"senml":  func(p string) int { return len(array(t, p)) / 4 },
	} {
		b := brokertest.Start(t)
		r, err := Run(t.Context(), Config{Broker: b.URL(), Devices: 50, QoS: 1, BatchSize: 7, Format: format,
			Connections: 3, Count: 1000})
		if err != nil || r.Sent != 1000 || r.Acked != 1000 || r.P50 <= 0 || r.P99 < r.P50 || r.Max < r.P99 {
			t.Fatalf("%s: %v %v", format, r, err)
		}
		readings, clients := 0, map[string]bool{}
		for _, m := range b.Taken() {
			readings += per(m.Payload)
			clients[m.Client] = true
		}
		if readings != 1000 || len(clients) == 0 || len(clients) > 3 {
			t.Fatalf("%s: %d readings over %d connections", format, readings, len(clients))
		}
	}
}

// What the formats of protocol/payload say is read by its decoders: each device's readings, all columns, once.
func TestFormatsAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		stream *plan.Stream
		batch  int
	}{
		"cbor":      {&plan.Stream{Name: "load", Topic: "load/{device}/position", Format: "cbor", Timestamp: 1, Columns: columns}, 7},
		"line":      {lineStream, 7},
		"owntracks": {ownTracksStream, 1},
		"sparkplug": {sparkplugStream, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t)
			r, err := Run(t.Context(), Config{Broker: b.URL(), Devices: 20, QoS: 1, BatchSize: c.batch, Format: name, Connections: 3, Count: 1000})
			if err != nil || r.Sent != 1000 || r.Acked != 1000 {
				t.Fatalf("%v %v", r, err)
			}
			d, err := payload.New(c.stream)
			if err != nil {
				t.Fatal(err)
			}
			var got payload.Batch
			for _, m := range b.Taken() {
				if strings.Contains(m.Topic, "/NBIRTH/") { // has no device: another stream's
					continue
				}
				d.Decode(m.Topic, []byte(m.Payload), time.Now().UnixMicro(), &got)
			}
			if len(got.Rejects) > 0 {
				t.Fatalf("%d rejected: %+v", len(got.Rejects), got.Rejects[0])
			}
			seen := map[string]bool{}
			for _, reading := range got.Readings {
				seen[fmt.Sprint(reading.Row[0].Str(), reading.Row[2].Int())] = true
				for i, v := range reading.Row {
					if v.IsNull() {
						t.Fatalf("%s is NULL", c.stream.Columns[i].Name)
					}
				}
			}
			if len(got.Readings) != 1000 || len(seen) != 1000 {
				t.Errorf("%d readings, %d different ones, want 1000", len(got.Readings), len(seen))
			}
		})
	}
}

func array(t *testing.T, p string) []map[string]any {
	t.Helper()
	if strings.HasPrefix(p, "{") {
		p = "[" + p + "]"
	}
	var list []map[string]any
	if err := json.Unmarshal([]byte(p), &list); err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	return list
}

func TestPaceAndTimeBound(t *testing.T) {
	b := brokertest.Start(t)
	r, err := Run(t.Context(), Config{Broker: b.URL(), Devices: 100, Rate: 2000, QoS: 0, For: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(float64(r.Sent)-2000) > 100 || r.Acked != r.Sent || r.P50 != 0 {
		t.Fatal(r)
	}
}

func TestRefusesWhatIsUnbounded(t *testing.T) {
	for _, cfg := range []Config{{}, {Count: 1, Format: "xml"}, {Count: 1, Topic: "a"}, {Count: 1, QoS: 2}, {Count: 1, Format: "owntracks", BatchSize: 2},
		{Count: 1, Format: "sparkplug", Topic: "x/{device}"}} {
		if _, err := Run(t.Context(), cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}

func TestQuantile(t *testing.T) {
	var s stats
	for ms := range 1000 {
		s.ack(1, time.Duration(ms+1)*time.Millisecond)
	}
	var h [buckets]int64
	for i := range h {
		h[i] = s.latency[i].Load()
	}
	for q, want := range map[float64]float64{.5: 500, .99: 990, 1: 1000} {
		if got := quantile(&h, q).Seconds() * 1000; math.Abs(got-want) > .04*want {
			t.Errorf("q%g = %.0f ms, want %.0f", q, got, want)
		}
	}
}

// A connection cut in the middle, and a broker that goes and comes back, lose no reading at QoS 1.
func TestGoesOnAfterALoss(t *testing.T) {
	b := brokertest.Start(t)
	b.CutAt(700)
	back := make(chan struct{})
	go func() {
		defer close(back)
		for len(b.Taken()) < 2000 {
			time.Sleep(time.Millisecond)
		}
		b.Halt()
		b.Start(t)
	}()
	r, err := Run(t.Context(), Config{Broker: b.URL(), Devices: 20, QoS: 1, Connections: 2, MaxInflight: 100, Count: 5000})
	<-back
	if err != nil || r.Acked != 5000 || r.Resent == 0 || r.Reconnects < 2 {
		t.Fatal(r, err)
	}
	seen := map[string]bool{}
	for _, m := range b.Taken() {
		seen[m.Topic+m.Payload] = true
	}
	if len(seen) != 5000 {
		t.Fatalf("%d of 5000 readings arrived", len(seen))
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v      float64
		digits int
	}{{0, 0}, {0, 6}, {-0.000001, 6}, {48.137154, 6}, {-30.05, 6}, {59.96, 1}, {359.6, 0}, {9.999, 2}, {-0.0004, 3}} {
		want := strconv.FormatFloat(c.v, 'f', c.digits, 64)
		if got := string(number(nil, "", c.v, c.digits)); got != want && "-"+got != want {
			t.Errorf("%v with %d digits: %s, not %s", c.v, c.digits, got, want)
		}
	}
}
