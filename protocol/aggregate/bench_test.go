package aggregate

import (
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
)

func BenchmarkObserve(b *testing.B) {
	for _, a := range tested {
		b.Run(a.function, func(b *testing.B) {
			b.ReportAllocs()
			s, v := makerOf(b, a.function, value.Double, a.parameters...)(), value.OfDouble(12.5)
			for b.Loop() {
				s.Observe(v, 0)
			}
		})
	}
}

func BenchmarkMerge(b *testing.B) {
	for _, a := range tested {
		b.Run(a.function, func(b *testing.B) {
			b.ReportAllocs()
			maker := makerOf(b, a.function, value.Double, a.parameters...)
			s, o := maker(), maker()
			o.Observe(value.OfDouble(3), 0)
			for b.Loop() {
				s.Merge(o)
			}
		})
	}
}
