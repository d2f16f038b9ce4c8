package core

import (
	"testing"

	"github.com/hexpane/hexpane/protocol/wire"
)

// A new epoch of an edge starts over with its sequences; what comes late of an older one is skipped. However many epochs an edge has
// had, one mark of it is kept.
func TestEpochsOfAnEdge(t *testing.T) {
	r := newRig(t, planOf(t, fleetSQL))
	defer func() { r.close() }()
	for epoch := uint64(10); epoch < 30; epoch++ {
		for _, b := range []struct {
			epoch, seq uint64
			new        bool
		}{{epoch, 1, true}, {epoch, 2, true}, {epoch - 1, 3, false}, {epoch, 2, false}, {epoch, 3, true}} {
			r.turn(1e15, &wire.Batch{Edge: "e", Epoch: b.epoch, Seq: b.seq})
			if got := r.p.applied["e"]; b.new && got != (mark{b.epoch, b.seq}) || got.epoch != epoch {
				t.Fatalf("after batch %d of epoch %d the mark is %+v", b.seq, b.epoch, got)
			}
		}
		r.restart(1e15)
	}
	marks := 0
	check(t, r.core.store.Applied(0, func(edge string, epoch, seq uint64) {
		if marks++; edge != "e" || epoch != 29 || seq != 3 {
			t.Errorf("mark %s %d %d", edge, epoch, seq)
		}
	}))
	if marks != 1 {
		t.Errorf("%d marks after 20 epochs", marks)
	}
}
