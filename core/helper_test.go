package core

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/core/intake"
	"github.com/hexpane/hexpane/core/live"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/window"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/prometheus/client_golang/prometheus"
)

const fleetSQL = `
CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed BIGINT)
	WITH (topic = 'v/{device}', format = 'json', timestamp = 'ts', disorder = '5s');
CREATE VIEW speeds AS SELECT device, COUNT(*) AS n, SUM(speed) AS total, MIN(speed) AS low, MAX(speed) AS top
	FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 30 SECONDS) GROUP BY device EMIT CHANGES;
CREATE VIEW settled AS SELECT device, COUNT(*) AS n, AVG(speed) AS mean
	FROM vehicles WINDOW TUMBLING (SIZE 20 SECONDS, GRACE PERIOD 10 SECONDS) GROUP BY device EMIT FINAL;`

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Fatal(args ...any)
}

func check(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually repeats f until it is content, for half a minute.
func eventually(t tester, f func() error) {
	t.Helper()
	err := f()
	for end := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(end); err = f() {
		time.Sleep(5 * time.Millisecond)
	}
	check(t, err)
}

func planOf(t tester, text string) *plan.Plan {
	t.Helper()
	p := &plan.Plan{Version: 1, Partitions: 1, NextId: 1}
	statements, err := sql.Parse(text)
	check(t, err)
	for _, st := range statements {
		p, _, err = sql.Apply(p, st)
		check(t, err)
	}
	return p
}

// rig is one partition over a store in memory, without NATS and without a clock.
type rig struct {
	t        tester
	fs       vfs.FS
	dir      string
	core     *Core
	p        *partition
	sequence uint64 // of the stream
	open     int64  // state.open_bytes; 0: without bounds
	woken    int    // times that the sink was told of effects
}

func newRig(t tester, p *plan.Plan) *rig {
	return newRigWithin(t, p, 0)
}

// newRigWithin is one with a budget for open windows.
func newRigWithin(t tester, p *plan.Plan, open int64) *rig {
	r := &rig{t: t, fs: vfs.NewMem(), dir: "state", open: open}
	r.start(p, 0)
	return r
}

// start opens the store and restores the partition, at clock time now.
func (r *rig) start(p *plan.Plan, now int64) {
	r.t.Helper()
	log := slog.New(slog.DiscardHandler)
	store, err := state.OpenOn(r.fs, r.dir, 64<<20, log)
	check(r.t, err)
	cfg := &Config{Partitions: 1}
	cfg.Time.Idle = time.Minute
	cfg.State.TableRows, cfg.State.OpenBytes = 10_000, r.open
	if r.open == 0 {
		cfg.State.OpenBytes = 1 << 40
	}
	cfg.Join.MaxRows = 100_000
	cfg.Alerts.Quiet, cfg.Alerts.MaxLive, cfg.Alerts.MaxScored, cfg.Alerts.Forget = 5*time.Minute, 1000, 1000, 336*time.Hour
	cfg.Pattern.MaxAge, cfg.Pattern.KeepMatches = 24*time.Hour, 10_000
	cfg.Query.Timeout, cfg.Query.MaxRows = time.Minute, 10_000
	c := &Core{cfg: cfg, log: log, m: newMetrics(prometheus.NewRegistry()), store: store, exports: newExports(1, prometheus.NewRegistry()), answers: newAnswers(1<<20, prometheus.NewRegistry())}
	check(r.t, c.openRollups(func(string) {}))
	c.hub = live.New(live.Config{Tick: time.Second}, prometheus.NewRegistry(), c.m.framed, log)
	c.live = &publisher{hub: c.hub}
	c.live.topics(nil, p)
	c.catalog = &catalog{log: log, changed: c.live.topics}
	c.catalog.current.Store(p)
	cfg.Fences.Max, cfg.Fences.MaxVertices, cfg.Fences.LostAfter, cfg.Fences.Forget, cfg.Fences.MaxPending = 100, 1000, 15*time.Minute, time.Hour, 10_000
	c.fences, err = openFences(cfg, store, c.catalog, newWhereabouts(c.hub), log)
	check(r.t, err)
	c.catalog.fences = c.fences.forPlan
	cfg.Alerts.Webhooks, cfg.Alerts.MaxWaiting, cfg.Alerts.Keep = map[string]string{"desk": "http://127.0.0.1:1/never"}, 1000, 72*time.Hour // which nobody runs
	c.standing = newStanding()
	c.notifier, c.silences, err = newNotifier(cfg, roomy{Store: store}, c.standing, prometheus.NewRegistry(), log)
	check(r.t, err)
	r.core, r.p = c, c.newPartition(0)
	c.partitions = []*partition{r.p}
	r.p.sink = func(uint32) { r.woken++ }
	check(r.t, r.p.restore(now))
}

func (r *rig) close() { check(r.t, r.core.store.Close()) }

// restart stops and starts at clock time now.
func (r *rig) restart(now int64) {
	r.t.Helper()
	r.close()
	r.start(r.core.catalog.plan(), now)
}

// turn hands batches to the partition as intake does.
func (r *rig) turn(now int64, batches ...*wire.Batch) {
	r.t.Helper()
	var messages []intake.Message
	for _, b := range batches {
		r.sequence++
		messages = append(messages, intake.Message{Sequence: r.sequence, Batch: b})
	}
	check(r.t, r.p.turn(context.Background(), messages, now))
}

// facts is all that the store holds of the partition but for its place in the stream; effects without their numbers.
func (r *rig) facts() map[string]string {
	r.t.Helper()
	f, store, plan := map[string]string{}, r.core.store, r.core.catalog.plan()
	check(r.t, store.Applied(0, func(edge string, epoch, seq uint64) { f["applied "+edge] = fmt.Sprint(epoch, seq) }))
	check(r.t, store.Watermarks(0, func(stream uint32, edge string, us int64) { f[fmt.Sprint("watermark ", stream, edge)] = fmt.Sprint(us) }))
	for id := uint32(1); id < plan.NextId; id++ {
		check(r.t, store.Windows(0, id, math.MinInt64, math.MaxInt64, func(start int64, key, stored []byte) (bool, error) {
			f[fmt.Sprintf("window %d %d %x", id, start, key)] = fmt.Sprintf("%x", stored)
			return true, nil
		}))
		check(r.t, store.LatestAll(0, id, func(key, row []byte) (bool, error) {
			f[fmt.Sprintf("latest %d %x", id, key)] = fmt.Sprintf("%x", row)
			return true, nil
		}))
		us, ok, err := store.Final(0, id)
		check(r.t, err)
		f[fmt.Sprint("final ", id)] = fmt.Sprint(us, ok)
	}
	for _, table := range []byte{state.TableLate, state.TableRejected} {
		check(r.t, store.Entries(table, 0, func(row []byte) (bool, error) {
			f[fmt.Sprintf("entry %c %d", table, len(f))] = fmt.Sprintf("%x", row)
			return true, nil
		}))
	}
	f["effects"] = strings.Join(r.effects(), "\n")
	return f
}

// effects in the order of their text: within a turn any order is right, and the order of turns is in the revisions.
func (r *rig) effects() (lines []string) {
	r.t.Helper()
	check(r.t, r.core.store.Effects(0, 0, math.MaxInt, func(_ uint64, data []byte) { lines = append(lines, string(data)) }))
	slices.Sort(lines)
	return lines
}

// ask runs a SELECT and gives its rows, values joined by blanks.
func (r *rig) ask(query string) (rows []string) {
	r.t.Helper()
	a, err := r.core.Execute(context.Background(), query)
	check(r.t, err)
	for _, row := range a.Rows {
		var words []string
		for _, v := range row {
			words = append(words, v.Text())
		}
		rows = append(rows, strings.Join(words, " "))
	}
	return rows
}

func difference(a, b map[string]string) string {
	var lines []string
	for k := range maps.Keys(a) {
		if a[k] != b[k] {
			lines = append(lines, fmt.Sprintf("%s: %s | %s", k, a[k], b[k]))
		}
	}
	for k := range maps.Keys(b) {
		if _, ok := a[k]; !ok {
			lines = append(lines, fmt.Sprintf("%s: nothing | %s", k, b[k]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// ride is one reading of stream vehicles.
type ride struct {
	device   string
	us       int64
	lat, lon float64
	speed    int64
}

func (r ride) row() []value.Value {
	return []value.Value{value.OfString(r.device), value.OfTime(r.us), value.OfDouble(r.lat), value.OfDouble(r.lon), value.OfInt(r.speed)}
}

// handEdge makes batches by hand, as an edge would: one sequence per partition.
type handEdge struct {
	name  string
	epoch uint64
	plan  *plan.Plan
	seq   map[uint32]uint64
}

func newHandEdge(name string, p *plan.Plan) *handEdge {
	return &handEdge{name: name, epoch: 1, plan: p, seq: map[uint32]uint64{}}
}

// cut makes one batch for each partition of readings and a watermark.
func (e *handEdge) cut(t tester, watermark int64, rides ...ride) []*wire.Batch {
	t.Helper()
	batches := make([]*wire.Batch, e.plan.Partitions)
	stream := e.plan.Streams[0]
	for i := range batches {
		n := uint32(i)
		e.seq[n]++
		batches[i] = &wire.Batch{Edge: e.name, Epoch: e.epoch, Seq: e.seq[n], Partition: n, PlanVersion: e.plan.Version,
			Watermarks: []*wire.Watermark{{Stream: stream.Id, Us: watermark}}}
	}
	for _, v := range e.plan.Views {
		e.deltas(t, v, rides, batches)
	}
	rows := map[uint32][]value.Value{} // of 5 each
	for _, r := range rides {
		n := wire.Partition(value.Append(nil, value.OfString(r.device)), e.plan.Partitions)
		rows[n] = append(rows[n], r.row()...)
	}
	for n, list := range rows {
		batches[n].Rows = append(batches[n].Rows, &wire.Rows{Stream: stream.Id, Count: uint32(len(list) / 5), Columns: wire.AppendColumns(nil, list, 5)})
	}
	return batches
}

// deltas adds a view's partials of the readings, one Deltas per pane and partition.
func (e *handEdge) deltas(t tester, v *plan.View, rides []ride, batches []*wire.Batch) {
	t.Helper()
	layout, err := plan.Layout(v)
	check(t, err)
	type place struct {
		pane int64
		key  string
	}
	partials, readings := map[place]aggregate.Partial{}, map[place]uint64{}
	var order []place
	for _, r := range rides {
		row := r.row()
		var key []byte
		for _, k := range v.KeyExprs {
			f, err := expr.Compile(k)
			check(t, err)
			key = value.Append(key, f(row))
		}
		at := place{window.Pane(r.us, v.PaneUs), string(key)}
		if partials[at] == nil {
			partials[at] = layout.New()
			order = append(order, at)
		}
		readings[at]++
		for i, a := range v.Aggregates {
			argument := value.OfInt(1)
			if a.Argument != nil {
				f, err := expr.Compile(a.Argument)
				check(t, err)
				argument = f(row)
			}
			partials[at][i].Observe(argument, r.us)
		}
	}
	for _, at := range order {
		b := batches[wire.Partition([]byte(at.key), e.plan.Partitions)]
		i := slices.IndexFunc(b.Deltas, func(d *wire.Deltas) bool { return d.View == v.Id && d.PaneUs == at.pane })
		if i < 0 {
			i = len(b.Deltas)
			b.Deltas = append(b.Deltas, &wire.Deltas{View: v.Id, PaneUs: at.pane})
		}
		d := b.Deltas[i]
		d.Count++
		d.Readings = append(d.Readings, readings[at])
		d.Keys = append(d.Keys, at.key...)
		d.States = partials[at].Append(d.States)
	}
}
