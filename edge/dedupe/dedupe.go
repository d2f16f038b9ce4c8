// Package dedupe remembers which readings were counted, so that a redelivered or re-sent one counts once. A Set is
// pure memory of one stream: content hashes in buckets of event time. It forgets buckets that fall behind the horizon, and the
// oldest ones past a limit; the edge's store keeps what Take gives, and Load brings it back after a restart.
package dedupe

import (
	"maps"
	"slices"
)

// buckets a horizon is divided into: forgetting goes by whole buckets.
const bucketsPerHorizon = 64

// Set of readings seen. It is not safe for concurrent use.
type Set struct {
	span    int64
	limit   int
	size    int
	floor   int64 // start of the oldest bucket that may hold anything
	buckets map[int64]*bucket
}

type bucket struct {
	seen  map[uint64]struct{}
	fresh []uint64
}

// Mark is what a store keeps: the hashes added to one bucket since the last Take.
type Mark struct {
	Bucket int64 // µs, event time
	Hashes []uint64
}

// New makes a Set that looks back horizon µs and holds at most limit hashes (about 20 bytes each).
func New(horizon int64, limit int) *Set {
	return &Set{span: max(1, horizon/bucketsPerHorizon), limit: limit, floor: -1 << 62, buckets: map[int64]*bucket{}}
}

// Add reports whether the reading is new, and remembers it. One older than what is remembered can't be judged and is taken
// as new.
func (s *Set) Add(us int64, hash uint64) bool {
	b := s.bucket(us)
	if b == nil {
		return true
	}
	if _, old := b.seen[hash]; old {
		return false
	}
	b.seen[hash] = struct{}{}
	b.fresh = append(b.fresh, hash)
	s.size++
	return true
}

func (s *Set) bucket(us int64) *bucket {
	start := us - ((us%s.span)+s.span)%s.span
	if start < s.floor {
		return nil
	}
	b := s.buckets[start]
	if b == nil {
		b = &bucket{seen: map[uint64]struct{}{}}
		s.buckets[start] = b
	}
	return b
}

// Load restores a mark without making it fresh.
func (s *Set) Load(m Mark) {
	b := s.bucket(m.Bucket)
	if b == nil {
		return
	}
	before := len(b.seen)
	for _, h := range m.Hashes {
		b.seen[h] = struct{}{}
	}
	s.size += len(b.seen) - before
}

// Take gives what was added since the last Take.
func (s *Set) Take() []Mark {
	var marks []Mark
	for start, b := range s.buckets {
		if len(b.fresh) > 0 {
			marks = append(marks, Mark{Bucket: start, Hashes: b.fresh})
			b.fresh = nil
		}
	}
	return marks
}

// Expire forgets buckets that end before us, and the oldest past the limit. It gives the time before which
// nothing is remembered, and whether that moved.
func (s *Set) Expire(us int64) (floor int64, moved bool) {
	starts := slices.Sorted(maps.Keys(s.buckets))
	for _, start := range starts {
		if start+s.span > us && s.size <= s.limit {
			break
		}
		s.size -= len(s.buckets[start].seen)
		delete(s.buckets, start)
		s.floor = max(s.floor, start+s.span)
		moved = true
	}
	return s.floor, moved
}

// Len is how many hashes are held.
func (s *Set) Len() int { return s.size }
