package live

import (
	"math"
	"slices"
	"sync"

	"github.com/hexpane/hexpane/protocol/value"
	"github.com/prometheus/client_golang/prometheus"
)

// Column of a topic's rows.
type Column struct {
	Name string
	Kind value.Kind
}

func sameColumns(a, b []Column) bool { return slices.Equal(a, b) }

// Row is the newest state of one key. Values are never changed once given to a topic.
type Row struct {
	Key        string
	Order      int64 // a row replaces one of lower or equal order: the event time, or the window's start
	Lat, Lon   float64
	Placed     bool // has a place, so a client's bbox filters it
	Values     []value.Value
	ReceivedUs int64 // when its reading reached the edge, for the latency metric; 0: not known
}

// Topic keeps the newest row per key, each with the number of the change that made it. A client remembers the number it has
// seen, so that what it lacks is what has a higher one.
type Topic struct {
	name    string
	columns []Column
	binary  bool // may be encoded in binary
	limit   int  // keys at most; 0: without end
	unshown prometheus.Counter

	mu        sync.RWMutex
	slots     map[string]int
	rows      []Row
	versions  []uint64
	free      []int
	recent    []change // newest changes, a ring over which clients catch up without a look at all rows
	head      int
	version   uint64
	watermark int64
	marked    bool
}

type change struct {
	slot    int
	version uint64
}

// recentChanges bounds the ring, and so do a few changes a row; a client further behind looks at all rows.
const recentChanges = 1 << 14

func newTopic(name string, columns []Column, binary bool) *Topic {
	return &Topic{name: name, columns: columns, binary: binary, slots: map[string]int{}}
}

// Put takes rows, newer ones of the same keys replacing older, and the watermark they hold at.
func (t *Topic) Put(rows []Row, watermark int64, marked bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watermark, t.marked = watermark, marked
	for _, r := range rows {
		i, ok := t.slots[r.Key]
		switch {
		case ok && r.Order < t.rows[i].Order:
			continue
		case !ok && t.limit > 0 && len(t.slots) >= t.limit:
			t.unshown.Inc()
			continue
		case !ok && len(t.free) > 0:
			i = t.free[len(t.free)-1]
			t.free = t.free[:len(t.free)-1]
		case !ok:
			i = len(t.rows)
			t.rows = append(t.rows, Row{})
			t.versions = append(t.versions, 0)
		}
		t.version++
		t.slots[r.Key], t.rows[i], t.versions[i] = i, r, t.version
		c := change{i, t.version}
		if t.head == 0 && len(t.recent) < min(recentChanges, 4*len(t.rows)+64) {
			t.recent = append(t.recent, c)
		} else {
			t.recent[t.head] = c
			t.head = (t.head + 1) % len(t.recent)
		}
	}
}

// Expire forgets keys whose order is below a bound.
func (t *Topic) Expire(below int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, i := range t.slots {
		if t.rows[i].Order < below {
			delete(t.slots, k)
			t.rows[i], t.versions[i] = Row{}, 0
			t.free = append(t.free, i)
		}
	}
}

// Trim forgets the keys of lowest order, once there are twice as many as are to be kept.
func (t *Topic) Trim(keep int) {
	t.mu.RLock()
	if len(t.slots) < 2*keep {
		t.mu.RUnlock()
		return
	}
	orders := make([]int64, 0, len(t.slots))
	for _, i := range t.slots {
		orders = append(orders, t.rows[i].Order)
	}
	t.mu.RUnlock()
	slices.Sort(orders)
	t.Expire(orders[len(orders)-keep])
}

// Len is how many keys are held.
func (t *Topic) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.slots)
}

// Box is a client's viewport, degrees. One that crosses the antimeridian has West > East.
type Box struct{ West, South, East, North float64 }

// World is everything.
var World = Box{-180, -90, 180, 90}

func (b Box) holds(lat, lon float64) bool {
	if lat < b.South || lat > b.North {
		return false
	}
	if b.West <= b.East {
		return lon >= b.West && lon <= b.East
	}
	return lon >= b.West || lon <= b.East
}

// since appends the rows changed after a version that lie in the box, and gives the version to ask from next.
func (t *Topic) since(version uint64, box Box, into []Row) (rows []Row, now uint64, watermark int64, marked bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	take := func(i int) {
		if r := &t.rows[i]; t.versions[i] > version && (!r.Placed || box.holds(r.Lat, r.Lon)) {
			into = append(into, *r)
		}
	}
	if oldest := t.oldest(); version+1 < oldest {
		for i := range t.rows {
			take(i)
		}
	} else {
		for n := len(t.recent) - 1; n >= 0; n-- {
			c := t.recent[(t.head+n)%len(t.recent)]
			if c.version <= version {
				break
			}
			if t.versions[c.slot] == c.version { // else a newer change of the slot was taken already
				take(c.slot)
			}
		}
	}
	return into, t.version, t.watermark, t.marked
}

// oldest is the version of the oldest change in the ring.
func (t *Topic) oldest() uint64 {
	if len(t.recent) == 0 {
		return math.MaxUint64
	}
	return t.recent[t.head%len(t.recent)].version
}
