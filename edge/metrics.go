package edge

import (
	"errors"
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	readings      *prometheus.CounterVec
	rejected      *prometheus.CounterVec
	duplicates    prometheus.Counter
	future        *prometheus.CounterVec
	unmatched     prometheus.Counter
	skipped       *prometheus.CounterVec
	posts         *prometheus.CounterVec
	clockOffset   prometheus.Gauge
	commit        prometheus.Histogram
	outboxBatches prometheus.Gauge
	outboxBytes   prometheus.Gauge
	heldDeltas    prometheus.Gauge
	heldRows      prometheus.Gauge
	heldBytes     prometheus.Gauge
	rowsDropped   *prometheus.CounterVec
	uplinkBatches prometheus.Counter
	uplinkBytes   prometheus.Counter
	refused       prometheus.Counter
	epochs        prometheus.Counter
	epochDropped  *prometheus.CounterVec
	dedupeSize    *prometheus.GaugeVec
	planVersion   prometheus.Gauge
	plansRefused  prometheus.Counter
	endToEnd      prometheus.Observer
}

// StageBuckets are those of hexpane_end_to_end_seconds.
var StageBuckets = []float64{.001, .002, .005, .01, .02, .03, .05, .075, .1, .15, .25, .5, 1, 2.5, 10, 60}

func newMetrics(r prometheus.Registerer, clients func() float64) *metrics {
	m := &metrics{
		readings: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_edge_ingest_readings_total",
			Help: "Readings accepted."}, []string{"stream"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_edge_ingest_rejected_total",
			Help: "Readings or messages that could not be read."}, []string{"stream", "reason"}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_edge_ingest_duplicates_total",
			Help: "Readings that came before and were not counted again."}),
		future: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_edge_ingest_future_total",
			Help: "Readings further in the future than time.max_future; they move no watermark."}, []string{"stream"}),
		unmatched: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_edge_ingest_unmatched_total",
			Help: "Messages on topics that no stream reads; they pass between MQTT clients only."}),
		skipped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_edge_ingest_skipped_total",
			Help: "Well-formed parts of messages that are no readings of the stream, such as OwnTracks waypoints."}, []string{"stream"}),
		posts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_edge_ingest_http_requests_total",
			Help: "Answers to POST /api/v1/ingest, by HTTP status."}, []string{"code"}),
		clockOffset: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hexpane_edge_clock_offset_seconds",
			Help: "How far the NATS server's clock is ahead of this one; NaN until measured."}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hexpane_edge_store_commit_seconds",
			Help: "Time of a synced commit.", Buckets: StageBuckets}),
		outboxBatches: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hexpane_edge_outbox_batches",
			Help: "Batches that JetStream has not acknowledged."}),
		outboxBytes: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hexpane_edge_outbox_bytes",
			Help: "Bytes of these; bounded by store.outbox_bytes."}),
		heldDeltas: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hexpane_edge_held_deltas",
			Help: "Merged deltas on disk since the core was away."}),
		heldRows: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hexpane_edge_held_rows",
			Help: "Rows on disk since the core was away."}),
		heldBytes: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hexpane_edge_held_bytes",
			Help: "Bytes of both; rows are bounded by store.held_row_bytes."}),
		rowsDropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_edge_rows_dropped_total",
			Help: "Rows dropped, the oldest first, when store.held_row_bytes was spent."}, []string{"stream"}),
		uplinkBatches: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_edge_uplink_batches_total",
			Help: "Batches delivered to JetStream."}),
		uplinkBytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_edge_uplink_bytes_total",
			Help: "Bytes of these, compressed."}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_edge_store_refused_total",
			Help: "Messages refused since the disk was full. Those of QoS 0 are lost; others come again."}),
		dedupeSize: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hexpane_edge_dedupe_readings",
			Help: "Readings remembered; bounded by dedupe.limit."}, []string{"stream"}),
		plansRefused: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_edge_plan_refused_total",
			Help: "Plans that can't run on this edge; it goes on with the one before."}),
		planVersion: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hexpane_edge_plan_version",
			Help: "Version of the plan in force."}),
	}
	stages := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hexpane_end_to_end_seconds",
		Help: "Time from a device's publish to a stage.", Buckets: StageBuckets}, []string{"stage"})
	// In one process with a core the histogram is there already, and is shared.
	if err := r.Register(stages); err != nil {
		var already prometheus.AlreadyRegisteredError
		if errors.As(err, &already) {
			stages = already.ExistingCollector.(*prometheus.HistogramVec)
		}
	}
	m.clockOffset.Set(math.NaN())
	m.endToEnd = stages.WithLabelValues("durable")
	r.MustRegister(m.readings, m.rejected, m.duplicates, m.future, m.unmatched, m.skipped, m.posts, m.clockOffset, m.commit, m.outboxBatches, m.outboxBytes, m.heldDeltas, m.heldRows, m.heldBytes, m.rowsDropped, m.uplinkBatches,
		m.uplinkBytes, m.refused, m.dedupeSize, m.planVersion, m.plansRefused,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_edge_ingest_clients", Help: "MQTT clients connected."}, clients))
	return m
}
