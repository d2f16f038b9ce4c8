package load

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Report of a load, so far or at its end. Sent and Acked count readings.
type Report struct {
	Sent, Acked        int64
	Messages           int64
	Resent, Reconnects int64
	Elapsed            time.Duration
	Rate               float64       // acknowledged readings a second (QoS 0: written to the socket)
	P50, P99, Max      time.Duration // from due to acknowledged, within 3 %; 0 at QoS 0
}

func (r Report) String() string {
	s := fmt.Sprintf("sent=%d acked=%d messages=%d rate=%.0f/s elapsed=%s resent=%d reconnects=%d",
		r.Sent, r.Acked, r.Messages, r.Rate, r.Elapsed.Round(time.Millisecond), r.Resent, r.Reconnects)
	if r.P50 > 0 {
		s += fmt.Sprintf(" ack_p50=%s ack_p99=%s ack_max=%s", r.P50, r.P99, r.Max)
	}
	return s
}

func (l *load) report() Report {
	r := Report{Elapsed: time.Since(l.began)}
	var h [buckets]int64
	for _, n := range l.lines {
		r.Messages += n.pipe.messages.Load()
		r.Resent += n.pipe.resent.Load()
		r.Reconnects += n.pipe.reconnects.Load()
		r.Sent += n.stats.sent.Load()
		r.Acked += n.stats.acked.Load()
		for i := range h {
			h[i] += n.stats.latency[i].Load()
		}
	}
	r.Rate = float64(r.Acked) / r.Elapsed.Seconds()
	if l.cfg.QoS > 0 {
		r.P50, r.P99, r.Max = quantile(&h, .5), quantile(&h, .99), quantile(&h, 1)
	}
	return r
}

// Latencies fall into buckets that grow by 6 %, from 1 µs to about 100 s.
const (
	buckets = 320
	growth  = 1.06
)

// stats of one connection; written by its goroutines, read by any.
type stats struct {
	sent, acked atomic.Int64
	latency     [buckets]atomic.Int64
}

func (s *stats) ack(readings int, d time.Duration) {
	s.acked.Add(int64(readings))
	us := max(1, float64(d)/float64(time.Microsecond))
	s.latency[min(buckets-1, int(math.Log(us)/math.Log(growth)))].Add(1)
}

// quantile is the middle of the bucket that holds it.
func quantile(h *[buckets]int64, q float64) time.Duration {
	var total, seen int64
	for _, n := range h {
		total += n
	}
	rank := int64(math.Ceil(q * float64(total)))
	for i, n := range h {
		if seen += n; n > 0 && seen >= rank {
			d := time.Duration(math.Pow(growth, float64(i)+.5) * float64(time.Microsecond))
			return d.Round(10 * time.Microsecond)
		}
	}
	return 0
}
