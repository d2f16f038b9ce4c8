package check

import (
	"context"
	"errors"
	"time"

	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go/jetstream"
)

// Offset is how far another clock is ahead of this one, give or take Within.
type Offset struct {
	Ahead, Within time.Duration
	At            time.Time
}

// Clock compares this machine's clock with the NATS server's: JetStream says when it answered, which was halfway of the round
// trip, give or take that half. The best of a few counts.
func Clock(ctx context.Context, js jetstream.JetStream) (best Offset, err error) {
	for range 3 {
		ctx, cancel := context.WithTimeout(ctx, answerWithin)
		start := time.Now()
		s, err := js.Stream(ctx, wire.StreamName)
		trip := time.Since(start)
		cancel()
		if err != nil {
			return best, err
		}
		there := s.CachedInfo().TimeStamp
		if there.IsZero() {
			return best, errors.New("this NATS server does not tell its time")
		}
		if o := (Offset{Ahead: there.Sub(start.Add(trip / 2)), Within: trip / 2, At: start}); best.At.IsZero() || o.Within < best.Within {
			best = o
		}
	}
	return best, nil
}
