package live

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// client is one WebSocket connection. Its reader takes requests; its writer sends, at each tick, one message per encoding
// with all that changed.
type client struct {
	hub  *Hub
	conn *websocket.Conn
	tick chan struct{}
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	subs    map[string]*subscription
	queries map[string]*query
	box     Box
	binary  bool
	errors  []string
	current *[]byte // status sent last
}

type subscription struct {
	topic   *Topic
	version uint64
	seq     uint64
	fresh   bool // the snapshot has not gone out
}

// request is what a client says.
type request struct {
	Action   string    `json:"action"`
	Topics   []string  `json:"topics"`
	BBox     []float64 `json:"bbox"`
	Encoding string    `json:"encoding"`
	ID       string    `json:"id"`
	SQL      string    `json:"sql"`
}

// ServeHTTP upgrades to a WebSocket and serves it.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.cfg.Token != "" {
		token := r.URL.Query().Get("token")
		if token == "" {
			token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		}
		if subtle.ConstantTimeCompare([]byte(token), []byte(h.cfg.Token)) != 1 {
			http.Error(w, `{"error":{"message":"a token is wanted: /ws?token=…"}}`, http.StatusUnauthorized)
			return
		}
	}
	defer h.open.Add(-1)
	if h.open.Add(1) > int64(h.cfg.MaxClients) {
		http.Error(w, `{"error":{"message":"too many viewers (live.max_clients)"}}`, http.StatusServiceUnavailable)
		return
	}
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader answered
	}
	c := &client{hub: h, conn: conn, tick: make(chan struct{}, 1), done: make(chan struct{}), subs: map[string]*subscription{}, queries: map[string]*query{}, box: World}
	h.mu.Lock()
	h.clients[c] = struct{}{}
	h.mu.Unlock()
	go c.write()
	c.read()
	h.mu.Lock()
	delete(h.clients, c)
	h.mu.Unlock()
	c.close(websocket.CloseNormalClosure, "")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.queries {
		q.cancel()
	}
}

func (c *client) wake() {
	select {
	case c.tick <- struct{}{}:
	default:
		c.hub.shed.Inc()
	}
}

func (c *client) close(code int, reason string) {
	c.once.Do(func() {
		close(c.done)
		// Best effort: the connection may be gone.
		_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
		_ = c.conn.Close()
	})
}

// pongWait is how long a silent client is taken for alive; it is pinged before.
const pongWait = 60 * time.Second

func (c *client) read() {
	c.conn.SetReadLimit(c.hub.cfg.MaxMessage)
	alive := func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongWait)) }
	_ = alive("")
	c.conn.SetPongHandler(alive)
	for {
		kind, data, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		_ = alive("")
		if err := c.take(kind, data); err != nil {
			c.fail(err.Error())
		}
	}
}

// take does what one message asks, or says why not.
func (c *client) take(kind int, data []byte) error {
	if kind != websocket.TextMessage {
		return fmt.Errorf("binary messages are not understood; send JSON")
	}
	var q request
	if err := json.Unmarshal(data, &q); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return c.handle(&q)
}

func (c *client) fail(message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.errors) < 16 {
		c.errors = append(c.errors, message)
	}
}

func (c *client) handle(q *request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.BBox != nil {
		box, err := readBox(q.BBox)
		if err != nil {
			return err
		}
		c.box = box
		for _, s := range c.subs {
			s.version = 0 // all that lies in the new box, once more
		}
	}
	switch q.Action {
	case "subscribe":
		switch q.Encoding {
		case "", "json":
		case "binary":
			c.binary = true
		default:
			return fmt.Errorf("no encoding %q: \"json\" or \"binary\"", q.Encoding)
		}
		return c.subscribe(q.Topics)
	case "unsubscribe":
		for _, t := range q.Topics {
			delete(c.subs, t)
			if q := c.queries[strings.TrimPrefix(t, queryPrefix)]; q != nil && strings.HasPrefix(t, queryPrefix) {
				q.cancel()
				delete(c.queries, strings.TrimPrefix(t, queryPrefix))
			}
		}
	case "query":
		return c.ask(q.ID, q.SQL)
	case "viewport":
		if q.BBox == nil {
			return fmt.Errorf("viewport wants a bbox: [west, south, east, north]")
		}
	default:
		return fmt.Errorf("no action %q: subscribe, unsubscribe, viewport or query", q.Action)
	}
	return nil
}

