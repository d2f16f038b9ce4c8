// Package uplink moves the outbox to JetStream: in order, in atomic batches, deleting only what JetStream has acknowledged.
//
// A batch sent again after a lost acknowledgement is harmless, since the core applies each (edge, epoch, seq) once; so the
// uplink keeps no state but its place in the outbox. While NATS is away it waits, with backoff.
package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/edge/crash"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
)

// Outbox is what the uplink empties; the edge's store is one.
type Outbox interface {
	// Outbox gives up to limit batches after an order, of at most maxBytes but at least one.
	Outbox(after uint64, limit, maxBytes int, f func(order uint64, partition uint32, data []byte)) error
	// Delivered deletes the batches from an order to another.
	Delivered(from, to uint64) error
}

// out is one batch on its way.
type out struct {
	order     uint64
	partition uint32
	data      []byte
}

// Bounds of one atomic publish: JetStream takes 1,000 messages and 10 s.
const (
	maxMessages = 500
	maxBytes    = 4 << 20
	ackTimeout  = 8 * time.Second
	maxBackoff  = 5 * time.Second
)

// Uplink publishes one edge's outbox.
type Uplink struct {
	edge   string
	conn   *nats.Conn
	outbox Outbox
	log    *slog.Logger
	wake   chan struct{}
	sent   func(batches, bytes int)
	next   uint64 // batches up to here are delivered
	tries  int
	failed atomic.Int64     // since when, Unix µs; 0: the last delivery went well
	lost   chan nats.Status // a connection that breaks says so here
	// ackWithin is how long an acknowledgement may take.
	ackWithin time.Duration
}

// New makes an uplink; sent is told of each delivery.
func New(edge string, conn *nats.Conn, outbox Outbox, log *slog.Logger, sent func(batches, bytes int)) *Uplink {
	return &Uplink{edge: edge, conn: conn, outbox: outbox, log: log, wake: make(chan struct{}, 1), sent: sent, ackWithin: ackTimeout,
		lost: conn.StatusChanged(nats.RECONNECTING)}
}

// Failing is for how long nothing could be delivered; 0 while the core is reached or nothing waits.
func (u *Uplink) Failing() time.Duration {
	if us := u.failed.Load(); us != 0 {
		return time.Since(time.UnixMicro(us))
	}
	return 0
}

// Wake says that the outbox has something new. It never blocks.
func (u *Uplink) Wake() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends. On its way out it tries once more, for at most a second, to empty the outbox.
func (u *Uplink) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		began := time.Now()
		n, err := u.deliver(ctx)
		if err == nil {
			u.tries = 0
			u.failed.Store(0)
		}
		switch {
		case err != nil && ctx.Err() == nil:
			u.failed.CompareAndSwap(0, began.UnixMicro())
			u.pause(ctx, err)
		case n == 0:
			select {
			case <-u.wake:
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// Drain empties the outbox, or gives up when ctx ends; what is left waits on disk for the next start.
func (u *Uplink) Drain(ctx context.Context) {
	for ctx.Err() == nil {
		if n, err := u.deliver(ctx); n == 0 || err != nil {
			return
		}
	}
}

func (u *Uplink) pause(ctx context.Context, err error) {
	u.tries++
	if u.tries == 1 || u.tries%20 == 0 {
		u.log.Warn("the core cannot be reached; batches wait in the outbox", "error", err, "tries", u.tries)
	}
	backoff := min(maxBackoff, 50*time.Millisecond<<min(u.tries, 10))
	select {
	case <-time.After(backoff/2 + rand.N(backoff/2)):
	case <-ctx.Done():
	}
}

// deliver sends one atomic batch and trims the outbox; it gives how many messages it had.
func (u *Uplink) deliver(ctx context.Context) (int, error) {
	var batches []out
	size := 0
	err := u.outbox.Outbox(u.next, maxMessages, maxBytes, func(order uint64, partition uint32, data []byte) {
		batches = append(batches, out{order, partition, data})
		size += len(data)
	})
	if err != nil || len(batches) == 0 {
		return 0, err
	}
	crash.Here("uplink.before-publish")
	if err := u.publish(ctx, batches); err != nil {
		return 0, err
	}
	crash.Here("uplink.before-trim")
	last := batches[len(batches)-1].order
	if err := u.outbox.Delivered(batches[0].order, last); err != nil {
		return 0, err
	}
	crash.Here("uplink.trimmed")
	u.next = last
	u.sent(len(batches), size)
	return len(batches), nil
}

// publish sends batches as one JetStream atomic publish (ADR-50 of nats-architecture-and-design): all or nothing, one fsync.
func (u *Uplink) publish(ctx context.Context, batches []out) error {
	id := fmt.Sprintf("%x-%x", batches[0].order, rand.Uint64())
	for i, o := range batches {
		m := nats.NewMsg(wire.Subject(u.edge, o.partition))
		m.Data = o.data
		if len(batches) > 1 {
			m.Header.Set("Nats-Batch-Id", id)
			m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		}
		if i < len(batches)-1 {
			if err := u.conn.PublishMsg(m); err != nil {
				return fmt.Errorf("publish to %s: %w", m.Subject, err)
			}
			crash.Here("uplink.in-publish")
			continue
		}
		if len(batches) > 1 {
			m.Header.Set("Nats-Batch-Commit", "1")
		}
		return u.request(ctx, m)
	}
	return nil
}

func (u *Uplink) request(ctx context.Context, m *nats.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, u.ackWithin)
	defer cancel()
	for len(u.lost) > 0 { // earlier breaks
		<-u.lost
	}
	go func() {
		select {
		case <-u.lost: // no answer comes any more
			cancel()
		case <-ctx.Done():
		}
	}()
	reply, err := u.conn.RequestMsgWithContext(ctx, m)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", m.Subject, err)
	}
	var ack struct {
		Error *struct {
			Code        int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
		Sequence uint64 `json:"seq"`
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return fmt.Errorf("publish to %s: unreadable acknowledgement: %w", m.Subject, err)
	}
	if ack.Error != nil {
		return fmt.Errorf("publish to %s: JetStream refused: %s (%d)", m.Subject, ack.Error.Description, ack.Error.Code)
	}
	if ack.Sequence == 0 {
		return errors.New("publish: acknowledged without a sequence; is the stream there?")
	}
	return nil
}
