package state_test

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hexpane/hexpane/core/state"
)

// An effect leaves the core only when its turn is synced, though Pebble shows it to readers before; after a restart what is there
// is durable.
func TestEffectsWaitForTheirSync(t *testing.T) {
	var shut atomic.Bool
	begun, open := make(chan struct{}, 16), make(chan struct{})
	memory := vfs.NewMem()
	held := errorfs.Wrap(memory, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo; sync && shut.Load() && strings.HasSuffix(op.Path, ".log") {
			begun <- struct{}{}
			<-open
		}
		return nil
	}))
	s, err := state.OpenOn(held, "db", 0, slog.New(slog.DiscardHandler))
	must(t, err)
	given := func() (n int) {
		must(t, s.Effects(3, 0, 100, func(uint64, []byte) { n++ }))
		return n
	}
	commit := func(partition uint32, number uint64) error {
		tx := s.Begin()
		tx.Effect(partition, number, []byte("effect"))
		return tx.Commit()
	}
	must(t, commit(3, 1))
	must(t, commit(7, 4))
	shut.Store(true)
	done := make(chan error, 1)
	go func() { done <- commit(3, 2) }()
	<-begun
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		if n := given(); n != 1 {
			t.Errorf("%d effects are given while the second is not synced", n)
			break
		}
	}
	shut.Store(false)
	close(open)
	must(t, <-done)
	if n := given(); n != 2 {
		t.Errorf("%d effects after the commit", n)
	}
	must(t, s.Close())
	s, err = state.OpenOn(memory, "db", 0, slog.New(slog.DiscardHandler))
	must(t, err)
	if n := given(); n != 2 {
		t.Errorf("%d effects after a restart", n)
	}
	must(t, s.Close())
}
