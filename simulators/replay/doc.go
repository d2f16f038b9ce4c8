// Package replay publishes a recording over MQTT as it once arrived: at its own pace, faster, or as fast as it is
// acknowledged; in its own order, sorted, or shuffled by a bounded lateness.
//
//	lines.go    RECEIVED_AT TOPIC PAYLOAD  ┐
//	csv.go      CSV + topic and payload    ┴→ records → order.go → run.go → the broker
//	template.go {column} in topics and payloads
//	open.go     files, .gz by their name
//
// The readers and reorderings are pure. It holds the whole recording in memory only when it has to sort or shuffle.
package replay
