package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// The whole slice, measured: the generator, an edge, NATS, a core and a viewer are processes on this one machine, and share
// its cores.

// cpu is what a process used so far, in seconds.
func (p *process) cpu(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		b.Skipf("no /proc: %v", err)
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	user, _ := strconv.ParseFloat(f[11], 64) // utime and stime, in 1/100 s
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100
}

// rss is a process's resident memory, now and at its most, MB.
func (p *process) rss(b *testing.B) (now, most float64) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Skipf("no /proc: %v", err)
	}
	for name, to := range map[string]*float64{"VmRSS": &now, "VmHWM": &most} {
		if m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindStringSubmatch(string(text)); m != nil {
			kb, _ := strconv.ParseFloat(m[1], 64)
			*to = kb / 1024
		}
	}
	return now, most
}

// What is measured computes a percentile and a distinct count too. Vehicles forward each reading for the map, meters do not.
const (
	vehiclesSQL = `
CREATE STREAM load (device STRING KEY, ts TIMESTAMP, seq BIGINT, lat DOUBLE, lon DOUBLE, speed DOUBLE, heading DOUBLE)
  WITH (topic = 'load/{device}/position', timestamp = 'ts', disorder = '1s', position = 'lat,lon');` + perDevice
	metersSQL = `
CREATE STREAM load (device STRING KEY, ts TIMESTAMP, seq BIGINT, speed DOUBLE, heading DOUBLE)
  WITH (topic = 'load/{device}/position', timestamp = 'ts', disorder = '1s');` + perDevice
	perDevice = `
CREATE VIEW per_device AS SELECT device, COUNT(*) AS n, AVG(speed) AS mean, PERCENTILE(speed, 0.95) AS p95, COUNT(DISTINCT heading) AS headings
  FROM load WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY device;`
)

// sent runs a load to its end and reports its rate and what acknowledgements took; it gives the readings acknowledged.
func sent(b *testing.B, broker string, args []string, prefix string) float64 {
	b.Helper()
	l := launch(b, filepath.Join(bin, "hexpane-sim"), append([]string{"load", "--broker", broker}, args...)...)
	said := l.line(b, "load sent=")
	l.Wait(b, time.Minute)
	b.ReportMetric(fieldOf(b, said, "rate"), prefix+"readings/s")
	if m := regexp.MustCompile(`ack_p99=(\S+)`).FindStringSubmatch(said); m != nil {
		p99, err := time.ParseDuration(m[1])
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(p99.Microseconds())/1000, prefix+"ack-p99-ms")
	}
	return fieldOf(b, said, "sent")
}

// measureLoad runs a load to its end, and until the core has counted it; and the same against the bare broker.
func measureLoad(b *testing.B, sql string, args ...string) {
	bare, address := startBare(b)
	before := bare.cpu(b)
	n := sent(b, address, args, "bare-")
	b.ReportMetric((bare.cpu(b)-before)/n*1e6, "bare-cpu-s/M")
	bare.Kill(b)

	h := startHalves(b, sql, nil, nil)
	time.Sleep(time.Second)
	all := []*process{h.edge.process, h.core.process, h.nats}
	used := make([]float64, len(all))
	for i, p := range all {
		used[i] = p.cpu(b)
	}
	acked := sent(b, h.edge.mqtt, args, "")
	eventually(b, func() error {
		_, rows, err := ask(h.core.http, "SELECT SUM(n) FROM per_device")
		if err == nil && rows[0][0] != acked {
			err = fmt.Errorf("%v of %v counted", rows[0][0], acked)
		}
		return err
	})
	for i, name := range []string{"edge", "core", "nats"} {
		b.ReportMetric((all[i].cpu(b)-used[i])/acked*1e6, name+"-cpu-s/M")
	}
	_, most := h.edge.rss(b)
	b.ReportMetric(most, "edge-rss-MB")
	if bytes, err := sum(h.edge.http, "hexpane_edge_uplink_bytes_total"); err == nil {
		b.ReportMetric(bytes/acked, "link-B/reading")
	}
	b.ReportMetric(0, "ns/op")
}

func fieldOf(b *testing.B, text, name string) float64 {
	b.Helper()
	m := regexp.MustCompile(name + `=([0-9.]+)`).FindStringSubmatch(text)
	if m == nil {
		b.Fatalf("no %s in %q", name, text)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// BenchmarkLoad finds what the slice takes in: at a given rate, and as much as goes.
func BenchmarkLoad(b *testing.B) {
	for _, c := range []struct{ name, sql, args string }{
		{"paced_20k_qos0", vehiclesSQL, "--rate 20k/s --qos 0 --for 10s --devices 1000"},
		{"paced_20k_qos1", vehiclesSQL, "--rate 20k/s --qos 1 --for 10s --devices 1000"},
		{"most_qos0", vehiclesSQL, "--rate 0 --qos 0 --for 10s --devices 1000"},
		{"most_qos1", vehiclesSQL, "--rate 0 --qos 1 --for 10s --devices 1000 --max-inflight 1000"},
		{"most_qos1_batch100", vehiclesSQL, "--rate 0 --qos 1 --batch-size 100 --for 10s --devices 1000 --max-inflight 50"},
		{"most_qos1_batch100_meters", metersSQL, "--rate 0 --qos 1 --batch-size 100 --for 10s --devices 1000 --max-inflight 50"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				measureLoad(b, c.sql, strings.Fields(c.args)...)
			}
		})
	}
}

