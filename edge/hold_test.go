package edge

import (
	"fmt"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
	dto "github.com/prometheus/client_model/go"
)

// turnAt takes readings of one device in, a second apart each, from a number on.
func (d *desk) turnAt(t testing.TB, now time.Time, device string, from, n int) {
	t.Helper()
	var batch []ingest.Message
	for _, payload := range readings(from, n) {
		batch = append(batch, d.message(device, payload))
	}
	if err := d.edge.line.turn(batch, now, false); err != nil {
		t.Fatal(err)
	}
}

// While the core is away the disk grows with keys and panes, not with readings, and nothing goes to the outbox.
func TestHeldDeltasMerge(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	defer func() { d.abandon(t) }()
	now := time.Now()
	d.turnAt(t, now, "a", 0, 1)
	d.away = time.Minute
	const rounds, each = 40, 25
	for i := range rounds {
		now = now.Add(heartbeat)
		d.turnAt(t, now, "a", 1+i*each, each)
		d.turnAt(t, now, fmt.Sprint("b", i), 0, 1)
	}
	batches, _, err := d.edge.store.OutboxSize()
	if err != nil {
		t.Fatal(err)
	}
	h := d.edge.store.Held()
	if panes := int64(rounds*each/100 + 2); h.Deltas > rounds+panes || h.Rows < (rounds-1)*(each+1) {
		t.Errorf("%+v held of %d readings, want a delta for each of %d devices and %d panes at most", h, rounds*(each+1), rounds, panes)
	}

	// A restart in between changes nothing.
	d.abandon(t)
	d.open(t)
	if got := d.edge.store.Held(); got != h {
		t.Errorf("after a restart %+v is held, before %+v", got, h)
	}
	now = now.Add(heartbeat)
	d.turnAt(t, now, "c", 0, 1)
	if n, _, err := d.edge.store.OutboxSize(); err != nil || n != batches {
		t.Errorf("%d batches in the outbox, and %d when the core went away (%v)", n, batches, err)
	}
}

// When the core is back, what is live goes before what was held, and the watermark waits for the last of it.
func TestLiveGoesFirstAndTheWatermarkWaits(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	defer func() { d.abandon(t) }()
	now := time.Now()
	if err := d.edge.line.turn([]ingest.Message{d.message("a", readings(0, 1)[0])}, now, true); err != nil {
		t.Fatal(err)
	}
	promised := d.edge.line.sent[vehicles]
	got := newLedger()
	after := d.read(t, got, 0)
	if got.watermarks[vehicles] != promised || promised == 0 {
		t.Fatalf("watermark %d forwarded, %d promised", got.watermarks[vehicles], promised)
	}
	d.away = time.Minute
	const held = 20_000
	for i := range held / 1000 {
		now = now.Add(heartbeat)
		for j := range 10 {
			d.turnAt(t, now, fmt.Sprintf("h%d-%d", i, j), 100, 100)
		}
	}
	now = now.Add(heartbeat)
	d.turnAt(t, now, "h", 100, 1)
	d.edge.line.cfg.Forward.CatchUpBytes = 64 << 10
	d.away = 0
	now = now.Add(heartbeat)
	d.turnAt(t, now, "live", 100, 1)
	after = d.read(t, got, after)
	if got.deltas["live"] != 1 || len(got.rows) < 2 {
		t.Errorf("the live reading is not among the first %d", got.readings)
	}
	if len(got.rows) > held/2 {
		t.Errorf("%d of %d rows went out at once", len(got.rows), held)
	}
	steps := 0
	for ; !d.edge.store.Held().Empty(); steps++ {
		if got.watermarks[vehicles] != promised {
			t.Fatalf("the watermark is at %d with %+v held", got.watermarks[vehicles], d.edge.store.Held())
		}
		now = now.Add(releaseEvery)
		if err := d.edge.line.turn(nil, now, true); err != nil {
			t.Fatal(err)
		}
		after = d.read(t, got, after)
	}
	if steps < 10 {
		t.Errorf("all went out in %d steps", steps)
	}
	if err := d.edge.line.turn(nil, now.Add(heartbeat), true); err != nil {
		t.Fatal(err)
	}
	d.read(t, got, after)
	if got.readings != held+3 || len(got.rows) != held+3 {
		t.Errorf("%d counted and %d rows, want %d", got.readings, len(got.rows), held+3)
	}
	if got.watermarks[vehicles] <= promised {
		t.Error("the watermark does not move on")
	}
}

