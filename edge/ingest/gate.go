package ingest

import (
	"cmp"
	"container/list"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// gate knows all connections of a broker, by whichever listener they came. It bounds how many there are and how fast they come,
// gives each connectWithin to log in, and in the end bounds how long any may still read or write.
type gate struct {
	limits  *Limits
	refused *refusals
	most    int // connections at once

	end      atomic.Pointer[time.Time]
	arriving atomic.Int64 // bytes set aside for large packets that are still coming in

	unread atomic.Int64 // bytes kept for clients that don't read

	mu      sync.Mutex
	sockets map[*socket]struct{}
	pending *list.List // of sockets that did not log in yet, the oldest first
	total   bucket
	sources map[netip.Prefix]*bucket
}

const (
	connectWithin = 10 * time.Second
	acceptRetry   = 50 * time.Millisecond
	sourceBurst   = 10 // seconds' worth: a site's devices come back all at once
	maxSources    = 10_000
)

func newGate(l *Limits, r *refusals) *gate {
	most := int(l.Clients) + l.Pending
	if room := descriptorRoom(); room < most {
		most = room
	}
	return &gate{limits: l, refused: r, most: most, sockets: map[*socket]struct{}{}, pending: list.New(),
		total: newBucket(l.ConnectRate, l.ConnectRate, time.Now()), sources: map[netip.Prefix]*bucket{}}
}

// descriptorRoom is how many descriptors connections may take, so that the store and the uplink always find some.
func descriptorRoom() int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 1 << 20
	}
	most := int(min(r.Cur, 1<<20))
	return most - min(512, most/4)
}

// entrance is one listener of a gate. It outlives a failing Accept: no descriptors left.
type entrance struct {
	net.Listener
	gate *gate
}

// Accept gives the next connection, a *socket; it fails only when the listener is closed.
func (e *entrance) Accept() (net.Conn, error) {
	for {
		c, err := e.Listener.Accept()
		switch {
		case err == nil:
			s, wait := e.gate.let(c)
			if s == nil {
				_ = c.Close()
				continue
			}
			if wait > 0 {
				time.Sleep(min(wait, time.Second)) // others wait in the kernel's queue meanwhile
			}
			return s, nil
		case errors.Is(err, net.ErrClosed):
			return nil, err
		}
		e.gate.expelOldest()
		time.Sleep(acceptRetry)
	}
}

// let takes a connection in, or gives nil; wait says how long the next one has to.
func (g *gate) let(c net.Conn) (_ *socket, wait time.Duration) {
	now := time.Now()
	s := newSocket(c, g)
	g.mu.Lock()
	if !g.source(s.source, now).try(now) {
		g.mu.Unlock()
		g.refused.add(RefusedConnectRate, s.source, "")
		return nil, 0
	}
	var oldest *socket
	why := RefusedPending
	if len(g.sockets) >= g.most {
		why = RefusedConnections
	}
	if g.pending.Len() >= g.limits.Pending || len(g.sockets) >= g.most {
		if front := g.pending.Front(); front != nil {
			oldest = g.leavePending(front.Value.(*socket))
			delete(g.sockets, oldest)
		}
	}
	full := len(g.sockets) >= g.most
	if !full {
		wait = g.total.take(1, now)
		g.sockets[s] = struct{}{}
		s.pending = g.pending.PushBack(s)
	}
	g.mu.Unlock()
	if oldest != nil {
		g.refused.add(why, oldest.source, "")
		_ = oldest.Conn.Close()
	}
	if full {
		g.refused.add(RefusedConnections, s.source, "")
		return nil, 0
	}
	_ = s.SetDeadline(now.Add(g.logInWithin())) // a connection that is gone already shows so when it is read
	return s, wait
}

// source is the bucket of a source: an IPv4 address, or an IPv6 network of 64 bits.
func (g *gate) source(address string, now time.Time) *bucket {
	rate := g.limits.SourceConnectRate
	ap, err := netip.ParseAddrPort(address)
	if rate == 0 || err != nil {
		return &bucket{}
	}
	addr, bits := ap.Addr().Unmap(), 32
	if addr.Is6() {
		bits = 64
	}
	key, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return &bucket{}
	}
	b, known := g.sources[key]
	if !known {
		if len(g.sockets) == 0 || len(g.sources) >= maxSources {
			g.forgetSources(now)
		}
		fresh := newBucket(rate, rate*sourceBurst, now)
		b = &fresh
		g.sources[key] = b
	}
	return b
}

// forgetSources drops those that have all their tokens back; if that does not help, all.
func (g *gate) forgetSources(now time.Time) {
	for key, b := range g.sources {
		if b.fill(now); b.tokens >= b.burst {
			delete(g.sources, key)
		}
	}
	if len(g.sources) >= maxSources {
		clear(g.sources)
	}
}

// expelOldest closes the connection that waits longest for a log-in, so that its descriptor is free.
func (g *gate) expelOldest() {
	g.mu.Lock()
	var s *socket
	if front := g.pending.Front(); front != nil {
		s = g.leavePending(front.Value.(*socket))
		delete(g.sockets, s)
	}
	g.mu.Unlock()
	if s != nil {
		g.refused.add(RefusedConnections, s.source, "")
		_ = s.Conn.Close()
	}
}

func (g *gate) leavePending(s *socket) *socket {
	if s.pending != nil {
		g.pending.Remove(s.pending)
		s.pending = nil
	}
	return s
}

func (g *gate) logInWithin() time.Duration { return cmp.Or(g.limits.ConnectWithin, connectWithin) }

// admit: the socket's client logged in. Its time to do so no longer bounds what is written; reading has mochi's deadlines.
func (g *gate) admit(s *socket) {
	_ = s.SetWriteDeadline(time.Time{}) // one that is gone shows so when it is read
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leavePending(s)
}

func (g *gate) gone(s *socket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leavePending(s)
	delete(g.sockets, s)
}

// endAt makes every read and write fail from then on.
func (g *gate) endAt(t time.Time) {
	g.end.Store(&t)
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.sockets {
		_ = s.SetDeadline(t)
	}
}

// closeAll closes what is open.
func (g *gate) closeAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.sockets {
		_ = s.Conn.Close()
	}
}

// open is how many connections there are.
func (g *gate) open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.sockets)
}
