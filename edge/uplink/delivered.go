package uplink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

// Delivered asks JetStream what came last of an edge: the newest epoch and, by partition, its last sequence. It looks at the stream
// before the core's bucket: the core writes there what it has applied before it purges that from the stream.
func Delivered(ctx context.Context, conn *nats.Conn, edge string) (*wire.Delivered, error) {
	d := &wire.Delivered{Last: map[uint32]uint64{}}
	note := func(epoch uint64, partition uint32, seq uint64) {
		if epoch > d.Epoch {
			d.Epoch, d.Last = epoch, map[uint32]uint64{}
		}
		if epoch == d.Epoch {
			d.Last[partition] = max(d.Last[partition], seq)
		}
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("JetStream: %w", err)
	}
	stream, err := js.Stream(ctx, wire.StreamName)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", wire.StreamName, err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(wire.EdgeSubjects(edge)))
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", wire.StreamName, err)
	}
	for subject := range info.State.Subjects {
		m, err := stream.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // purged just now
		}
		if err != nil {
			return nil, fmt.Errorf("last batch on %s: %w", subject, err)
		}
		if b, err := wire.Unpack(m.Data); err == nil && b.Edge == edge { // what is no batch is never applied
			note(b.Epoch, b.Partition, b.Seq)
		}
	}
	bucket, err := js.KeyValue(ctx, wire.EdgeBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return d, nil // a core that purges nothing without it has not been there
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", wire.EdgeBucket, err)
	}
	entry, err := bucket.Get(ctx, edge)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", wire.EdgeBucket, err)
	}
	var mark wire.Delivered
	if err := proto.Unmarshal(entry.Value(), &mark); err != nil {
		return nil, fmt.Errorf("bucket %s, key %s: %w", wire.EdgeBucket, edge, err)
	}
	note(mark.Epoch, 0, 0)
	for p, seq := range mark.Last {
		note(mark.Epoch, p, seq)
	}
	return d, nil
}

// AwaitDelivered asks until there is an answer, or ctx ends; waiting is told why it takes long, now and then.
func AwaitDelivered(ctx context.Context, conn *nats.Conn, edge string, waiting func(error)) (*wire.Delivered, error) {
	for tries := 0; ; tries++ {
		one, cancel := context.WithTimeout(ctx, askWithin)
		d, err := Delivered(one, conn, edge)
		cancel()
		if err == nil {
			return d, nil
		}
		if tries%100 == 10 {
			waiting(err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(time.Second, 20*time.Millisecond<<min(tries, 6))):
		}
	}
}

// askWithin bounds one question with all its parts.
const askWithin = 10 * time.Second
