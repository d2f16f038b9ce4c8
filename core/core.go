// Package core assembles a core node: batches in, results out.
//
//	partition.go  the straight line of one batch: read this first
//	streams.go    a stream in a partition: watermarks, newest rows, the core's own tables
//	stored.go     what is stored of a view: windows that are not in memory, and panes
//	restore.go    start and change of plan
//	retain.go     windows that are too old
//	refused.go    points that the history store refused
//	publish.go    what viewers are told; points.go what the history store is
//	catalog.go    the plan in force, and the edges
//	query.go      SQL: statements and pull queries over the state
//	answers.go    what they came to over times in which nothing changes any more
//	export.go     the same with rows that go out as they are read
//	push.go       push queries
//	history.go    where the rows of views come from: the stores of history behind one interface; moment.go what a question sees of them
//	remote.go     InfluxDB as a history
//	explain_history.go  which windows a SELECT would read; rollups.go  windows rolled up in the background
//	metric.go     the history of a column, for charts
//	backup.go     backups of a running core, and restoring one; backup_files.go the list of what is in it
//	insert.go     INSERT INTO
//	events.go     how long fence_events, alerts and matches are kept, and which of their days are final and whole
//	fences.go     the fences in force, and their edits; fenced.go a partition's devices at them; whereabouts.go who is in which now
//	derive.go     views over views and joins: what rows made here give to whom; letter.go what partitions write to one another
//	patterns.go   patterns: rows of a route → matches; arrival.go those told before they are final
//	alerts.go     alerts: rows judged by rules, and where their steps go; standing.go those that stand, and what operators do to them;
//	              channels.go where to, notices.go what goes there, silences.go what does not
//	marks.go      what edges are told of their batches
//	room.go       the disk's free space
//	status.go     the counts that operators see
//	core.go       assembly: New, Run; config.go, metrics.go
//
// Stages are in the folders below and never import one another; this package alone joins them. It knows nothing of
// edges but what protocol/wire says.
package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/bus"
	"github.com/hexpane/hexpane/core/intake"
	"github.com/hexpane/hexpane/core/live"
	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/notify"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/core/store/local"
	"github.com/hexpane/hexpane/core/table"
	"github.com/hexpane/hexpane/edge/crash"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// Core is one core node.
type Core struct {
	cfg        *Config
	log        *slog.Logger
	m          *metrics
	nats       *server.Server // nil: an existing one is used
	natsURL    string
	natsListen string // of the one in this process: where it really listens,
	natsDir    string // and where its streams are
	conn       *nats.Conn
	stream     jetstream.Stream
	marks      *marks
	store      *state.Store
	rollups    *local.Store
	catalog    *catalog
	hub        *live.Hub
	live       *publisher
	sink       *influx.Sink   // nil: no InfluxDB
	reader     *influx.Reader // nil: no SELECT asks it
	partitions []*partition
	listener   net.Listener
	handler    http.Handler
	status     *status
	version    string
	backing    sync.Mutex    // one backup at a time
	received   atomic.Uint64 // bytes of batches taken in
	pushes     pushes
	exports    *exports
	answers    *answers
	fences     *fenceBook
	standing   *standing
	notifier   *notify.Notifier
	silences   *notify.Silences
	edge       http.Handler  // takes inserted rows; nil: there is none in this process
	stopping   chan struct{} // closed when Run's context ends
	room       *room
}

// Deps are what a core is given.
type Deps struct {
	Log       *slog.Logger
	Metrics   *prometheus.Registry
	DataDir   string       // exists, and is this core's alone
	Dashboard http.Handler // serves the page
	Ops       http.Handler // serves /healthz, /readyz, /metrics
	Edge      http.Handler // serves the edge in this process: POST /api/v1/ingest, /status; nil: there is none
	Version   string
}

