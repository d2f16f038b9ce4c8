package uplink

import (
	"fmt"
	"sync"

	"github.com/hexpane/hexpane/protocol/wire"
)

// memory is an outbox that remembers what went through it.
type memory struct {
	mu      sync.Mutex
	waiting []out
	order   uint64
	last    map[uint32]int // by partition: the number of its last batch
	all     []string       // subject and data of each batch ever put in, in order
	reads   [][2]int       // limit and bytes of each read
}

func newMemory() *memory { return &memory{last: map[uint32]int{}} }

// add puts n batches in, over three partitions; each says its partition and number.
func (m *memory) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range n {
		m.order++
		p := uint32(m.order*7) % 3
		m.last[p]++
		data := fmt.Sprintf("%d/%d", p, m.last[p])
		m.waiting = append(m.waiting, out{m.order, p, []byte(data)})
		m.all = append(m.all, wire.Subject("edge", p)+" "+data)
	}
}

func (m *memory) Outbox(after uint64, limit, maxBytes int, f func(uint64, uint32, []byte)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads = append(m.reads, [2]int{limit, maxBytes})
	n, size := 0, 0
	for _, o := range m.waiting {
		if size += len(o.data); o.order > after && n < limit && (n == 0 || size <= maxBytes) {
			n++
			f(o.order, o.partition, o.data)
		}
	}
	return nil
}

func (m *memory) Delivered(from, to uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.waiting) == 0 || m.waiting[0].order != from {
		return fmt.Errorf("%d to %d delivered, but the first is another", from, to)
	}
	for len(m.waiting) > 0 && m.waiting[0].order <= to {
		m.waiting = m.waiting[1:]
	}
	return nil
}

func (m *memory) left() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiting)
}
