package influx

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// budget bounds what waits: past it the oldest points go, counted, with an alarm in the log. Newer ones are what people look at, and a full disk
// would stop readings too.
type budget struct {
	bytes   int64 // 0: none
	line    int64 // bytes that a point takes, as of the last batch read
	alarmed time.Time
	dropped prometheus.Counter
	waiting prometheus.Gauge
}

// pointOverhead is what the queue takes for a point beside its line: key and entry.
const pointOverhead = 32

// alarmEvery is how often the log says that points are dropped.
const alarmEvery = time.Minute

func newBudget(bytes int64, r prometheus.Registerer) budget {
	b := budget{bytes: bytes, line: 128,
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_core_store_dropped_total",
			Help: "Points that went unwritten, since more waited than influx.queue_bytes."}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hexpane_core_store_waiting_points", Help: "Points that wait for InfluxDB."})}
	r.MustRegister(b.dropped, b.waiting)
	return b
}

// open finds where each partition's queue begins.
func (s *Sink) open() error {
	for p := range s.next {
		if err := s.queue.Effects(uint32(p), 0, 1, func(number uint64, _ []byte) { s.next[p] = number }); err != nil {
			return err
		}
	}
	return nil
}

// waiting counts the points that wait, and finds the partition that has the most.
func (s *Sink) waiting() (all uint64, longest uint32) {
	most := uint64(0)
	for p, next := range s.next {
		n := uint64(0)
		if last := s.queue.LastDurable(uint32(p)); last > 0 && last >= next {
			n = last - max(next, 1) + 1
		}
		if all += n; n > most {
			most, longest = n, uint32(p)
		}
	}
	s.budget.waiting.Set(float64(all))
	return all, longest
}

// shed drops the oldest points while more wait than the budget has room for.
func (s *Sink) shed(ctx context.Context) error {
	for ctx.Err() == nil {
		all, p := s.waiting()
		if s.budget.bytes == 0 || int64(all)*(s.budget.line+pointOverhead) <= s.budget.bytes {
			return nil
		}
		bytes := 0
		n, first, last := 0, uint64(0), uint64(0)
		if err := s.queue.Effects(p, s.next[p], s.cfg.Batch, func(number uint64, data []byte) {
			if n == 0 {
				first = number
			}
			last = number
			bytes += len(data)
			n++
		}); err != nil || n == 0 {
			return err
		}
		if s.budget.line = int64(bytes / n); int64(all)*(s.budget.line+pointOverhead) <= s.budget.bytes { // these are shorter than those before
			return nil
		}
		s.next[p] = last + 1
		s.budget.dropped.Add(float64(n))
		if time.Since(s.budget.alarmed) > alarmEvery {
			s.budget.alarmed = time.Now()
			s.log.Error("more points wait for InfluxDB than influx.queue_bytes has room for: the oldest are dropped", "url", s.cfg.URL,
				"waiting", all, "budget_bytes", s.budget.bytes)
		}
		if err := s.queue.EffectsDone(p, first, last); err != nil {
			return err
		}
	}
	return nil
}