// New starts NATS unless one is given, opens the state, runs the configured SQL and binds the address; Run serves. cfg is validated.
func New(ctx context.Context, cfg *Config, d Deps) (_ *Core, err error) {
	c := &Core{cfg: cfg, log: d.Log, m: newMetrics(d.Metrics), version: d.Version, standing: newStanding(), stopping: make(chan struct{}),
		exports: newExports(cfg.Query.MaxExports, d.Metrics), answers: newAnswers(cfg.Query.CacheBytes, d.Metrics)}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if err = refuseHalf(d.DataDir); err != nil {
		return nil, err
	}
	c.openRoom(d.DataDir)
	if err = c.room.open(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context, Deps) error{c.connect, c.openState, c.openOutlets, c.openPartitions, c.begin} {
		if err = step(ctx, d); err != nil {
			return nil, err
		}
	}
	c.edge = d.Edge // not before: the file of statements runs while there is none yet
	c.status = newStatus(c, d.Metrics)
	if c.listener, err = net.Listen("tcp", cfg.HTTP.Listen); err != nil {
		return nil, fmt.Errorf("http.listen %s: %w", cfg.HTTP.Listen, err)
	}
	c.handler = api.Handler(api.Parts{Service: c, Fences: c.fences, Alerts: c, MaxBody: cfg.Fences.MaxBodyBytes, Live: c.hub, Dashboard: d.Dashboard, Ops: d.Ops, Edge: d.Edge, Token: cfg.HTTP.Token, Log: d.Log})
	return c, nil
}

// openState opens what is on disk, and finds the plan in force.
func (c *Core) openState(ctx context.Context, d Deps) (err error) {
	if c.store, err = state.OpenOn(c.room.disk(), filepath.Join(d.DataDir, stateDir), c.cfg.State.CacheBytes, d.Log); err != nil {
		return err
	}
	if err = c.openRollups(crash.Here); err != nil {
		return err
	}
	return c.restorePlan(ctx)
}

// openOutlets makes all that something leaves the core by: viewers, channels of alerts, InfluxDB; and the fences, of which viewers are told.
func (c *Core) openOutlets(_ context.Context, d Deps) (err error) {
	cfg, p := c.cfg, c.catalog.plan()
	c.hub = live.New(live.Config{Tick: cfg.Live.Tick, Query: c.ask, MaxClients: cfg.Live.MaxClients, MaxMessage: cfg.Live.MaxMessageBytes,
		WriteWait: cfg.Live.WriteWait, MaxTopics: cfg.Live.MaxTopics, MaxRows: cfg.Live.MaxRows, Token: cfg.HTTP.Token}, d.Metrics, c.m.framed, d.Log)
	c.live = &publisher{hub: c.hub}
	if c.fences, err = openFences(cfg, c.store, c.catalog, newWhereabouts(c.hub), d.Log); err != nil {
		return err
	}
	c.catalog.fences = c.fences.forPlan
	c.catalog.room, c.fences.room = c.room, c.room
	queue := roomy{c.store, c.room, c.stopping}
	if c.notifier, c.silences, err = newNotifier(cfg, queue, c.standing, d.Metrics, d.Log); err != nil {
		return err
	}
	c.catalog.channels = c.notifier
	for _, def := range p.Alerts {
		for _, name := range def.Notify {
			if !c.notifier.Has(name) {
				d.Log.Error("an alert is to be told to a channel that is not configured; it is told there no more", "alert", def.Name, "channel", name)
			}
		}
	}
	c.live.topics(nil, p)
	if cfg.Influx.URL != "" {
		where := influx.Config{URL: cfg.Influx.URL, Token: cfg.Influx.Token, Org: cfg.Influx.Org, Bucket: cfg.Influx.Bucket,
			Batch: cfg.Influx.Batch, QueueBytes: cfg.Influx.QueueBytes, Create: cfg.Influx.Create, Retention: cfg.Influx.Retention}
		c.sink = influx.New(where, queue, p.Partitions, d.Metrics, d.Log, c.refusedPoint)
		if cfg.Influx.History {
			c.reader = influx.NewReader(where)
		}
	}
	return nil
}

// openPartitions brings the partitions to where they were, and tells edges of it.
func (c *Core) openPartitions(ctx context.Context, _ Deps) error {
	for id := range c.catalog.plan().Partitions {
		p := c.newPartition(id)
		err := p.restore(time.Now().UnixMicro())
		if err == nil {
			err = p.rewind(c.stream.CachedInfo().State.LastSeq)
		}
		if err != nil {
			return fmt.Errorf("restore partition %d: %w", id, err)
		}
		c.partitions = append(c.partitions, p)
	}
	return c.marks.tell(ctx, c)
}

