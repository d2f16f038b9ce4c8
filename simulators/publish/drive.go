package publish

import (
	"context"
	"errors"
	"time"
)

// Sender is a Publisher or a Fleet.
type Sender interface {
	Publish(context.Context, Message) error
	Run(context.Context) error
	Close()
	Counts() Counts
}

// Drive runs a sender for as long as feed publishes to it, then closes it and waits until all is acknowledged. When
// ctx ends, feed is to stop, and what is under way has grace to be acknowledged: an interruption is no error, messages
// left unacknowledged are. A failure of feed's own is returned once the rest is acknowledged.
func Drive(ctx context.Context, s Sender, grace time.Duration, feed func(context.Context) error) error {
	running, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	feeding, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, kill) })()
	done := make(chan error, 1)
	go func() {
		done <- s.Run(running)
		stop()
	}()
	fed := feed(feeding)
	s.Close()
	own := fed != nil && feeding.Err() == nil && !errors.Is(fed, errStopped) // no echo of ctx or of the sender
	if err := <-done; err != nil || !own {
		return err
	}
	return fed
}
