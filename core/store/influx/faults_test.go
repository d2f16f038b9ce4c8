package influx_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/prometheus/client_golang/prometheus"
)

// front stands before a real server and does to requests what a test wants; false: the server has them.
type front struct {
	*httptest.Server
	requests atomic.Int64
	fault    atomic.Pointer[func(w http.ResponseWriter, r *http.Request, body string) bool]
}

func inFront(t *testing.T, s *influxd) *front {
	t.Helper()
	to, err := url.Parse(s.url())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	f := &front{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := f.fault.Load(); fault != nil && r.URL.Path == "/api/v2/write" {
			raw, err := io.ReadAll(r.Body)
			if err != nil {
				return // the sink is gone
			}
			r.Body = io.NopCloser(strings.NewReader(string(raw)))
			body, err := decoded(r)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(strings.NewReader(string(raw)))
			f.requests.Add(1)
			if (*fault)(w, r, body) {
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *front) does(fault func(w http.ResponseWriter, r *http.Request, body string) bool) {
	f.fault.Store(&fault)
}

func through(http.ResponseWriter, *http.Request, string) bool { return false }

// start runs a sink by a configuration, and ends it with the test.
func start(t *testing.T, cfg influx.Config, q *queue, rejected func(line, reason string)) *influx.Sink {
	t.Helper()
	sink := influx.New(cfg, q, 2, prometheus.NewRegistry(), slog.New(counting{slog.DiscardHandler, &q.warned}), rejected)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sink.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return sink
}

// A server that takes no large request gets smaller ones, and no point is lost or refused for it.
func TestRequestsShrinkToWhatTheServerTakes(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.begin()
		f := inFront(t, s)
		var most atomic.Int64
		f.does(func(w http.ResponseWriter, _ *http.Request, body string) bool {
			lines := int64(strings.Count(body, "\n") + 1)
			if lines > 300 {
				http.Error(w, "too large", http.StatusRequestEntityTooLarge)
				return true
			}
			most.Store(max(most.Load(), lines))
			return false
		})
		q := &queue{}
		q.put(0, speeds(0, 5000)...)
		start(t, s.config(f.URL, 5000), q, func(line, reason string) { t.Error("refused", line, reason) })
		q.drained(t)
		if got := s.count(); got != "5000" {
			t.Errorf("%s points are stored, want 5000", got)
		}
		if most.Load() < 150 {
			t.Errorf("the largest request had %d points, and 300 are taken", most.Load())
		}
	})
}

// A server that says when to come again is not asked before.
func TestServerSaysWhenToComeAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.begin()
		f := inFront(t, s)
		var refusedAt, cameAt atomic.Int64
		f.does(func(w http.ResponseWriter, _ *http.Request, _ string) bool {
			if refusedAt.CompareAndSwap(0, time.Now().UnixMilli()) {
				w.Header().Set("Retry-After", "1")
				http.Error(w, "busy", http.StatusTooManyRequests)
				return true
			}
			cameAt.CompareAndSwap(0, time.Now().UnixMilli())
			return false
		})
		q := &queue{}
		q.put(0, speeds(0, 10)...)
		start(t, s.config(f.URL, 5000), q, func(line, reason string) { t.Error("refused", line, reason) })
		q.drained(t)
		if waited := cameAt.Load() - refusedAt.Load(); waited < 500 {
			t.Errorf("it came again after %d ms; half of what was asked for is the least", waited)
		}
	})
}

// A view whose column changed its type is refused whole, in few requests, while the points of others that share them are stored.
func TestARefusedViewHoldsNobodyUp(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.begin()
		q := &queue{}
		odd := func(us int64, v value.Value) []byte {
			return influx.Point{Measurement: `odd, "view" = 1`, TimeUs: us, Tags: []influx.Pair{{Name: "k, =", Value: value.OfString(`a, b="1" c=2i`)}},
				Fields: []influx.Pair{{Name: "text", Value: value.OfString(`n="x" \ n=1i,`)}, {Name: `sum, of = "n"`, Value: v}}}.Line()
		}
		q.put(0, odd(0, value.OfInt(1)))
		f := inFront(t, s)
		f.does(through)
		var refused atomic.Int64
		sink := start(t, s.config(f.URL, 1000), q, func(line, reason string) {
			refused.Add(1)
			if !strings.HasPrefix(line, "odd") || !strings.Contains(reason, "field type conflict") {
				t.Errorf("%s: %s", line, reason)
			}
		})
		q.drained(t)
		f.requests.Store(0)
		for i, good := range speeds(0, 2000) {
			q.put(0, good, odd(int64(i)+1, value.OfString("1")))
		}
		sink.Wake()
		q.drained(t)
		if got := s.count(); got != "2000" || refused.Load() != 2000 || f.requests.Load() > 20 {
			t.Errorf("%s good points are stored and %d refused, of 2000 each, in %d requests", got, refused.Load(), f.requests.Load())
		}
	})
}

