package ingest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// WebSocketConfig of MQTT over WebSocket, as browsers speak it.
type WebSocketConfig struct {
	Path    string
	Origins []string // pages that may connect: https://host[:port], or *; those of the address itself always may
}

// web serves MQTT over WebSocket at one path.
type web struct {
	cfg      WebSocketConfig
	refused  *refusals
	receive  func(func() (net.Conn, *socket, *tls.ConnectionState, error))
	upgrader websocket.Upgrader
	server   *http.Server
}

func newWeb(cfg WebSocketConfig, r *refusals) *web {
	w := &web{cfg: cfg, refused: r}
	w.upgrader = websocket.Upgrader{Subprotocols: []string{"mqtt", "mqttv3.1"}, CheckOrigin: w.mayCome, ReadBufferSize: 2048, WriteBufferSize: 2048}
	mux := http.NewServeMux()
	mux.HandleFunc(cfg.Path, w.handle)
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: connectWithin, ReadTimeout: connectWithin, WriteTimeout: connectWithin, MaxHeaderBytes: 8 << 10,
		ErrorLog: log.New(io.Discard, "", 0)}
	w.server.SetKeepAlivesEnabled(false)
	return w
}

// mayCome: a page may connect to where it came from, and where Origins lets it. What is no browser says no origin.
func (w *web) mayCome(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(w.cfg.Origins, "*") {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) || slices.ContainsFunc(w.cfg.Origins, func(o string) bool { return strings.EqualFold(o, origin) })
}

func (w *web) handle(rw http.ResponseWriter, r *http.Request) {
	if !slices.ContainsFunc(websocket.Subprotocols(r), func(p string) bool { return slices.Contains(w.upgrader.Subprotocols, p) }) {
		w.refused.add(RefusedMalformed, r.RemoteAddr, "a request without the WebSocket subprotocol mqtt")
		http.Error(rw, "this is MQTT over WebSocket: connect with the subprotocol mqtt", http.StatusBadRequest)
		return
	}
	if !w.mayCome(r) {
		w.refused.add(RefusedOrigin, r.RemoteAddr, r.Header.Get("Origin"))
	}
	w.receive(func() (net.Conn, *socket, *tls.ConnectionState, error) {
		c, err := w.upgrader.Upgrade(rw, r, nil)
		if err != nil {
			return nil, nil, nil, err
		}
		s, err := socketOf(c.NetConn())
		if err != nil {
			return nil, nil, nil, errors.Join(err, c.Close())
		}
		_ = s.SetDeadline(time.Now().Add(s.gate.logInWithin()))
		return &frameConn{Conn: c.NetConn(), ws: c}, s, r.TLS, nil
	})
}

func socketOf(c net.Conn) (*socket, error) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if s, ok := c.(*socket); ok {
		return s, nil
	}
	return nil, fmt.Errorf("a connection of type %T", c)
}

// frameConn reads and writes the bytes within binary WebSocket messages, wherever these begin and end.
type frameConn struct {
	net.Conn
	ws *websocket.Conn
	in io.Reader // the message begun; nil: none
}

var errNotBinary = errors.New("MQTT over WebSocket is binary")

// Read reads from the message begun, or else from the next.
func (c *frameConn) Read(p []byte) (int, error) {
	for {
		if c.in == nil {
			kind, r, err := c.ws.NextReader()
			if err != nil {
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, errNotBinary
			}
			c.in = r
		}
		n, err := c.in.Read(p)
		if errors.Is(err, io.EOF) {
			c.in, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write sends one message.
func (c *frameConn) Write(p []byte) (int, error) {
	if err := c.ws.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite says that no message follows.
func (c *frameConn) CloseWrite() error {
	return c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), time.Now().Add(time.Second))
}
