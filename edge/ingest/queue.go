package ingest

import (
	"context"
	"sync"
)

// queue does what is put in it, in order, from a goroutine that lives while there is anything. Put never blocks.
type queue[T any] struct {
	do func(T)

	mu      sync.Mutex
	waiting []T
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
		q.waiting = nil
		if len(batch) == 0 {
			close(q.idle)
			q.idle = nil
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		for _, item := range batch {
			q.do(item)
		}
	}
}
