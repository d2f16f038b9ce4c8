package influx_test

import (
	"compress/gzip"
	"context"
	"fmt"
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
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/prometheus/client_golang/prometheus"
)

// queue is the core's state, in memory: what it still holds, nobody has acknowledged.
type queue struct {
	mu    sync.Mutex
	next  uint64
	lines [2]map[uint64][]byte // by partition

	warned atomic.Int64
}

func (q *queue) put(partition uint32, lines ...[]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lines[partition] == nil {
		q.lines[partition] = map[uint64][]byte{}
	}
	for _, l := range lines {
		q.next++
		q.lines[partition][q.next] = l
	}
}

func (q *queue) Effects(partition uint32, from uint64, limit int, f func(uint64, []byte)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := from; n <= q.next && limit > 0; n++ {
		if l, ok := q.lines[partition][n]; ok {
			f(n, l)
			limit--
		}
	}
	return nil
}

func (q *queue) EffectsDone(partition uint32, from, to uint64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := from; n <= to; n++ {
		delete(q.lines[partition], n)
	}
	return nil
}

func (q *queue) LastDurable(partition uint32) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	last := uint64(0)
	for n := range q.lines[partition] {
		last = max(last, n)
	}
	return last
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.lines[0]) + len(q.lines[1])
}

// fataler is a test, or a run of a property.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (q *queue) drained(t fataler) {
	t.Helper()
	q.drainedWithin(t, 10*time.Second)
}

func (q *queue) drainedWithin(t fataler, d time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(d); q.len() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d points are still queued", q.len())
		}
	}
}

// counting counts warnings: a sink warns of the first failure of each write.
type counting struct {
	slog.Handler
	n *atomic.Int64
}

func (c counting) Enabled(context.Context, slog.Level) bool { return true }

func (c counting) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		c.n.Add(1)
	}
	return nil
}

// failing waits until so many writes, over all, have failed once at least.
func (q *queue) failing(t *testing.T, writes int64) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); q.warned.Load() < writes; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d writes fail, want %d", q.warned.Load(), writes)
		}
	}
}

// run starts a sink; refused are the points that it set aside, stop waits for its end.
func run(t *testing.T, s *influxd, q *queue, batch int) (sink *influx.Sink, refused func() []string, stop func()) {
	t.Helper()
	return runAs(t, s.config(s.url(), batch), q)
}

func runAs(t *testing.T, cfg influx.Config, q *queue) (sink *influx.Sink, refused func() []string, stop func()) {
	t.Helper()
	var mu sync.Mutex
	var list []string
	sink = influx.New(cfg, q, 2, prometheus.NewRegistry(), slog.New(counting{slog.DiscardHandler, &q.warned}),
		func(line, reason string) {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, line+" ← "+reason)
		})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sink.Run(ctx) }()
	once := sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Error("the sink does not end with its context")
		}
	})
	t.Cleanup(once)
	return sink, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}, once
}

func speed(device string, us, n int64) []byte {
	return influx.Point{Measurement: "speeds", TimeUs: us, Tags: []influx.Pair{{Name: "device", Value: value.OfString(device)}},
		Fields: []influx.Pair{{Name: "n", Value: value.OfInt(n)}}}.Line()
}

func speeds(from, n int) (lines [][]byte) {
	for i := range n {
		lines = append(lines, speed(fmt.Sprint("bus-", i%10), int64(from+i)*1000, int64(i)))
	}
	return lines
}

func TestPointsAreWrittenAndRewritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.begin()
		q := &queue{}
		q.put(0, speeds(0, 250)...) // waits from before the start
		sink, refused, _ := run(t, s, q, 100)
		q.drained(t)
		q.put(1, speeds(250, 50)...)
		sink.Wake()
		q.drained(t)
		if got := s.count(); got != "300" {
			t.Fatalf("%s points are stored, want 300", got)
		}
		q.put(0, speeds(0, 250)...)
		q.put(0, speed("bus-0", 0, 999)) // a revision
		sink.Wake()
		q.drained(t)
		if got := s.count(); got != "300" {
			t.Errorf("after writing them again %s points are stored, want 300", got)
		}
		if got := s.query("SELECT n FROM speeds WHERE device = 'bus-0' LIMIT 1"); len(got) != 1 || got[0] != "999" {
			t.Errorf("the revised point is %q", got)
		}
		if r := refused(); r != nil {
			t.Errorf("refused: %q", r)
		}
	})
}

