package uplink

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between an uplink and its server, and can lose what the server says.
type proxy struct {
	listener  net.Listener
	target    string
	deaf      atomic.Bool
	swallowed atomic.Int64

	mu    sync.Mutex
	conns []net.Conn
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target}
	go p.accept()
	t.Cleanup(func() { _ = l.Close(); p.cut() })
	return p
}

func (p *proxy) url() string { return fmt.Sprintf("nats://%s", p.listener.Addr()) }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
		go func() { _, _ = io.Copy(hearing{p, client}, server); _ = client.Close() }()
	}
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// hearing is the way back, which may be lost.
type hearing struct {
	p    *proxy
	conn net.Conn
}

func (h hearing) Write(b []byte) (int, error) {
	if h.p.deaf.Load() {
		h.p.swallowed.Add(int64(len(b)))
		return len(b), nil
	}
	return h.conn.Write(b)
}
