package ingest

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// gate is the broker's listener. It outlives a failing Accept (no file handles left), gives a connection connectWithin to say
// CONNECT, and in the end bounds how long any connection may still read or write.
type gate struct {
	net.Listener
	end   atomic.Pointer[time.Time]
	mu    sync.Mutex
	conns map[*gateConn]struct{}
}

const (
	connectWithin = 10 * time.Second
	acceptRetry   = 50 * time.Millisecond
)

func newGate(l net.Listener) *gate { return &gate{Listener: l, conns: map[*gateConn]struct{}{}} }

// Accept gives the next connection; it fails only when the listener is closed.
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		switch {
		case err == nil:
			return g.let(c), nil
		case errors.Is(err, net.ErrClosed):
			return nil, err
		}
		time.Sleep(acceptRetry)
	}
}

func (g *gate) let(c net.Conn) net.Conn {
	conn := &gateConn{Conn: c, gate: g}
	g.mu.Lock()
	g.conns[conn] = struct{}{}
	g.mu.Unlock()
	_ = conn.SetDeadline(time.Now().Add(connectWithin)) // a connection that is gone already shows so when it is read
	return conn
}

// endAt makes every read and write fail from then on.
func (g *gate) endAt(t time.Time) {
	g.end.Store(&t)
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		_ = c.SetDeadline(t)
	}
}

// open is how many connections there are.
func (g *gate) open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns)
}

// gateConn is a connection that its gate knows of.
type gateConn struct {
	net.Conn
	gate *gate

	read    time.Time // when it was read last; of the reading goroutine, as drained
	drained bool      // there was less than asked for
}

// A connection that sends all the time, and had nothing more when it was read last, is read again at the next readTick, as all such
// connections are: then reading a message costs no wake-up of its own.
const (
	readTick   = 4 * time.Millisecond
	busyWithin = 2 * readTick
)

func (c *gateConn) Read(b []byte) (int, error) {
	now := time.Now()
	if c.drained && now.Sub(c.read) < busyWithin {
		time.Sleep(readTick - time.Duration(now.UnixNano())%readTick)
	}
	n, err := c.Conn.Read(b)
	c.read, c.drained = now, n < len(b)
	return n, err
}

// SetDeadline, which mochi calls before each read, can't go past the gate's end.
func (c *gateConn) SetDeadline(t time.Time) error {
	err := c.Conn.SetDeadline(t)
	if end := c.gate.end.Load(); end != nil {
		err = c.Conn.SetDeadline(*end)
	}
	return err
}

// Close closes the connection.
func (c *gateConn) Close() error {
	c.gate.mu.Lock()
	delete(c.gate.conns, c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// closeWrite ends what the client reads; what it writes is still read.
func (c *gateConn) closeWrite() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // a connection that is gone needs no goodbye
	}
}
