package ingest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// guest is one client's connection as mochi sees it: the bytes of MQTT, whether they came by TCP, TLS or WebSocket. It looks at
// each packet's header before mochi does, hands large packets on when they are whole, and is not read while the client is past its
// rate. Read is called by one goroutine.
type guest struct {
	net.Conn // plain MQTT to read and write
	socket   *socket
	cert     *x509.Certificate // of the client, verified; known after the first read

	frames   frames
	held     [maxPeek]byte // a packet's beginning
	holds    int
	ahead    []byte // to hand on, of a read that asked for little
	whole    []byte // a packet to hand on, from off on, when want bytes of it are there
	off      int
	want     int
	charged  atomic.Int64 // what whole takes of Limits.ArrivingBytes
	deadline time.Time
	messages bucket
	bytes    bucket
	wait     time.Duration // before it is read again
	closed   chan struct{}
	once     sync.Once

	server *mqtt.Server

	// Since it logged in.
	client       *mqtt.Client
	who          string // user name or certificate's name; empty: anyone
	rights       rights
	topic        []byte // published to last, and
	verdict      Reason
	aliases      *[topicAliases + 1]*byte // the topics that mochi keeps for its aliases
	refusedSubs  []packets.Code           // of the SUBSCRIBE that is being answered
	answers      uint16                   // that SUBSCRIBE's packet id
	unsubscribed []byte                   // codes for the UNSUBSCRIBE that is being answered, if not mochi's
	subscribing  atomic.Bool
	queued       queued
	retained     int64        // published, when all retained messages handed to mochi for it will be
	published    atomic.Int64 // messages written to it
}

func newGuest(conn net.Conn, s *socket, server *mqtt.Server) *guest {
	l, now := s.gate.limits, time.Now()
	g := &guest{Conn: conn, socket: s, server: server, frames: frames{most: l.ClientBytes}, closed: make(chan struct{}),
		messages: newBucket(l.MessageRate, max(1, l.MessageRate), now), bytes: newBucket(l.ByteRate, max(1, l.ByteRate), now)}
	return g
}

// guestOf gives the guest behind a client; nil for mochi's own.
func guestOf(cl *mqtt.Client) *guest {
	g, _ := cl.Net.Conn.(*guest)
	return g
}

// await reads the first packet, which must be a CONNECT: until then the client costs little.
func (g *guest) await() error {
	g.whole = make([]byte, maxHeader, 256)
	if _, err := io.ReadFull(g.Conn, g.whole); err != nil {
		return g.silent(err)
	}
	if t, ok := g.Conn.(*tls.Conn); ok {
		g.certify(t.ConnectionState())
	}
	kind, size, length, err := header(g.whole)
	switch {
	case err != nil, kind != packets.Connect, size+length < maxHeader:
		return g.refuse(RefusedMalformed, errMalformed)
	case size+length > g.socket.gate.limits.ConnectBytes:
		return g.refuse(RefusedPacketSize, errTooLarge)
	}
	g.want = size + length
	return g.gather()
}

func (g *guest) silent(err error) error {
	var timeout net.Error
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return g.refuse(RefusedSilent, err)
	case errors.As(err, &record), errors.As(err, &alert), errors.As(err, &verify):
		return g.refuse(RefusedHandshake, err)
	}
	return err
}

func (g *guest) certify(s tls.ConnectionState) {
	if len(s.VerifiedChains) > 0 {
		g.cert = s.PeerCertificates[0]
	}
}

func (g *guest) refuse(why Reason, err error) error {
	g.socket.gate.refused.add(why, g.name(), err.Error())
	return err
}

// name is the client's in the log.
func (g *guest) name() string {
	if g.client != nil {
		return g.client.ID + " " + g.socket.source
	}
	return g.socket.source
}

// Read gives whole beginnings of packets only.
func (g *guest) Read(p []byte) (int, error) {
	for {
		if len(g.ahead) > 0 {
			n := copy(p, g.ahead)
			g.ahead = g.ahead[n:]
			return n, nil
		}
		if g.want > 0 {
			if err := g.gather(); err != nil {
				return 0, err
			}
		}
		if g.off < len(g.whole) {
			n := copy(p, g.whole[g.off:])
			if g.off += n; g.off == len(g.whole) {
				g.release()
			}
			return n, nil
		}
		if n, err := g.take(p); n > 0 || err != nil {
			return n, err
		}
	}
}

