// Package live pushes what changes to browsers: subscriptions, conflation, WebSocket.
//
//	hub.go      Hub: topics, and the tick that tells clients
//	topic.go    Topic: the newest row per key, and who has seen what
//	client.go   a WebSocket client: subscribe, viewport, one joined write per tick
//	encode.go   rows → JSON or binary frames
//	query.go    a client's push queries, whose rows go out with the rest
//
// A topic holds the newest row of each key and nothing else, so a slow client gets the newest state, never a backlog, and
// costs the others nothing. The package does not know where rows come from.
package live

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
)

// Config of a hub.
type Config struct {
	Tick       time.Duration // between two frames of a client
	MaxClients int
	MaxMessage int64                                                // bytes, from a client
	WriteWait  time.Duration                                        // a client that takes longer to take a frame is closed
	MaxTopics  int                                                  // subscriptions of one client
	MaxRows    int                                                  // keys of one topic; 0: without end
	Query      func(ctx context.Context, sql string) (Query, error) // nil: push queries are not served
	Token      string                                               // unless empty: wanted as ?token= or a bearer token
}

// Hub knows all topics and clients.
type Hub struct {
	cfg      Config
	log      *slog.Logger
	upgrader websocket.Upgrader

	mu      sync.RWMutex
	topics  map[string]*Topic
	clients map[*client]struct{}
	open    atomic.Int64 // connections, and those that are about to be
	status  atomic.Pointer[[]byte]

	frames, shed, unshown prometheus.Counter
	stage                 prometheus.Observer
}

// New makes a hub.
func New(cfg Config, r prometheus.Registerer, stage prometheus.Observer, log *slog.Logger) *Hub {
	h := &Hub{cfg: cfg, log: log, topics: map[string]*Topic{}, clients: map[*client]struct{}{}, stage: stage,
		frames: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_core_live_frames_total", Help: "Frames written to clients."}),
		unshown: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_core_live_unshown_total",
			Help: "Rows of new keys that viewers don't see, since their topic has live.max_rows keys already."}),
		shed: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_core_live_shed_total",
			Help: "Ticks at which a client was still busy with the frame before, and got the newest state later."}),
	}
	h.upgrader = websocket.Upgrader{ReadBufferSize: 1 << 10, WriteBufferSize: 16 << 10, EnableCompression: false}
	r.MustRegister(h.frames, h.shed, h.unshown, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_live_clients", Help: "WebSocket clients connected."},
		func() float64 { return float64(h.Clients()) }))
	return h
}

// Clients connected now.
func (h *Hub) Clients() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.clients)
}

// Topic gives the topic of a name, made if it is not there.
func (h *Hub) Topic(name string, columns []Column, binary bool) *Topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[name]
	if t == nil || !sameColumns(t.columns, columns) {
		t = newTopic(name, columns, binary)
		t.limit, t.unshown = h.cfg.MaxRows, h.unshown
		h.topics[name] = t
	}
	return t
}

// Drop forgets a topic; its subscribers hear nothing more of it.
func (h *Hub) Drop(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.topics, name)
}

// Lookup gives a topic that is there.
func (h *Hub) Lookup(name string) *Topic {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.topics[name]
}

// SetStatus replaces what subscribers of status:* get at the next tick: a JSON object.
func (h *Hub) SetStatus(b []byte) { h.status.Store(&b) }

// known reports whether a client may subscribe to a name: a topic that is there, or one of the kinds that come by themselves.
func (h *Hub) known(name string) bool {
	return name == StatusTopic || strings.HasPrefix(name, "alerts:") || strings.HasPrefix(name, "fences:") || h.Lookup(name) != nil
}

// StatusTopic carries the system's counts, once a second.
const StatusTopic = "status:*"

// Run tells clients of changes at each tick until ctx ends, then closes them all.
func (h *Hub) Run(ctx context.Context) error {
	tick := time.NewTicker(h.cfg.Tick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.mu.RLock()
			for c := range h.clients {
				c.wake()
			}
			h.mu.RUnlock()
		case <-ctx.Done():
			h.closeAll()
			return nil
		}
	}
}

// closeAll says goodbye to all clients at once: one that does not read takes a second.
func (h *Hub) closeAll() {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var closing sync.WaitGroup
	for c := range h.clients {
		closing.Go(func() { c.close(websocket.CloseGoingAway, "the server stops") })
	}
	closing.Wait()
}
