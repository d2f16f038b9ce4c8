package score_test

import (
	"fmt"
	"math"
	"runtime"
	"syscall"
	"testing"

	"github.com/hexpane/hexpane/core/alert/score"
)

const minute = 60_000_000

// value is a key's at a time: a day's rhythm and some noise, without a source of randomness that would take longer than the score.
func value(key, i int) float64 {
	noise := math.Mod(float64(key*7919+i)*0.6180339887498949, 1) - 0.5
	return 20 + 5*math.Sin(2*math.Pi*float64(i)/288) + noise
}

// One row of a key scored, all kinds, after three days of learning.
func BenchmarkRow(b *testing.B) {
	for _, kind := range score.Kinds {
		b.Run(kind, func(b *testing.B) {
			const keys = 100
			s, names := learned(b, kind, keys, 3*288)
			at := 3 * 288 * keys
			before := processorTime()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				key, i := at%keys, at/keys
				s.Row(names[key], int64(i)*5*minute, value(key, i))
				at++
			}
			b.ReportMetric(float64(processorTime()-before)/float64(b.N), "cpu-ns/row")
		})
	}
}

// Memory of a million keys, and what is stored of one.
func BenchmarkMillionKeys(b *testing.B) {
	for _, kind := range score.Kinds {
		b.Run(kind, func(b *testing.B) {
			const keys = 1_000_000
			for range b.N {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				s, _ := learned(b, kind, keys, 1)
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/keys, "B/key")
				b.ReportMetric(float64(s.Bytes())/keys, "estimated-B/key")
				stored, parts := 0, map[byte]int{}
				s.Changed(func(_ string, part byte, state []byte) {
					stored += len(state)
					parts[part] = max(parts[part], len(state))
				})
				b.ReportMetric(float64(parts[0]), "stored-B/row")
				b.ReportMetric(float64(parts[1]), "stored-B/slot")
				runtime.KeepAlive(s)
			}
		})
	}
}

// processorTime is what this process has used: others may have the machine meanwhile.
func processorTime() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func learned(tb testing.TB, kind string, keys, rows int) (*score.Scores, []string) {
	tb.Helper()
	s, err := score.New(score.Spec{Kind: kind, WindowUs: 5 * minute})
	if err != nil {
		tb.Fatal(err)
	}
	names := make([]string, keys)
	for key := range names {
		names[key] = fmt.Sprintf("sensor-%07d", key)
	}
	for i := range rows {
		for key, name := range names {
			s.Row(name, int64(i)*5*minute, value(key, i))
		}
	}
	return s, names
}
