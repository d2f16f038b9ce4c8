package value_test

import (
	"math"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// One moment in s, ms, µs and ns is one timestamp; from 1973 on the magnitude tells the unit.
func TestMagnitudeTellsTheUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.Int64Range(100_000_000, 9_000_000_000).Draw(t, "s") // 1973 to 2255, where ns still fit
		if rapid.Bool().Draw(t, "before 1970") {
			s = -s
		}
		want := s * 1e6
		for unit, per := range map[string]int64{"s": 1, "ms": 1e3, "µs": 1e6, "ns": 1e9} {
			if got := value.MicrosOfInt(s * per); got != want {
				t.Fatalf("%d %s: %d, want %d", s, unit, got, want)
			}
			if got, ok := value.MicrosOfNumber(float64(s) * float64(per)); !ok || math.Abs(float64(got-want)) > 1 {
				t.Fatalf("%d %s as a double: %d, want %d", s, unit, got, want)
			}
		}
	})
}

// Both readings of a whole number agree, but for what a double of that size can say.
func TestIntAndNumberAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.OneOf(rapid.Int64Range(-1<<53, 1<<53), rapid.SampledFrom([]int64{0, 1e11, 1e11 - 1, -1e11, 1e14, 1e14 - 1, -1e14})).Draw(t, "i")
		got, ok := value.MicrosOfNumber(float64(i))
		if want := value.MicrosOfInt(i); !ok || math.Abs(float64(got-want)) > math.Abs(float64(want))/(1<<52) {
			t.Fatalf("%d: %d as a number, %d as an integer", i, got, want)
		}
	})
}

func TestNoTimestampOutOfAnything(t *testing.T) {
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, 1e22} {
		if us, ok := value.MicrosOfNumber(f); ok {
			t.Errorf("%g is %d", f, us)
		}
	}
	for _, i := range []int64{math.MinInt64, math.MaxInt64} {
		if us := value.MicrosOfInt(i); us != i/1000 {
			t.Errorf("%d is %d", i, us)
		}
	}
	for _, s := range []string{"", "now", "2024-02-30", "2024-13-01T00:00:00Z", "24:00", "2024-01-01T00:00:00+99:00"} {
		if us, err := value.MicrosOfText(s); err == nil {
			t.Errorf("%q is %d", s, us)
		}
	}
}

func TestFormsOfText(t *testing.T) {
	want := time.Date(2024, 2, 29, 12, 30, 15, 0, time.UTC).UnixMicro()
	for _, s := range []string{"2024-02-29T12:30:15Z", "2024-02-29T14:30:15+02:00", "2024-02-29T14:30:15+0200", "2024-02-29T12:30:15", "2024-02-29 12:30:15",
		"2024-02-29 14:30:15+02:00", "2024-02-29T12:30:15.000000Z", "2024-02-29 12:30:15.0"} {
		if got, err := value.MicrosOfText(s); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", s, got, err, want)
		}
	}
	if got, err := value.MicrosOfText("2024-02-29"); err != nil || got != time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC).UnixMicro() {
		t.Errorf("a date alone: %d, %v", got, err)
	}
}

func TestTimeTextRoundTrip(t *testing.T) {
	from, to := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMicro()
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(from, to).Draw(t, "us")
		if got, err := value.MicrosOfText(value.FormatTime(us)); err != nil || got != us {
			t.Fatalf("%d is %q is %d, %v", us, value.FormatTime(us), got, err)
		}
	})
}