// begin has changes of the plan and of fences known where they matter, and takes in the configured fences and statements.
func (c *Core) begin(ctx context.Context, _ Deps) error {
	c.catalog.changed = func(old, next *plan.Plan) {
		c.live.topics(old, next)
		c.pushes.changed(next)
	}
	if err := c.catalog.unwatch(ctx, 0); err != nil {
		return err
	}
	if err := c.fences.reconcile(ctx); err != nil {
		return err
	}
	c.fences.wake = func() {
		for _, p := range c.partitions {
			p.nudge()
		}
	}
	if c.cfg.Fences.File != "" {
		if err := c.fences.readFile(ctx, c.cfg.Fences.File); err != nil {
			return err
		}
	}
	return c.runFile(ctx) // after the fences, which it may name
}

// connect reaches NATS, its own or another, and what the core has there.
func (c *Core) connect(ctx context.Context, d Deps) (err error) {
	url := c.cfg.NATS.URL
	if url == "" {
		c.natsDir = filepath.Join(d.DataDir, "nats")
		if c.nats, err = bus.Embed(c.cfg.NATS.Listen, c.natsDir, d.Log); err != nil {
			return err
		}
		url, c.natsListen = c.nats.ClientURL(), c.nats.Addr().String()
	}
	c.natsURL = url
	if c.conn, err = bus.Connect(url, "hexpane-core", c.cfg.NATS.Credentials, d.Log); err != nil {
		return err
	}
	js, err := jetstream.New(c.conn)
	if err != nil {
		return fmt.Errorf("JetStream: %w", err)
	}
	prepare, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var bucket jetstream.KeyValue
	if c.stream, bucket, err = bus.Prepare(prepare, js, c.cfg.NATS.StreamBytes); err != nil {
		return fmt.Errorf("NATS at %s: %w", url, err)
	}
	if c.marks, err = openMarks(prepare, js); err != nil {
		return fmt.Errorf("NATS at %s: %w", url, err)
	}
	if c.catalog, err = openCatalog(prepare, bucket, uint32(c.cfg.Partitions), d.Log); err != nil {
		return err
	}
	objects, err := js.CreateOrUpdateObjectStore(prepare, jetstream.ObjectStoreConfig{Bucket: wire.TableStore})
	if err != nil {
		return fmt.Errorf("NATS at %s: prepare JetStream: %w", url, err)
	}
	dir := c.cfg.Tables.Dir
	if dir == "" {
		dir = filepath.Join(d.DataDir, "tables")
	}
	c.catalog.tables = table.New(table.Config{Dir: dir, MaxRows: c.cfg.Tables.MaxRows, MaxBytes: c.cfg.Tables.MaxBytes}, objects, d.Metrics, d.Log)
	return nil
}

func (c *Core) newPartition(id uint32) *partition {
	p := &partition{id: id, cfg: c.cfg, log: c.log, m: c.m, store: c.store, catalog: c.catalog, live: c.live, bytes: &c.received, plan: &plan.Plan{},
		streams: map[uint32]*streamState{}, views: map[uint32]*merge.View{}, finals: map[uint32]int64{}, applied: map[string]mark{},
		step: crash.Here, pushes: &c.pushes, entries: map[byte]uint64{}, retained: map[uint32]int64{}, givenUp: map[uint32]state.GivenUp{}, told: map[uint32]int64{}, since: map[uint32]int64{}, ended: map[uint32]int64{}, trimmed: map[uint32]uint64{}, rings: make(chan struct{}, 1)}
	partitions := max(1, c.catalog.plan().GetPartitions())
	p.memory = merge.NewMemory(c.cfg.State.OpenBytes / int64(partitions))
	p.sent, p.read = make([]uint64, partitions), make([]uint64, partitions)
	p.wake = c.ring
	if c.standing == nil {
		c.standing = newStanding()
	}
	p.standing, p.notifier, p.rollups = c.standing, c.notifier, c.rollups
	p.room, p.carries = c.room, c.cfg.Influx.History
	p.fences, p.watches = c.fences, map[uint32]*fenceWatch{}
	if c.sink != nil {
		p.sink = func(uint32) { c.sink.Wake() }
	}
	return p
}

