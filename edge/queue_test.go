package edge

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/hexpane/hexpane/edge/ingest"
)

// What waits takes no more memory than it may, whatever the messages' sizes, and who waits for room gives up with its context.
func TestTheQueueIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 10_000
		q := newQueue(100, limit)
		big := ingest.Message{Topic: "t", Payload: bytes.Repeat([]byte{'x'}, 4000)}
		for range 2 {
			if err := q.put(t.Context(), big); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		refused := make(chan error)
		go func() { refused <- q.put(ctx, big) }()
		synctest.Wait()
		cancel()
		if err := <-refused; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		taken := make(chan error, 1)
		huge := ingest.Message{Topic: "t", Payload: make([]byte, 3*limit)}
		go func() { taken <- q.put(t.Context(), huge) }() // waits until it is alone
		synctest.Wait()
		if n := q.bytes.Load(); n > limit || len(q.in) != 2 {
			t.Fatalf("%d bytes, %d messages", n, len(q.in))
		}
		q.done([]ingest.Message{<-q.in, <-q.in})
		if err := <-taken; err != nil {
			t.Fatal(err)
		}
		q.done([]ingest.Message{<-q.in})
		if n := q.bytes.Load(); n != 0 {
			t.Fatalf("%d bytes of nothing", n)
		}
	})
}
