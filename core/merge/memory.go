package merge

import "sync/atomic"

// Memory bounds what one partition holds of state that is in the store too. What changed least lately leaves it first, and comes back
// by a read when something touches it. A nil Memory bounds nothing.
//
// Sizes are estimates: the bytes that a state has in the store, times what objects take more than bytes do.
type Memory struct {
	limit int64
	ring  Item // next changed last, prev longest ago

	bytes, items, evicted, reloaded atomic.Int64 // read by metrics
}

// Item is the place in a Memory of something that can leave it.
type Item struct {
	prev, next *Item
	bytes      int64
	holder     Holder
}

// Holder lets go of what it holds, which is in the store as it is.
type Holder interface{ LetGo() }

// NewMemory makes one for a number of bytes.
func NewMemory(limit int64) *Memory {
	m := &Memory{limit: limit}
	m.ring.prev, m.ring.next = &m.ring, &m.ring
	return m
}

// Hold says that something changed and takes so many bytes now.
func (m *Memory) Hold(i *Item, h Holder, bytes int64) {
	if m == nil {
		return
	}
	m.unlink(i)
	i.holder, i.bytes = h, bytes
	i.prev, i.next = &m.ring, m.ring.next
	i.prev.next, i.next.prev = i, i
	m.bytes.Add(bytes)
	m.items.Add(1)
}

// Drop says that something is held no longer.
func (m *Memory) Drop(i *Item) {
	if m != nil {
		m.unlink(i)
	}
}

func (m *Memory) unlink(i *Item) {
	if i.next == nil {
		return
	}
	i.prev.next, i.next.prev = i.next, i.prev
	i.prev, i.next = nil, nil
	m.bytes.Add(-i.bytes)
	m.items.Add(-1)
}

// Trim makes what changed least lately leave until the rest fits. Call it only when all that is held is committed as it is.
func (m *Memory) Trim() {
	if m == nil {
		return
	}
	for m.bytes.Load() > m.limit && m.ring.prev != &m.ring {
		i := m.ring.prev
		m.unlink(i)
		i.holder.LetGo()
		m.evicted.Add(1)
	}
}

// Back counts one that came back.
func (m *Memory) Back() {
	if m != nil {
		m.reloaded.Add(1)
	}
}

// Usage gives what is held and how often something left and came back; it may be called from anywhere.
func (m *Memory) Usage() (bytes, items, evicted, reloaded int64) {
	return m.bytes.Load(), m.items.Load(), m.evicted.Load(), m.reloaded.Load()
}

// cost is what a partial of so many states takes, that is stored in so many bytes. Measured: lists and percentiles take 12 times what is
// stored, counts and sums less than this, full registers of COUNT(DISTINCT) no more than their bytes, which only they have thousands of.
func cost(states, stored int) int64 {
	return int64(40*states + 8*min(stored, 4096) + max(stored-4096, 0))
}

// around is what a window, a session or a key's run takes beside its states: its map's entry, its names, itself.
const around = 200
