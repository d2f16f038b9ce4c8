package merge

import (
	"math"
	"slices"
	"sort"

	"github.com/hexpane/hexpane/protocol/aggregate"
)

// run is the open panes of one key, in order, and a window that moves over them. Merging a window anew of its panes would cost as many
// merges as it has panes; instead it is kept in two stacks, as a queue is made of two stacks (Tangwongsan, Hirzel and Schneider,
// "General Incremental Sliding-Window Aggregation", 2015): for the older panes of the window all suffixes are merged, so that leaving
// one out costs nothing, and the newer ones are merged into one. A step forward costs about two merges, amortised, whatever the size.
//
//	panes    lo ……… split ……… hi ……… ahead
//	suffix   ↑ of panes[i:split], for each i
//	back                ↑ of panes[split:hi]
//
// Suffixes are kept as bytes, one after another: of a state each there would be thousands of small objects a key, to allocate and
// for the collector to look at. What a pane among them gains is kept beside them until the next turn.
type run struct {
	panes         []openPane
	lo, split, hi int
	suffix        []byte
	offsets       []int             // in suffix, by pane
	gains         []openGain        // of panes[lo:split] since the suffixes were made
	back          aggregate.Partial // nil: nothing
	from          int64             // the window's start
	stale         bool              // panes changed in a way that the stacks don't show
	phase         int               // panes that the first stack takes at first; 0: not chosen yet
	settled       bool              // has turned once, or need not at a time of its own
	dirty         bool              // changed since its oldest window was shown
	told          uint64            // the flush in which a window fired last

	hopper *hopper
	key    string
	held   int64 // what its panes take
	item   Item
}

// LetGo forgets a key's panes, which are in the store.
func (n *run) LetGo() {
	n.hopper.away[n.key] = span{n.panes[0].start, n.panes[len(n.panes)-1].start}
	delete(n.hopper.runs, n.key)
}

// weigh says what a pane of the run takes now, that is stored in so many bytes.
func (n *run) weigh(h *hopper, r *record, stored int) {
	n.held -= r.cost
	r.cost = 100 + int64(stored)
	if r.base != nil {
		r.cost += cost(len(h.layout), stored)
	}
	n.held += r.cost
}

// hold says that the run changed.
func (n *run) hold(h *hopper) {
	h.memory.Hold(&n.item, n, around+2*int64(len(n.key))+cost(len(h.layout), 0)+n.held+int64(cap(n.suffix)+8*len(n.offsets)))
}

type openPane struct {
	start  int64
	record *record
}

type openGain struct {
	start   int64
	partial aggregate.Partial
}

// maxGains is how many panes' gains are merged into each window; past it the suffixes are made anew, which costs a merge a pane.
const maxGains = 16

// index looks at the ends first: most of what is looked for is there.
func (n *run) index(pane int64) (int, bool) {
	i, end := 0, len(n.panes)
	if end > 3 {
		switch {
		case n.panes[end-1].start < pane:
			return end, false
		case n.panes[end-3].start < pane:
			i = end - 2
		case n.panes[2].start >= pane:
			end = 2
		}
	}
	i += sort.Search(end-i, func(k int) bool { return n.panes[i+k].start >= pane })
	return i, i < len(n.panes) && n.panes[i].start == pane
}

func (n *run) look(pane int64) *record {
	if n == nil {
		return nil
	}
	if i, ok := n.index(pane); ok {
		return n.panes[i].record
	}
	return nil
}

func (n *run) put(pane int64, r *record) {
	i, _ := n.index(pane)
	n.panes = slices.Insert(n.panes, i, openPane{pane, r})
	n.stale = n.stale || i < n.hi
}

// gained tells of a partial that was merged into a pane's record.
func (n *run) gained(h *hopper, pane int64, p aggregate.Partial) {
	n.dirty = true
	i, _ := n.index(pane)
	switch {
	case n.stale || i >= n.hi || i < n.lo || n.lo > n.split: // the stacks are to be made anew
	case i >= n.split:
		n.back.Merge(p)
	default:
		g := slices.IndexFunc(n.gains, func(g openGain) bool { return g.start == pane })
		if g < 0 {
			g = len(n.gains)
			n.gains = append(n.gains, openGain{pane, h.layout.New()})
		}
		n.gains[g].partial.Merge(p)
		n.stale = len(n.gains) > maxGains
	}
}

