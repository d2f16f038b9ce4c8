package ingest

import (
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// acker writes one client's acknowledgements, in order, from a goroutine that lives while there are any: a client that
// doesn't read blocks only its own. What waits is bounded by the client's receive maximum, since each holds a unit of it.
type acker struct {
	client *mqtt.Client
	server *mqtt.Server

	mu      sync.Mutex
	waiting []ack
	running bool
}

type ack struct {
	id  uint16
	qos byte
}

// Acknowledge queues one acknowledgement.
func (a *acker) Acknowledge(id uint16, qos byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, ack{id, qos})
	if !a.running {
		a.running = true
		go a.drain()
	}
}

func (a *acker) drain() {
	for {
		a.mu.Lock()
		batch := a.waiting
		a.waiting = nil
		if len(batch) == 0 {
			a.running = false
			a.mu.Unlock()
			return
		}
		a.mu.Unlock()
		for _, k := range batch {
			a.write(k)
		}
	}
}

func (a *acker) write(k ack) {
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: k.id, Created: time.Now().Unix(), ProtocolVersion: a.client.Properties.ProtocolVersion}
	if k.qos == 2 {
		// The PUBREL that follows is answered by mochi, which wants to find the PUBREC in flight; it gives the quota back then.
		pk.FixedHeader.Type = packets.Pubrec
		if a.client.State.Inflight.Set(pk) {
			addInflight(a.server, 1)
		}
	}
	// A failed write means that the client is gone: it publishes again, and the reading is a duplicate then.
	_ = a.client.WritePacket(pk)
	if k.qos == 1 {
		a.client.State.Inflight.IncreaseReceiveQuota()
	}
}
