package core

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

func subjectOf(partition uint32) string { return wire.PartitionSubject(partition) }

// status counts once a second what operators look at, and tells viewers.
type status struct {
	core *Core

	mu   sync.Mutex
	last Status
}

// Status is the system at a glance.
type Status struct {
	ReadingsTotal   uint64  `json:"readings_total"`
	ReadingsPerS    float64 `json:"readings_per_s"`
	BatchesTotal    uint64  `json:"batches_total"`
	BytesTotal      uint64  `json:"bytes_total"`
	BytesPerReading float64 `json:"bytes_per_reading"`
	Edges           int     `json:"edges"`
	Viewers         int     `json:"viewers"`
	Devices         int     `json:"devices"`
	Watermark       *string `json:"watermark"`
	EventLagMs      *int64  `json:"event_lag_ms"`
	DiskFull        bool    `json:"disk_full"`
	us              int64
	at              time.Time
}

func newStatus(c *Core, r prometheus.Registerer) *status {
	s := &status{core: c}
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_state_bytes", Help: "Disk that the core's state takes."},
		func() float64 { return float64(c.store.DiskBytes()) }))
	c.room.register(r)
	registerMemory(c, r)
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_push_queries", Help: "Push queries that listen."},
		func() float64 { return float64(c.pushes.count.Load()) }))
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_fences", Help: "Fences in force."},
		func() float64 { return float64(len(c.fences.current.Load().features)) }))
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_fence_devices", Help: "Devices that are inside a fence."},
		func() float64 { return float64(c.fences.where.devices()) }))
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_join_rows", Help: "Rows that joins of streams keep."},
		func() (rows float64) {
			for _, p := range c.partitions {
				rows += float64(p.joined.Load())
			}
			return rows
		}))
	return s
}

func (s *status) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			next := s.count(ctx, now)
			if text, err := json.Marshal(next); err == nil {
				s.core.hub.SetStatus(text)
			}
		}
	}
}

func (s *status) count(ctx context.Context, now time.Time) Status {
	c := s.core
	next := Status{Viewers: c.hub.Clients(), DiskFull: c.room.Full(), at: now}
	for _, e := range c.catalog.edges.list() {
		next.ReadingsTotal += e.Stats.Readings
		if now.UnixMicro()-e.HeardUs < c.cfg.Time.Idle.Microseconds() {
			next.Edges++
		}
	}
	if info, err := c.stream.Info(ctx, jetstream.WithSubjectFilter("none")); err == nil {
		next.BatchesTotal = info.State.LastSeq
	}
	next.BytesTotal = c.received.Load()
	p := c.catalog.plan()
	for _, def := range p.Views {
		if us, ok := c.watermark(def.Id); ok {
			c.m.watermark.WithLabelValues(def.Name).Set(float64(us) / 1e6)
		}
	}
	for _, def := range p.Streams {
		if us, ok := c.watermark(def.Id); ok && us > next.us {
			next.us = us
		}
		if def.Position != nil {
			if t := c.hub.Lookup("positions:" + def.Name); t != nil {
				next.Devices += t.Len()
			}
		}
	}
	if next.us > 0 {
		text, lag := value.FormatTime(next.us), (now.UnixMicro()-next.us)/1000
		next.Watermark, next.EventLagMs = &text, &lag
	}
	if next.ReadingsTotal > 0 {
		next.BytesPerReading = float64(next.BytesTotal) / float64(next.ReadingsTotal)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if seconds := now.Sub(s.last.at).Seconds(); !s.last.at.IsZero() && seconds > 0 && next.ReadingsTotal >= s.last.ReadingsTotal {
		next.ReadingsPerS = float64(next.ReadingsTotal-s.last.ReadingsTotal) / seconds
	}
	s.last = next
	return next
}

// Status gives the last count.
func (c *Core) Status() Status {
	c.status.mu.Lock()
	defer c.status.mu.Unlock()
	return c.status.last
}

// watermark of a stream: the least of the partitions'.
func (c *Core) watermark(stream uint32) (us int64, ok bool) {
	for i, p := range c.partitions {
		w, known := p.output(stream)
		if !known {
			return 0, false
		}
		if i == 0 || w < us {
			us, ok = w, true
		}
	}
	return us, ok
}
