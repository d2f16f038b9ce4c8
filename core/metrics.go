package core

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	batches                                     prometheus.Counter
	duplicates                                  prometheus.Counter
	gaps                                        prometheus.Counter
	corrupt                                     prometheus.Counter
	unknown                                     prometheus.Counter
	joinLate                                    prometheus.Counter
	joinShed, fenceLate                         prometheus.Counter
	rows, fenceEvents                           *prometheus.CounterVec
	patternMatches, patternLate, patternLimited *prometheus.CounterVec
	patternEarly                                *prometheus.CounterVec
	patternKeys, patternBytes                   *prometheus.GaugeVec
	late                                        *prometheus.CounterVec
	alertSteps, alertsRefused                   *prometheus.CounterVec
	afterFinal                                  *prometheus.CounterVec
	unscored                                    *prometheus.CounterVec
	alertsLive, scoredKeys, scoredBytes         *prometheus.GaugeVec
	future                                      *prometheus.CounterVec
	watermark                                   *prometheus.GaugeVec
	rollupBytes, rollupWindows, rollupLag       *prometheus.GaugeVec
	rollupsDropped                              *prometheus.CounterVec
	rollupErrors                                prometheus.Counter
	committed                                   prometheus.Observer
	framed                                      prometheus.Observer
}

var stageBuckets = []float64{.001, .002, .005, .01, .02, .03, .05, .075, .1, .15, .25, .5, 1, 2.5, 10, 60}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	m := &metrics{
		batches:    counter("hexpane_core_intake_batches_total", "Batches applied."),
		duplicates: counter("hexpane_core_intake_duplicates_total", "Batches that were applied before."),
		gaps:       counter("hexpane_core_intake_gaps_total", "Times that batches of an edge were missing."),
		corrupt:    counter("hexpane_core_intake_corrupt_total", "Messages or parts of batches that could not be read."),
		unknown:    counter("hexpane_core_intake_unknown_total", "Deltas and rows of views and streams that were dropped meanwhile."),
		joinLate:   counter("hexpane_core_join_late_total", "Rows that came too late for a join, and were left out."),
		joinShed:   counter("hexpane_core_join_shed_total", "Rows that joins let go of before their time, past join.max_rows."),
		fenceLate:  counter("hexpane_core_fence_late_total", "Positions that came too late for the fences, and were left out."),
		fenceEvents: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_fence_events_total",
			Help: "Events told at fences, corrections of earlier ones among them."}, []string{"kind"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_intake_rows_total", Help: "Rows taken in."}, []string{"stream"}),
		late: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_merge_late_total",
			Help: "Deltas that came after their window fired, by what became of them: revised or dropped."}, []string{"view", "outcome"}),
		future: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_merge_future_total",
			Help: "Watermarks of edges further in the future than time.max_future; they move nothing."}, []string{"stream"}),
		watermark: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hexpane_core_merge_watermark_seconds",
			Help: "Watermark of a view, seconds since the epoch: the least of its partitions."}, []string{"view"}),
	}
	m.registerPatterns(r)
	m.registerRollups(r)
	r.MustRegister(m.rows, m.fenceEvents, m.late, m.future, m.watermark)
	stages := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hexpane_end_to_end_seconds",
		Help: "Time from a device's publish to a stage.", Buckets: stageBuckets}, []string{"stage"})
	// In one process with an edge the histogram is there already, and is shared.
	if err := r.Register(stages); err != nil {
		var already prometheus.AlreadyRegisteredError
		if errors.As(err, &already) {
			stages = already.ExistingCollector.(*prometheus.HistogramVec)
		}
	}
	m.committed, m.framed = stages.WithLabelValues("core"), stages.WithLabelValues("frame")
	return m
}

func (m *metrics) registerPatterns(r prometheus.Registerer) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"pattern", "partition"})
		r.MustRegister(g)
		return g
	}
	m.alertSteps = counter("hexpane_core_alert_steps_total", "Steps of alerts told, by the state that they led to.", "alert", "state")
	m.afterFinal = counter("hexpane_core_events_after_final_total",
		"Rows of fence_events, alerts and patterns told after their time was final: an archive of that day may lack them.", "table")
	m.alertsRefused = counter("hexpane_core_alerts_refused_total", "Rows that would have begun an alert past alerts.max_live.", "alert")
	m.alertsLive = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hexpane_core_alerts_live",
		Help: "Alerts that are pending, firing or acknowledged."}, []string{"alert", "partition"})
	r.MustRegister(m.alertsLive)
	m.scoredKeys = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hexpane_core_alert_score_keys",
		Help: "Keys of which ANOMALY and its like in an alert's conditions keep a model; at most alerts.max_scored."}, []string{"alert", "partition"})
	m.scoredBytes = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hexpane_core_alert_score_bytes",
		Help: "Memory that these models take, by estimate."}, []string{"alert", "partition"})
	r.MustRegister(m.scoredKeys, m.scoredBytes)
	m.unscored = counter("hexpane_core_alert_unscored_total", "Rows of keys past alerts.max_scored, which have no score.", "alert")
	m.patternMatches = counter("hexpane_core_pattern_matches_total", "Matches found.", "pattern")
	m.patternLate = counter("hexpane_core_pattern_late_total", "Rows that came behind the watermark and were left out; they are in the table late.", "pattern")
	m.patternLimited = counter("hexpane_core_pattern_limited_total",
		"What was given up or hurried at a limit: rows matched before the watermark (waiting), attempts ended (rows, partial, age), keys let go (bytes).", "pattern", "limit")
	m.patternEarly = counter("hexpane_core_pattern_early_total", "Matches of EMIT ON ARRIVAL told before they were final, by what became of them: told, revised, withdrawn.", "pattern", "change")
	m.patternKeys = gauge("hexpane_core_pattern_keys", "Keys of which something is kept.")
	m.patternBytes = gauge("hexpane_core_pattern_bytes", "About how much memory they take.")
}

func (m *metrics) registerRollups(r prometheus.Registerer) {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		r.MustRegister(g)
		return g
	}
	m.rollupBytes = gauge("hexpane_core_history_bytes", "Disk that rollups take.", "view", "level")
	m.rollupWindows = gauge("hexpane_core_history_windows", "Windows that rollups hold.", "view", "level")
	m.rollupLag = gauge("hexpane_core_history_lag_seconds", "Event time of final windows that are not rolled up yet, in the partition that is furthest behind.", "view")
	m.rollupsDropped = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_history_dropped_bytes_total",
		Help: "Rollups that were dropped before their time, past history.max_bytes."}, []string{"view", "level"})
	m.rollupErrors = prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_core_history_errors_total",
		Help: "Levels of a view in a partition that can't be rolled up any more, until the core starts again."})
	r.MustRegister(m.rollupsDropped, m.rollupErrors)
}

// forgetPattern takes the gauges of a pattern that is gone away.
func (m *metrics) forgetPattern(name, partition string) {
	m.patternKeys.DeleteLabelValues(name, partition)
	m.patternBytes.DeleteLabelValues(name, partition)
}
