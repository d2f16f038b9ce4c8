// Package ingest takes in device messages and acknowledges them when told that they are durable.
//
//	ingest.go      Message, Sink: what the edge's line sees
//	broker.go      MQTT broker (mochi): assembly, deferred acknowledgements
//	acker.go       a client's acknowledgements, in order
//	queue.go       the goroutine that writes them
//
//	limits.go      what clients may take
//	gate.go        all connections: how many, how fast, until when
//	socket.go      one connection, whose writes wait for nobody
//	doorway.go     a listener: TCP, TLS (certificate.go) or WebSocket (websocket.go)
//	guest.go       one client's bytes, packet by packet (frame.go), at its rate (bucket.go)
//	door.go        who a client is: passwords (password.go), certificates
//	acl.go         which topics it may use; topic.go which anybody may
//	verdict.go     what it publishes, held to that
//	warden.go      what it subscribes to, is sent and leaves behind
//	refuse.go      counters and log of all that is refused
//
//	http.go        POST: durable when answered
//	http_body.go   what is posted, and by whom
//	subscriber.go  MQTT client (paho) of an existing broker
//
// It neither decodes nor stores.
package ingest

import (
	"context"
	"errors"
)

// Message is one message from a device, not yet durable.
type Message struct {
	Topic     string
	Payload   []byte // not reused by the sender
	ArrivalUs int64
	// Done, unless nil, is told once that the message is durable and may be acknowledged.
	Done Acknowledger
	ID   uint16 // packet id, for Done
	QoS  byte
}

// Acknowledger answers a publisher. Acknowledge does not block.
type Acknowledger interface {
	Acknowledge(id uint16, qos byte)
}

// ErrFull says that the edge's disk is full. The message was not taken; it may be sent again later.
var ErrFull = errors.New("the edge's disk is full: nothing is taken in until there is room; try again later")

// Sink takes messages. Submit blocks only while the edge is overloaded, which holds back the publisher by TCP alone, and
// fails when ctx ends. On a full disk it fails with ErrFull, at once for a message of QoS 0.
type Sink interface {
	// Wants reports whether any stream reads the topic.
	Wants(topic string) bool
	Submit(ctx context.Context, m Message) error
}
