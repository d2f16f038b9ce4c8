package service

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyTimeout bounds all the checks of one /readyz together.
const readyTimeout = 2 * time.Second

// Ops serves /healthz, /readyz and /metrics.
type Ops struct {
	mux    *http.ServeMux
	mu     sync.Mutex
	checks []namedCheck
}

type namedCheck struct {
	name  string
	check func(ctx context.Context) error
}

// NewOps serves the metrics of a registry; nothing is checked for readiness yet.
func NewOps(registry *prometheus.Registry) *Ops {
	o := &Ops{mux: http.NewServeMux()}
	o.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"alive": true})
	})
	o.mux.HandleFunc("GET /readyz", o.serveReady)
	o.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	return o
}

// Check adds a condition to /readyz: what check returns says why not.
func (o *Ops) Check(name string, check func(ctx context.Context) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.checks = append(o.checks, namedCheck{name, check})
}

// Mount puts the three paths on a server's own mux.
func (o *Ops) Mount(mux *http.ServeMux) {
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, o)
	}
}

func (o *Ops) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.mux.ServeHTTP(w, r) }

// serveReady runs every check, and lists those that fail.
func (o *Ops) serveReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	o.mu.Lock()
	checks := slices.Clone(o.checks)
	o.mu.Unlock()
	type failure struct {
		Check  string `json:"check"`
		Reason string `json:"reason"`
	}
	var failing []failure
	for _, c := range checks {
		if err := c.check(ctx); err != nil {
			failing = append(failing, failure{Check: c.name, Reason: err.Error()})
		}
	}
	if len(failing) > 0 {
		writeJSON(w, http.StatusServiceUnavailable, map[string]any{"ready": false, "not_ready": failing})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"ready": true})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody to tell
}

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}
