package index

import (
	"slices"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/hexpane/hexpane/geo/polygon"
)

// table maps cells to blocks. It is made of small hash tables, shards, so that an edit copies few of them.
type table struct {
	shards *[1 << shardBits]shard
}

const shardBits = 11

// shard is a hash table with open addressing. Its length is a power of two, and at most three quarters are in use. The blocks lie one behind the other
// in one stretch of memory: to the garbage collector a shard is two things, whatever it holds.
type shard struct {
	slots  []slot
	used   int
	points []polygon.Point
}

type slot struct {
	cell     uint64 // 0: free
	from, to uint32 // its block
}

func hash(c uint64) uint64 { return c * 0x9E3779B97F4A7C15 }

func (t *table) get(c uint64) block {
	s := &t.shards[hash(c)>>(64-shardBits)]
	if len(s.slots) == 0 {
		return nil
	}
	at, _ := s.find(c)
	return s.block(s.slots[at])
}

func (s *shard) block(of slot) block {
	if of.to == 0 {
		return nil
	}
	return s.points[of.from:of.to:of.to]
}

// writer changes a table that others still read: what it changes it copies first. Nothing is changed before done.
type writer struct {
	t       *table
	changed map[uint64]*content
}

func (t *table) write() *writer {
	shards := new([1 << shardBits]shard)
	if t.shards != nil {
		*shards = *t.shards
	}
	t.shards = shards
	return &writer{t, map[uint64]*content{}}
}

// content gives what a cell holds, to be changed.
func (w *writer) content(cell uint64) *content {
	c := w.changed[cell]
	if c == nil {
		c = w.t.get(cell).open()
		w.changed[cell] = c
	}
	return c
}

// add lists a fence, by its number, in a cell.
func (w *writer) add(e *entry, fence int32, several bool) {
	w.deepen(e.cell, 1)
	c := w.content(e.cell)
	c.several = c.several || several
	if e.inside {
		c.inside = append(c.inside, fence)
		return
	}
	n := near{fence: fence, turns: e.turns, whole: e.polygon}
	if e.see != nil {
		n.see = e.see.Pack(nil)
	}
	c.near = append(c.near, n)
}

// drop takes one entry of a fence out of a cell, and with the first all that the cell holds of it.
func (w *writer) drop(of uint64, fence int32) {
	w.deepen(of, -1)
	w.content(of).drop(fence)
}

// deepen tells coarser cells of entries in a cell.
func (w *writer) deepen(of uint64, by int) {
	for res := cell.Resolution(of) - 2; res >= minLevel; res -= 2 {
		w.content(cell.Ancestor(of, res)).finer += by
	}
}

// done writes what was changed.
func (w *writer) done() {
	fresh := map[*shard]map[uint64]block{}
	for cell, c := range w.changed {
		s := &w.t.shards[hash(cell)>>(64-shardBits)]
		if fresh[s] == nil {
			fresh[s] = map[uint64]block{}
			s.slots = slices.Clone(s.slots)
		}
		if c.empty() {
			s.remove(cell)
		} else {
			s.put(cell)
			fresh[s][cell] = c.pack()
		}
	}
	for s, blocks := range fresh {
		s.gather(blocks)
	}
}

// gather puts a shard's blocks anew into one stretch of memory, some of them in place of those that it has.
func (s *shard) gather(fresh map[uint64]block) {
	of := func(o slot) block {
		if b := fresh[o.cell]; b != nil {
			return b
		}
		return s.block(o)
	}
	n := 0
	for _, o := range s.slots {
		n += len(of(o))
	}
	points := make([]polygon.Point, 0, n)
	for i := range s.slots {
		o := &s.slots[i]
		from := len(points)
		if points = append(points, of(*o)...); o.cell != 0 {
			o.from, o.to = uint32(from), uint32(len(points))
		}
	}
	s.points = points
}

// find gives the place of c, or the free place where it belongs.
func (s *shard) find(c uint64) (int, bool) {
	mask := len(s.slots) - 1
	for at := int(hash(c)>>20) & mask; ; at = (at + 1) & mask {
		if got := s.slots[at].cell; got == c || got == 0 {
			return at, got == c
		}
	}
}

func (s *shard) put(cell uint64) {
	if (s.used+1)*4 > len(s.slots)*3 {
		s.resize(max(4, 2*len(s.slots)))
	}
	at, ok := s.find(cell)
	if !ok {
		s.used++
		s.slots[at].cell = cell
	}
}

func (s *shard) resize(n int) {
	old := s.slots
	s.slots = make([]slot, n)
	for _, o := range old {
		if o.cell != 0 {
			at, _ := s.find(o.cell)
			s.slots[at] = o
		}
	}
}

// remove frees c's place, and lets none behind it be lost.
func (s *shard) remove(c uint64) {
	if len(s.slots) == 0 {
		return
	}
	at, ok := s.find(c)
	if !ok {
		return
	}
	s.slots[at] = slot{}
	s.used--
	s.resize(len(s.slots))
}
