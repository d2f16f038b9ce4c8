package edge

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/wire"
	"pgregory.net/rapid"
)

// Turns at any times, with readings of which some come again, the core away for a while, and power cuts between any two turns: each reading is forwarded
// once, as a row and in the deltas, and a message is acknowledged only by the turn that made it durable.
func TestTurnsSurvivePowerCuts(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	defer func() { d.abandon(t) }()
	got, after, now, run := newLedger(), uint64(0), time.Now(), 0
	rapid.Check(t, func(rt *rapid.T) {
		run++ // each run has its own devices; disk and time go on
		distinct := map[string]bool{}
		sent := d.acked
		for range rapid.IntRange(1, 12).Draw(rt, "turns") {
			var batch []ingest.Message
			for range rapid.IntRange(0, 5).Draw(rt, "messages") {
				i, device := rapid.IntRange(0, 15).Draw(rt, "reading"), fmt.Sprintf("%d-%d", run, rapid.IntRange(0, 1).Draw(rt, "device"))
				batch = append(batch, d.message(device, readings(i, 1)[0]))
				distinct[fmt.Sprintf("%s %d", device, i)] = true
				sent++
			}
			if rapid.IntRange(0, 3).Draw(rt, "link") == 0 {
				d.away = time.Minute - d.away
			}
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 30, 150, 1200}).Draw(rt, "ms")) * time.Millisecond)
			if err := d.edge.line.turn(batch, now, rapid.IntRange(0, 9).Draw(rt, "whole") == 0); err != nil {
				rt.Fatal(err)
			}
			if d.acked != sent {
				rt.Fatalf("%d of %d acknowledged", d.acked, sent)
			}
			if rapid.IntRange(0, 9).Draw(rt, "power cut") == 0 {
				d.abandon(t)
				d.open(t)
			}
		}
		d.away = 0
		for first := true; first || !d.edge.store.Held().Empty(); first = false {
			now = now.Add(releaseEvery)
			if err := d.edge.line.turn(nil, now, true); err != nil {
				rt.Fatal(err)
			}
		}
		got.rows, got.deltas, got.readings = map[string]int{}, map[string]int{}, 0
		after = d.read(t, got, after)
		if len(got.rows) != len(distinct) || got.readings != len(distinct) {
			rt.Fatalf("%d rows, %d counted, of %d readings", len(got.rows), got.readings, len(distinct))
		}
		for id, n := range got.rows {
			if n != 1 || !distinct[id] {
				rt.Fatalf("%s is forwarded %d times", id, n)
			}
		}
	})
}

// desk is a line that a test turns by hand.
type desk struct {
	dir   string
	edge  *Edge
	acked int
	away  time.Duration // of the core
}

func newDesk(t testing.TB, dir string) *desk {
	t.Helper()
	d := &desk{dir: dir}
	d.open(t)
	if err := d.edge.line.adopt(adoption{plan: cityPlan(1)}); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) open(t testing.TB) {
	t.Helper()
	d.edge = openEdge(t, testConfig("nats://127.0.0.1:1"), d.dir) // nobody there: the outbox keeps all
	l := d.edge.line
	l.away = func() time.Duration {
		if d.away == 0 && l.unknown() { // in reach: it answers that it knows of nothing more
			if err := l.judge(&wire.Delivered{Epoch: l.store.Epoch(), Last: l.store.Sequences()}, time.Now()); err != nil {
				t.Error(err)
			}
		}
		return d.away
	}
}

// abandon leaves the edge without a last cut, as kill -9 does.
func (d *desk) abandon(t testing.TB) {
	t.Helper()
	d.edge.conn.Close()
	if err := errors.Join(d.edge.in.Close(), d.edge.store.Close()); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) Acknowledge(uint16, byte) { d.acked++ }

func (d *desk) message(device, payload string) ingest.Message {
	return ingest.Message{Topic: "city/" + device + "/position", Payload: []byte(payload), ArrivalUs: time.Now().UnixMicro(), QoS: 1, Done: d}
}

// read applies what the outbox holds after an order, and gives the last.
func (d *desk) read(t testing.TB, l *ledger, after uint64) (last uint64) {
	t.Helper()
	last = after
	if err := d.edge.store.Outbox(after, 1<<30, 1<<30, func(order uint64, _ uint32, data []byte) {
		last = order
		l.apply(t, data)
	}); err != nil {
		t.Fatal(err)
	}
	return last
}

// Whatever devices send, no batch is larger than a NATS message, which would stop the outbox for good.
func TestNoPayloadMakesABatchTooLarge(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	defer d.abandon(t)
	r := rand.New(rand.NewPCG(1, 2))
	pool := make([]byte, 0, 10<<20) // does not compress
	for len(pool) < cap(pool)-16 {
		pool = fmt.Appendf(pool, "%x", r.Uint64())
	}
	noise := func(n int) string {
		s := string(pool[:n])
		pool = pool[n:]
		return s
	}
	garbage := strings.Repeat("x", 900_000)
	var batch []ingest.Message
	for range 20 {
		batch = append(batch, d.message(noise(60_000), "{")) // a long topic that holds nothing
	}
	for i := range 80 {
		batch = append(batch, d.message(noise(60_000), readings(i, 1)[0]), d.message("bus", garbage))
	}
	many := make([]string, 20_000)
	for i := range many {
		many[i] = fmt.Sprintf(`{"ts":%d,"x":%d}`, firstReading+r.Int64N(1e6), r.Int64()>>12)
	}
	batch = append(batch, d.message(noise(300), "["+strings.Join(many, ",")+"]"))
	if err := d.edge.line.turn(batch, time.Now(), true); err != nil {
		t.Fatal(err)
	}
	got := newLedger()
	d.read(t, got, 0)
	if got.largest > 1<<20-4096 {
		t.Errorf("a message has %d bytes", got.largest)
	}
	if got.readings < 20_000 || got.stats.Rejected != 100 || len(got.rejected) != maxRejectSamples {
		t.Errorf("%d readings, %d rejected, %d samples", got.readings, got.stats.Rejected, len(got.rejected))
	}
}

