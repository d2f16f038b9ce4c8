package edge

import (
	"context"
	"fmt"
	"time"

	"github.com/hexpane/hexpane/edge/check"
	"github.com/nats-io/nats.go/jetstream"
)

// How often the clocks are compared: soon after a failure, seldom after that went well.
const (
	clockEvery = time.Minute
	clockRetry = 5 * time.Second
)

// watchClock compares this clock with the NATS server's until ctx ends. Without NATS the last offset stands.
func (e *Edge) watchClock(ctx context.Context) error {
	js, err := jetstream.New(e.conn)
	if err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	for ctx.Err() == nil {
		pause := clockRetry
		if offset, err := check.Clock(ctx, js); err == nil {
			e.clock.Store(&offset)
			e.m.clockOffset.Set(offset.Ahead.Seconds())
			pause = clockEvery
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}
