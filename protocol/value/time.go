package value

import (
	"fmt"
	"math"
	"time"
)

// MicrosOfNumber reads an epoch number told by its magnitude: seconds below 1e11 (year 5138), else
// milliseconds below 1e14, microseconds below 1e17, else nanoseconds. It fails outside of ±292,000 years.
func MicrosOfNumber(f float64) (int64, bool) {
	var us float64
	switch a := math.Abs(f); {
	case a < 1e11:
		us = f * 1e6
	case a < 1e14:
		us = f * 1e3
	case a < 1e17:
		us = f
	default:
		us = f / 1e3
	}
	if f != f || math.Abs(us) > 9e18 {
		return 0, false
	}
	return int64(math.Round(us)), true
}

// MicrosOfInt is MicrosOfNumber for whole numbers, exact also where a float64 is not.
func MicrosOfInt(i int64) int64 {
	switch a := max(i, -i); {
	case a < 0 || a >= 1e17:
		return i / 1000
	case a < 1e11:
		return i * 1e6
	case a < 1e14:
		return i * 1000
	default:
		return i
	}
}

// MicrosOfText reads RFC 3339 (also with a blank for the T, without zone: UTC, or as a date alone).
func MicrosOfText(s string) (int64, error) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00",
		"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999-0700", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMicro(), nil
		}
	}
	return 0, fmt.Errorf("%q is no RFC 3339 time", s)
}

// FormatTime gives RFC 3339 in UTC with as many digits as needed, at least none.
func FormatTime(micros int64) string {
	return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
}
