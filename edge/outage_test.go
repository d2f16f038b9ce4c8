package edge

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/prometheus/client_golang/prometheus"
)

// An outage of event time: devices that each send every so many seconds, the core away from a tenth of the time on, and the edge
// restarted twice while it is, once killed and once stopped. Its disk is real, its clock is simulated.
type outage struct {
	devices int
	every   int // seconds between two readings of a device
	seconds int
	away    bool // otherwise the core is there all the time, and the edge is not restarted
	results map[string]aggregate.Partial

	readings  int
	held      store.Held // when the core comes back
	disk      int64      // bytes of the edge's directory then
	sent      int64      // bytes of the batches after that
	catchUp   time.Duration
	line      *line
	delivered uint64
	layout    aggregate.Layout
}

func outagePlan() *plan.Plan {
	p := cityPlan(1)
	p.Streams[0].Position = nil // no rows: they are kept to a budget, and grow with readings
	p.Views[0].PaneUs, p.Views[0].WindowUs = 60e6, 60e6
	return p
}

// The results after an hour without the core are exactly those of an edge that was never cut off; and the disk that it takes, and the
// catching up, grow with keys and panes, not with readings.
func TestOutage(t *testing.T) {
	t.Parallel()
	devices, seconds := 50, 180
	if os.Getenv("HEXPANE_SOAK") == "1" {
		devices, seconds = 5000, 3600
	}
	connected := &outage{devices: devices, every: 1, seconds: seconds}
	dense := &outage{devices: devices, every: 1, seconds: seconds, away: true}
	sparse := &outage{devices: devices, every: 4, seconds: seconds, away: true}
	wide := &outage{devices: 4 * devices, every: 4, seconds: seconds, away: true}
	for name, o := range map[string]*outage{"connected": connected, "away": dense, "away, a quarter of the readings": sparse,
		"away, a quarter of the readings of four times the keys": wide} {
		began := time.Now()
		o.run(t)
		t.Logf("soak: outage: %s: devices=%d minutes=%d readings=%d held_deltas=%d held_bytes=%d disk_bytes=%d catch_up=%s catch_up_bytes=%d took=%s", name, o.devices,
			seconds/60, o.readings, o.held.Deltas, o.held.DeltaBytes, o.disk, o.catchUp, o.sent, time.Since(began).Round(time.Second))
	}
	different := 0
	for id, want := range connected.results {
		if got := dense.results[id]; got == nil || !bytes.Equal(got.Append(nil), want.Append(nil)) {
			different++
		}
	}
	if different > 0 || len(dense.results) != len(connected.results) {
		t.Errorf("%d of %d results differ from those of an edge that was never cut off, which has %d", different, len(dense.results), len(connected.results))
	}
	if dense.held.Deltas != sparse.held.Deltas || dense.held.DeltaBytes > sparse.held.DeltaBytes*3/2 {
		t.Errorf("four times the readings: %+v held, instead of %+v", dense.held, sparse.held)
	}
	if wide.held.Deltas != 4*sparse.held.Deltas {
		t.Errorf("four times the keys: %d deltas held, instead of %d", wide.held.Deltas, sparse.held.Deltas)
	}
}

