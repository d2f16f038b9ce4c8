package store_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hexpane/hexpane/edge/store"
)

// Pebble shows what a commit wrote to readers before it is synced. A batch sent then, and lost with the power, would leave its
// sequence to another: the core would take that one for a repetition. So the outbox gives only what is durable.
func TestTheOutboxGivesOnlyWhatIsSynced(t *testing.T) {
	gate := &syncGate{begun: make(chan struct{}), open: make(chan struct{})}
	s := openOn(t, errorfs.Wrap(vfs.NewMem(), gate))
	gate.shut()
	done := make(chan error, 1)
	go func() {
		c := &store.Change{Rows: true, Whole: true}
		c.Out = []store.Out{{Partition: 1, Data: []byte("x")}}
		c.Sequences = map[uint32]uint64{1: 1}
		done <- s.Commit(c)
	}()
	<-gate.begun
	given := func() (n int) {
		if err := s.Outbox(0, 10, 1<<20, func(uint64, uint32, []byte) { n++ }); err != nil {
			t.Error(err)
		}
		return n
	}
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if given() != 0 {
			t.Error("the outbox gives a batch whose commit is not synced yet")
			break
		}
	}
	close(gate.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := given(); n != 1 {
		t.Errorf("%d batches after the commit", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// syncGate holds the syncs of the write-ahead log once it is shut, until it is opened.
type syncGate struct {
	begun, open chan struct{}
	mu          sync.Mutex
	closed      bool
	once        sync.Once
}

func (g *syncGate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

func (g *syncGate) String() string { return "sync gate" }

func (g *syncGate) MaybeError(op errorfs.Op) error {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed && strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo) {
		g.once.Do(func() { close(g.begun) })
		<-g.open
	}
	return nil
}
