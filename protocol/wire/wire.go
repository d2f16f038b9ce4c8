// Package wire is what edges and core say to each other, and what the core says to browsers.
//
//	wire.proto    Batch: deltas, rows and watermarks of one partition
//	wire.go       subjects, compression, the names of the stream and the bucket
//	columns.go    rows ⇄ columns
//	frame.go      binary live frames
//
// The bytes are drawn at the functions that write them. The package keeps no state and opens no connection.
package wire

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"
)

// JetStream's names. Batches go to tele.<edge>.<partition>; the plan is one key of a bucket, what was applied of each edge is
// one key of another, and the contents of tables are objects of a third.
const (
	StreamName    = "HEXPANE_TELE"
	StreamSubject = "tele.>"
	PlanBucket    = "HEXPANE_PLAN"
	PlanKey       = "plan"
	EdgeBucket    = "HEXPANE_EDGES"  // Delivered, by edge id
	TableStore    = "HEXPANE_TABLES" // objects: contents of the plan's tables
)

// MaxBatchBytes bounds a batch when unpacked; MaxMessageBytes what an edge puts in one message (JetStream takes 1 MiB).
const (
	MaxBatchBytes   = 16 << 20
	MaxMessageBytes = 900 << 10
)

// ErrCorrupt says that a message is no batch.
var ErrCorrupt = errors.New("wire: corrupt batch")

// Subject an edge publishes a partition's batches to. Edge ids hold letters, digits, - and _ alone.
func Subject(edge string, partition uint32) string { return fmt.Sprintf("tele.%s.%d", edge, partition) }

// PartitionSubject is the filter for one partition's batches of all edges.
func PartitionSubject(partition uint32) string { return fmt.Sprintf("tele.*.%d", partition) }

// EdgeSubjects is the filter for all batches of an edge.
func EdgeSubjects(edge string) string { return "tele." + edge + ".>" }

// Partition of a group key's or row key's binary form.
func Partition(key []byte, partitions uint32) uint32 {
	if partitions <= 1 {
		return 0
	}
	return uint32(xxhash.Sum64(key) % uint64(partitions))
}

var (
	packer = sync.OnceValue(func() *zstd.Encoder {
		return must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10)))
	})
	unpacker = sync.OnceValue(func() *zstd.Decoder {
		return must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(MaxBatchBytes)))
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // fixed options: a failure is a bug
	}
	return v
}

// Pack writes a batch as a message: one byte, 0 plain or 1 zstd, then the protobuf.
func Pack(b *Batch) ([]byte, error) {
	plain, err := proto.MarshalOptions{}.MarshalAppend(make([]byte, 1, 512), b)
	if err != nil {
		return nil, fmt.Errorf("encode batch: %w", err)
	}
	if len(plain) < 200 {
		return plain, nil
	}
	return packer().EncodeAll(plain[1:], append(make([]byte, 0, len(plain)/2), 1)), nil
}

// Unpack reads a message into a batch.
func Unpack(message []byte) (*Batch, error) {
	if len(message) == 0 {
		return nil, ErrCorrupt
	}
	body := message[1:]
	switch message[0] {
	case 0:
	case 1:
		var err error
		if body, err = unpacker().DecodeAll(body, nil); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	default:
		return nil, fmt.Errorf("%w: packing %d is unknown", ErrCorrupt, message[0])
	}
	b := new(Batch)
	if err := proto.Unmarshal(body, b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return b, nil
}