func (o *outage) run(t testing.TB) {
	dir, m := t.TempDir(), newMetrics(prometheus.NewRegistry(), func() float64 { return 0 })
	o.results, o.layout = map[string]aggregate.Partial{}, newLedger().layout
	away := time.Duration(0)
	open := func() {
		s, err := store.Open(dir, store.Options{Log: silent(), CacheBytes: 16 << 20, MemTableBytes: 32 << 20, Committed: func(time.Duration) {}})
		if err != nil {
			t.Fatal(err)
		}
		o.line, o.delivered = newLine(testConfig(""), silent(), m, s, &status{}, func() *wire.Stats { return &wire.Stats{} }), 0
		o.line.wake, o.line.away = func() {}, func() time.Duration {
			if away == 0 && o.line.unknown() {
				if err := o.line.judge(&wire.Delivered{Epoch: s.Epoch(), Last: s.Sequences()}, time.Now()); err != nil {
					t.Error(err)
				}
			}
			return away
		}
		if err := o.line.recover(); err != nil {
			t.Fatal(err)
		}
	}
	open()
	defer func() {
		if err := o.line.store.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := o.line.adopt(adoption{plan: outagePlan()}); err != nil {
		t.Fatal(err)
	}
	start := time.UnixMilli(firstReading).Add(-2 * time.Hour).Truncate(time.Minute)
	now := start
	for second := range o.seconds {
		now = start.Add(time.Duration(second) * time.Second)
		if o.away {
			switch second {
			case o.seconds / 10:
				away = time.Minute
			case o.seconds / 3, o.seconds * 2 / 3:
				if second > o.seconds/2 { // stopped, not killed
					if err := o.line.finish(); err != nil {
						t.Fatal(err)
					}
				}
				if err := o.line.store.Close(); err != nil {
					t.Fatal(err)
				}
				open()
			}
		}
		o.turn(t, o.messages(second, now), now)
		if away == 0 {
			o.deliver(t)
		}
	}
	o.held, o.disk = o.line.store.Held(), diskSize(t, dir)
	if o.away && o.held.Empty() {
		t.Error("nothing was held")
	}
	away, o.sent = 0, 0
	back := now
	for first := true; first || !o.line.store.Held().Empty(); first = false {
		now = now.Add(releaseEvery)
		o.turn(t, nil, now)
		o.deliver(t)
	}
	if o.catchUp = now.Sub(back); !o.away {
		o.catchUp = 0
	}
	o.turn(t, nil, now.Add(heartbeat))
	o.deliver(t)
}

// messages are what the devices whose turn it is send in a second.
func (o *outage) messages(second int, now time.Time) (batch []ingest.Message) {
	for d := second % o.every; d < o.devices; d += o.every {
		batch = append(batch, ingest.Message{Topic: fmt.Sprintf("city/d%d/position", d), ArrivalUs: now.UnixMicro(),
			Payload: fmt.Appendf(nil, `{"ts":%d,"x":%d}`, now.UnixMilli(), (d*31+second*17)%1000)})
	}
	o.readings += len(batch)
	return batch
}

func (o *outage) turn(t testing.TB, batch []ingest.Message, now time.Time) {
	t.Helper()
	if err := o.line.turn(batch, now, false); err != nil {
		t.Fatal(err)
	}
}

// deliver merges what the outbox holds into the results, as the core does.
func (o *outage) deliver(t testing.TB) {
	t.Helper()
	var first uint64
	err := o.line.store.Outbox(o.delivered, 1<<30, 1<<40, func(order uint64, _ uint32, data []byte) {
		if first == 0 {
			first = order
		}
		o.delivered = order
		o.sent += int64(len(data))
		o.line.backlog.Add(-int64(len(data)))
		b, err := wire.Unpack(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range b.Deltas {
			o.merge(t, d)
		}
	})
	if err == nil && first > 0 {
		err = o.line.store.Delivered(first, o.delivered)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (o *outage) merge(t testing.TB, d *wire.Deltas) {
	keys, states := d.Keys, d.States
	for range d.Readings {
		_, rest, err := value.Read(keys)
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("%d/%d/%s", d.View, d.PaneUs, keys[:len(keys)-len(rest)])
		keys = rest
		partial := o.layout.New()
		if states, err = partial.Read(states); err != nil {
			t.Fatal(err)
		}
		if before := o.results[id]; before != nil {
			before.Merge(partial)
		} else {
			o.results[id] = partial
		}
	}
}

// diskSize is what the files of a directory hold.
func diskSize(t testing.TB, dir string) (bytes int64) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return bytes
}
