package edge

import (
	"context"
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/prometheus/client_golang/prometheus"
)

// On a full disk nothing is taken in and nothing acknowledged. What was taken in before goes on to the core, and so do
// heartbeats, which say that the disk is full: the reserve is there for them.

const (
	// holdBack is how long a message waits for room before its client is disconnected. It is below the usual keep-alives, and
	// long enough that clients which come back at once are no load.
	holdBack = 10 * time.Second
	// lookEvery is how often the free space is measured when no turn does.
	lookEvery = 200 * time.Millisecond
	// stuckAfter is when a commit that does not end is logged; again each time that it has taken twice as long.
	stuckAfter = 10 * time.Second
)

// submitFull is Submit on a full disk: QoS 0 is refused at once, since its sender does not wait; others wait for room a while.
func (l *line) submitFull(ctx context.Context, m ingest.Message) error {
	if m.QoS == 0 {
		l.m.refused.Inc()
		return ingest.ErrFull
	}
	held, cancel := context.WithTimeout(ctx, holdBack)
	defer cancel()
	err := l.queue.put(held, m) // where there is place in the queue; it is acknowledged when it was committed
	if err != nil && ctx.Err() == nil {
		l.m.refused.Inc()
		return ingest.ErrFull
	}
	return err
}

// watchSpace measures the free space also while the line waits for its disk, and tells of a commit that does not end.
func (e *Edge) watchSpace(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	next := stuckAfter
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		e.store.Space().Look()
		switch took := e.store.Pending(); {
		case took >= next:
			e.log.Error("a commit does not end: the disk is full, slow or broken; nothing is acknowledged meanwhile", "took", took.Round(time.Second),
				"free_bytes", e.store.Space().Free())
			next *= 2
		case took < stuckAfter:
			next = stuckAfter
		}
	}
}

// watch registers what the store says of its disk.
func (m *metrics) watch(r prometheus.Registerer, s *store.Store) {
	gauge := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
	}
	gauge("hexpane_edge_store_full", "1 while nothing is taken in since the disk is full.", func() float64 {
		if s.Space().Full() {
			return 1
		}
		return 0
	})
	gauge("hexpane_edge_store_free_bytes", "Free space on the disk, beside the ballast.", func() float64 { return float64(s.Space().Free()) })
	gauge("hexpane_edge_store_ballast_bytes", "Blocks kept for when the disk runs out; 0: given up.", func() float64 { return float64(s.Space().Ballast()) })
	gauge("hexpane_edge_store_commit_pending_seconds", "How long the commit under way has taken.", func() float64 { return s.Pending().Seconds() })
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "hexpane_edge_store_errors_total",
		Help: "Flushes and compactions of the store that failed and are tried again."}, func() float64 { return float64(s.Troubles()) }))
}
