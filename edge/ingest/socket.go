package ingest

import (
	"container/list"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// socket is a connection that its gate knows of. Write never waits for the other side: what the network does not take at once is
// kept, up to Limits.UnreadBytes, and written by a goroutine that lives as long as there is some. So a client that does not read
// holds up nobody, and mochi's lock on a client is never held for long.
type socket struct {
	net.Conn
	gate    *gate
	source  string        // the other side's address
	pending *list.Element // in gate.pending, under gate.mu; nil: logged in

	read    time.Time // when it was read last; of the reading goroutine, as drained
	drained bool      // there was less than asked for

	raw  syscall.RawConn // nil: not of the operating system
	once func(fd uintptr) bool

	mu       sync.Mutex
	unread   []byte // to be written
	spare    []byte // what unread was last time
	flushing bool
	parting  bool      // close for writing when all is written
	closeBy  time.Time // closed, when all is written or at that time
	try      []byte
	tried    int
	tryErr   error
	backlog  atomic.Int64 // bytes kept; counted in gate.unread too
}

// A client must take writePiece within writeWithin.
const (
	writePiece  = 16 << 10
	writeWithin = 30 * time.Second
)

// crowdedUnread is what one client may leave unread while all together leave much.
const crowdedUnread = 64 << 10

var errUnread = errors.New("the client does not read what it is sent")

func newSocket(c net.Conn, g *gate) *socket {
	s := &socket{Conn: c, gate: g, source: c.RemoteAddr().String()}
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			s.raw, s.once = raw, s.writeOnce
		}
	}
	return s
}

// A connection that sends all the time, and had nothing more when it was read last, is read again at the next readTick, as all such
// connections are: then reading a message costs no wake-up of its own.
const (
	readTick   = 4 * time.Millisecond
	busyWithin = 2 * readTick
)

func (s *socket) Read(b []byte) (int, error) {
	now := time.Now()
	if s.drained && now.Sub(s.read) < busyWithin {
		time.Sleep(readTick - time.Duration(now.UnixNano())%readTick)
	}
	n, err := s.Conn.Read(b)
	s.read, s.drained = now, n < len(b)
	return n, err
}

// Write takes all of b or fails.
func (s *socket) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	if !s.flushing && s.raw != nil {
		s.try, s.tried, s.tryErr = b, 0, nil
		err := s.raw.Write(s.once)
		s.try = nil
		if n = s.tried; n == len(b) {
			return n, nil
		}
		if err = errors.Join(err, s.tryErr); err != nil {
			return n, err
		}
	}
	backlog, all := s.backlog.Load()+int64(len(b)-n), s.gate.unread.Add(int64(len(b)-n))
	if l := s.gate.limits; backlog > int64(l.UnreadBytes) || backlog > crowdedUnread && all > 2*l.QueuedBytes {
		s.gate.unread.Add(-int64(len(b) - n))
		s.gate.refused.add(RefusedUnread, s.source, "")
		_ = s.Conn.Close() // the reader sees it, and ends
		return n, errUnread
	}
	s.unread = append(s.unread, b[n:]...)
	s.backlog.Add(int64(len(b) - n))
	if !s.flushing {
		s.flushing = true
		go s.flush()
	}
	return len(b), nil
}

// writeOnce writes what the network takes now.
func (s *socket) writeOnce(fd uintptr) bool {
	for s.tried < len(s.try) {
		n, err := syscall.Write(int(fd), s.try[s.tried:])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return true
		case err != nil:
			s.tryErr = err
			return true
		}
		s.tried += n
	}
	return true
}

func (s *socket) flush() {
	for {
		s.mu.Lock()
		b := s.unread
		if len(b) == 0 {
			s.flushing, s.spare, s.unread = false, nil, nil
			closing := !s.closeBy.IsZero()
			if s.parting {
				s.shutWrite()
			}
			s.mu.Unlock()
			if closing {
				_ = s.Close()
			}
			return
		}
		s.unread = s.spare[:0]
		s.mu.Unlock()
		for rest := b; len(rest) > 0; {
			piece := rest[:min(len(rest), writePiece)]
			s.writeBy(time.Now().Add(writeWithin))
			if _, err := s.Conn.Write(piece); err != nil {
				s.giveUp(len(rest))
				_ = s.Close()
				return
			}
			s.wrote(len(piece))
			rest = rest[len(piece):]
		}
		s.writeBy(time.Time{})
		s.spare = b // of this goroutine, while flushing
	}
}

// writeBy sets the deadline for writing, unless Close did.
func (s *socket) writeBy(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closeBy.IsZero() {
		_ = s.SetWriteDeadline(t)
	}
}

func (s *socket) wrote(n int) {
	s.backlog.Add(-int64(n))
	s.gate.unread.Add(-int64(n))
}

// giveUp forgets what is kept, rest of it in flush's hands, after the connection failed: the next Write fails too.
func (s *socket) giveUp(rest int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrote(rest + len(s.unread))
	s.flushing, s.spare, s.unread = false, nil, nil
}

// full reports whether messages for the client should rather be dropped than kept.
func (s *socket) full() bool {
	backlog := s.backlog.Load()
	if backlog == 0 {
		return false
	}
	l := s.gate.limits
	return backlog > int64(l.UnreadBytes/4) || backlog > crowdedUnread/4 && s.gate.unread.Load() > l.QueuedBytes
}

// SetDeadline can't go past the gate's end; nor can the other two.
func (s *socket) SetDeadline(t time.Time) error { return s.within(s.Conn.SetDeadline, t) }

// SetReadDeadline is SetDeadline for Read.
func (s *socket) SetReadDeadline(t time.Time) error { return s.within(s.Conn.SetReadDeadline, t) }

// SetWriteDeadline is SetDeadline for what is kept.
func (s *socket) SetWriteDeadline(t time.Time) error { return s.within(s.Conn.SetWriteDeadline, t) }

func (s *socket) within(set func(time.Time) error, t time.Time) error {
	if end := s.gate.end.Load(); end != nil && (t.IsZero() || t.After(*end)) {
		t = *end
	}
	return set(t)
}

// Close closes the connection, at once for reading. What is kept, such as the reason why it ends, may still be written for partWithin.
func (s *socket) Close() error {
	s.mu.Lock()
	if s.flushing {
		if s.closeBy.IsZero() {
			s.closeBy = time.Now().Add(partWithin)
			_ = s.SetReadDeadline(time.Now())
			_ = s.SetWriteDeadline(s.closeBy)
		}
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	s.gate.gone(s)
	return s.Conn.Close()
}

// CloseWrite ends what the client reads, after what is kept for it; what it writes is still read.
func (s *socket) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parting = true; !s.flushing {
		s.shutWrite()
	}
	return nil
}

func (s *socket) shutWrite() {
	if tcp, ok := s.Conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // a connection that is gone needs no goodbye
	}
}
