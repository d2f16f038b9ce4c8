package publish

import (
	"bufio"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// paho writes and reads packet by packet, three system calls and more for each message and its PUBACK. A conn gathers
// what is written while the socket is busy and sends it in one piece; it never waits for more. So a QoS 0 message counts
// as sent once it is in the conn's buffer, and Close empties that first.
type conn struct {
	net.Conn
	in *bufio.Reader

	mu      sync.Mutex
	changed sync.Cond // pending, err or closed did
	pending []byte
	closed  bool
	err     error
	flushed chan struct{} // the flusher has ended
}

// Most that waits to be written, bytes, before writers wait as well.
const maxPending = 256 << 10

// useConn makes a paho client of plain TCP use conns; TLS and WebSocket are left to paho.
func useConn(o *mqtt.ClientOptions) {
	if s := o.Servers; len(s) != 1 || s[0].Scheme != "tcp" && s[0].Scheme != "mqtt" {
		return
	}
	host, timeout := o.Servers[0].Host, o.ConnectTimeout
	o.SetCustomOpenConnectionFn(openConn(host, timeout))
}

func newConn(c net.Conn) *conn {
	w := &conn{Conn: c, in: bufio.NewReaderSize(c, 8<<10), flushed: make(chan struct{})}
	w.changed.L = &w.mu
	go w.flush()
	return w
}

// Read through a buffer. After a failed write it says so, and not that the socket was closed: paho takes that for its
// own doing and would not report the loss.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.err != nil && !c.closed {
			return n, c.err
		}
	}
	return n, err
}

// Write into the buffer; it fails once the socket has.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.pending) > maxPending && c.err == nil && !c.closed {
		c.changed.Wait()
	}
	if c.err != nil {
		return 0, c.err
	}
	if c.closed {
		return 0, net.ErrClosed
	}
	c.pending = append(c.pending, b...)
	c.changed.Broadcast()
	return len(b), nil
}

// SetWriteDeadline is for the socket's own writes, which are bounded in any case.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// flush writes what is pending until closed.
func (c *conn) flush() {
	defer close(c.flushed)
	var spare []byte
	for {
		c.mu.Lock()
		for len(c.pending) == 0 && !c.closed && c.err == nil {
			c.changed.Wait()
		}
		if len(c.pending) == 0 || c.err != nil {
			c.mu.Unlock()
			return
		}
		out := c.pending
		c.pending = spare[:0]
		c.changed.Broadcast()
		c.mu.Unlock()
		err := c.Conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil {
			_, err = c.Conn.Write(out)
		}
		spare = out
		if err != nil {
			c.mu.Lock()
			c.err = err
			c.changed.Broadcast()
			c.mu.Unlock()
			_ = c.Conn.Close() // wakes the reader, which tells paho
			return
		}
	}
}

// Close sends what is pending, within a second, and closes the socket.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.changed.Broadcast()
	c.mu.Unlock()
	select {
	case <-c.flushed:
	case <-time.After(time.Second):
	}
	return c.Conn.Close()
}

func openConn(host string, timeout time.Duration) mqtt.OpenConnectionFunc {
	return func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
		c, err := net.DialTimeout("tcp", host, timeout)
		if err != nil {
			return nil, err
		}
		return newConn(c), nil
	}
}