// Names as the field has them come back as they went.
func TestTextsSurviveLineProtocol(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.begin()
		q := &queue{}
		devices := []string{"plain", "with blank", "a,b=c", `quote"d`, "näin", `back\slash`, `at end\`, "new\nline", "'; DROP MEASUREMENT speeds"}
		for i, d := range devices {
			q.put(0, influx.Point{Measurement: "odd names, here", TimeUs: int64(i), Tags: []influx.Pair{{Name: "the device", Value: value.OfString(d)}, {Name: "empty", Value: value.OfString("")}},
				Fields: []influx.Pair{{Name: "n", Value: value.OfInt(int64(i))}, {Name: "x", Value: value.OfDouble(0.25)}, {Name: "none", Value: value.Value{}},
					{Name: "ok", Value: value.OfBool(true)}, {Name: "price", Value: value.OfDecimal(-105, 2)}, {Name: "text", Value: value.OfString(d)}}}.Line())
		}
		_, refused, _ := run(t, s, q, 100)
		q.drained(t)
		if r := refused(); r != nil {
			t.Fatalf("refused: %q", r)
		}
		got := s.query(`SELECT n, x, ok, price, text, "the device" FROM "odd names, here"`)
		for i, d := range devices {
			tag := strings.ReplaceAll(d, "\n", `\\n`) // a tag can't hold a line break
			if before, ok := strings.CutSuffix(d, `\`); ok {
				tag = before + "＼" // nor end in one
			}
			if want := fmt.Sprintf("%d|0.25|true|-1.05|%s|%s", i, d, tag); i >= len(got) || got[i] != want {
				t.Errorf("%q came back as %q", want, got[min(i, len(got)-1)])
			}
		}
	})
}

// A server that is down, then comes, goes and comes again: the points wait, and all arrive.
func TestOutageLosesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		if s.two {
			s.args = append(s.args, "--log-level", "debug")
		}
		q := &queue{}
		q.put(0, speeds(0, 500)...)
		sink, refused, _ := run(t, s, q, 50)
		q.failing(t, 1)
		if q.len() != 500 {
			t.Fatalf("%d points are left of 500, and there is no server", q.len())
		}
		s.start()
		s.asked() // and says no: there is no database
		s.makeBucket()
		q.drained(t)
		s.kill()
		q.put(1, speeds(500, 500)...)
		sink.Wake()
		q.failing(t, 2)
		if q.len() != 500 {
			t.Fatalf("%d points are left of 500, and there is no server", q.len())
		}
		s.start()
		q.drained(t)
		s.until("SELECT COUNT(n) FROM speeds", "1000")
		if r := refused(); r != nil {
			t.Errorf("refused: %q", r)
		}
	})
}

// Ending in an outage ends at once, and leaves the points for the next start.
func TestEndInAnOutage(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		q := &queue{}
		q.put(0, speeds(0, 10)...)
		_, _, stop := run(t, s, q, 5)
		q.failing(t, 1)
		began := time.Now()
		stop()
		if took := time.Since(began); took > time.Second || q.len() != 10 {
			t.Fatalf("it took %s, and %d points are left", took, q.len())
		}
		s.start()
		s.makeBucket()
		run(t, s, q, 5)
		q.drained(t)
		if got := s.count(); got != "10" {
			t.Errorf("%s points are stored", got)
		}
	})
}

// A point that InfluxDB refuses is set aside with the reason; its neighbours are stored.
func TestBadPointsAreSetAside(t *testing.T) {
	onBoth(t, func(t *testing.T, s *influxd) {
		s.begin()
		q := &queue{}
		good := speeds(0, 100)
		q.put(0, good[:30]...)
		conflict := []byte(`speeds,device=bad n="text" 77000000`)
		q.put(0, conflict)
		q.put(0, good[30:60]...)
		junk := []byte("this is no point")
		q.put(0, junk)
		q.put(0, []byte("speeds,device=inf n=+Infi 5"))
		q.put(0, good[60:]...)
		_, refused, _ := run(t, s, q, 1000)
		q.drained(t)
		if got := s.count(); got != "100" {
			t.Errorf("%s good points are stored, want 100", got)
		}
		r := strings.Join(refused(), "\n")
		if len(refused()) != 3 || !strings.Contains(r, string(conflict)+" ← ") || !strings.Contains(r, "field type conflict") || !strings.Contains(r, string(junk)+" ← ") {
			t.Errorf("refused:\n%s", r)
		}
	})
}

func TestLineLeavesNullsOut(t *testing.T) {
	p := influx.Point{Measurement: "m", TimeUs: 2, Tags: []influx.Pair{{Name: "z", Value: value.OfString("1")}, {Name: "a", Value: value.OfCell(0x891126d3417ffff)}, {Name: "none", Value: value.Value{}}},
		Fields: []influx.Pair{{Name: "n", Value: value.OfInt(5)}, {Name: "null", Value: value.Value{}}, {Name: "at", Value: value.OfTime(0)}}}
	if got, want := string(p.Line()), `m,a=891126d3417ffff,z=1 n=5i,at="1970-01-01T00:00:00Z" 2000`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// However large points are, a request has a few megabytes.
func TestLargePointsGoInSmallRequests(t *testing.T) {
	var most, all atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Error(err)
		}
		most.Store(max(most.Load(), int64(len(text))))
		all.Add(int64(strings.Count(string(text), " n=1i,")))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	q := &queue{}
	point := influx.Point{Measurement: "speeds", Fields: []influx.Pair{{Name: "n", Value: value.OfInt(1)}}, Carried: make([]byte, 300_000)}
	for i := range int64(40) {
		point.TimeUs = i
		q.put(0, point.Line())
	}
	ctx, stop := context.WithCancel(context.Background())
	sink := influx.New(influx.Config{URL: server.URL, Bucket: "b", Batch: 5000}, q, 2, prometheus.NewRegistry(), slog.New(slog.DiscardHandler), func(line, reason string) { t.Error(reason) })
	done := make(chan error)
	go func() { done <- sink.Run(ctx) }()
	q.drained(t)
	stop()
	if err := <-done; err != nil || all.Load() != 40 || most.Load() > 5<<20 {
		t.Errorf("%d points, and a request of %d bytes; %v", all.Load(), most.Load(), err)
	}
}
