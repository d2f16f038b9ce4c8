package store

import (
	"sync/atomic"
	"time"
)

// commitClock says how long a commit that is under way has taken.
type commitClock struct{ began atomic.Int64 } // Unix µs; 0: none is

func (c *commitClock) start() time.Time {
	now := time.Now()
	c.began.Store(now.UnixMicro())
	return now
}

func (c *commitClock) stop() { c.began.Store(0) }

func (c *commitClock) pending() time.Duration {
	if us := c.began.Load(); us != 0 {
		return time.Since(time.UnixMicro(us))
	}
	return 0
}
