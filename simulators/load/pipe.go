package load

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// pipe is one MQTT 3.1.1 connection that publishes in bulk: packets gather in a buffer, PUBACKs are read in bulk too. A client
// library spends more on a message than the broker under load does, on the same machine. A pipe outlives its socket: what is
// unacknowledged goes out again, marked so.
type pipe struct {
	cfg  *Config
	name string
	ack  func(weight int, late time.Duration)
	w    *bufio.Writer
	conn net.Conn

	mu     sync.Mutex
	change sync.Cond
	slots  []slot // by packet id - 1
	busy   int
	err    error // why the socket is of no more use

	next                         int
	messages, resent, reconnects atomic.Int64
}

// slot is one packet id, and the packet under way with it.
type slot struct {
	busy   bool
	weight int
	due    time.Time
	packet []byte
}

const (
	pipeBuffer  = 64 << 10
	dialWithin  = 5 * time.Second
	writeWithin = 10 * time.Second
	maxPause    = time.Second
	pubackBytes = 4
	dupFlag     = 1 << 3
)

func newPipe(cfg *Config, name string, ack func(int, time.Duration)) *pipe {
	p := &pipe{cfg: cfg, name: name, ack: ack, slots: make([]slot, cfg.MaxInflight)}
	p.change.L = &p.mu
	return p
}

