package peers

import (
	"fmt"
	"net"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Hub is the core's NATS server with JetStream on disk, on one port and disk over stops and starts.
type Hub struct {
	dir    string
	port   int
	server *server.Server
}

// StartHub starts a NATS server on a free loopback port.
func StartHub(t testing.TB) *Hub {
	t.Helper()
	h := &Hub{dir: t.TempDir(), port: server.RANDOM_PORT}
	h.Start(t)
	h.port = h.server.Addr().(*net.TCPAddr).Port
	t.Cleanup(h.Stop)
	return h
}

// Start it again after Stop.
func (h *Hub) Start(t testing.TB) {
	t.Helper()
	s, err := server.NewServer(&server.Options{ServerName: "hub", Host: "127.0.0.1", Port: h.port, JetStream: true, StoreDir: h.dir, SyncAlways: true,
		NoSigs: true, NoLog: true, MaxPayload: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(Patience) {
		t.Fatal("the NATS server is not ready")
	}
	h.server = s
}

// Stop ends it, and waits for that.
func (h *Hub) Stop() {
	h.server.Shutdown()
	h.server.WaitForShutdown()
}

// URL to dial.
func (h *Hub) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", h.port) }
