package core

import (
	"context"
	"log/slog"
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

// field is a whole core but for NATS, HTTP and the clock: all partitions over a store in memory, and edges made by hand.
type field struct {
	t        tester
	fs       *vfs.MemFS
	core     *Core
	now      int64
	sequence uint64
	edges    map[string]*fieldEdge
	webhooks map[string]string
	rollups  string          // history.rollups
	history  bool            // influx.history
	dir      string          // on disk; empty: in memory
	died     func(at string) // is called at each step of rolling up
}

// fieldEdge numbers an edge's batches.
type fieldEdge struct {
	seq   map[uint32]uint64
	marks map[uint32]int64 // by stream
}

func newField(t tester, partitions uint32) *field {
	f := &field{t: t, fs: vfs.NewMem(), edges: map[string]*fieldEdge{}, webhooks: map[string]string{"desk": "http://127.0.0.1:1/never"}}
	f.start(&plan.Plan{Version: 1, Partitions: partitions, NextId: 1})
	return f
}

// newRollingField is one that rolls its windows up.
func newRollingField(t tester, partitions uint32, rollups string) *field {
	f := &field{t: t, fs: vfs.NewMem(), edges: map[string]*fieldEdge{}, rollups: rollups}
	f.start(&plan.Plan{Version: 1, Partitions: partitions, NextId: 1})
	return f
}

// newHistoryField is one whose points carry their windows.
func newHistoryField(t tester, partitions uint32) *field {
	f := &field{t: t, fs: vfs.NewMem(), edges: map[string]*fieldEdge{}, history: true}
	f.start(&plan.Plan{Version: 1, Partitions: partitions, NextId: 1})
	return f
}

func (f *field) start(p *plan.Plan) {
	f.t.Helper()
	log := slog.New(slog.DiscardHandler)
	fs, dir := vfs.FS(f.fs), "state"
	if f.dir != "" {
		fs, dir = vfs.Default, f.dir
	}
	store, err := state.OpenOn(fs, dir, 0, log)
	check(f.t, err)
	cfg := &Config{}
	cfg.Time.Idle, cfg.State.TableRows, cfg.Join.MaxRows = time.Hour, 10_000, 100_000
	cfg.Query.Timeout, cfg.Query.MaxRows = time.Minute, 10_000
	cfg.Alerts.Quiet, cfg.Alerts.MaxLive, cfg.Alerts.MaxScored, cfg.Alerts.Forget = 5*time.Minute, 1000, 1000, 336*time.Hour
	cfg.Pattern.MaxAge, cfg.Pattern.KeepMatches = 24*time.Hour, 10_000
	c := &Core{cfg: cfg, log: log, m: newMetrics(prometheus.NewRegistry()), store: store, exports: newExports(1, prometheus.NewRegistry()), answers: newAnswers(1<<20, prometheus.NewRegistry())}
	cfg.History.Rollups, cfg.Influx.History = f.rollups, f.history
	check(f.t, c.openRollups(func(at string) {
		if f.died != nil {
			f.died(at)
		}
	}))
	c.hub = live.New(live.Config{Tick: time.Second}, prometheus.NewRegistry(), c.m.framed, log)
	c.live = &publisher{hub: c.hub}
	c.live.topics(nil, p)
	c.catalog = &catalog{log: log, changed: func(old, next *plan.Plan) {
		c.live.topics(old, next)
		c.pushes.changed(next)
	}}
	c.catalog.current.Store(p)
	cfg.Fences.Max, cfg.Fences.MaxVertices, cfg.Fences.LostAfter, cfg.Fences.Forget, cfg.Fences.MaxPending = 100, 1000, 15*time.Minute, time.Hour, 10_000
	c.fences, err = openFences(cfg, store, c.catalog, newWhereabouts(c.hub), log)
	check(f.t, err)
	c.fences.clock = func() time.Time { return time.UnixMicro(f.now) }
	c.catalog.fences = c.fences.forPlan
	cfg.Alerts.Webhooks, cfg.Alerts.MaxWaiting, cfg.Alerts.Keep = f.webhooks, 1000, 72*time.Hour
	c.standing = newStanding()
	cfg.Alerts.MaxSilences = 10
	c.notifier, c.silences, err = newNotifier(cfg, roomy{Store: store}, c.standing, prometheus.NewRegistry(), log)
	check(f.t, err)
	f.core = c
	for i := range p.Partitions {
		part := c.newPartition(i)
		part.sink = func(uint32) {}
		check(f.t, part.restore(f.now))
		c.partitions = append(c.partitions, part)
	}
	f.settle()
}

func (f *field) close() { check(f.t, f.core.store.Close()) }

// crash takes everything away but what was committed.
func (f *field) crash() {
	f.t.Helper()
	p := f.core.catalog.plan()
	f.close()
	f.start(p)
}

// do changes the catalogue.
func (f *field) do(st sql.Statement) (string, error) {
	old := f.core.catalog.plan()
	next, message, err := sql.Apply(f.core.catalog.planFor(st), st)
	if err == nil {
		err = checkPatterns(old, next, st.Place())
	}
	if err == nil {
		err = checkAlerts(f.core.notifier, old, next, st.Place())
	}
	if err == nil {
		next.Fences = nil
		f.core.catalog.current.Store(next)
		f.core.catalog.changed(old, next)
		f.settle()
	}
	return message, err
}

// settle lets partitions work until no letter is left.
func (f *field) settle() {
	f.t.Helper()
	for range 4 { // a watermark goes from view to view, a turn each
		f.now += tellEvery
		for again := true; again; {
			again = false
			for _, p := range f.core.partitions {
				f.turn(p)
				again = again || p.mail.Load()
			}
			f.now++
		}
	}
}

func (f *field) turn(p *partition, batches ...*wire.Batch) {
	f.t.Helper()
	var messages []intake.Message
	for _, b := range batches {
		f.sequence++
		messages = append(messages, intake.Message{Sequence: f.sequence, Batch: b})
	}
	check(f.t, p.turn(context.Background(), messages, f.now))
}

// reading is a row of a stream.
type reading struct {
	stream *plan.Stream
	row    []value.Value
}

func (r reading) us() int64 { return r.row[r.stream.Timestamp].Int() }

// send cuts readings and watermarks of an edge, as the edge would, and gives them to the partitions.
func (f *field) send(edge string, marks map[uint32]int64, readings ...reading) {
	f.t.Helper()
	batches := f.cut(edge, marks, readings...)
	for i, b := range batches {
		f.turn(f.core.partitions[i], b)
	}
	f.settle()
}

// cut makes a batch for each partition.
func (f *field) cut(edge string, marks map[uint32]int64, readings ...reading) []*wire.Batch {
	f.t.Helper()
	e := f.edges[edge]
	if e == nil {
		e = &fieldEdge{seq: map[uint32]uint64{}, marks: map[uint32]int64{}}
		f.edges[edge] = e
	}
	for id, us := range marks {
		e.marks[id] = max(e.marks[id], us)
	}
	p := f.core.catalog.plan()
	batches := make([]*wire.Batch, p.Partitions)
	for i := range batches {
		n := uint32(i)
		e.seq[n]++
		batches[i] = &wire.Batch{Edge: edge, Epoch: 1, Seq: e.seq[n], Partition: n, PlanVersion: p.Version}
		for id, us := range e.marks {
			batches[i].Watermarks = append(batches[i].Watermarks, &wire.Watermark{Stream: id, Us: us})
		}
	}
	for _, r := range readings {
		if r.stream.Position != nil {
			var key []byte
			for i, c := range r.stream.Columns {
				if c.Key {
					key = value.Append(key, r.row[i])
				}
			}
			b := batches[wire.Partition(key, p.Partitions)]
			b.Rows = append(b.Rows, &wire.Rows{Stream: r.stream.Id, Count: 1, Columns: wire.AppendColumns(nil, r.row, len(r.row))})
		}
		for _, v := range p.Views {
			if v.Core {
				continue
			}
			for _, side := range plan.Sides(v) {
				if side.Stream == r.stream.Id {
					f.delta(batches, side, r)
				}
			}
		}
		for _, route := range p.Routes {
			if route.Stream != r.stream.Id || route.Filter != nil && !f.eval(route.Filter, r.row).Bool() {
				continue
			}
			var key []byte
			for _, k := range route.KeyExprs {
				key = value.Append(key, f.eval(k, r.row))
			}
			b := batches[wire.Partition(key, p.Partitions)]
			row := append(slices.Clone(r.row), value.OfTime(r.us()))
			b.Rows = append(b.Rows, &wire.Rows{Stream: route.Id, Count: 1, Columns: wire.AppendColumns(nil, row, len(row))})
		}
	}
	return batches
}

func (f *field) eval(e *plan.Expr, row []value.Value) value.Value {
	fn, err := expr.Compile(e)
	check(f.t, err)
	return fn(row)
}

func (f *field) delta(batches []*wire.Batch, v *plan.View, r reading) {
	if v.Filter != nil && !f.eval(v.Filter, r.row).Bool() {
		return
	}
	var key []byte
	for _, k := range v.KeyExprs {
		key = value.Append(key, f.eval(k, r.row))
	}
	layout, err := plan.Layout(v)
	check(f.t, err)
	var partial aggregate.Partial = layout.New()
	for i, a := range v.Aggregates {
		argument := value.OfInt(1)
		if a.Argument != nil {
			argument = f.eval(a.Argument, r.row)
		}
		partial[i].Observe(argument, r.us())
	}
	b := batches[wire.Partition(key, uint32(len(batches)))]
	b.Deltas = append(b.Deltas, &wire.Deltas{View: v.Id, PaneUs: window.Pane(r.us(), v.PaneUs), Count: 1, Readings: []uint64{1}, Keys: key, States: partial.Append(nil)})
}

// ask gives a SELECT's rows, values joined by commas.
func (f *field) ask(query string) (rows []string, err error) {
	a, err := f.core.Execute(context.Background(), query)
	if err != nil {
		return nil, err
	}
	for _, row := range a.Rows {
		rows = append(rows, rowText(row))
	}
	return rows, nil
}

func rowText(row []value.Value) string {
	var words []string
	for _, v := range row {
		words = append(words, v.Text())
	}
	return strings.Join(words, ", ")
}
