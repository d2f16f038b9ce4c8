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
	watermark int64
	tracks    map[string]*track
	sleepers  sleepers
	finder    index.Finder
	places    []index.Place
	batch     []*track
	touched   int64
	changed   []string            // devices
	turning   map[string]struct{} // devices that were on the other side of a border, which does not count yet, at a position that is not settled or since then
	buffer    []byte

	log     []byte // of this turn
	logging logEntry
	entries []logEntry // that are stored, oldest first
	logged  int        // positions in them
	number  uint64     // of the last entry

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
	return &Engine{cfg: cfg, set: new(Set), tracks: map[string]*track{}, turning: map[string]struct{}{}, watermark: math.MinInt64}
}

// together is how many positions are looked up at a time, so that they wait for memory together.
const together = 32

// Observe takes positions and appends what they tell, one after the other. The event-time order of a device's positions is restored as far as the
// watermark has not passed them.
func (e *Engine) Observe(fixes []Fix, out []Event) []Event {
	for ; len(fixes) > together; fixes = fixes[together:] {
		out = e.observe(fixes[:together], out)
	}
	return e.observe(fixes, out)
}

func (e *Engine) observe(fixes []Fix, out []Event) []Event {
	e.places, e.batch = e.places[:0], e.batch[:0]
	for i := range fixes {
		e.places = append(e.places, index.Place{Lat: fixes[i].Lat, Lon: fixes[i].Lon})
		e.batch = append(e.batch, e.tracks[fixes[i].Device])
	}
	e.finder.Find(&e.set.index, e.places)
	for _, t := range e.batch {
		if t != nil && len(t.pending) > 0 {
			e.touched += t.pending[len(t.pending)-1].at + t.pending[0].at // so that they are on their way
		}
	}
	for i := range fixes {
		f := &fixes[i]
		if !(math.Abs(f.Lat) <= 90) || !(math.Abs(f.Lon) <= 360) {
			continue
		}
		if f.At < e.watermark {
			e.Late++
			continue
		}
		t := e.batch[i]
		if t == nil {
			if t = e.tracks[f.Device]; t == nil { // it may be in the batch twice
				t = newTrack(f.Device)
				e.tracks[f.Device] = t
			}
		}
		t.settle(e.watermark, few, e)
		if len(t.pending) >= e.cfg.Pending {
			t.settle(t.pending[len(t.pending)/2].at+1, few, e)
			e.dirty(t)
		}
		numbers := e.finder.Of(i)
		if len(numbers) > 1 {
			slices.Sort(numbers)
		}
		p := point{f.At, f.Lat, f.Lon, f.Speed}
		if t.next(&p, numbers, e) {
			e.quiet(t, &p)
			continue
		}
		out = t.add(&p, numbers, e, out)
		e.turns(f.Device, t)
		e.sleep(f.Device, t)
		e.dirty(t)
	}
	return out
}

func newTrack(device string) *track {
	return &track{turned: math.MinInt64, wake: math.MaxInt64, oldest: math.MaxInt64, now: state{device: device}, settled: state{device: device}}
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
		if len(t.now.visits) == 0 && t.due(&e.cfg) < watermark {
			delete(e.tracks, s.device)
			delete(e.turning, s.device)
			e.changed = append(e.changed, s.device)
			continue
		}
		from := len(out)
		out = t.now.wait(watermark, &e.cfg, out)
		order(out[from:])
		t.told = append(t.told, out[from:]...)
		t.wake = math.MaxInt64
		t.set(t.in)
		e.dirty(t)
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
		return t.now.last.at
	}
	return math.MinInt64
}

func (e *Engine) turns(device string, t *track) {
	if t.turned >= e.watermark || t.now.turning() || t.settled.turning() {
		e.turning[device] = struct{}{}
	}
}

// Undecided is the time of the oldest position that, by a rule's MinTime or MinDistance, may yet turn out to be an event's: MaxInt64 if there is none.
// What is not decided so long after MinTime, in event time, is not waited for.
func (e *Engine) Undecided(patience time.Duration) int64 {
	at := int64(math.MaxInt64)
	for device := range e.turning {
		t := e.tracks[device]
		t.settle(e.watermark, 1, e) // what came after a turn may be undone by a position between the two, as long as the watermark has not passed it
		for i := range t.settled.visits {
			if v := &t.settled.visits[i]; v.turning && e.watermark < v.turn.at+(v.zone.Rule.MinTime+patience).Milliseconds() {
				at = min(at, v.turn.at)
			}
		}
		if t.turned < e.watermark && !t.settled.turning() {
			delete(e.turning, device)
		}
	}
	return at
}

// sleep sees to it that Advance looks at the track when something may happen by waiting. It may look too early, never too late.
func (e *Engine) sleep(device string, t *track) {
	if at := max(t.due(&e.cfg), e.watermark); at < t.wake {
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
