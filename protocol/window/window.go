// Package window maps event times to panes and windows, and says how late something is. All times and sizes are
// µs since the epoch; there is no clock and no state. Windows are [start, end), aligned to the epoch, so daylight
// saving and leap days are no special cases. A size of 0 is one window that holds all of time.
package window

import "math"

// Start and End of the one window of size 0.
const (
	Beginning = 0
	Forever   = math.MaxInt64
)

// Pane gives the start of the pane of the given size that holds us.
func Pane(us, size int64) int64 {
	if size <= 0 {
		return Beginning
	}
	r := us % size
	if r < 0 {
		r += size
	}
	return us - r
}

// End of the window that starts at start.
func End(start, size int64) int64 {
	if size <= 0 {
		return Forever
	}
	return start + size
}

// Class says what a reading's window makes of it at a watermark.
type Class uint8

// OnTime: the window has not fired. Late: it has, and takes a revision. TooLate: it accepts no more.
const (
	OnTime Class = iota
	Late
	TooLate
)

// String names the class as metrics do.
func (c Class) String() string { return [...]string{"on_time", "revised", "dropped"}[c] }

// Classify a change to a window that ends at end, with a grace period, at the watermark. A window that never ends
// is never late.
func Classify(end, grace, watermark int64) Class {
	switch {
	case end == Forever || watermark < end:
		return OnTime
	case watermark < end+grace:
		return Late
	}
	return TooLate
}

// Final reports that a window can change no more.
func Final(end, grace, watermark int64) bool { return Classify(end, grace, watermark) == TooLate }
