package ingest

import "time"

// bucket holds tokens that come in at a rate, up to a burst. The zero bucket of rate 0 never runs empty. It is not safe for
// concurrent use.
type bucket struct {
	rate, burst float64 // tokens a second, tokens
	tokens      float64
	at          time.Time
}

func newBucket(rate, burst float64, now time.Time) bucket {
	return bucket{rate: rate, burst: burst, tokens: burst, at: now}
}

// take takes n tokens, if need be on credit, and gives how long to wait until the credit is paid.
func (b *bucket) take(n float64, now time.Time) time.Duration {
	if b.rate == 0 {
		return 0
	}
	b.fill(now)
	b.tokens -= n
	if b.tokens >= 0 {
		return 0
	}
	return time.Duration(-b.tokens / b.rate * float64(time.Second))
}

// try takes one token if there is one.
func (b *bucket) try(now time.Time) bool {
	if b.rate == 0 {
		return true
	}
	b.fill(now)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *bucket) fill(now time.Time) {
	if d := now.Sub(b.at).Seconds(); d > 0 {
		b.tokens, b.at = min(b.burst, b.tokens+d*b.rate), now
	}
}
