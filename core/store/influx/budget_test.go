package influx_test

import (
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/prometheus/client_golang/prometheus"
)

// While InfluxDB is away, what waits stays within the budget: the oldest points go, counted, and the newest are written when it is back.
func TestQueueKeepsItsBudget(t *testing.T) {
	var down atomic.Bool
	var asked atomic.Int64
	down.Store(true)
	var mu sync.Mutex
	var stored []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			asked.Add(1)
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		body, err := decoded(r)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		stored = append(stored, strings.Split(strings.TrimSpace(body), "\n")...)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	q := &queue{}
	var all []string
	add := func(from, n int) {
		lines := speeds(from, n)
		for _, l := range lines {
			all = append(all, string(l))
		}
		q.put(0, lines...)
	}
	add(0, 500)
	registry := prometheus.NewRegistry()
	line := int64(len(speed("bus-0", 500_000, 100)))
	budget := 300 * (line + 32)
	sink := influx.New(influx.Config{URL: server.URL, Bucket: "hexpane/autogen", Batch: 20, QueueBytes: budget}, q, 2, registry, slog.New(slog.DiscardHandler),
		func(line, reason string) { t.Error("refused", line, reason) })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sink.Run(ctx) }()
	within := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); q.len() > want; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d points wait, want at most %d", q.len(), want)
			}
		}
	}
	within(320)
	for deadline := time.Now().Add(10 * time.Second); asked.Load() == 0; time.Sleep(5 * time.Millisecond) { // so that it is stuck in a write
		if time.Now().After(deadline) {
			t.Fatal("nothing is written")
		}
	}
	add(500, 200)
	within(320)
	if q.len() < 250 {
		t.Errorf("%d points wait, and the budget has room for 300", q.len())
	}
	down.Store(false)
	q.drained(t)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	slices.Sort(stored)
	stored = slices.Compact(stored)
	want := slices.Sorted(slices.Values(all[len(all)-len(stored):]))
	if len(stored) < 250 || !slices.Equal(stored, want) {
		t.Errorf("%d points are stored, not the newest of %d", len(stored), len(all))
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "hexpane_core_store_dropped_total" && f.GetMetric()[0].GetCounter().GetValue() != float64(len(all)-len(stored)) {
			t.Errorf("%v are counted as dropped, and %d are", f.GetMetric()[0].GetCounter().GetValue(), len(all)-len(stored))
		}
	}
}

// decoded reads a body as it was before gzip.
func decoded(r *http.Request) (string, error) {
	body, err := bodyOf(r)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(body)
	return string(text), err
}

func bodyOf(r *http.Request) (io.Reader, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return r.Body, nil
	}
	return gzip.NewReader(r.Body)
}