// ring tells a partition that letters wait for it.
func (c *Core) ring(partition uint32) {
	if int(partition) >= len(c.partitions) {
		return // the core is starting; it looks by itself
	}
	p := c.partitions[partition]
	p.mail.Store(true)
	p.nudge()
}

// nudge has a partition turn soon, though no batch came.
func (p *partition) nudge() {
	select {
	case p.rings <- struct{}{}:
	default:
	}
}

// runFile runs the configured SQL file.
func (c *Core) runFile(ctx context.Context) error {
	if c.cfg.SQL == "" {
		return nil
	}
	text, err := os.ReadFile(c.cfg.SQL)
	if err != nil {
		return fmt.Errorf("sql: %w", err)
	}
	if _, err := c.Execute(ctx, string(text)); err != nil {
		return fmt.Errorf("sql: %s: %w", c.cfg.SQL, err)
	}
	return nil
}

// Run serves until ctx ends.
func (c *Core) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range c.partitions {
		in := make(chan intake.Message, maxTurn)
		g.Go(func() error { return intake.Run(ctx, c.stream, p.id, p.position, c.log, in) })
		g.Go(func() error { return p.run(ctx, in) })
	}
	g.Go(func() error { return c.room.run(ctx) })
	g.Go(func() error { return c.hub.Run(ctx) })
	g.Go(func() error { return c.status.run(ctx) })
	g.Go(func() error { return c.purge(ctx) })
	g.Go(func() error { return c.rollUp(ctx) })
	g.Go(func() error { return c.catalog.followTables(ctx) })
	g.Go(func() error { return c.notifier.Run(ctx) })
	if c.sink != nil {
		g.Go(func() error { return c.sink.Run(ctx) })
	}
	srv := &http.Server{Handler: c.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	g.Go(func() error {
		if err := srv.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve http: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		close(c.stopping)
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if srv.Shutdown(stop) != nil {
			return srv.Close()
		}
		return nil
	})
	err := g.Wait()
	c.exports.end()
	return errors.Join(err, c.close())
}

// purge drops from the stream what every partition has committed.
func (c *Core) purge(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if c.room.Full() {
			continue
		}
		positions := make([]uint64, len(c.partitions))
		for i, p := range c.partitions {
			var err error
			if positions[i], err = c.store.Position(p.id); err != nil {
				return err
			}
		}
		if err := c.marks.tell(ctx, c); err != nil { // before what they tell of is gone
			if ctx.Err() == nil {
				c.log.Warn("edges could not be told what was applied; nothing is dropped from the stream", "error", err)
			}
			continue
		}
		for i, p := range c.partitions {
			done := positions[i]
			if done == 0 {
				continue
			}
			if c.room.Look(); c.room.Full() { // now, not when it was measured last: see bus.ErrStuck
				break
			}
			if err := c.stream.Purge(ctx, jetstream.WithPurgeSubject(subjectOf(p.id)), jetstream.WithPurgeSequence(done+1)); err != nil && ctx.Err() == nil {
				c.log.Warn("applied batches could not be dropped from the stream", "partition", p.id, "error", err)
			}
		}
	}
}

func (c *Core) close() error {
	var errs []error
	if c.conn != nil {
		c.conn.Close()
	}
	if c.nats != nil {
		errs = append(errs, bus.Stop(c.nats, 6*time.Second)) // of the 10 s that a process has to end
	}
	if c.store != nil {
		errs = append(errs, c.store.Close())
	}
	return errors.Join(errs...)
}

// HTTPAddress is the bound address, as http://host:port.
func (c *Core) HTTPAddress() string { return "http://" + c.listener.Addr().String() }

// NATSAddress is where edges connect to.
func (c *Core) NATSAddress() string { return c.natsURL }

// Checks are the core's readiness checks, by name.
func (c *Core) Checks() map[string]func() error {
	return map[string]func() error{"nats": func() error {
		if !c.conn.IsConnected() {
			return errors.New("no connection to NATS")
		}
		return nil
	}, "disk": c.room.check}
}
