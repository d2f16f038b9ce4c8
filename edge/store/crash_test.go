package store_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/edge/store/trap"
	"pgregory.net/rapid"
)

// Any history of commits, cuts, deliveries and crashes: what was committed is there, exactly once and in order, and a crash
// in the middle of a commit leaves all of it or none.
func TestHistoriesSurviveCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		defer h.close()
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.IntRange(0, 10).Draw(t, "step") {
			case 0, 1, 2, 3:
				h.commit(t, h.draw(t))
			case 4, 5:
				h.deliver(t)
			case 6:
				h.crash(t)
			case 7, 8:
				h.crashInCommit(t, h.draw(t))
			case 9:
				h.reopen(t)
			case 10:
				if rapid.Bool().Draw(t, "crash") {
					h.crashInCommit(t, h.verdict(t))
				} else {
					h.commit(t, h.verdict(t))
				}
			}
			h.check(t, h.truth)
		}
		h.crash(t)
		h.check(t, h.truth)
	})
}

// history is a store on a file system that can crash, beside the truth about it.
type history struct {
	fs        *vfs.MemFS
	trap      *trap.Trap
	store     *store.Store
	truth     truth
	unsaved   []int // the sizes of deliveries since the last synced commit: a crash may bring their batches back
	after     uint64
	serial    int
	unsettled bool // what was inherited is not settled
}

func newHistory(t *rapid.T) *history {
	h := &history{fs: vfs.NewCrashableMem(), truth: newTruth()}
	h.open(t)
	h.truth.epoch = h.store.Epoch()
	return h
}

func (h *history) open(t *rapid.T) {
	h.trap = trap.New(h.fs)
	h.store = openOn(t, h.trap.FS())
	h.after, h.unsettled = 0, true
}

func (h *history) close() { _ = h.store.Close() }

// draw makes a change that a turn of the line could make.
func (h *history) draw(t *rapid.T) *store.Change {
	c := &store.Change{}
	for range rapid.IntRange(0, 3).Draw(t, "messages") {
		h.serial++
		c.Messages = append(c.Messages, store.Message{ArrivalUs: int64(h.serial), Topic: fmt.Sprintf("t/%d", h.serial%3),
			Payload: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "payload")})
	}
	switch rapid.IntRange(0, 3).Draw(t, "cut") {
	case 0:
		c.Rows = true
	case 1:
		c.Rows, c.Whole = true, true
		c.Watermarks = map[uint32]int64{uint32(h.serial % 2): int64(h.serial) - 5}
		c.Marks = []store.Marks{{Stream: uint32(h.serial % 2), Bucket: int64(h.serial%7-3) * 100, Hashes: []uint64{uint64(h.serial)}}}
		if rapid.Bool().Draw(t, "forget") {
			c.Forget = map[uint32]int64{0: int64(h.serial%5-3) * 100}
		}
	default:
		return c
	}
	for range rapid.IntRange(0, 4).Draw(t, "batches") {
		p := rapid.Uint32Range(0, 2).Draw(t, "partition")
		seq := h.store.NextSequence(p, c)
		if want := h.truth.sequences[p] + 1 + countOf(c.Out, p); seq != want {
			t.Fatalf("partition %d: sequence %d, want %d", p, seq, want)
		}
		c.Out = append(c.Out, store.Out{Partition: p, Data: fmt.Appendf(nil, "%d/%d", p, seq)})
	}
	return c
}

// verdict makes the change that settles what was inherited: it is the store's own, or all of it an old copy's.
func (h *history) verdict(t *rapid.T) *store.Change {
	if !h.unsettled {
		return &store.Change{}
	}
	epoch := h.store.Epoch()
	old := rapid.Bool().Draw(t, "old copy")
	if old {
		epoch += 1 << 40
	}
	v := h.store.Judge(epoch, h.store.Sequences())
	if (v.Drop == v.Layers) != old || !old && v.Drop > 0 {
		t.Fatalf("of %d layers %d are dropped; an old copy: %v", v.Layers, v.Drop, old)
	}
	return &store.Change{Settle: &v}
}

func (h *history) commit(t *rapid.T, c *store.Change) {
	if err := h.store.Commit(c); err != nil {
		t.Fatal(err)
	}
	h.truth.apply(c)
	h.synced(c)
}

// synced: a commit takes earlier deliveries to disk with it, unless it is of nothing.
func (h *history) synced(c *store.Change) {
	if len(c.Messages) > 0 || c.Rows || c.Settle != nil {
		h.unsaved = nil
	}
	if c.Settle != nil {
		h.unsettled = false
	}
}