// BenchmarkClients measures the edge's memory: with a thousand devices that have a connection each and send at 20,000 readings a
// second, and with five thousand that say nearly nothing.
func BenchmarkClients(b *testing.B) {
	for _, c := range []struct{ clients, rate string }{{"1000", "20k/s"}, {"5000", "50/s"}} {
		b.Run(c.clients, func(b *testing.B) {
			for b.Loop() {
				h := startHalves(b, vehiclesSQL, nil, nil)
				l := launch(b, filepath.Join(bin, "hexpane-sim"), "load", "--broker", h.edge.mqtt, "--devices", c.clients, "--connections", c.clients,
					"--max-inflight", "10", "--rate", c.rate, "--qos", "1", "--for", "20s")
				connected := 0.0
				for deadline := time.Now().Add(19 * time.Second); time.Now().Before(deadline); time.Sleep(time.Second) {
					if n, err := sum(h.edge.http, "hexpane_edge_ingest_clients"); err == nil {
						connected = n
					}
				}
				now, most := h.edge.rss(b)
				l.line(b, "load sent=")
				b.ReportMetric(connected, "connected")
				b.ReportMetric(now, "edge-rss-MB")
				b.ReportMetric(most, "edge-most-rss-MB")
				b.ReportMetric(0, "ns/op")
				l.Wait(b, time.Minute)
			}
		})
	}
}

// BenchmarkFrame measures from a device's publish to the frame in a viewer's socket, at 2,000 messages a second.
func BenchmarkFrame(b *testing.B) {
	for b.Loop() {
		h := startHalves(b, loadSQL, nil, nil)
		ws, _, err := websocket.DefaultDialer.Dial(strings.Replace(h.core.http, "http", "ws", 1)+"/ws", http.Header{"Origin": {h.core.http}})
		if err != nil {
			b.Fatal(err)
		}
		if err := ws.WriteJSON(map[string]any{"action": "subscribe", "topics": []string{"positions:load"}}); err != nil {
			b.Fatal(err)
		}
		l := launch(b, filepath.Join(bin, "hexpane-sim"), "load", "--broker", h.edge.mqtt, "--rate", "2000/s", "--devices", "2000", "--qos", "1", "--for", "15s")
		var ms []float64
		warm := time.Now().Add(3 * time.Second)
		for end := time.Now().Add(15 * time.Second); time.Now().Before(end); {
			var m struct {
				Positions []struct{ TS time.Time }
			}
			_ = ws.SetReadDeadline(time.Now().Add(5 * time.Second))
			if err := ws.ReadJSON(&m); err != nil {
				b.Fatal(err)
			}
			for _, p := range m.Positions {
				if now := time.Now(); now.After(warm) {
					ms = append(ms, float64(now.Sub(p.TS).Microseconds())/1000)
				}
			}
		}
		l.Wait(b, time.Minute)
		ws.Close()
		slices.Sort(ms)
		if len(ms) < 1000 {
			b.Fatalf("%d positions seen", len(ms))
		}
		b.ReportMetric(ms[len(ms)/2], "p50-ms")
		b.ReportMetric(ms[len(ms)*99/100], "p99-ms")
		b.ReportMetric(float64(len(ms))/12, "positions/s")
		for _, stage := range []struct{ name, server string }{{"durable", h.edge.http}, {"core", h.core.http}, {"frame", h.core.http}} {
			b.ReportMetric(stageP99(b, stage.server, stage.name), stage.name+"-p99-ms")
		}
		b.ReportMetric(0, "ns/op")
	}
}

// stageP99 is the bucket of hexpane_end_to_end_seconds that holds the 99th of a hundred, its upper bound in ms.
func stageP99(b *testing.B, server, stage string) float64 {
	b.Helper()
	_, text, err := get(server + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	var bounds, counts []float64
	for _, m := range regexp.MustCompile(`hexpane_end_to_end_seconds_bucket\{stage="`+stage+`",le="([^"]+)"\} (\S+)`).FindAllStringSubmatch(text, -1) {
		le, _ := strconv.ParseFloat(m[1], 64) // +Inf is one
		n, _ := strconv.ParseFloat(m[2], 64)
		bounds, counts = append(bounds, le), append(counts, n)
	}
	for i, n := range counts {
		if n >= 0.99*counts[len(counts)-1] {
			return bounds[i] * 1000
		}
	}
	return 0
}
