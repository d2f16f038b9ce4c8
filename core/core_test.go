package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
)

// node is a whole core, with NATS of its own, on addresses the system chose.
type node struct {
	t    *testing.T
	dir  string
	core *Core
	js   jetstream.JetStream
	stop func()
}

func startNode(t *testing.T, dir string, change ...func(*Config)) *node {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fleet.sql")
	check(t, os.WriteFile(file, []byte(fleetSQL), 0o600))
	cfg := &Config{SQL: file, Partitions: 3}
	cfg.Tables.MaxRows, cfg.Tables.MaxBytes, cfg.Join.MaxRows = 1000, 1<<20, 1000
	cfg.Pattern.MaxAge, cfg.Pattern.KeepMatches = 24*time.Hour, 10_000
	cfg.Pattern.MaxWaiting, cfg.Pattern.MaxRows, cfg.Pattern.MaxPartial = 10_000, 10_000, 1_000
	cfg.Fences.Max, cfg.Fences.MaxVertices, cfg.Fences.MaxBodyBytes, cfg.Fences.Forget, cfg.Fences.MaxPending = 100, 1000, 1<<20, time.Hour, 10_000
	cfg.Query.MaxPush, cfg.Query.PushRows, cfg.Query.MaxExports = 5, 1000, 2
	cfg.Alerts.Quiet, cfg.Alerts.MaxLive, cfg.Alerts.Keep, cfg.Alerts.MaxWaiting = 5*time.Minute, 1000, 72*time.Hour, 1000
	cfg.Alerts.MaxScored, cfg.Alerts.Forget = 1000, 336*time.Hour
	cfg.HTTP.Listen, cfg.NATS.Listen, cfg.NATS.StreamBytes = "127.0.0.1:0", "127.0.0.1:0", 64<<20
	cfg.Time.Idle, cfg.State.TableRows = time.Minute, 1000
	cfg.Live.Tick, cfg.Live.MaxClients, cfg.Live.MaxTopics, cfg.Live.MaxMessageBytes, cfg.Live.WriteWait = 10*time.Millisecond, 10, 10, 1<<16, time.Second
	cfg.Query.Timeout, cfg.Query.MaxRows, cfg.Influx.Batch = 10*time.Second, 10_000, 1
	for _, f := range change {
		f(cfg)
	}
	check(t, cfg.Validate())
	ctx, cancel := context.WithCancel(context.Background())
	c, err := New(ctx, cfg, Deps{Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), DataDir: dir,
		Dashboard: http.NotFoundHandler(), Ops: http.NotFoundHandler(), Version: "test"})
	check(t, err)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	conn, err := nats.Connect(c.NATSAddress())
	check(t, err)
	n := &node{t: t, dir: dir, core: c}
	n.js, err = jetstream.New(conn)
	check(t, err)
	stopped := false
	n.stop = func() {
		if stopped {
			return
		}
		stopped = true
		conn.Close()
		cancel()
		select {
		case err := <-ended:
			check(t, err)
		case <-time.After(10 * time.Second):
			t.Error("the core does not stop")
		}
	}
	t.Cleanup(n.stop)
	return n
}

func (n *node) send(batches ...*wire.Batch) {
	n.t.Helper()
	for _, b := range batches {
		message, err := wire.Pack(b)
		check(n.t, err)
		_, err = n.js.Publish(context.Background(), wire.Subject(b.Edge, b.Partition), message)
		check(n.t, err)
	}
}

// plan is what an edge finds in the bucket.
func (n *node) plan() *plan.Plan {
	n.t.Helper()
	bucket, err := n.js.KeyValue(context.Background(), wire.PlanBucket)
	check(n.t, err)
	entry, err := bucket.Get(context.Background(), wire.PlanKey)
	check(n.t, err)
	p := new(plan.Plan)
	check(n.t, proto.Unmarshal(entry.Value(), p))
	return p
}

