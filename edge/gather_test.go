package edge

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
)

// A commit waits for company, but not long for somebody who waits for it.
func TestGather(t *testing.T) {
	const ms = time.Millisecond
	type arrival struct {
		at  time.Duration // after the first message
		qos byte
	}
	every := func(step time.Duration, n int, qos byte) (all []arrival) {
		for i := range n {
			all = append(all, arrival{time.Duration(i) * step, qos})
		}
		return all
	}
	for name, c := range map[string]struct {
		arrivals    []arrival
		from, until time.Duration // when it ends
		most        int
	}{
		"a device that waits":                 {arrivals: every(0, 1, 1), from: 1 * ms, until: 2 * ms},
		"messages that keep coming":           {arrivals: every(ms/2, 1000, 1), from: 10 * ms, until: 11 * ms},
		"messages that come slowly":           {arrivals: every(3*ms, 5, 1), from: 1 * ms, until: 2 * ms},
		"nobody waits":                        {arrivals: every(0, 1, 0), from: 25 * ms, until: 26 * ms},
		"nobody waits, and more come":         {arrivals: every(2*ms, 100, 0), from: 25 * ms, until: 26 * ms},
		"one who waits comes after some time": {arrivals: []arrival{{0, 0}, {9 * ms, 1}}, from: 9 * ms, until: 9*ms + patientTick + gatherTick},
		"as many as fit":                      {arrivals: every(ms/100, 1000, 0), most: 100, until: 5 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig("")
				cfg.Forward.Linger, cfg.Forward.Rows = 10*ms, 25*ms
				if c.most > 0 {
					cfg.Forward.Batch = c.most
				}
				l := &line{cfg: cfg, queue: newQueue(2*cfg.Forward.Batch, cfg.Forward.QueueBytes)}
				start := time.Now()
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				go func() {
					for _, a := range c.arrivals {
						select {
						case <-time.After(a.at - time.Since(start)):
						case <-ctx.Done():
							return
						}
						if l.queue.put(ctx, ingest.Message{QoS: a.qos, ArrivalUs: time.Now().UnixMicro()}) != nil {
							return
						}
					}
				}()
				batch := l.gather([]ingest.Message{<-l.queue.in})
				took := time.Since(start)
				if took < c.from || took > c.until {
					t.Errorf("%d messages after %v, want it from %v to %v", len(batch), took, c.from, c.until)
				}
				came := 0
				for _, a := range c.arrivals {
					if a.at < took-patientTick {
						came++
					}
				}
				if len(batch) < min(came, cfg.Forward.Batch) || len(batch) > cfg.Forward.Batch {
					t.Errorf("%d messages of %d that came", len(batch), came)
				}
			})
		})
	}
}
