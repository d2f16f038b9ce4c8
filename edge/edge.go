// Package edge assembles an edge agent: MQTT in, panes in between, JetStream out.
//
//	config.go   what can be set
//	edge.go     assembly: New, Run
//	line.go     the straight line of one reading: read this first
//	queue.go    what came and is not committed
//	take.go     one message: decode, dedupe, fold
//	adopt.go    plans and what the store holds, put to work
//	cut.go      from panes and rows to batches
//	hold.go     what waits while the core is away; overflow.go says what goes when it is too much
//	streams.go  topics → streams
//	epoch.go    what a store that is an old copy may not do
//	plans.go    plans from the core's bucket
//	space.go    when the disk is full
//	post.go     readings over HTTP, looked through before they are taken
//	status.go   what the line shows of itself, each second
//	page.go     /status: that, and what to do about it
//	clock.go    how far the core's clock is from this one
//	inspect.go  what a disk holds, for hexpane-edge inspect
//	metrics.go  the metrics
//
// Stages are in the folders below and never import one another; this package alone joins them. It knows nothing
// of the core but protocol/wire and the plan.
package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/edge/check"
	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/edge/uplink"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// Edge is one edge agent.
type Edge struct {
	cfg    *Config
	log    *slog.Logger
	m      *metrics
	conn   *nats.Conn
	store  *store.Store
	line   *line
	uplink *uplink.Uplink
	in     intake
	http   *ingest.HTTP
	broker *ingest.Broker     // in mode broker, is in
	sub    *ingest.Subscriber // in mode subscribe, is in
	dir    string
	ready  atomic.Bool
	clock  atomic.Pointer[check.Offset] // the NATS server's, against this one
	served chan struct{}
}

// intake is where messages come in.
type intake interface {
	// Serve begins; it returns at once.
	Serve() error
	// Quiesce hands no more messages on; those handed on before can still be acknowledged.
	Quiesce()
	// Close sends these acknowledgements and disconnects.
	Close() error
}

// Deps are what an edge is given.
type Deps struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer
	DataDir string // exists, and is this edge's alone
	Version string
}

// New opens the store, replays the journal and binds the address; Run serves. cfg is validated.
func New(cfg *Config, d Deps) (_ *Edge, err error) {
	e := &Edge{cfg: cfg, log: d.Log, dir: d.DataDir, served: make(chan struct{})}
	status := newStatus(d.Version)
	e.m = newMetrics(d.Metrics, func() float64 {
		if e.broker == nil {
			return 0
		}
		return float64(e.broker.Clients())
	})
	e.store, err = store.Open(d.DataDir, store.Options{Log: d.Log, CacheBytes: cfg.Store.CacheBytes, MemTableBytes: uint64(cfg.Store.MemTable),
		ReserveBytes: cfg.Store.ReserveBytes,
		Committed:    func(t time.Duration) { e.m.commit.Observe(t.Seconds()); status.committed(t) }})
	if errors.Is(err, store.ErrDamaged) {
		return nil, fmt.Errorf("%w. Nothing was changed. Put the directory back from a backup; or give up what it held, which was acknowledged: "+
			"hexpane-edge aside DATADIR moves it aside", err)
	}
	if err != nil {
		return nil, err
	}
	e.m.watch(d.Metrics, e.store)
	e.m.epochs, e.m.epochDropped = newEpochMetrics(d.Metrics)
	e.line = newLine(cfg, d.Log, e.m, e.store, status, func() *wire.Stats { return e.stats(d.Version) })
	d.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_edge_queue_bytes",
		Help: "Messages that came and are not committed yet; bounded by forward.queue_bytes."}, func() float64 { return float64(e.line.queue.bytes.Load()) }))
	defer func() {
		if err != nil {
			if e.in != nil {
				err = errors.Join(err, e.in.Close())
			}
			err = errors.Join(err, e.store.Close())
		}
	}()
	if err = e.line.recover(); err != nil {
		return nil, err
	}
	batches, size, err := e.store.OutboxSize()
	if err != nil {
		return nil, err
	}
	e.line.backlog.Store(int64(size))
	e.m.outboxBatches.Set(float64(batches))
	e.m.outboxBytes.Set(float64(size))
	e.http = ingest.NewHTTP(ingest.HTTPConfig{Tokens: cfg.Ingest.Tokens, MaxBodyBytes: cfg.Ingest.MaxBodyBytes,
		Observed: func(code int) { e.m.posts.WithLabelValues(strconv.Itoa(code)).Inc() }}, clerk{e.line}, e.line)
	if cfg.Mode == "broker" {
		settings := cfg.MQTT.broker()
		settings.Observer = observeBroker(d.Metrics)
		if e.broker, err = ingest.NewBroker(settings, e.line, d.Log); err == nil {
			watchBroker(d.Metrics, e.broker)
		}
		e.in = e.broker
	} else {
		e.sub, err = ingest.NewSubscriber(ingest.SubscriberConfig{Broker: cfg.Subscribe.Broker, ClientID: "hexpane-" + cfg.ID,
			Username: cfg.Subscribe.Username, Password: cfg.Subscribe.Password, QoS: byte(cfg.Subscribe.QoS)}, e.line, d.Log)
		e.in = e.sub
	}
	if err != nil {
		e.in = nil
		return nil, err
	}
	options := []nats.Option{nats.Name("hexpane-edge " + cfg.ID), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectBufSize(-1),
		nats.CustomInboxPrefix("_INBOX." + cfg.ID)} // so that an edge need not be permitted to hear what others are answered
	if cfg.NATS.Credentials != "" {
		options = append(options, nats.UserCredentials(cfg.NATS.Credentials))
	}
	if e.conn, err = nats.Connect(cfg.NATS.URL, options...); err != nil {
		return nil, fmt.Errorf("nats.url %s: %w", cfg.NATS.URL, err)
	}
	e.uplink = uplink.New(cfg.ID, e.conn, e.store, d.Log, func(batches, bytes int) {
		e.line.backlog.Add(-int64(bytes))
		e.m.outboxBatches.Sub(float64(batches))
		e.m.outboxBytes.Sub(float64(bytes))
		e.m.uplinkBatches.Add(float64(batches))
		e.m.uplinkBytes.Add(float64(bytes))
	})
	status.linked = func() bool { return e.conn.IsConnected() && e.uplink.Failing() == 0 }
	e.line.wake, e.line.away = e.uplink.Wake, e.uplink.Failing
	return e, nil
}

