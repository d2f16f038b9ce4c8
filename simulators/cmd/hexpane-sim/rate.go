package main

import (
	"fmt"
	"strconv"
	"strings"
)

// rate is a number a second: "20", "20/s", or "20k/s".
type rate float64

// UnmarshalText reads it.
func (r *rate) UnmarshalText(b []byte) error {
	s := strings.TrimSuffix(string(b), "/s")
	unit := 1.0
	if n := strings.TrimSuffix(strings.ToLower(s), "k"); n != s {
		s, unit = n, 1e3
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f > 1e9 {
		return fmt.Errorf("%q is no rate; write 20/s or 20k/s", b)
	}
	*r = rate(f * unit)
	return nil
}
