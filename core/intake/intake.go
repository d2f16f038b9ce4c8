// Package intake reads one partition's batches from JetStream, in stream order, from where the partition's state stands. The
// position is the caller's: nothing is acknowledged to JetStream.
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is one batch and its place in the stream. A message that is no batch has a nil Batch and the error.
type Message struct {
	Sequence uint64
	Bytes    int
	Batch    *wire.Batch
	Err      error
}

// Run reads from after a sequence and hands on, until ctx ends. It starts over by itself when JetStream goes away.
func Run(ctx context.Context, stream jetstream.Stream, partition uint32, after uint64, log *slog.Logger, out chan<- Message) error {
	for ctx.Err() == nil {
		next, err := read(ctx, stream, partition, after, out)
		after = next
		if ctx.Err() != nil {
			return nil
		}
		log.Warn("batches stopped coming; reading again", "partition", partition, "after", after, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func read(ctx context.Context, stream jetstream.Stream, partition uint32, after uint64, out chan<- Message) (uint64, error) {
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{wire.PartitionSubject(partition)},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
	})
	if err != nil {
		return after, fmt.Errorf("consume partition %d: %w", partition, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1000))
	if err != nil {
		return after, fmt.Errorf("consume partition %d: %w", partition, err)
	}
	stop := context.AfterFunc(ctx, messages.Stop)
	defer func() {
		stop()
		messages.Stop()
	}()
	for {
		m, err := messages.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return after, err
		}
		if err != nil {
			return after, fmt.Errorf("consume partition %d: %w", partition, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return after, fmt.Errorf("consume partition %d: %w", partition, err)
		}
		batch, err := wire.Unpack(m.Data())
		select {
		case out <- Message{Sequence: meta.Sequence.Stream, Bytes: len(m.Data()), Batch: batch, Err: err}:
			after = meta.Sequence.Stream
		case <-ctx.Done():
			return after, nil
		}
	}
}