// 1.8 has databases and retention policies.
func TestDatabaseIsMade(t *testing.T) {
	s := prepare18(t)
	s.start()
	q := &queue{}
	q.put(0, speed("bus-0", time.Now().UnixMicro(), 1))
	start(t, influx.Config{URL: s.url(), Bucket: "hexpane/week", Batch: 5000, Create: true, Retention: 7 * 24 * time.Hour}, q, func(line, reason string) { t.Error("refused", line, reason) })
	q.drained(t)
	if got := s.query(`SELECT COUNT(n) FROM "hexpane"."week".speeds`); len(got) != 1 || got[0] != "1" {
		t.Errorf("stored: %q", got)
	}
	if got := fmt.Sprint(s.query("SHOW RETENTION POLICIES ON hexpane")); !strings.Contains(got, "168h0m0s") {
		t.Errorf("policies: %s", got)
	}
	// Another policy of a database that is there, and one that is there with another length, which stays.
	q.put(0, speed("bus-0", time.Now().UnixMicro(), 1))
	start(t, influx.Config{URL: s.url(), Bucket: "hexpane/day", Batch: 5000, Create: true, Retention: 24 * time.Hour}, q, func(line, reason string) { t.Error("refused", line, reason) })
	q.drained(t)
	q.put(0, speed("bus-0", time.Now().UnixMicro(), 1))
	before := q.warned.Load()
	start(t, influx.Config{URL: s.url(), Bucket: "hexpane/week", Batch: 5000, Create: true, Retention: time.Hour}, q, func(line, reason string) { t.Error("refused", line, reason) })
	q.drained(t)
	got := fmt.Sprint(s.query("SHOW RETENTION POLICIES ON hexpane"))
	if !strings.Contains(got, "168h0m0s") || !strings.Contains(got, "24h0m0s") || q.warned.Load() == before {
		t.Errorf("policies: %s; %d warnings", got, q.warned.Load()-before)
	}
}

// Points that are older than the bucket keeps are told, in one request, and the newer ones of it are stored.
func TestPointsBeyondRetention(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.start()
		f := inFront(t, s)
		f.does(through)
		q := &queue{}
		now := time.Now().UnixMicro()
		for i := range int64(200) {
			q.put(0, speed("old", now-int64(100*24*time.Hour/time.Microsecond)-i*1000, i), speed("new", now-i*1000, i))
		}
		cfg := s.config(f.URL, 5000)
		cfg.Bucket, cfg.Create, cfg.Retention = "hexpane/month", true, 30*24*time.Hour
		var refused atomic.Int64
		start(t, cfg, q, func(line, reason string) {
			refused.Add(1)
			if !strings.Contains(line, "=old ") || !strings.Contains(reason, "retention policy") {
				t.Errorf("%s: %s", line, reason)
			}
		})
		q.drained(t)
		if got := s.query(`SELECT COUNT(n) FROM "hexpane"."month".speeds`); len(got) != 1 || got[0] != "200" || refused.Load() != 200 || f.requests.Load() > 4 {
			t.Errorf("%s are stored, %d refused, in %d requests", got, refused.Load(), f.requests.Load())
		}
	})
}

// Under load the server is slow, busy, stopped and killed, and refuses some points: what it has in the end is what was queued, each point once, but for those.
func TestServerInTroubleUnderLoad(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		phase := 300 * time.Millisecond
		if os.Getenv("HEXPANE_SOAK") != "" {
			phase = 15 * time.Second
		}
		s.begin()
		f := inFront(t, s)
		f.does(through)
		q := &queue{}
		q.put(0, speed("bus-0", 0, 0)) // n is an integer from here on
		var mu sync.Mutex
		refused := map[string]int{}
		sink := start(t, s.config(f.URL, 2000), q, func(line, reason string) {
			mu.Lock()
			defer mu.Unlock()
			refused[line]++
			if !strings.Contains(reason, "field type conflict") {
				t.Error(reason)
			}
		})
		q.drained(t)
		stop, total, bad := make(chan struct{}), 1, 0
		var load sync.WaitGroup
		load.Go(func() {
			for tick := time.NewTicker(5 * time.Millisecond); ; {
				select {
				case <-stop:
					tick.Stop()
					return
				case <-tick.C:
				}
				q.put(uint32(total%2), speeds(total, 20)...)
				if total += 20; total%600 < 20 {
					q.put(0, fmt.Appendf(nil, `speeds,device=bad n="text" %d`, total))
					bad++
				}
				sink.Wake()
			}
		})
		for _, fault := range []func(w http.ResponseWriter, r *http.Request, body string) bool{
			func(w http.ResponseWriter, _ *http.Request, _ string) bool {
				http.Error(w, "not now", http.StatusServiceUnavailable)
				return true
			},
			func(http.ResponseWriter, *http.Request, string) bool { time.Sleep(phase / 4); return false },
			func(http.ResponseWriter, *http.Request, string) bool { panic(http.ErrAbortHandler) },
			through,
		} {
			f.does(fault)
			time.Sleep(phase)
		}
		s.kill()
		time.Sleep(4 * phase) // a minute of soak
		s.start()
		time.Sleep(phase)
		close(stop)
		load.Wait()
		sink.Wake()
		q.drainedWithin(t, max(20*time.Second, 4*phase))
		s.until("SELECT COUNT(n) FROM speeds", fmt.Sprint(total))
		mu.Lock()
		defer mu.Unlock()
		if len(refused) != bad {
			t.Errorf("%d points are refused, want the %d bad ones", len(refused), bad)
		}
		t.Logf("soak: InfluxDB %s busy, slow, cut off and killed under load: %d points, lost=0 twice=0, %d refused of %d bad", path.Base(t.Name()), total, len(refused), bad)
	})
}
