package fence

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"time"

	"github.com/hexpane/hexpane/geo/index"
)

// Config of an Engine.
type Config struct {
	LostAfter time.Duration // a device in a fence that is silent for so long, in event time, is told as lost; 0: never
	Forget    time.Duration // a device in no fence that is silent for so long is forgotten; 0: an hour
	Pending   int           // positions of a device that may wait for the watermark; past it the older half is taken for settled; at least 16; 0: 10,000
}

// Engine watches devices at fences. It is not safe for use by several goroutines.
type Engine struct {
	cfg       Config
	set       *Set
	version   int // of set
	watermark int64
	tracks    map[string]*track
	sleepers  sleepers
	found     []*index.Fence
	changed   []string // devices, some twice
	buffer    []byte

	Late uint64 // positions that came after the watermark or what an edit settled, and were left out
}

// New gives an engine without fences.
func New(cfg Config) *Engine {
	if cfg.Forget == 0 {
		cfg.Forget = time.Hour
	}
	if cfg.Pending == 0 {
		cfg.Pending = 10_000
	}
	cfg.Pending = max(cfg.Pending, 2*few)
	return &Engine{cfg: cfg, set: new(Set), tracks: map[string]*track{}, watermark: math.MinInt64}
}

// Observe takes a position and appends what it tells. The event-time order of a device's positions is restored as far as the watermark has not passed them.
func (e *Engine) Observe(f Fix, out []Event) []Event {
	if !(math.Abs(f.Lat) <= 90) || !(math.Abs(f.Lon) <= 360) {
		return out
	}
	if f.At < e.watermark {
		e.Late++
		return out
	}
	t := e.tracks[f.Device]
	if t == nil {
		t = &track{wake: math.MaxInt64}
		e.tracks[f.Device] = t
	}
	t.settle(e.watermark, e)
	if len(t.pending) >= e.cfg.Pending {
		t.settle(t.pending[len(t.pending)/2].At+1, e)
	}
	out = t.add(f, e, out)
	e.dirty(f.Device, t)
	e.sleep(f.Device, t)
	return out
}

// Advance moves the watermark, in ms since 1970: no position older than it is expected any more. It appends what happens by waiting.
func (e *Engine) Advance(watermark int64, out []Event) []Event {
	if watermark <= e.watermark {
		return out
	}
	e.watermark = watermark
	first := len(out)
	for len(e.sleepers) > 0 && e.sleepers[0].wake < watermark {
		s := heap.Pop(&e.sleepers).(sleeper)
		t := e.tracks[s.device]
		if t == nil || t.wake != s.wake {
			continue // it was put off since
		}
		if len(t.now.visits) == 0 && t.next(&e.cfg) < watermark {
			delete(e.tracks, s.device)
			e.changed = append(e.changed, s.device)
			continue
		}
		from := len(out)
		out = t.now.wait(watermark, &e.cfg, out)
		order(out[from:])
		t.told = append(t.told, out[from:]...)
		t.wake = math.MaxInt64
		e.dirty(s.device, t)
		e.sleep(s.device, t)
	}
	order(out[first:])
	return out
}

// Inside gives the devices that are in a fence now, in order.
func (e *Engine) Inside(fence string) []string {
	var out []string
	for device, t := range e.tracks {
		if slices.ContainsFunc(t.now.visits, func(v visit) bool { return v.inside && v.zone.ID == fence }) {
			out = append(out, device)
		}
	}
	slices.Sort(out)
	return out
}

// In gives the fences that a device is in now, in order.
func (e *Engine) In(device string, dst []string) []string {
	t := e.tracks[device]
	if t == nil {
		return dst
	}
	from := len(dst)
	for i := range t.now.visits {
		if v := &t.now.visits[i]; v.inside {
			dst = append(dst, v.zone.ID)
		}
	}
	slices.Sort(dst[from:])
	return dst
}

// Devices is how many are known.
func (e *Engine) Devices() int { return len(e.tracks) }

// Newest is the time of the device's newest position, in ms since 1970.
func (e *Engine) Newest(device string) int64 {
	if t := e.tracks[device]; t != nil {
		return t.now.last.At
	}
	return math.MinInt64
}

// sleep sees to it that Advance looks at the track when something may happen by waiting. It may look too early, never too late.
func (e *Engine) sleep(device string, t *track) {
	if at := max(t.next(&e.cfg), e.watermark); at < t.wake {
		t.wake = at
		heap.Push(&e.sleepers, sleeper{at, device})
	}
}

type sleeper struct {
	wake   int64
	device string
}

type sleepers []sleeper

func (s sleepers) Len() int      { return len(s) }
func (s sleepers) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s *sleepers) Push(x any)   { *s = append(*s, x.(sleeper)) }
func (s sleepers) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(s[i].wake, s[j].wake), cmp.Compare(s[i].device, s[j].device)) < 0
}
func (s *sleepers) Pop() any {
	old := *s
	x := old[len(old)-1]
	*s = old[:len(old)-1]
	return x
}
