// Package tahu is Sparkplug B's payload in protobuf, as generated from sparkplug_b.proto. The encoder writes by it; the
// decoder reads the bytes itself, without an allocation per metric, and is tested against it.
//
//	protoc --go_out=. --go_opt=paths=source_relative sparkplug_b.proto
package tahu
