package pattern

import (
	"bytes"

	"github.com/hexpane/hexpane/protocol/plan"
)

// maxTwins bounds how many threads of one state a new one is compared with.
const maxTwins = 64

// isTwin reports that among threads, which are more preferred, is one in the same state that remembers the same of what conditions may
// still read: they have one future, and the new one can be left out. Else (A|B)* with a COUNT(A.*) would be 2^n threads.
func (e *Engine) isTwin(threads []thread, t *thread, live uint64) bool {
	t.twin = -1
	if e.stamps[t.state] == e.stamp {
		t.twin = e.newest[t.state]
	}
	for i, n := t.twin, 0; i >= 0 && n < maxTwins; i, n = threads[i].twin, n+1 {
		if e.same(t, &threads[i], live) {
			return true
		}
	}
	e.stamps[t.state], e.newest[t.state] = e.stamp, len(threads)
	return false
}

func (e *Engine) same(t, u *thread, live uint64) bool {
	for i := range t.slots {
		if live>>i&1 == 1 && !e.sameSlot(&e.references[e.slotOf[i]], t, u, i) {
			return false
		}
	}
	return true
}

func (e *Engine) sameSlot(f *reference, t, u *thread, i int) bool {
	a, b := &t.slots[i], &u.slots[i]
	switch {
	case f.kind == plan.Reference_LAST && f.offset > 0 && t.last != u.last:
		return false // what is further back may differ
	case f.kind != plan.Reference_AGGREGATE:
		return a.v == b.v && a.n == b.n
	case a.state == b.state:
		return true
	case a.state == nil || b.state == nil || !f.small:
		return false
	}
	e.bytes[0], e.bytes[1] = a.state.Append(e.bytes[0][:0]), b.state.Append(e.bytes[1][:0])
	return bytes.Equal(e.bytes[0], e.bytes[1])
}