// open connects, again and again for as long as GiveUp allows, and sends what is unacknowledged once more.
func (p *pipe) open(ctx context.Context) error {
	end := time.Now().Add(p.cfg.GiveUp)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, maxPause) {
		err := p.dial(ctx)
		if err == nil {
			err = p.again()
		}
		if err == nil || ctx.Err() != nil || errors.Is(err, errRefused) || time.Now().After(end) {
			return err
		}
		p.cfg.Log.Debug("cannot connect; trying again", "broker", p.cfg.Broker, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errRefused = errors.New("the broker refuses the connection")

func (p *pipe) dial(ctx context.Context) error {
	u, err := url.Parse(p.cfg.Broker)
	if err != nil || u.Scheme != "tcp" && u.Scheme != "mqtt" {
		return fmt.Errorf("%w: %q is not tcp://host:port", errRefused, p.cfg.Broker)
	}
	d := net.Dialer{Timeout: dialWithin}
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	in := bufio.NewReaderSize(conn, pipeBuffer)
	if err := p.hello(conn, in); err != nil {
		return errors.Join(err, conn.Close())
	}
	p.mu.Lock()
	p.conn, p.err = conn, nil
	p.mu.Unlock()
	p.w = bufio.NewWriterSize(conn, pipeBuffer)
	go p.read(conn, in)
	return nil
}

func (p *pipe) hello(conn net.Conn, in io.Reader) error {
	if err := conn.SetDeadline(time.Now().Add(dialWithin)); err != nil {
		return err
	}
	c := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	c.ProtocolName, c.ProtocolVersion, c.CleanSession, c.ClientIdentifier = "MQTT", 4, true, p.name
	c.Username, c.UsernameFlag = p.cfg.Username, p.cfg.Username != ""
	c.Password, c.PasswordFlag = []byte(p.cfg.Password), p.cfg.Password != ""
	if err := c.Write(conn); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	reply, err := packets.ReadPacket(in)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	ack, ok := reply.(*packets.ConnackPacket)
	if !ok || ack.ReturnCode != packets.Accepted {
		return fmt.Errorf("%w: %v", errRefused, reply)
	}
	return conn.SetDeadline(time.Time{})
}

// read takes PUBACKs until the socket ends.
func (p *pipe) read(conn net.Conn, in *bufio.Reader) {
	var err error
	for err == nil {
		if _, err = in.Peek(pubackBytes); err == nil {
			err = p.acked(in)
		}
	}
	p.fail(conn, err)
}

// acked takes all the PUBACKs that are there.
func (p *pipe) acked(in *bufio.Reader) error {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.change.Broadcast()
	for in.Buffered() >= pubackBytes {
		b, err := in.Peek(pubackBytes)
		if err != nil {
			return err
		}
		id := int(binary.BigEndian.Uint16(b[2:]))
		if b[0] != packets.Puback<<4 || b[1] != 2 || id == 0 || id > len(p.slots) {
			return fmt.Errorf("the broker sent % x where a PUBACK was due", b)
		}
		if s := &p.slots[id-1]; s.busy {
			s.busy = false
			p.busy--
			p.ack(s.weight, now.Sub(s.due))
		}
		if _, err := in.Discard(pubackBytes); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipe) fail(conn net.Conn, err error) {
	_ = conn.Close() // it is of no more use
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == conn && p.err == nil {
		p.err = fmt.Errorf("connection lost: %w", err)
		p.change.Broadcast()
	}
}

// again sends what is unacknowledged, oldest first: the ids go round.
func (p *pipe) again() error {
	for i := range p.slots {
		s := &p.slots[(p.next+i)%len(p.slots)]
		p.mu.Lock()
		busy := s.busy
		p.mu.Unlock()
		if !busy {
			continue
		}
		s.packet[0] |= dupFlag
		p.resent.Add(1)
		if err := p.send(s.packet); err != nil {
			return err
		}
	}
	return p.flush()
}

// publish sends one message of so many readings; it waits while the window is full.
func (p *pipe) publish(ctx context.Context, topic string, payload []byte, weight int, due time.Time) error {
	p.messages.Add(1)
	if p.cfg.QoS == 0 {
		s := &p.slots[0]
		s.packet = appendPublish(s.packet[:0], topic, payload, 0)
		if err := p.send(s.packet); err != nil { // at most once: not sent again
			return p.reopen(ctx)
		}
		p.ack(weight, 0)
		return nil
	}
	s := &p.slots[p.next]
	if err := p.wait(ctx, func() bool { return !s.busy }); err != nil {
		return err
	}
	id := uint16(p.next + 1)
	p.next = (p.next + 1) % len(p.slots)
	s.packet = appendPublish(s.packet[:0], topic, payload, id)
	p.mu.Lock()
	s.busy, s.weight, s.due = true, weight, due
	p.busy++
	p.mu.Unlock()
	if err := p.send(s.packet); err != nil {
		return p.reopen(ctx)
	}
	return nil
}

// wait flushes and waits until done says so, over as many sockets as it takes.
func (p *pipe) wait(ctx context.Context, done func() bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !done() {
		if p.err == nil {
			p.mu.Unlock()
			err := p.flush()
			p.mu.Lock()
			if err == nil && p.err == nil && !done() && ctx.Err() == nil {
				p.change.Wait()
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if p.err != nil {
			p.mu.Unlock()
			err := p.reopen(ctx)
			p.mu.Lock()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// wake lets a wait look at its context.
func (p *pipe) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change.Broadcast()
}

func (p *pipe) reopen(ctx context.Context) error {
	_ = p.conn.Close() // it failed
	p.reconnects.Add(1)
	return p.open(ctx)
}

func (p *pipe) send(packet []byte) error {
	if p.w.Available() < len(packet) {
		if err := p.flush(); err != nil {
			return err
		}
	}
	_, err := p.w.Write(packet)
	return err
}

func (p *pipe) flush() error {
	if p.w.Buffered() == 0 {
		return nil
	}
	if err := p.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	return p.w.Flush()
}

// close waits for the last acknowledgement and says goodbye.
func (p *pipe) close(ctx context.Context) error {
	err := p.flush()
	if err != nil {
		err = p.reopen(ctx)
	}
	if err == nil {
		stop := context.AfterFunc(ctx, p.wake)
		err = p.wait(ctx, func() bool { return p.busy == 0 })
		stop()
	}
	p.mu.Lock()
	left := p.busy
	p.mu.Unlock()
	if left > 0 {
		err = fmt.Errorf("%d messages unacknowledged: %w", left, err)
	}
	_ = packets.NewControlPacket(packets.Disconnect).Write(p.conn) // all is said: the broker may be gone already
	_ = p.conn.Close()
	return err
}

// appendPublish appends a PUBLISH (MQTT 3.1.1, 3.3); id 0: QoS 0.
func appendPublish(dst []byte, topic string, payload []byte, id uint16) []byte {
	length := 2 + len(topic) + len(payload)
	kind := byte(packets.Publish << 4)
	if id > 0 {
		length += 2
		kind |= 1 << 1
	}
	dst = binary.AppendUvarint(append(dst, kind), uint64(length)) // MQTT's variable byte integer is this very coding
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(topic)))
	dst = append(dst, topic...)
	if id > 0 {
		dst = binary.BigEndian.AppendUint16(dst, id)
	}
	return append(dst, payload...)
}
