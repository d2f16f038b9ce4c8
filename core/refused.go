package core

import (
	"strings"
	"sync"
	"time"

	"github.com/hexpane/hexpane/protocol/wire"
)

// refusedPoints are points that InfluxDB refused, on their way into the table rejected: the sink is told of them on a goroutine of its own, and rows
// are a partition's to write.
type refusedPoints struct {
	mu     sync.Mutex
	list   []*wire.Rejected
	logged time.Time
	unsaid int // since then
}

// maxRefused bounds what waits for a turn; past it points are in the counter alone.
const maxRefused = 1000

// maxSample is how many bytes of a point are shown, and of the reason, which may quote it.
const maxSample = 1000

// refusedEvery is how often the log tells of refused points: a view can be refused as a whole.
const refusedEvery = 10 * time.Second

// refusedPoint notes a point that InfluxDB refused. A core killed before the next turn has it in its counter alone, or in its log.
func (c *Core) refusedPoint(line, reason string) {
	p := c.partitions[0]
	line, reason = beginning(line), beginning(reason) // behind the results comes the window that a point carries
	p.refused.mu.Lock()
	if p.refused.unsaid++; time.Since(p.refused.logged) > refusedEvery {
		c.log.Error("InfluxDB refused points; they are set aside, and rows of the table rejected", "points", p.refused.unsaid, "last", line, "reason", reason)
		p.refused.logged, p.refused.unsaid = time.Now(), 0
	}
	if len(p.refused.list) < maxRefused {
		p.refused.list = append(p.refused.list, &wire.Rejected{Stream: measurement(line), Topic: "influx:" + c.cfg.Influx.Bucket, Reason: reason, Sample: []byte(line),
			AtUs: time.Now().UnixMicro()})
	}
	p.refused.mu.Unlock()
	p.nudge()
}

func beginning(text string) string {
	if len(text) <= maxSample {
		return text
	}
	return strings.ToValidUTF8(text[:maxSample], "") + "…"
}

// measurement is the view that a line is of.
func measurement(line string) string {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case ',', ' ':
			return strings.ReplaceAll(line[:i], `\`, "")
		}
	}
	return line
}

// noteRefused writes the rows of refused points; false if there are none.
func (p *partition) noteRefused(t *turn) bool {
	p.refused.mu.Lock()
	list := p.refused.list
	p.refused.list = nil
	p.refused.mu.Unlock()
	for _, r := range list {
		p.rejected(t, r)
	}
	return len(list) > 0
}