// deliver reads the outbox's head on from where it was read last, as the uplink does, and trims some of it.
func (h *history) deliver(t *rapid.T) {
	var orders []uint64
	var sizes int
	limit := rapid.IntRange(1, 3).Draw(t, "limit")
	err := h.store.Outbox(h.after, limit, 1<<20, func(order uint64, _ uint32, data []byte) {
		orders = append(orders, order)
		sizes += len(data)
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := min(limit, len(h.truth.outbox)); len(orders) != want {
		t.Fatalf("the outbox gave %d of %d batches", len(orders), want)
	}
	if len(orders) == 0 {
		return
	}
	if err := h.store.Delivered(orders[0], orders[len(orders)-1]); err != nil {
		t.Fatal(err)
	}
	h.after = orders[len(orders)-1]
	h.truth.gone = append(h.truth.gone, h.truth.outbox[:len(orders)]...)
	h.truth.outbox = slices.Clone(h.truth.outbox[len(orders):])
	h.unsaved = append(h.unsaved, len(orders))
}

func (h *history) reopen(t *rapid.T) {
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	h.open(t)
	h.settle(t)
}

func (h *history) crash(t *rapid.T) {
	after := h.fs.CrashClone(crashConfig(t))
	h.close()
	h.fs = after
	h.open(t)
	h.settle(t)
}

// crashInCommit has the machine die at some file operation of a commit, or just after it.
func (h *history) crashInCommit(t *rapid.T, c *store.Change) {
	h.trap.Arm(crashConfig(t), rapid.IntRange(0, 4).Draw(t, "operation"))
	if err := h.store.Commit(c); err != nil {
		t.Fatal(err)
	}
	after, inTime := h.trap.Spring()
	if !inTime {
		h.truth.apply(c)
		h.synced(c)
	}
	h.close()
	h.fs = after
	h.open(t)
	if inTime && (len(c.Messages) > 0 || c.Rows || c.Settle != nil) {
		done := h.truth.clone()
		done.apply(c)
		if h.differs(done) == "" {
			h.truth, h.unsaved = done, nil
			h.truth.opened()
			return
		}
	}
	h.settle(t)
}

// settle lets the truth take back deliveries that were not on disk, the last ones first.
func (h *history) settle(t *rapid.T) {
	for h.differs(h.truth) != "" && len(h.unsaved) > 0 {
		n := h.unsaved[len(h.unsaved)-1]
		h.unsaved = h.unsaved[:len(h.unsaved)-1]
		back := h.truth.gone[len(h.truth.gone)-n:]
		h.truth.outbox = append(slices.Clone(back), h.truth.outbox...)
		h.truth.gone = h.truth.gone[:len(h.truth.gone)-n]
	}
	h.unsaved = nil // what is there after a restart is on disk
	h.check(t, h.truth)
	h.truth.opened()
}

func (h *history) check(t *rapid.T, want truth) {
	if why := h.differs(want); why != "" {
		t.Fatal(why)
	}
}

func crashConfig(t *rapid.T) vfs.CrashCloneCfg {
	return vfs.CrashCloneCfg{UnsyncedDataPercent: rapid.SampledFrom([]int{0, 0, 30, 100}).Draw(t, "unsynced"),
		RNG: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}
}

func countOf(out []store.Out, p uint32) (n uint64) {
	for _, o := range out {
		if o.Partition == p {
			n++
		}
	}
	return n
}

func (h *history) differs(want truth) string {
	got, err := readTruth(h.store)
	if err != nil {
		return err.Error()
	}
	switch {
	case h.store.Epoch() != want.epoch:
		return fmt.Sprintf("epoch %d, want %d", h.store.Epoch(), want.epoch)
	case !slices.EqualFunc(got.journal, want.journal, sameEntry):
		return fmt.Sprintf("journal: %v, want %v", got.journal, want.journal)
	case !slices.EqualFunc(got.outbox, want.outbox, func(a, b out) bool {
		return a.order == b.order && a.partition == b.partition && bytes.Equal(a.data, b.data)
	}):
		return fmt.Sprintf("outbox: %v, want %v", got.outbox, want.outbox)
	case fmt.Sprint(got.watermarks) != fmt.Sprint(want.watermarks):
		return fmt.Sprintf("watermarks: %v, want %v", got.watermarks, want.watermarks)
	case fmt.Sprint(got.marks) != fmt.Sprint(want.marks):
		return fmt.Sprintf("marks: %v, want %v", got.marks, want.marks)
	}
	return ""
}
