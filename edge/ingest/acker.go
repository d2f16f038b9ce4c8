package ingest

import (
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/edge/crash"
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// acker writes one client's acknowledgements, in order, from a goroutine of its own: a client that doesn't read blocks
// nobody else. What waits is bounded: limit messages may be unacknowledged.
type acker struct {
	client *mqtt.Client
	server *mqtt.Server
	queue  queue[ack]
	owed   atomic.Int32 // messages handed on, their acknowledgements not yet begun to be written
	limit  int32
}

type ack struct {
	id  uint16
	qos byte
}

// maxPacketIDs is how many messages an MQTT 3 client, which knows no receive maximum, may have unacknowledged.
const maxPacketIDs = 1<<16 - 1

func newAcker(client *mqtt.Client, server *mqtt.Server) *acker {
	a := &acker{client: client, server: server, limit: maxPacketIDs}
	if client.Properties.ProtocolVersion >= 5 {
		a.limit = int32(server.Options.Capabilities.ReceiveMaximum)
	}
	a.queue.do = a.write
	return a
}

// owe counts one more message to acknowledge; it reports false if the client may not have that many.
func (a *acker) owe() bool { return a.owed.Add(1) <= a.limit }

// Acknowledge queues one acknowledgement.
func (a *acker) Acknowledge(id uint16, qos byte) { a.queue.Put(ack{id, qos}) }

func (a *acker) write(k ack) {
	a.owed.Add(-1) // before the client can know, since it may go on at once
	if a.client.Closed() {
		return // it publishes again, and the reading is a duplicate then
	}
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: k.id, Created: time.Now().Unix(), ProtocolVersion: a.client.Properties.ProtocolVersion}
	if k.qos == 2 {
		// The PUBREL that follows is answered by mochi, which wants to find the PUBREC in flight.
		pk.FixedHeader.Type = packets.Pubrec
		if a.client.State.Inflight.Set(pk) {
			addInflight(a.server, 1)
		}
	}
	crash.Here("ack.before-write")
	_ = a.client.WritePacket(pk) // a failure means that the client is gone, as above
	crash.Here("ack.written")
}
