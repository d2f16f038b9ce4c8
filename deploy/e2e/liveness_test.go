package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

const beatSQL = `
CREATE STREAM beats (device STRING KEY, ts TIMESTAMP, x BIGINT) WITH (topic = 'beat/{device}', timestamp = 'ts', disorder = '100ms');
CREATE VIEW beating AS SELECT device, COUNT(*) AS n FROM beats WINDOW TUMBLING (SIZE 1 SECOND, GRACE PERIOD 1 HOUR) GROUP BY device;`

// Two real edges, a device whose clock is a day ahead, and an edge whose clock is (the test says what it would say). One edge is killed and stays away: the other's
// windows close; then no device says anything any more, and they close still. The killed one comes back: no reading of a right clock is lost or late.
func TestWindowsCloseWhateverOneEdgeDoes(t *testing.T) {
	t.Parallel()
	quick := []string{"--time.idle", "1s", "--id"}
	h := startHalves(t, beatSQL, []string{"--time.idle", "2s"}, append(quick, "north"))
	dir := t.TempDir()
	south := &site{dir: dir, args: append([]string{filepath.Join(bin, "hexpane-edge"), "--config", repo("deploy/config/edge.yaml"), "--data", filepath.Join(dir, "south"),
		"--log.format", "text", "--http", freeAddress(t), "--mqtt", freeAddress(t), "--nats.url", h.natsURL}, append(quick, "south")...)}
	south.start(t)

	liar := startLiar(t, h.natsURL)
	var acked sync.Map
	ctx, stop := context.WithCancel(t.Context())
	var devices sync.WaitGroup
	beat := func(broker, device string, ahead time.Duration) {
		n := new(atomic.Int64)
		acked.Store(device, n)
		c := connect(t, broker)
		devices.Go(func() {
			defer c.Disconnect(100)
			for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
				token := c.Publish("beat/"+device, 1, false, fmt.Sprintf(`{"ts":%q,"x":%d}`, time.Now().Add(ahead).UTC().Format(time.RFC3339Nano), n.Load()))
				if !token.WaitTimeout(5*time.Second) || token.Error() != nil {
					return // its edge was killed; whether the last one counts is not known
				}
				n.Add(1)
			}
		})
	}
	beat(h.edge.mqtt, "of-north", 0)
	beat(h.edge.mqtt, "ahead", 24*time.Hour)
	beat(south.mqtt, "of-south", 0)
	passes := func(what string, at time.Time) {
		t.Helper()
		eventually(t, func() error {
			if us := h.core.Metric(t, `hexpane_core_merge_watermark_seconds{view="beating"}`); !(us > float64(at.UnixMilli())/1000) {
				return fmt.Errorf("%s: the watermark is at %.1f, before %.1f", what, us, float64(at.UnixMilli())/1000)
			} else if us > float64(time.Now().Add(time.Hour).Unix()) {
				t.Fatalf("%s: the watermark ran ahead, to %.1f", what, us)
			}
			return nil
		})
	}
	passes("all are there", time.Now())
	south.Kill(t)
	passes("one is killed", time.Now())
	passes("it stays away", time.Now())
	stop()
	devices.Wait()
	passes("no device says anything", time.Now())
	south.start(t)
	passes("it is back", time.Now())

	eventually(t, func() error {
		_, rows, err := ask(h.core.http, "SELECT device, SUM(n) AS n FROM beating GROUP BY device")
		if err != nil || len(rows) != 3 {
			return fmt.Errorf("%d devices: %v", len(rows), err)
		}
		for _, r := range rows {
			n, _ := acked.Load(r[0])
			if sent, got := float64(n.(*atomic.Int64).Load()), r[1].(float64); got < sent || got > sent+1 {
				return fmt.Errorf("of %v %v readings are counted, %v were acknowledged", r[0], got, sent)
			}
		}
		return nil
	})
	if _, rows, err := ask(h.core.http, "SELECT * FROM late"); err != nil || len(rows) > 0 {
		t.Error("late: ", rows, err)
	}
	if liar.stop(); totalOf(t, h.core, "hexpane_core_merge_future_total") < 4 || totalOf(t, h.edge, "hexpane_edge_ingest_future_total") == 0 {
		t.Error("neither the lies nor the readings of the future are counted")
	}
	h.edge.Stop(t)
	south.Stop(t)
	h.core.Stop(t)
}

func totalOf(t *testing.T, s *site, name string) float64 {
	t.Helper()
	n, err := sum(s.http, name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// liar says ten times a second, as an edge, that a day from now is over.
type liar struct{ stop func() }

func startLiar(t *testing.T, url string) *liar {
	t.Helper()
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	p := &plan.Plan{}
	eventually(t, func() error {
		bucket, err := js.KeyValue(t.Context(), wire.PlanBucket)
		if err != nil {
			return err
		}
		entry, err := bucket.Get(t.Context(), wire.PlanKey)
		if err != nil {
			return err
		}
		if err := proto.Unmarshal(entry.Value(), p); err != nil || len(p.Streams) == 0 {
			return fmt.Errorf("the plan has %d streams: %v", len(p.Streams), err)
		}
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for seq := uint64(1); ; seq++ {
			for n := range p.Partitions {
				data, err := wire.Pack(&wire.Batch{Edge: "liar", Epoch: 1, Seq: seq, Partition: n, PlanVersion: p.Version,
					Watermarks: []*wire.Watermark{{Stream: p.Streams[0].Id, Us: time.Now().Add(24 * time.Hour).UnixMicro()}}})
				if err == nil {
					_, err = js.Publish(ctx, wire.Subject("liar", n), data)
				}
				if err != nil && ctx.Err() == nil {
					t.Error("the liar: ", err)
				}
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	l := &liar{stop: sync.OnceFunc(func() { cancel(); <-done; conn.Close() })}
	t.Cleanup(l.stop)
	return l
}
