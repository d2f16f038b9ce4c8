package ingest

import (
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/peers"
	"github.com/mochi-mqtt/server/v2/packets"
)

// The time that a connection has to log in is over for one that did: what it publishes later is acknowledged all the same.
func TestAcknowledgedAfterTheTimeToLogIn(t *testing.T) {
	t.Parallel()
	const within = 300 * time.Millisecond
	sink := newHandSink(1)
	b := startBroker(t, BrokerConfig{Limits: limitsWith(func(l *Limits) { l.ConnectWithin = within })}, sink)
	d := in(t, b, connectOf("d"))
	silent := dialRaw(t, b)
	if !ended(silent, peers.Patience) { // which takes as long at least
		t.Error("a connection that says nothing stays")
	}
	for id := range 3 {
		d.publish("in/x", 1, id+1, "a")
		acknowledge(sink.next(t))
		d.expect(packets.Puback, id+1)
	}
}
