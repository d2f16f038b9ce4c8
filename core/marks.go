package core

import (
	"context"
	"fmt"

	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

// marks tells edges what was applied of them, in a bucket: batches themselves are purged from the stream soon after, and an edge
// whose store was put back from a backup must learn of them, or its new batches would be taken for old ones.
type marks struct {
	bucket jetstream.KeyValue
	told   map[string]string // by edge, as encoded
}

// openMarks makes the bucket.
func openMarks(ctx context.Context, js jetstream.JetStream) (*marks, error) {
	bucket, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: wire.EdgeBucket})
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", wire.EdgeBucket, err)
	}
	return &marks{bucket: bucket, told: map[string]string{}}, nil
}

// tell writes the marks that moved since the last time.
func (m *marks) tell(ctx context.Context, c *Core) error {
	all := map[string]*wire.Delivered{}
	for _, p := range c.partitions {
		if err := c.store.Applied(p.id, func(edge string, epoch, seq uint64) {
			d := all[edge]
			if d == nil || d.Epoch < epoch {
				d = &wire.Delivered{Epoch: epoch, Last: map[uint32]uint64{}}
				all[edge] = d
			}
			if d.Epoch == epoch {
				d.Last[p.id] = seq
			}
		}); err != nil {
			return err
		}
	}
	for edge, d := range all {
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(d)
		if err != nil {
			return fmt.Errorf("mark of edge %s: %w", edge, err)
		}
		if m.told[edge] == string(data) {
			continue
		}
		if _, err := m.bucket.Put(ctx, edge, data); err != nil {
			return fmt.Errorf("mark of edge %s: %w", edge, err)
		}
		m.told[edge] = string(data)
	}
	return nil
}
