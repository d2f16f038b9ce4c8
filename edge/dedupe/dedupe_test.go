package dedupe

import (
	"testing"

	"pgregory.net/rapid"
)

// Against a plain map: within the horizon each reading is new exactly once, also over a restart between any two.
func TestOnceWithinTheHorizon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const horizon = 6400
		s, truth := New(horizon, 1<<20), map[[2]int64]bool{}
		var kept []Mark
		newest := int64(0)
		for range rapid.IntRange(1, 200).Draw(t, "n") {
			us := newest + rapid.Int64Range(-horizon/2, 300).Draw(t, "step")
			newest = max(newest, us)
			content := rapid.Int64Range(0, 3).Draw(t, "content")
			id := [2]int64{us, content}
			h := uint64(us)<<2 | uint64(content) // a hash covers the event time
			if got := s.Add(us, h); got == truth[id] {
				t.Fatalf("reading %v: new=%v", id, got)
			}
			truth[id] = true
			s.Expire(newest - horizon)
			if rapid.IntRange(0, 20).Draw(t, "restart") == 0 {
				kept = append(kept, s.Take()...)
				s = New(horizon, 1<<20)
				for _, m := range kept {
					s.Load(m)
				}
				s.Expire(newest - horizon)
			}
		}
	})
}

func TestLimitForgetsTheOldest(t *testing.T) {
	s := New(6400, 10)
	for i := range int64(30) {
		s.Add(i*100, uint64(i))
		s.Expire(-1)
	}
	if s.Len() > 10 {
		t.Fatalf("holds %d of 10", s.Len())
	}
	if s.Add(2900, 29) {
		t.Error("the newest was forgotten")
	}
}

func BenchmarkAdd(b *testing.B) {
	b.ReportAllocs()
	s := New(600e6, 1<<20)
	i := int64(0)
	for b.Loop() {
		i++
		s.Add(i*1000, uint64(i)*0x9e3779b97f4a7c15)
		if i%10000 == 0 {
			s.Take()
			s.Expire(i*1000 - 600e6)
		}
	}
}
