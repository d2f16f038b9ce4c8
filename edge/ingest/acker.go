package ingest

import (
	"bytes"
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

	packets bytes.Buffer // of the queue's goroutine
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

// write sends the acknowledgements in one piece: one by one they cost more than all else the broker does for a message. mochi
// writes under the client's lock too.
func (a *acker) write(acks []ack) {
	a.owed.Add(-int32(len(acks))) // before the client can know, since it may go on at once
	if a.client.Closed() {
		return // it publishes again, and the readings are duplicates then
	}
	a.packets.Reset()
	for _, k := range acks {
		if err := a.encode(k); err != nil {
			return // only what can't be memory's; the client publishes again
		}
	}
	a.client.Lock()
	defer a.client.Unlock()
	crash.Here("ack.before-write")
	n, err := a.client.Net.Conn.Write(a.packets.Bytes())
	if err != nil { // the client must notice that acknowledgements are missing: it connects and publishes again
		_ = a.client.Net.Conn.Close()
	}
	crash.Here("ack.written")
	atomic.AddInt64(&a.server.Info.BytesSent, int64(n))
	atomic.AddInt64(&a.server.Info.PacketsSent, int64(len(acks)))
}

func (a *acker) encode(k ack) error {
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: k.id, ProtocolVersion: a.client.Properties.ProtocolVersion}
	if k.qos < 2 {
		return pk.PubackEncode(&a.packets)
	}
	// The PUBREL that follows is answered by mochi, which wants to find the PUBREC in flight.
	pk.FixedHeader.Type, pk.Created = packets.Pubrec, time.Now().Unix()
	if a.client.State.Inflight.Set(pk) {
		addInflight(a.server, 1)
	}
	return pk.PubrecEncode(&a.packets)
}
