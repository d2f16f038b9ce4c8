package edge

import (
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/prometheus/client_golang/prometheus"
)

// observeBroker makes the counters of what the broker refuses; each reason shows from the start.
func observeBroker(r prometheus.Registerer) ingest.Observer {
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_edge_ingest_refused_total",
		Help: "What MQTT clients were refused, by reason."}, []string{"reason"})
	heldBack := prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_edge_ingest_held_back_seconds_total",
		Help: "Time that MQTT clients were not read, since they went past mqtt.limits.message_rate or byte_rate."})
	r.MustRegister(refused, heldBack)
	counters := map[ingest.Reason]prometheus.Counter{}
	for _, why := range ingest.Reasons {
		counters[why] = refused.WithLabelValues(string(why))
	}
	return ingest.Observer{Refused: func(why ingest.Reason) { counters[why].Inc() }, HeldBack: func(d time.Duration) { heldBack.Add(d.Seconds()) }}
}

// watchBroker makes the gauges of what it holds.
func watchBroker(r prometheus.Registerer, b *ingest.Broker) {
	for _, g := range []struct {
		name, help string
		of         func(ingest.BrokerStats) float64
	}{
		{"hexpane_edge_ingest_connections", "MQTT connections, logged in or not.", func(s ingest.BrokerStats) float64 { return float64(s.Connections) }},
		{"hexpane_edge_ingest_sessions", "MQTT clients remembered.", func(s ingest.BrokerStats) float64 { return float64(s.Sessions) }},
		{"hexpane_edge_ingest_subscriptions", "MQTT subscriptions.", func(s ingest.BrokerStats) float64 { return float64(s.Subscriptions) }},
		{"hexpane_edge_ingest_retained", "Retained messages.", func(s ingest.BrokerStats) float64 { return float64(s.Retained) }},
		{"hexpane_edge_ingest_retained_bytes", "Bytes of these.", func(s ingest.BrokerStats) float64 { return float64(s.RetainedBytes) }},
		{"hexpane_edge_ingest_queued_bytes", "Bytes of messages that MQTT clients did not acknowledge yet.", func(s ingest.BrokerStats) float64 { return float64(s.QueuedBytes) }},
		{"hexpane_edge_ingest_unread_bytes", "Bytes that MQTT clients did not read yet.", func(s ingest.BrokerStats) float64 { return float64(s.UnreadBytes) }},
		{"hexpane_edge_ingest_arriving_bytes", "Memory for large MQTT packets that are still coming in.", func(s ingest.BrokerStats) float64 { return float64(s.ArrivingBytes) }},
	} {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help}, func() float64 { return g.of(b.Stats()) }))
	}
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "hexpane_edge_ingest_undelivered_total",
		Help: "Messages not passed to MQTT clients that don't read or acknowledge."}, func() float64 { return float64(b.Stats().Undelivered) }))
}