func TestAReadingWithTooMuchTextIsRejected(t *testing.T) {
	d := newDesk(t, t.TempDir())
	defer d.abandon(t)
	p := cityPlan(2)
	p.Streams[0].Id, p.Views[0].Stream = 2, 2
	p.Streams[0].Columns = append(p.Streams[0].Columns, textColumn("note"))
	if err := d.edge.line.adopt(adoption{plan: p}); err != nil {
		t.Fatal(err)
	}
	withNote := func(i, n int) ingest.Message {
		return d.message("bus", strings.TrimSuffix(readings(i, 1)[0], "}")+`,"note":"`+strings.Repeat("x", n)+`"}`)
	}
	batch := []ingest.Message{withNote(1, 100), withNote(2, 60_000), withNote(3, maxTextBytes+1), withNote(3, 3)}
	if err := d.edge.line.turn(batch, time.Now(), true); err != nil {
		t.Fatal(err)
	}
	s := d.edge.line.sources[2]
	if s.counters != (sourceCounters{readings: 3, rejected: 1}) {
		t.Errorf("%+v", s.counters)
	}
	if d.acked != len(batch) {
		t.Errorf("%d of %d acknowledged", d.acked, len(batch))
	}
}

// With a full outbox, heartbeats do not make it fuller.
func TestNoHeartbeatIntoAFullOutbox(t *testing.T) {
	d := newDesk(t, t.TempDir())
	defer d.abandon(t)
	l, now := d.edge.line, time.Now()
	if err := l.turn([]ingest.Message{d.message("bus", readings(0, 1)[0])}, now, true); err != nil {
		t.Fatal(err)
	}
	beats := func() int {
		before, _, err := d.edge.store.OutboxSize()
		for range 5 {
			now = now.Add(2 * heartbeat)
			err = errors.Join(err, l.turn(nil, now, false))
		}
		after, _, err2 := d.edge.store.OutboxSize()
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		return after - before
	}
	if n := beats(); n < 5 {
		t.Errorf("%d batches in five heartbeats", n)
	}
	l.cfg.Store.OutboxBytes = 0
	if n := beats(); n != 0 {
		t.Errorf("%d batches into a full outbox", n)
	}
	if l.pause(now) == 0 {
		t.Error("the line would spin")
	}
}

func TestOneMessageForTwoStreams(t *testing.T) {
	d := newDesk(t, t.TempDir())
	defer d.abandon(t)
	p := cityPlan(2)
	second := cityPlan(2).Streams[0]
	second.Id, second.Name, second.Topic = 5, "all", "city/{device}/#"
	p.Streams = append(p.Streams, second)
	if err := d.edge.line.adopt(adoption{plan: p}); err != nil {
		t.Fatal(err)
	}
	if err := d.edge.line.turn([]ingest.Message{d.message("bus", readings(0, 1)[0])}, time.Now(), true); err != nil {
		t.Fatal(err)
	}
	if a, b := d.edge.line.sources[vehicles].counters.readings, d.edge.line.sources[5].counters.readings; a != 1 || b != 1 || d.acked != 1 {
		t.Errorf("%d and %d readings, acknowledged %d times", a, b, d.acked)
	}
}

func TestAnOlderPlanIsIgnored(t *testing.T) {
	d := newDesk(t, t.TempDir())
	defer func() { d.abandon(t) }()
	for _, p := range []*plan.Plan{anotherView(cityPlan(3)), cityPlan(2), cityPlan(3)} {
		if err := d.edge.line.adopt(adoption{plan: p}); err != nil {
			t.Fatal(err)
		}
	}
	d.abandon(t)
	d.open(t)
	if l := d.edge.line; l.version.Load() != 3 || len(l.plan.Views) != 2 {
		t.Errorf("plan %d with %d views is in force", l.version.Load(), len(l.plan.Views))
	}
}

// A journal is cut before the store would flush it, but not as long as there is a delta for each few readings.
func TestALongJournalIsCutBeforeItsTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t, t.TempDir())
	defer d.abandon(t)
	now := time.Now()
	d.turnAt(t, now, "first", 0, 1) // cuts, after the time that has passed since there was none
	sent, got := 1, newLedger()
	last := d.read(t, got, 0)
	// fill turns until deltas are cut, or 8 MiB are in the journal.
	fill := func(bytes int, device func() string) (size int) {
		for before := got.readings; got.readings == before && size < 8<<20; last = d.read(t, got, last) {
			var batch []ingest.Message
			for range 100 {
				m := d.message(device(), readings(sent, 1)[0])
				m.Payload = append(m.Payload, strings.Repeat(" ", bytes-len(m.Topic)-len(m.Payload))...)
				size += bytes
				batch = append(batch, m)
				sent++
			}
			if err := d.edge.line.turn(batch, now, false); err != nil {
				t.Fatal(err)
			}
		}
		return size
	}
	if size := fill(1000, func() string { return "bus" }); size < journalBytes || size > journalBytes+100*1000 || got.readings != sent {
		t.Errorf("cut after %d bytes, want %d; %d readings of %d are in deltas", size, journalBytes, got.readings, sent)
	}
	before := got.readings
	if size := fill(journalPerKey-100, func() string { return fmt.Sprint("bus", sent) }); got.readings != before {
		t.Errorf("cut after %d bytes, with a delta for each %d", size, journalPerKey-100)
	}
}
