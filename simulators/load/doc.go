// Package load publishes as many readings a second as it is told, over several MQTT connections that share the devices
// between them, and reports what the broker made of it.
//
// Each connection follows an absolute schedule: message n is due at start + n·interval, and a late one makes none after
// it later. Latency is counted from when a message was due, not from when it could be sent, so a broker that stalls
// cannot hide it. Every run is bounded by a time or a count.
//
//	load.go     Config, Run
//	pipe.go     a connection that publishes in bulk
//	payload.go  JSON (array), NDJSON, SenML
//	encode.go   CBOR, line protocol, OwnTracks, Sparkplug B
//	report.go   Report, the latency histogram
package load
