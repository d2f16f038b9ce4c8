package index

import (
	"slices"

	"github.com/hexpane/hexpane/geo/polygon"
)

// entry says of one polygon of a fence what it is to a cell.
type entry struct {
	cell    uint64
	fence   *Fence
	polygon *polygon.Polygon // nil: the cell lies inside as a whole
	see     *polygon.Local   // nil: compare with the whole polygon
	turns   int              // whole turns from a place's longitude, in [-180, 180), to the polygon's; or one less or one more
}

// content is what a cell holds.
type content struct {
	inside  []*Fence
	near    []near
	several bool // a fence may be here more than once
}

type near struct {
	fence *Fence
	turns int32
	whole *polygon.Polygon // nil: compare with see
	see   polygon.Local
}

// contains is for places in [-180, 180).
func (n *near) contains(lat, lon float64) bool {
	if n.whole != nil {
		return n.whole.Contains(lat, lon)
	}
	turns := int(n.turns)
	at := polygon.At(lat, lon, turns)
	if at.X > n.see.X+1 { // cells across the antimeridian have places of both turns
		at = polygon.At(lat, lon, turns-1)
	} else if at.X < n.see.X-180 {
		at = polygon.At(lat, lon, turns+1)
	}
	return n.see.Contains(at)
}

// table maps cells to contents. It is made of small hash tables, shards, so that an edit copies few of them.
type table struct {
	shards *[1 << shardBits]shard
}

const shardBits = 11

// shard is a hash table with open addressing. Its length is a power of two, and at most three quarters are in use.
type shard struct {
	slots []slot
	used  int
}

type slot struct {
	cell    uint64 // 0: free
	content *content
}

func hash(c uint64) uint64 { return c * 0x9E3779B97F4A7C15 }

func (t *table) get(c uint64) *content {
	slots := t.shards[hash(c)>>(64-shardBits)].slots
	if len(slots) == 0 {
		return nil
	}
	for at := hash(c) >> 20; ; at++ {
		switch s := &slots[at&uint64(len(slots)-1)]; s.cell {
		case c:
			return s.content
		case 0:
			return nil
		}
	}
}

// writer changes a table that others still read: what it changes it copies first.
type writer struct {
	t    *table
	own  map[*shard]bool
	mine map[*content]bool
}

func (t *table) write() *writer {
	shards := new([1 << shardBits]shard)
	if t.shards != nil {
		*shards = *t.shards
	}
	t.shards = shards
	return &writer{t, map[*shard]bool{}, map[*content]bool{}}
}

// shard gives the shard of c, to be changed.
func (w *writer) shard(c uint64) *shard {
	s := &w.t.shards[hash(c)>>(64-shardBits)]
	if len(s.slots) == 0 {
		s.slots = make([]slot, 4)
	} else if !w.own[s] {
		s.slots = slices.Clone(s.slots)
	}
	w.own[s] = true
	return s
}

// content gives the content of c, to be changed.
func (w *writer) content(c uint64) *content {
	s := w.shard(c)
	at, ok := s.find(c)
	if !ok {
		if (s.used+1)*4 > len(s.slots)*3 {
			s.resize(2 * len(s.slots))
			at, _ = s.find(c)
		}
		s.slots[at] = slot{c, &content{}}
		s.used++
		w.mine[s.slots[at].content] = true
	}
	old := s.slots[at].content
	if !w.mine[old] {
		s.slots[at].content = &content{slices.Clone(old.inside), slices.Clone(old.near), old.several}
		w.mine[s.slots[at].content] = true
	}
	return s.slots[at].content
}

func (w *writer) add(e entry) {
	c := w.content(e.cell)
	c.several = c.several || len(e.fence.Shape.Polygons) > 1 || e.fence.Shape.Polygons[0].Box().Width() > 180
	if e.polygon == nil {
		c.inside = appendOne(c.inside, e.fence)
		return
	}
	n := near{fence: e.fence, turns: int32(e.turns)}
	if e.see != nil {
		n.see = *e.see
	} else {
		n.whole = e.polygon
	}
	c.near = appendOne(c.near, n)
}

// appendOne leaves no room to grow: most cells hold one or two.
func appendOne[T any](s []T, v T) []T {
	out := make([]T, len(s)+1)
	out[copy(out, s)] = v
	return out
}

func (w *writer) drop(cell uint64, f *Fence) {
	s := w.shard(cell)
	if _, ok := s.find(cell); !ok {
		return // with an earlier entry of the same fence
	}
	c := w.content(cell)
	c.inside = slices.DeleteFunc(c.inside, func(g *Fence) bool { return g == f })
	c.near = slices.DeleteFunc(c.near, func(n near) bool { return n.fence == f })
	if len(c.inside)+len(c.near) == 0 {
		s.remove(cell)
	}
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
	at, _ := s.find(c)
	s.slots[at] = slot{}
	s.used--
	s.resize(len(s.slots))
}
