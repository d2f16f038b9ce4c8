package dedupe

import (
	"testing"

	"pgregory.net/rapid"
)

// Against a plain map: a reading that arrived within the horizon is known, also over a restart between any two, and one that
// never came is new.
func TestOnceWithinTheHorizon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const horizon = 1000
		s, arrived := New(horizon, 1<<20), map[uint64]int64{}
		var kept []Mark
		now := int64(1)
		for range rapid.IntRange(1, 300).Draw(t, "n") {
			now += rapid.Int64Range(0, 50).Draw(t, "step")
			hash := rapid.Uint64Range(0, 40).Draw(t, "reading")
			at, known := arrived[hash]
			isNew := s.Add(now, hash)
			if isNew && known && now-at < horizon || !isNew && !known {
				t.Fatalf("reading %d at %d, arrived %v at %d: new=%v", hash, now, known, at, isNew)
			}
			if isNew {
				arrived[hash] = now
			}
			if rapid.IntRange(0, 20).Draw(t, "restart") == 0 {
				marks, floor := s.Take()
				kept = append(kept, marks...)
				s = New(horizon, 1<<20)
				for _, m := range kept {
					if m.Generation >= floor {
						s.Load(m)
					}
				}
			}
		}
	})
}

func TestLimit(t *testing.T) {
	const limit = 1000
	s := New(1<<40, limit)
	for i := range uint64(10 * limit) {
		if !s.Add(1, i) {
			t.Fatalf("%d came once", i)
		}
		if s.Len() > limit {
			t.Fatalf("%d held, limit %d", s.Len(), limit)
		}
		if i > limit/2 && s.Add(1, i-limit/2+1) {
			t.Fatalf("%d was forgotten at %d", i-limit/2+1, i)
		}
	}
}

func TestTableIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set table
		truth := map[uint64]bool{}
		for _, h := range rapid.SliceOf(rapid.OneOf(rapid.Uint64Range(0, 200), rapid.Just(uint64(64)<<32), rapid.Uint64())).Draw(t, "hashes") {
			if set.has(h) != truth[h] || set.add(h) == truth[h] {
				t.Fatalf("%d: known %v", h, truth[h])
			}
			truth[h] = true
		}
		if set.len() != len(truth) {
			t.Fatalf("%d held, want %d", set.len(), len(truth))
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	b.ReportAllocs()
	s := New(1<<50, 2_000_000)
	i := int64(0)
	for b.Loop() {
		i++
		s.Add(i, uint64(i)*0x9e3779b97f4a7c15)
		if i%10000 == 0 {
			s.Take()
		}
	}
}
