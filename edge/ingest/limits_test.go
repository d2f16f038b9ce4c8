package ingest

import "time"

// defaultLimits are those of edge.MQTTConfig.
func defaultLimits() Limits {
	return Limits{ClientBytes: 1 << 20, ConnectBytes: 64 << 10, Clients: 10_000, Pending: 1000, ConnectRate: 1000, SourceConnectRate: 500,
		ArrivingBytes: 64 << 20, UnreadBytes: 1 << 20, Subscriptions: 100, Inflight: 1024, QueuedBytes: 64 << 20, Sessions: 20_000,
		SessionExpiry: 24 * time.Hour, Retained: 10_000, RetainedBytes: 64 << 20, TopicBytes: 1024, TopicLevels: 32}
}