// sql asks over HTTP.
func (n *node) sql(statement string) string {
	n.t.Helper()
	body, err := json.Marshal(map[string]string{"sql": statement})
	check(n.t, err)
	resp, err := http.Post(n.core.HTTPAddress()+"/api/v1/sql", "application/json", bytes.NewReader(body))
	check(n.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(n.t, err)
	if resp.StatusCode != http.StatusOK {
		n.t.Fatalf("%s: %s %s", statement, resp.Status, text)
	}
	return string(text)
}

// until asks until the answer holds a text.
func (n *node) until(statement, text string) string {
	n.t.Helper()
	last := ""
	eventually(n.t, func() error {
		if last = n.sql(statement); !strings.Contains(last, text) {
			return fmt.Errorf("%s never answers %q, but %s", statement, text, last)
		}
		return nil
	})
	return last
}

var questions = []string{
	"SELECT device, window_start, n, total, low, top, revision, final FROM speeds ORDER BY device, window_start",
	"SELECT device, n, mean FROM settled ORDER BY device, window_start",
	"SELECT device, ts, lat, lon, speed FROM vehicles ORDER BY device",
	"SELECT * FROM late ORDER BY key",
	"SELECT * FROM rejected",
	"SHOW VIEWS",
}

func (n *node) answers() (all string) {
	for _, q := range questions {
		all += q + "\n" + n.sql(q)
	}
	return all
}

// A core takes batches from NATS, answers over HTTP, and answers the same after a restart, when the same batches come again, and
// when NATS lost its disk.
func TestWholeCore(t *testing.T) {
	dir := t.TempDir()
	n := startNode(t, dir)
	p := n.plan()
	if len(p.Views) != 2 || p.Partitions != 3 {
		t.Fatalf("edges find the plan %v", p)
	}
	north, south := newHandEdge("north", p), newHandEdge("south", p)
	var sent []*wire.Batch
	send := func(e *handEdge, watermark int64, rides ...ride) {
		t.Helper()
		batches := e.cut(t, watermark*second, rides...)
		sent = append(sent, batches...)
		n.send(batches...)
	}
	var all []ride
	for i := range int64(60) {
		e := []*handEdge{north, south}[i%2]
		r := ride{fmt.Sprint("bus-", i%7), i * second, 60 + float64(i)/1000, 24, i}
		all = append(all, r)
		send(e, i-5, r)
	}
	n.reached(p.Streams[0].Id, 53*second) // or one turn might take it all, and nothing would be late
	send(north, 100)
	send(south, 100, ride{"late-bus", 59 * second, 60, 24, 1}, ride{"lost-bus", 1 * second, 60, 24, 1})
	n.until("SELECT key, readings FROM late", `["lost-bus",1]`)
	n.until("SELECT device FROM speeds", `late-bus`)
	n.until("SELECT COUNT(*) AS n FROM speeds WHERE final = true", fmt.Sprintf(`"rows":[[%d]]`, len(naive(all))+1))
	n.until("SELECT SUM(n) AS n FROM settled", fmt.Sprintf(`"rows":[[%d]]`, len(all)+1)) // in a commit of their own

	got := n.until(questions[0], `"late-bus"`)
	for _, row := range naive(all) {
		w := strings.Fields(row)
		if want := fmt.Sprintf(`["%s","%s",%s,%s,%s,%s,0,true]`, w[0], w[1], w[2], w[3], w[4], w[5]); !strings.Contains(got, want) {
			t.Errorf("no row %s in %s", want, got)
		}
	}
	before := n.answers()
	n.stop()

	n = startNode(t, dir)
	if after := n.answers(); after != before {
		t.Fatalf("after a restart\n%s\nbefore\n%s", after, before)
	}
	n.send(sent...)
	n.barrier(north, south)
	if after := n.answers(); after != before {
		t.Fatalf("after re-delivery\n%s\nbefore\n%s", after, before)
	}
	n.stop()

	check(t, os.RemoveAll(filepath.Join(dir, "nats")))
	n = startNode(t, dir)
	n.send(sent...)
	n.barrier(north, south)
	if after := n.answers(); after != before {
		t.Fatalf("after NATS lost its disk\n%s\nbefore\n%s", after, before)
	}
}

// reached returns when each partition's watermark of a stream is at us.
func (n *node) reached(stream uint32, us int64) {
	n.t.Helper()
	for _, p := range n.core.partitions {
		eventually(n.t, func() error {
			if at, _ := p.output(stream); at < us {
				return fmt.Errorf("partition %d's watermark stays at %d, want %d", p.id, at, us)
			}
			return nil
		})
	}
}

// barrier returns when all that was sent is applied: it sends a heartbeat of each edge and waits for its place.
func (n *node) barrier(edges ...*handEdge) {
	n.t.Helper()
	for _, e := range edges {
		n.send(e.cut(n.t, 100*second)...)
	}
	for id := range uint32(3) {
		stream, err := n.js.Stream(context.Background(), wire.StreamName)
		check(n.t, err)
		last, err := stream.GetLastMsgForSubject(context.Background(), wire.Subject(edges[len(edges)-1].name, id))
		check(n.t, err)
		eventually(n.t, func() error {
			at, err := n.core.store.Position(id)
			if err == nil && at < last.Sequence {
				err = fmt.Errorf("partition %d stays at %d, want %d", id, at, last.Sequence)
			}
			return err
		})
	}
}

// A statement that is wrong says where; the catalogue stays.
func TestStatementErrorsSayWhere(t *testing.T) {
	n := startNode(t, t.TempDir())
	for _, c := range []struct{ sql, want string }{
		{"SELECT device,\n  speeed FROM speeds", `"line":2,"column":3`},
		{"SELECT device FROM none", `"line":1,"column":20`},
		{"CREATE VIEW speeds AS SELECT COUNT(*) AS n FROM vehicles WINDOW TUMBLING (SIZE 1 MINUTE)", `"line":1,"column":13`},
		{"DROP STREAM vehicles", `"line":1,"column":13`},
		{"SELECT (", `"line":1`},
	} {
		body, err := json.Marshal(map[string]string{"sql": c.sql})
		check(t, err)
		resp, err := http.Post(n.core.HTTPAddress()+"/api/v1/sql", "application/json", bytes.NewReader(body))
		check(t, err)
		text, err := io.ReadAll(resp.Body)
		check(t, errors.Join(err, resp.Body.Close()))
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), c.want) || !strings.HasPrefix(string(text), `{"error":{"message":"`) {
			t.Errorf("%s: %d %s", c.sql, resp.StatusCode, text)
		}
	}
	if p := n.plan(); len(p.Views) != 2 || len(p.Streams) != 1 {
		t.Errorf("the plan is now %v", p)
	}
}