// at moves the window to [start, start+size) and gives what it holds, nil if nothing. It is good until the next change. Panes that end
// at the watermark or before are likely to be whole, so the rest stays out of the suffixes, where a gain would cost most.
func (n *run) at(h *hopper, start, watermark int64) aggregate.Partial {
	if n.stale || start < n.from {
		n.stale = false
		n.lo, _ = n.index(start)
		n.hi, _ = n.index(start + h.size)
		n.turn(h, watermark, min(n.hi, n.lo+n.chosen(h)))
	}
	n.from = start
	for ; n.hi < len(n.panes) && n.panes[n.hi].start < start+h.size; n.hi++ {
		o := n.panes[n.hi]
		n.back = merged(h, n.back, o.record)
		if o.start+h.pane <= watermark {
			o.record.pack(h)
		}
	}
	if !n.settled && n.hi-n.lo >= n.chosen(h) {
		n.turn(h, watermark, n.hi)
	}
	for n.lo < n.hi && n.panes[n.lo].start < start {
		n.lo++
	}
	if n.lo > n.split {
		n.turn(h, watermark, n.hi)
	}
	switch {
	case n.lo == n.hi:
		return nil
	case n.lo == n.split:
		return n.back
	}
	reread(h.joined, n.suffix[n.offsets[n.lo]:])
	for _, g := range n.gains {
		if g.start >= start {
			h.joined.Merge(g.partial)
		}
	}
	if n.split < n.hi {
		h.joined.Merge(n.back)
	}
	return h.joined
}

// reread sets a partial to what another of its layout wrote.
func reread(p aggregate.Partial, written []byte) {
	if _, err := p.Read(written); err != nil {
		panic(err)
	}
}

// chosen gives the key's phase. A turn costs a merge a pane, and keys that began together, or were restored together, would all turn in
// one flush, each time; so each is made to turn once at a moment of its own, and stays apart from the others.
func (n *run) chosen(h *hopper) int {
	if n.phase == 0 {
		h.phases += 0x9E3779B9 // of the golden ratio: as evenly as can be, however many keys there are
		n.phase = 1 + int(uint64(h.phases)*uint64(h.size/h.pane)>>32)
	}
	return n.phase
}

// turn moves the window's panes before the one at limit from the second stack to the first.
func (n *run) turn(h *hopper, watermark int64, limit int) {
	n.settled = n.settled || n.hi-n.lo >= n.phase
	n.split, n.back = n.lo, nil
	for n.split < limit && n.panes[n.split].start+h.pane <= watermark {
		n.split++
	}
	n.gains = nil
	n.suffix, n.offsets = n.suffix[:0], make([]int, n.split)
	reread(h.joined, h.blank)
	for i := n.split - 1; i >= n.lo; i-- {
		r := n.panes[i].record
		r.into(h, h.joined, math.MaxInt64)
		r.pack(h)
		n.offsets[i] = len(n.suffix)
		n.suffix = h.joined.Append(n.suffix)
	}
	for _, o := range n.panes[n.split:n.hi] {
		n.back = merged(h, n.back, o.record)
	}
}

// merged adds a record, all of its layers: a window that still takes something is later than where any of them begins.
func merged(h *hopper, p aggregate.Partial, r *record) aggregate.Partial {
	if p == nil {
		p = h.layout.New()
	}
	r.into(h, p, math.MaxInt64)
	return p
}

// drop forgets panes that start before a time, which no window to come does.
func (n *run) drop(before int64) {
	k, _ := n.index(before)
	if k == 0 {
		return
	}
	for _, o := range n.panes[:k] {
		n.held -= o.record.cost
	}
	clear(n.panes[:k])
	n.panes = n.panes[k:]
	n.lo, n.hi, n.split = max(n.lo, k)-k, max(n.hi, k)-k, n.split-k
	if n.lo > n.split { // the first stack is used up
		n.split, n.offsets = n.lo-1, nil
		return
	}
	n.offsets = n.offsets[k:]
}