func (c *client) subscribe(topics []string) error {
	if len(topics) == 0 {
		return fmt.Errorf("subscribe wants topics, such as \"positions:vehicles\"")
	}
	for _, name := range topics {
		if len(c.subs)+len(c.queries) >= c.hub.cfg.MaxTopics {
			return fmt.Errorf("too many topics: at most %d a client", c.hub.cfg.MaxTopics)
		}
		if !c.hub.known(name) {
			return fmt.Errorf("no topic %q; there are view:NAME, positions:STREAM, alerts:*, fences:*, status:*", name)
		}
		c.subs[name] = &subscription{topic: c.hub.Lookup(name), fresh: true}
	}
	return nil
}

func readBox(b []float64) (Box, error) {
	if len(b) != 4 || b[1] > b[3] || b[1] < -90 || b[3] > 90 || math.Abs(b[0]) > 540 || math.Abs(b[2]) > 540 {
		return Box{}, fmt.Errorf("bbox must be [west, south, east, north] in degrees")
	}
	if b[2]-b[0] >= 360 {
		return World, nil
	}
	return Box{wrap(b[0]), b[1], wrap(b[2]), b[3]}, nil
}

func wrap(lon float64) float64 {
	for lon > 180 {
		lon -= 360
	}
	for lon < -180 {
		lon += 360
	}
	return lon
}

func (c *client) write() {
	ping := time.NewTicker(pongWait / 3)
	defer ping.Stop()
	var enc encoder
	for {
		select {
		case <-c.done:
			return
		case <-ping.C:
			if c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.hub.cfg.WriteWait)) != nil {
				c.close(websocket.CloseGoingAway, "")
				return
			}
		case <-c.tick:
			if c.flush(&enc) != nil {
				c.close(websocket.CloseGoingAway, "")
				return
			}
		}
	}
}

// flush writes what the client lacks.
func (c *client) flush(enc *encoder) error {
	enc.reset()
	c.mu.Lock()
	for _, message := range c.errors {
		enc.error(message)
	}
	c.errors = nil
	for name, s := range c.subs {
		if s.topic == nil || name == StatusTopic {
			c.flushOther(enc, name, s)
			continue
		}
		if t := c.hub.Lookup(name); t != s.topic { // dropped or defined anew
			if s.topic = t; t == nil {
				continue
			}
			s.version, s.fresh = 0, true
		}
		var watermark int64
		var marked bool
		enc.rows, s.version, watermark, marked = s.topic.since(s.version, c.box, enc.rows[:0])
		if len(enc.rows) == 0 && !s.fresh {
			continue
		}
		s.seq++
		enc.rowsOf(s.topic, s.fresh, s.seq, watermark, marked, c.binary)
		s.fresh = false
	}
	c.flushQueries(enc)
	c.mu.Unlock()
	return c.send(enc)
}

// flushOther serves topics that are no tables of rows.
func (c *client) flushOther(enc *encoder, name string, s *subscription) {
	if name != StatusTopic {
		if s.fresh {
			s.seq++
			enc.empty(name, s.seq)
			s.fresh = false
		} else if t := c.hub.Lookup(name); t != nil {
			s.topic, s.version = t, 0 // all of it came after the snapshot
		}
		return
	}
	status := c.hub.status.Load()
	if status == nil || status == c.current && !s.fresh {
		return
	}
	c.current = status
	s.seq++
	enc.status(s.fresh, s.seq, *status)
	s.fresh = false
}

func (c *client) send(enc *encoder) error {
	write := func(kind int, data []byte) error {
		if err := c.conn.SetWriteDeadline(time.Now().Add(c.hub.cfg.WriteWait)); err != nil {
			return err
		}
		c.hub.frames.Inc()
		return c.conn.WriteMessage(kind, data)
	}
	for _, text := range enc.texts {
		if err := write(websocket.TextMessage, text); err != nil {
			return err
		}
	}
	if len(enc.binary) > 0 {
		if err := write(websocket.BinaryMessage, enc.binary); err != nil {
			return err
		}
	}
	if now := time.Now().UnixMicro(); enc.oldest > 0 {
		c.hub.stage.Observe(float64(now-enc.oldest) / 1e6)
	}
	return nil
}
