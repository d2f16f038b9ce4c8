package store_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/store"
)

// One turn of the line under load: 1,000 messages of 80 bytes, one fsync on a real disk.
func BenchmarkCommit1000(b *testing.B) {
	s := openDir(b)
	c := &store.Change{}
	for i := range 1000 {
		c.Messages = append(c.Messages, store.Message{ArrivalUs: 1_700_000_000_000_000 + int64(i), Topic: fmt.Sprintf("city/bus-%04d/position", i),
			Payload: bytes.Repeat([]byte{'x'}, 80)})
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n%50 == 0 { // as the line does: a cut drops the journal
			commit(b, s, &store.Change{Whole: true})
		}
		commit(b, s, c)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/message")
}

// What the uplink reads for one atomic publish: 500 batches of 2 KiB.
func BenchmarkOutboxRead(b *testing.B) {
	s := openDir(b)
	c := &store.Change{}
	for i := range 500 {
		c.Out = append(c.Out, store.Out{Partition: uint32(i % 8), Data: bytes.Repeat([]byte{byte(i)}, 2048)})
	}
	commit(b, s, c)
	b.ReportAllocs()
	b.SetBytes(500 * 2048)
	for b.Loop() {
		n := 0
		if err := s.Outbox(0, 500, 4<<20, func(uint64, uint32, []byte) { n++ }); err != nil || n != 500 {
			b.Fatal(n, err)
		}
	}
}

func openDir(b *testing.B) *store.Store {
	b.Helper()
	s, err := store.Open(b.TempDir(), store.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Committed: func(time.Duration) {}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closed(b, s) })
	return s
}
