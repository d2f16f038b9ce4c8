package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// HTTPConfig of NewHTTP.
type HTTPConfig struct {
	Tokens       map[string]string // source id, or the beginning of one and *, → its token; empty: anyone may post
	MaxBodyBytes int64             // of one request, inflated
	// Observed is told the status of each answer. Required.
	Observed func(status int)
}

// Post is a request to take readings in.
type Post struct {
	Source string
	// Bound says that the sender may speak for Source alone.
	Bound bool
	// Stream or Topic say where the readings belong; with neither, Source does.
	Stream, Topic string
	// Points are JSON values, one for each reading; or else Body is a payload as MQTT would carry it.
	Points []json.RawMessage
	Body   []byte
}

// Sorted is a post made into messages that the line will read as they are meant.
type Sorted struct {
	Messages []Message // without Done
	Readings int
}

// Refusal says why nothing of a post is taken.
type Refusal struct {
	Status  int
	Message string
	Reason  string // the decoder's, if it was that
	Point   int    // index of the data point; -1: none in particular
}

// Clerk looks through a post before any of it is taken. It is called from many goroutines.
type Clerk interface {
	Sort(p *Post) (*Sorted, *Refusal)
	// Closed says why nothing can be taken in at the moment, or "".
	Closed() string
}

// HTTP takes readings by POST, and answers 200 when they are durable.
type HTTP struct {
	cfg    HTTPConfig
	clerk  Clerk
	sink   Sink
	tokens tokens
	ctx    context.Context
	cancel context.CancelFunc
	busy   sync.RWMutex // read-held while messages are handed on
	posts  atomic.Int64 // under way
	bytes  atomic.Int64 // of their bodies
	within time.Duration
}

// Bounds of what waits at once, and of how long: a body may come slowly, the commit not.
const (
	maxPosts     = 1024
	maxPostBytes = 64 << 20
	bodyWithin   = 30 * time.Second
	ackedWithin  = 10 * time.Second
	retryAfter   = 2 // seconds
)

// NewHTTP makes the handler of POST /api/v1/ingest.
func NewHTTP(cfg HTTPConfig, clerk Clerk, sink Sink) *HTTP {
	h := &HTTP{cfg: cfg, clerk: clerk, sink: sink, tokens: newTokens(cfg.Tokens), within: ackedWithin}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Quiesce hands no more messages on; those handed on before can still be acknowledged.
func (h *HTTP) Quiesce() {
	h.cancel()
	h.busy.Lock() // until those under way are through
	defer h.busy.Unlock()
}

// Knows reports whether a token is one of those configured, whatever source it is of, or none is.
func (h *HTTP) Knows(token string) bool { return h.tokens.any(token) }

// ServeHTTP answers one post.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sorted, refusal := h.take(w, r)
	if refusal != nil {
		h.cfg.Observed(refusal.Status)
		h.refuse(w, refusal)
		return
	}
	h.cfg.Observed(http.StatusOK)
	writeJSON(w, http.StatusOK, map[string]int{"accepted": sorted.Readings})
}

func (h *HTTP) take(w http.ResponseWriter, r *http.Request) (*Sorted, *Refusal) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, refusal(http.StatusMethodNotAllowed, "readings are posted: POST "+r.URL.Path)
	}
	if http.NewCrossOriginProtection().Check(r) != nil {
		return nil, refusal(http.StatusForbidden, "a page of another origin may not do this")
	}
	if h.posts.Add(1) > maxPosts {
		h.posts.Add(-1)
		return nil, refusal(http.StatusTooManyRequests, "too many posts at once")
	}
	defer h.posts.Add(-1)
	bearer, hasBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if hasBearer && !h.tokens.any(bearer) { // before its body costs anything
		return nil, unauthorized()
	}
	if why := h.clerk.Closed(); why != "" {
		return nil, refusal(http.StatusServiceUnavailable, why)
	}
	var held int64
	defer func() { h.bytes.Add(-held) }()
	body, no := h.body(w, r, &held)
	if no != nil {
		return nil, no
	}
	p, token, no := readPost(r, body)
	if no != nil {
		return nil, no
	}
	if hasBearer {
		token = bearer
	}
	var ok bool
	if ok, p.Bound = h.tokens.may(token, p.Source); !ok {
		return nil, unauthorized()
	}
	sorted, no := h.clerk.Sort(p)
	if no != nil {
		return nil, no
	}
	return sorted, h.submit(r.Context(), sorted.Messages)
}

// receipt waits for all messages of a post to be durable.
type receipt struct {
	left atomic.Int64
	done chan struct{}
}

func (r *receipt) Acknowledge(uint16, byte) {
	if r.left.Add(-1) == 0 {
		close(r.done)
	}
}

// submit hands messages on and waits until they are durable.
func (h *HTTP) submit(ctx context.Context, messages []Message) *Refusal {
	ctx, cancel := context.WithTimeout(ctx, h.within)
	defer cancel()
	paper := &receipt{done: make(chan struct{})}
	paper.left.Store(int64(len(messages)))
	if len(messages) == 0 {
		return nil
	}
	if err := h.handOn(ctx, messages, paper); err != nil {
		switch {
		case h.ctx.Err() != nil:
			return refusal(http.StatusServiceUnavailable, "the edge is stopping; post again")
		case errors.Is(err, ErrFull):
			return refusal(http.StatusServiceUnavailable, err.Error())
		}
		return refusal(http.StatusServiceUnavailable, "the edge is overloaded; post again: what was taken already counts once")
	}
	select {
	case <-paper.done:
		return nil
	case <-ctx.Done():
		return refusal(http.StatusServiceUnavailable, "not on disk in time; post again: what was taken already counts once")
	}
}

func (h *HTTP) handOn(ctx context.Context, messages []Message, done Acknowledger) error {
	h.busy.RLock()
	defer h.busy.RUnlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	for _, m := range messages {
		if err := h.ctx.Err(); err != nil {
			return err
		}
		m.Done, m.QoS = done, 1
		if err := h.sink.Submit(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func refusal(status int, message string) *Refusal {
	return &Refusal{Status: status, Message: message, Point: -1}
}

func unauthorized() *Refusal {
	return refusal(http.StatusUnauthorized, `a token for this source_id is wanted: "authentication_token" in the body, or Authorization: Bearer …`)
}

// refuse writes an error in the API's one shape.
func (h *HTTP) refuse(w http.ResponseWriter, r *Refusal) {
	type problem struct {
		Message string `json:"message"`
		Reason  string `json:"reason,omitempty"`
		Point   *int   `json:"point,omitempty"`
	}
	p := problem{Message: r.Message, Reason: r.Reason}
	if r.Point >= 0 {
		p.Point = &r.Point
	}
	switch r.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeJSON(w, r.Status, map[string]problem{"error": p})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
