package ingest

import (
	"context"
	"sync"
)

// queue does what is put in it, in order and as much at once as waits, from a goroutine that lives while there is anything. Put
// never blocks.
type queue[T any] struct {
	do func([]T) // the slice is used again afterwards

	mu      sync.Mutex
	waiting []T
	spare   []T
	idle    chan struct{} // closed when the goroutine ends; nil while there is none
}

// Put adds an item.
func (q *queue[T]) Put(item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, item)
	if q.idle == nil {
		q.idle = make(chan struct{})
		go q.drain()
	}
}

// Settle waits until nothing is left to do, or ctx ends.
func (q *queue[T]) Settle(ctx context.Context) {
	q.mu.Lock()
	idle := q.idle
	q.mu.Unlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

func (q *queue[T]) drain() {
	for {
		q.mu.Lock()
		batch := q.waiting
		q.waiting, q.spare = q.spare[:0], nil
		if len(batch) == 0 {
			close(q.idle)
			q.idle = nil
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		q.do(batch)
		if cap(batch) <= maxSpare {
			clear(batch)
			q.mu.Lock()
			q.spare = batch
			q.mu.Unlock()
		}
	}
}

// maxSpare bounds what an idle queue keeps for its next items.
const maxSpare = 1024