// Run serves until ctx ends: then nothing more is taken in; what came in is committed and acknowledged, devices are let go,
// the cut is sent as far as the core takes it within a second, and the rest waits on disk.
func (e *Edge) Run(ctx context.Context) error {
	lineCtx, stopLine := context.WithCancel(context.WithoutCancel(ctx))
	uplinkCtx, stopUplink := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLine()
	defer stopUplink()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return e.watchPlans(ctx) })
	g.Go(func() error { return e.watchSpace(ctx) })
	g.Go(func() error { return e.watchClock(ctx) })
	lineDone := make(chan struct{})
	g.Go(func() error { defer close(lineDone); return e.line.run(lineCtx) })
	uplinkDone := make(chan struct{})
	g.Go(func() error {
		defer close(uplinkDone)
		if !e.learn(uplinkCtx) {
			return nil
		}
		return e.uplink.Run(uplinkCtx)
	})
	inDone := make(chan struct{})
	g.Go(func() error { defer close(inDone); return e.takeIn(ctx) })
	g.Go(func() error {
		<-ctx.Done()
		<-inDone
		e.in.Quiesce()
		e.http.Quiesce()
		e.settle(time.Second)
		stopLine()
		<-lineDone
		err := e.in.Close()
		stopUplink()
		<-uplinkDone
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if !e.line.unknown() {
			e.uplink.Drain(drain)
		}
		return err
	})
	err := g.Wait()
	e.conn.Close()
	return errors.Join(err, e.store.Close())
}

// takeIn opens the doors when there is a plan to read by.
func (e *Edge) takeIn(ctx context.Context) error {
	for e.line.router.Load() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
	if e.sub != nil {
		e.sub.Topics(e.line.router.Load().filters())
	}
	if err := e.in.Serve(); err != nil {
		return fmt.Errorf("take messages in: %w", err)
	}
	e.open()
	return nil
}

func (e *Edge) open() {
	e.ready.Store(true)
	close(e.served)
}

// Served is closed when the edge takes readings in.
func (e *Edge) Served() <-chan struct{} { return e.served }

// MQTTAddress is the broker's first bound address, as tcp://host:port; empty in subscribe mode.
func (e *Edge) MQTTAddress() string {
	if e.broker == nil {
		return ""
	}
	return e.broker.Addresses()[0]
}

// Announced are the names and addresses of the broker, for the line that says that all serves: "mqtt" the first, then by scheme.
func (e *Edge) Announced() []string {
	pairs := []string{"mqtt", e.MQTTAddress()}
	if e.broker == nil {
		return pairs
	}
	for _, address := range e.broker.Addresses()[1:] {
		scheme, _, _ := strings.Cut(address, ":")
		pairs = append(pairs, strings.Replace(scheme, "ssl", "mqtts", 1), address)
	}
	return pairs
}

// Checks are the edge's readiness checks, by name.
func (e *Edge) Checks() map[string]func() error {
	checks := map[string]func() error{
		"plan": func() error {
			if !e.ready.Load() {
				return errors.New("no plan yet: is the core reachable at nats.url?")
			}
			return nil
		},
	}
	if e.sub != nil {
		checks["broker"] = func() error {
			if !e.sub.Connected() {
				return fmt.Errorf("not connected to %s", e.cfg.Subscribe.Broker)
			}
			return nil
		}
	}
	return checks
}

func (e *Edge) stats(version string) *wire.Stats {
	s := &wire.Stats{OutboxBytes: uint64(max(0, e.line.backlog.Load())), PlanVersion: e.line.version.Load(), Version: version,
		DiskFreeBytes: uint64(max(0, e.store.Space().Free())), DiskFull: e.store.Space().Full()}
	if why := e.line.refused.Load(); why != nil {
		s.PlanProblem = *why
	}
	for _, src := range e.line.sources {
		s.Readings += src.counters.readings
		s.Rejected += src.counters.rejected
		s.Duplicates += src.counters.duplicates
	}
	if e.broker != nil {
		s.Clients = uint64(e.broker.Clients())
	}
	return s
}