// Past their budget the oldest rows go, counted; deltas stay.
func TestRowsAreKeptToABudget(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	defer func() { d.abandon(t) }()
	d.edge.cfg.Store.HeldRowBytes = 2 << 10
	d.away = time.Minute
	now := time.Now()
	const rounds = 60
	for i := range rounds {
		now = now.Add(heartbeat)
		d.turnAt(t, now, fmt.Sprint("d", i), i, 20)
		if h := d.edge.store.Held(); h.RowBytes > 3<<10 {
			t.Fatalf("%d bytes of rows held", h.RowBytes)
		}
	}
	now = now.Add(heartbeat)
	d.turnAt(t, now, "last", 0, 1)
	d.away = 0
	got := newLedger()
	for first := true; first || !d.edge.store.Held().Empty(); first = false {
		now = now.Add(heartbeat)
		if err := d.edge.line.turn(nil, now, true); err != nil {
			t.Fatal(err)
		}
	}
	d.read(t, got, 0)
	var m dto.Metric
	if err := d.edge.m.rowsDropped.WithLabelValues("vehicles").Write(&m); err != nil {
		t.Fatal(err)
	}
	dropped := m.Counter.GetValue()
	if got.readings != rounds*20+1 || int(dropped) == 0 || len(got.rows)+int(dropped) != rounds*20+1 {
		t.Errorf("%d counted, %d rows and %v dropped, of %d", got.readings, len(got.rows), dropped, rounds*20+1)
	}
	if got.rows["d0 0"] != 0 || len(got.rows) == 0 {
		t.Error("the oldest row is there")
	}
}

// With overflow = 'latest_per_pane' the newest row of each device and pane outlives the others.
func TestRowsAreThinned(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	defer func() { d.abandon(t) }()
	p := cityPlan(2)
	p.Version, p.Streams[0].Overflow = d.edge.line.plan.Version+1, latestPerPane
	if err := d.edge.line.adopt(adoption{plan: p}); err != nil {
		t.Fatal(err)
	}
	d.edge.line.sources[vehicles].def.Overflow = latestPerPane
	d.edge.cfg.Store.HeldRowBytes = 4 << 10
	d.away = time.Minute
	now := time.Now()
	const rounds, devices = 20, 5 // a pane is 100 readings, a second apart
	for i := range rounds {
		now = now.Add(heartbeat)
		for k := range devices {
			d.turnAt(t, now, fmt.Sprint("d", k), 20*i, 20)
		}
		if h := d.edge.store.Held(); h.RowBytes > 6<<10 {
			t.Fatalf("%d bytes of rows held", h.RowBytes)
		}
		if i == rounds/2 {
			d.abandon(t)
			d.open(t)
			d.edge.cfg.Store.HeldRowBytes = 4 << 10
		}
	}
	now = now.Add(heartbeat)
	d.turnAt(t, now, "last", 0, 1)
	d.away = 0
	for first := true; first || !d.edge.store.Held().Empty(); first = false {
		now = now.Add(heartbeat)
		if err := d.edge.line.turn(nil, now, true); err != nil {
			t.Fatal(err)
		}
	}
	got := newLedger()
	d.read(t, got, 0)
	var m dto.Metric
	if err := d.edge.m.rowsDropped.WithLabelValues("vehicles").Write(&m); err != nil {
		t.Fatal(err)
	}
	const total = rounds*20*devices + 1
	if got.readings != total || len(got.rows) >= total/2 {
		t.Errorf("%d counted and %d rows of %d", got.readings, len(got.rows), total)
	}
	pane := func(i int) int64 { return (firstReading + int64(i)*100) / 10_000 }
	for i := range rounds * 20 {
		if i+1 < rounds*20 && pane(i+1) == pane(i) {
			continue
		}
		for k := range devices {
			if newest := fmt.Sprintf("d%d %d", k, i); got.rows[newest] != 1 {
				t.Errorf("the newest row of a pane, %s, is there %d times", newest, got.rows[newest])
			}
		}
	}
}
