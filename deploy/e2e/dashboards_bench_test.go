package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkDashboards is what a hundred dashboards, each of which asks for the last hour of a device once a second, do to devices: the time to an
// acknowledgement at 2,000 messages a second, alone and beside them.
func BenchmarkDashboards(b *testing.B) {
	const dashboards, devices = 100, 100
	load := []string{"--rate", "2000/s", "--devices", fmt.Sprint(devices), "--qos", "1", "--for", "20s"}
	for b.Loop() {
		h := startHalves(b, vehiclesSQL, nil, nil)
		now := time.Now().Truncate(10 * time.Second)
		for d := range devices { // an hour, with a reading in each window
			points := make([]map[string]any, 0, 360)
			for i := range 360 {
				points = append(points, map[string]any{"ts": now.Add(time.Duration(i-360) * 10 * time.Second).UnixMilli(), "seq": i, "lat": 1, "lon": 2, "speed": i % 50, "heading": i % 7})
			}
			body, err := json.Marshal(map[string]any{"source_id": fmt.Sprintf("past-%d", d), "data_points": points})
			if err != nil {
				b.Fatal(err)
			}
			resp, err := http.Post(h.edge.http+"/api/v1/ingest", "application/json", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Fatalf("past readings: %s %.300s", resp.Status, text)
			}
		}
		eventually(b, func() error {
			_, rows, err := ask(h.core.http, "SELECT SUM(n) FROM per_device")
			if err == nil && rows[0][0] != float64(360*devices) {
				err = fmt.Errorf("%v counted", rows[0][0])
			}
			return err
		})
		sent(b, h.edge.mqtt, load, "alone-")

		stop, all := make(chan struct{}), sync.WaitGroup{}
		var mu sync.Mutex
		var ms []float64
		failed := 0
		for d := range dashboards {
			at := h.core.http + "/api/v1/metrics/per_device.p95/data?granularity=1m&key=" + fmt.Sprintf("past-%d", d%devices) +
				"&start_time=" + url.QueryEscape(now.Add(-time.Hour).UTC().Format(time.RFC3339))
			all.Go(func() {
				time.Sleep(time.Duration(d) * time.Second / dashboards)
				refresh := time.NewTicker(time.Second)
				defer refresh.Stop()
				for {
					began := time.Now()
					code, text, err := get(at)
					mu.Lock()
					ms = append(ms, float64(time.Since(began).Microseconds())/1000)
					if err != nil || code != http.StatusOK || bytes.Count([]byte(text), []byte(`"time"`)) < 60 {
						failed++
					}
					mu.Unlock()
					select {
					case <-stop:
						return
					case <-refresh.C:
					}
				}
			})
		}
		sent(b, h.edge.mqtt, load, "beside-")
		close(stop)
		all.Wait()
		if failed > 0 {
			b.Fatalf("%d of %d questions failed", failed, len(ms))
		}
		slices.Sort(ms)
		b.ReportMetric(float64(len(ms))/20, "questions/s")
		b.ReportMetric(ms[len(ms)/2], "question-p50-ms")
		b.ReportMetric(ms[len(ms)*99/100], "question-p99-ms")
		b.ReportMetric(0, "ns/op")
	}
}
