package edge

import (
	"context"
	"sync/atomic"

	"github.com/hexpane/hexpane/edge/ingest"
	"golang.org/x/sync/semaphore"
)

// queue bounds the memory of messages that came and are not committed yet: their number is the channel's, their bytes are its own.
type queue struct {
	in    chan ingest.Message
	room  *semaphore.Weighted
	limit int64
	bytes atomic.Int64
}

// messageBytes is what a message takes beside its topic and payload.
const messageBytes = 128

func newQueue(messages int, limit int64) *queue {
	return &queue{in: make(chan ingest.Message, messages), room: semaphore.NewWeighted(limit), limit: limit}
}

// weight of a message; one that is larger than all there may be waits until nothing else is there.
func (q *queue) weight(m *ingest.Message) int64 {
	return min(q.limit, int64(len(m.Topic)+len(m.Payload)+messageBytes))
}

// put waits for room.
func (q *queue) put(ctx context.Context, m ingest.Message) error {
	n := q.weight(&m)
	if !q.room.TryAcquire(n) {
		if err := q.room.Acquire(ctx, n); err != nil {
			return err
		}
	}
	q.bytes.Add(n)
	select {
	case q.in <- m: // as nearly always; without the context it is cheap
		return nil
	default:
	}
	select {
	case q.in <- m:
		return nil
	case <-ctx.Done():
		q.free(n)
		return ctx.Err()
	}
}

// done gives the room of messages back.
func (q *queue) done(batch []ingest.Message) {
	var n int64
	for i := range batch {
		n += q.weight(&batch[i])
	}
	q.free(n)
}

func (q *queue) free(n int64) {
	q.bytes.Add(-n)
	q.room.Release(n)
}
