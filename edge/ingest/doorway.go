package ingest

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// doorway is one of the broker's listeners, in mochi's terms: by TCP or, with web set, WebSocket; with certificates, by TLS.
type doorway struct {
	id        string // tcp, tls, ws or wss
	in        *entrance
	certs     *certificates
	web       *web
	broker    *Broker
	establish listeners.EstablishFn
}

// ID is also the scheme of the address.
func (d *doorway) ID() string { return d.id }

// Address really bound.
func (d *doorway) Address() string { return d.in.Addr().String() }

// Protocol is ID.
func (d *doorway) Protocol() string { return d.id }

// Init is mochi's; there is nothing to do.
func (*doorway) Init(*slog.Logger) error { return nil }

// Serve takes connections until the listener is closed.
func (d *doorway) Serve(establish listeners.EstablishFn) {
	d.establish = establish
	var l net.Listener = d.in
	if d.certs != nil {
		l = tls.NewListener(l, d.certs.server())
	}
	if d.web != nil {
		d.web.receive = d.receive
		if err := d.web.server.Serve(l); err != http.ErrServerClosed {
			_ = l.Close() // as after the loop below
		}
		return
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go d.receive(func() (net.Conn, *socket, *tls.ConnectionState, error) {
			s, err := socketOf(c)
			return c, s, nil, err
		})
	}
}

// receive serves one connection to its end, whatever it sends: mochi's decoders panic on some packets.
func (d *doorway) receive(open func() (net.Conn, *socket, *tls.ConnectionState, error)) {
	conn, s, state, err := open()
	if err != nil {
		return
	}
	g := newGuest(conn, s, d.broker.server)
	defer g.Close()
	defer func() {
		if p := recover(); p != nil {
			d.broker.refused.add(RefusedMalformed, g.name(), fmt.Sprint(p))
			d.broker.log.Debug("a packet made the decoder panic", "panic", p, "stack", string(debug.Stack()))
			d.broker.forget(g)
		}
	}()
	if state != nil {
		g.certify(*state)
	}
	if g.await() == nil {
		_ = d.establish(d.id, g) // why a client went is counted where it is found
	}
}

// Close stops listening, then lets mochi disconnect this doorway's clients.
func (d *doorway) Close(disconnect listeners.CloseFn) {
	_ = d.in.Close()
	disconnect(d.id)
	if d.web != nil {
		_ = d.web.server.Close()
	}
}