// take reads what is there, and hands on what scan lets through.
func (g *guest) take(p []byte) (int, error) {
	if len(p) <= maxPeek { // mochi asks for more than that
		small := make([]byte, 4*maxPeek)
		n, err := g.take(small)
		g.ahead = small[:n]
		return 0, err
	}
	n := copy(p, g.held[:g.holds])
	m, err := g.pull(p[n:])
	if n += m; m == 0 && err != nil {
		return 0, err
	}
	pass, published, size, why := g.frames.scan(p[:n])
	g.charge(published, m)
	g.holds = 0
	switch why {
	case nil:
	case errPartial:
		g.holds = copy(g.held[:], p[pass:n])
	case errLarge:
		g.whole, g.off, g.want = slices.Clone(p[pass:n]), 0, size
		if pass > 0 { // first what is whole already; whole must not be taken for it
			return pass, nil
		}
	default:
		return 0, g.misbehave(why)
	}
	return pass, nil
}

// misbehave ends a client that sends what it may not, and tells it why if it speaks MQTT 5.
func (g *guest) misbehave(err error) error {
	why, code := RefusedMalformed, packets.ErrMalformedPacket
	switch err {
	case errTooLarge:
		why, code = RefusedPacketSize, packets.ErrPacketTooLarge
	case errReserved:
		why, code = RefusedTopic, packets.ErrTopicNameInvalid
	case errCrowded:
		why, code = RefusedArriving, packets.ErrQuotaExceeded
	}
	g.refuse(why, err)
	if g.client != nil && g.client.Properties.ProtocolVersion >= 5 {
		_ = g.server.DisconnectClient(g.client, code) // says that it did
	}
	return err
}

var errCrowded = errors.New("too many large packets at once")

// packetWithin is how long a large packet may take to come.
const packetWithin = 2 * time.Minute

// gather reads want bytes into whole, and sets memory aside for them only as they come.
func (g *guest) gather() error {
	gate := g.socket.gate
	if g.client != nil && (g.deadline.IsZero() || time.Until(g.deadline) > packetWithin) {
		_ = g.Conn.SetReadDeadline(time.Now().Add(packetWithin))
	}
	for len(g.whole) < g.want {
		if len(g.whole) == cap(g.whole) {
			more := min(g.want-len(g.whole), max(bigPacket, len(g.whole)))
			if gate.arriving.Add(int64(more)) > gate.limits.ArrivingBytes {
				gate.arriving.Add(-int64(more))
				g.release()
				return g.misbehave(errCrowded)
			}
			g.charged.Add(int64(more))
			g.whole = slices.Grow(g.whole, more)
		}
		room := g.whole[len(g.whole):min(cap(g.whole), g.want)]
		n, err := g.pull(room)
		g.whole = g.whole[:len(g.whole)+n]
		g.charge(0, n)
		if err != nil && len(g.whole) < g.want {
			g.release()
			if g.client == nil {
				err = g.silent(err)
			}
			return err
		}
	}
	if g.want = 0; g.whole[0]>>4 == packets.Publish {
		g.charge(1, 0)
	}
	return nil
}

func (g *guest) release() {
	g.whole, g.off, g.want = nil, 0, 0
	if n := g.charged.Swap(0); n > 0 {
		g.socket.gate.arriving.Add(-n)
	}
}

func (g *guest) charge(messages, bytes int) {
	if g.messages.rate == 0 && g.bytes.rate == 0 {
		return
	}
	now := time.Now()
	g.wait = max(g.messages.take(float64(messages), now), g.bytes.take(float64(bytes), now))
}

// pull reads the connection when its client may go on.
func (g *guest) pull(p []byte) (int, error) {
	if g.wait > 0 {
		if err := g.holdBack(g.wait); err != nil {
			return 0, err
		}
	}
	return g.Conn.Read(p)
}

// holdBack waits, which counts neither for the client's keep-alive nor against it.
func (g *guest) holdBack(d time.Duration) error {
	if g.wait = 0; !g.deadline.IsZero() {
		_ = g.SetDeadline(g.deadline.Add(d))
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		g.socket.gate.refused.heldBack(d)
		return nil
	case <-g.closed:
		return net.ErrClosed
	}
}

// SetDeadline, which mochi calls before each packet, is for reading alone: writing waits for nobody.
func (g *guest) SetDeadline(t time.Time) error {
	g.deadline = t
	return g.Conn.SetReadDeadline(t)
}

// Close closes the connection.
func (g *guest) Close() error {
	g.once.Do(func() { close(g.closed) })
	err := g.Conn.Close()
	if n := g.charged.Swap(0); n > 0 {
		g.socket.gate.arriving.Add(-n)
	}
	return errors.Join(err, g.socket.Close())
}

// closeWrite ends what the client reads; what it writes is still read.
func (g *guest) closeWrite() {
	if c, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // a connection that is gone needs no goodbye
	}
	_ = g.socket.CloseWrite()
}
