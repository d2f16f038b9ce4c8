// Package dedupe remembers which readings were counted, so that a redelivered or re-sent one counts once. A Set is
// pure memory of one stream: content hashes in two generations by arrival, however old the readings' event times are. When
// the newer generation has lasted a horizon, or holds half the limit, it becomes the older one and the older one is
// forgotten; the edge's store keeps what Take gives, and Load brings it back after a restart.
package dedupe

// Set of readings seen. It is not safe for concurrent use.
type Set struct {
	horizon    int64
	limit      int
	now, older generation
	touched    uint64 // of no meaning, but not to be left out by the compiler
}

// generation of readings that arrived from its start on, until the next one's.
type generation struct {
	start int64 // µs, arrival; 0: none
	seen  table
	fresh []uint64
}

// Mark is what a store keeps: the hashes added to one generation since the last Take.
type Mark struct {
	Generation int64 // µs, its start
	Hashes     []uint64
}

// New makes a Set that knows readings for at least horizon µs after they arrived, as far as limit hashes go (8 to 24 bytes
// each); at the limit it still knows the newest half of that.
func New(horizon int64, limit int) *Set {
	return &Set{horizon: max(1, horizon), limit: max(2, limit)}
}

// Add reports whether a reading is new, and remembers it.
func (s *Set) Add(arrivalUs int64, hash uint64) bool {
	if s.now.start == 0 || arrivalUs-s.now.start >= s.horizon || s.now.seen.len() >= s.limit/2 {
		s.older, s.now = s.now, generation{start: max(arrivalUs, s.now.start+1)}
	}
	if s.older.seen.has(hash) || !s.now.seen.add(hash) {
		return false
	}
	s.now.fresh = append(s.now.fresh, hash)
	return true
}

// Touch reads where a hash would be, for Add to find in the processor's cache: many of them, one after the other, wait for
// memory at the same time.
func (s *Set) Touch(hash uint64) {
	s.touched ^= s.older.seen.touch(hash) ^ s.now.seen.touch(hash)
}

// Load restores a mark without making it fresh. Marks come in the order of their generations.
func (s *Set) Load(m Mark) {
	if m.Generation != s.now.start {
		s.older, s.now = s.now, generation{start: m.Generation}
	}
	for _, h := range m.Hashes {
		s.now.seen.add(h)
	}
}

// Take gives what was added since the last Take, and the start of the oldest generation still known: marks of earlier
// ones may be forgotten.
func (s *Set) Take() (marks []Mark, floor int64) {
	for _, g := range []*generation{&s.older, &s.now} {
		if len(g.fresh) > 0 {
			marks = append(marks, Mark{Generation: g.start, Hashes: g.fresh})
			g.fresh = nil
		}
	}
	if s.older.start != 0 {
		return marks, s.older.start
	}
	return marks, s.now.start
}

// Len is how many hashes are held.
func (s *Set) Len() int { return s.now.seen.len() + s.older.seen.len() }
