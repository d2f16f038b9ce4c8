package rounds

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// device publishes numbered readings, some to a message, and sends again what was not acknowledged: the same bytes.
type device struct {
	name   string
	broker string
	qos    byte
	per    int  // readings in a message
	resume bool // after PUBREC it only releases, as a session that is kept does; otherwise all that is not complete goes again
	rng    *rand.Rand
	make   *atomic.Bool // new readings, or only what is unacknowledged
	away   *atomic.Bool // it does not connect

	mu       sync.Mutex
	made     int // readings numbered up to here
	pending  []*message
	underWay map[uint16]*message
	nextID   uint16

	acked, resent, sessions atomic.Int64
}

type message struct {
	from, count int
	sent        bool // at some time
	durable     bool // PUBACK or PUBREC came
	done        bool // PUBACK or PUBCOMP came
	id          uint16
}

// Event times: a device's readings are 50 ms apart, so that a pane is open for some rounds.
const (
	firstMs = 1_790_000_000_000
	stepMs  = 50
	paneMs  = 10_000
)

func (d *device) payload(m *message) []byte {
	var b bytes.Buffer
	for i := m.from; i < m.from+m.count; i++ {
		fmt.Fprintf(&b, `,{"ts":%d,"n":%d}`, firstMs+int64(i)*stepMs, i)
	}
	if m.count == 1 {
		return b.Bytes()[1:]
	}
	return append(append([]byte("["), b.Bytes()[1:]...), ']')
}

// run publishes until ctx ends.
func (d *device) run(ctx context.Context) {
	for ctx.Err() == nil {
		if d.away.Load() {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		conn, err := net.DialTimeout("tcp", d.broker, time.Second)
		if err != nil {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		d.session(ctx, conn)
		stop()
		conn.Close()
	}
}

// session lasts as long as a connection.
func (d *device) session(ctx context.Context, conn net.Conn) {
	hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hello.ProtocolName, hello.ProtocolVersion, hello.CleanSession, hello.ClientIdentifier, hello.Keepalive = "MQTT", 4, !d.resume, d.name, 60
	if hello.Write(conn) != nil {
		return
	}
	in := bufio.NewReader(conn)
	if p, err := packets.ReadPacket(in); err != nil {
		return
	} else if ack, ok := p.(*packets.ConnackPacket); !ok || ack.ReturnCode != 0 {
		return
	}
	d.sessions.Add(1)
	var write sync.Mutex
	dead := make(chan struct{})
	again := d.begin()
	go func() {
		defer close(dead)
		defer conn.Close()
		for {
			p, err := packets.ReadPacket(in)
			if err != nil {
				return
			}
			if d.answered(p) { // with a PUBREC
				release := packets.NewControlPacket(packets.Pubrel).(*packets.PubrelPacket)
				release.MessageID = p.Details().MessageID
				write.Lock()
				err = release.Write(conn)
				write.Unlock()
				if err != nil {
					return
				}
			}
		}
	}()
	defer func() { conn.Close(); <-dead }()
	depth := 1 + d.rng.IntN(64)
	for ctx.Err() == nil {
		select {
		case <-dead:
			return
		default:
		}
		var m *message
		if len(again) > 0 {
			m, again = again[0], again[1:]
		} else if m = d.next(depth); m == nil {
			time.Sleep(time.Millisecond)
			continue
		}
		write.Lock()
		err := d.publish(conn, m)
		write.Unlock()
		if err != nil {
			return
		}
		if len(again) == 0 {
			time.Sleep(time.Duration(d.rng.IntN(8)) * time.Millisecond)
		}
	}
}

// begin gives what has to go again on a new connection, in order; now and then also the newest that was acknowledged, as after
// an acknowledgement that was lost.
func (d *device) begin() []*message {
	d.mu.Lock()
	defer d.mu.Unlock()
	again := append([]*message(nil), d.pending...)
	if d.rng.IntN(4) == 0 && d.made >= d.per {
		again = append(again, &message{from: d.made - d.per, count: d.per, sent: true, durable: true})
	}
	d.underWay = map[uint16]*message{}
	return again
}

// next is a new message, or nil if there shall be none now.
func (d *device) next(depth int) *message {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.make.Load() || len(d.pending) >= depth {
		return nil
	}
	m := &message{from: d.made, count: d.per}
	d.made += d.per
	d.pending = append(d.pending, m)
	return m
}

func (d *device) publish(conn net.Conn, m *message) error {
	d.mu.Lock()
	again := m.sent
	if !again || !d.resume || m.id == 0 {
		if d.nextID++; d.nextID == 0 {
			d.nextID = 1
		}
		m.id = d.nextID
	}
	m.sent = true
	d.underWay[m.id] = m
	releases := again && d.resume && m.durable && d.qos == 2
	d.mu.Unlock()
	if again {
		d.resent.Add(1)
	}
	if releases {
		p := packets.NewControlPacket(packets.Pubrel).(*packets.PubrelPacket)
		p.MessageID = m.id
		return p.Write(conn)
	}
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.Qos, p.MessageID, p.TopicName, p.Payload, p.Dup = d.qos, m.id, "dev/"+d.name+"/data", d.payload(m), again && d.resume
	return p.Write(conn)
}

// answered takes an acknowledgement in; it reports whether the device has to release the message now.
func (d *device) answered(p packets.ControlPacket) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.underWay[p.Details().MessageID]
	rec := false
	switch p.(type) {
	case *packets.PubackPacket, *packets.PubcompPacket:
		if m != nil {
			m.durable, m.done = true, true
			delete(d.underWay, m.id)
		}
	case *packets.PubrecPacket:
		rec = true
		if m != nil {
			m.durable = true
		}
	}
	if m != nil && m.done {
		for i, pending := range d.pending {
			if pending == m {
				d.pending = append(d.pending[:i:i], d.pending[i+1:]...)
				d.acked.Add(int64(m.count))
				break
			}
		}
	}
	return rec
}

// quiet reports whether all that was made is acknowledged.
func (d *device) quiet() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.pending) == 0
}

func (d *device) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.made
}
