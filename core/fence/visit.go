package fence

import (
	"math"
	"slices"
	"time"
)

// zone is a fence as the engine holds it.
type zone struct{ Fence }

// point is a position of a device that is known otherwise.
type point struct {
	at              int64 // ms since 1970
	lat, lon, speed float64
}

// visit is a device in a fence, or about to be.
type visit struct {
	zone   *zone
	inside bool
	since  int64 // when it entered

	// A position was on the other side than the device is held to be; the first one is turn.
	turning bool
	turn    point
	held    point // the last position before it

	dwelled  bool // told
	speeding bool // told
	fast     int  // positions on end above the limit
	fastFrom int64
}

// state is where a device is, after its positions up to last.
type state struct {
	last   point
	known  bool // last is one
	lost   bool
	visits []visit
	device string
}

func (s *state) clone() state {
	c := *s
	c.visits = append([]visit(nil), s.visits...)
	return c
}

// turning reports whether a border was passed that does not count yet.
func (s *state) turning() bool {
	return slices.ContainsFunc(s.visits, func(v visit) bool { return v.turning })
}

func (s *state) find(z *zone) *visit {
	for i := range s.visits {
		if s.visits[i].zone == z {
			return &s.visits[i]
		}
	}
	return nil
}

// move takes the device to its next position, in the fences that have it, and gives what happened since the last one, in no order.
func (s *state) move(f *point, in []*zone, cross []*zone, cfg *Config, out []Event) []Event {
	if len(s.visits) == 0 && s.known && s.last.at+cfg.Forget.Milliseconds() < f.at {
		*s = state{device: s.device} // forgotten, whether or not Advance came by in between
	}
	out = s.wait(f.at, cfg, out)
	if s.known && !s.lost {
		out = s.pass(f, in, cross, out)
	}
	for _, z := range in {
		if s.find(z) == nil {
			s.visits = append(s.visits, visit{zone: z})
		}
	}
	over := false
	for i := range s.visits {
		v := &s.visits[i]
		out = v.move(s, f, slices.Contains(in, v.zone), out)
		over = over || !v.inside && !v.turning
	}
	if over {
		s.visits = slices.DeleteFunc(s.visits, func(v visit) bool { return !v.inside && !v.turning })
	}
	s.known, s.last, s.lost = true, *f, false
	return out
}

// pass tells which fences were passed through between two positions outside them.
func (s *state) pass(f *point, in, cross []*zone, out []Event) []Event {
	for _, z := range cross {
		if s.passes(f, z) && !slices.Contains(in, z) {
			out = append(out, s.event(f, z, Cross, f.at, 0))
		}
	}
	return out
}

func (s *state) passes(f *point, z *zone) bool {
	return z.Shape.Crossed(s.last.lat, s.last.lon, f.lat, f.lon) && s.find(z) == nil
}

// passesAny reports whether a position in the same fences as the last one lies beyond another one.
func (s *state) passesAny(f *point, cross []*zone) bool {
	return slices.ContainsFunc(cross, func(z *zone) bool { return s.passes(f, z) })
}

// wait gives what happens before a time without a new position.
func (s *state) wait(until int64, cfg *Config, out []Event) []Event {
	if !s.known {
		return out
	}
	silent := int64(math.MaxInt64)
	if cfg.LostAfter > 0 {
		silent = s.last.at + cfg.LostAfter.Milliseconds()
	}
	for i := range s.visits {
		v := &s.visits[i]
		if due := v.due(); v.inside && !v.turning && due < until && due <= silent && !s.lost {
			out = v.dwell(s, &s.last, due, out)
		}
		if v.inside && silent < until && !s.lost {
			out = append(out, s.event(&s.last, v.zone, Lost, silent, ms(silent-v.since)))
		}
	}
	s.lost = s.lost || silent < until
	return out
}

// calm is which positions, in the same fences as the last one, change nothing but where the device is.
type calm struct {
	is    bool    // some do
	until int64   // those before
	limit float64 // those not faster
}

func (s *state) calm() calm {
	c := calm{s.known && !s.lost, math.MaxInt64, math.Inf(1)}
	for i := range s.visits {
		v := &s.visits[i]
		c.is = c.is && v.inside && !v.turning && v.fast == 0
		c.until = min(c.until, v.due())
		if limit := v.zone.Rule.SpeedLimit; limit > 0 {
			c.limit = min(c.limit, limit)
		}
	}
	return c
}

func (c *calm) takes(p *point) bool { return c.is && p.at < c.until && !(p.speed > c.limit) }

// next is when wait has something to tell, at the earliest.
func (s *state) next(cfg *Config) int64 {
	at := int64(math.MaxInt64)
	for i := range s.visits {
		if v := &s.visits[i]; v.inside && !s.lost {
			if !v.turning {
				at = min(at, v.due())
			}
			if cfg.LostAfter > 0 {
				at = min(at, s.last.at+cfg.LostAfter.Milliseconds())
			}
		}
	}
	return at
}

// due is when the device will have been inside for as long as is to be told.
func (v *visit) due() int64 {
	if v.dwelled || v.zone.Rule.Dwell <= 0 {
		return math.MaxInt64
	}
	return v.since + v.zone.Rule.Dwell.Milliseconds()
}

func (v *visit) dwell(s *state, f *point, at int64, out []Event) []Event {
	v.dwelled = true
	return append(out, s.event(f, v.zone, Dwell, at, ms(at-v.since)))
}

// move takes the visit to the device's next position f, inside the fence or not.
func (v *visit) move(s *state, f *point, in bool, out []Event) []Event {
	if in == v.inside {
		v.turning = false
	} else {
		if !v.turning {
			v.turning, v.turn, v.held = true, *f, s.last
		}
		r := &v.zone.Rule
		if f.at-v.turn.at < r.MinTime.Milliseconds() || s.known && r.MinDistance > 0 && distance(&v.held, f) < r.MinDistance {
			return out
		}
		v.turning, v.inside = false, in
		if !in {
			return append(out, s.event(&v.turn, v.zone, Exit, v.turn.at, ms(v.turn.at-v.since)))
		}
		v.since = v.turn.at
		out = append(out, s.event(&v.turn, v.zone, Enter, v.turn.at, 0))
	}
	if !v.inside {
		return out
	}
	if due := v.due(); due <= f.at {
		if s.lost { // when it became due nobody knew where the device was
			due = f.at
		}
		out = v.dwell(s, f, due, out)
	}
	return v.speed(s, f, out)
}

func (v *visit) speed(s *state, f *point, out []Event) []Event {
	r := &v.zone.Rule
	switch {
	case r.SpeedLimit <= 0 || math.IsNaN(f.speed):
		return out
	case f.speed <= r.SpeedLimit:
		v.fast, v.speeding = 0, false
		return out
	case v.fast == 0:
		v.fastFrom = f.at
	}
	v.fast++
	if v.speeding || v.fast < r.SpeedFixes || f.at-v.fastFrom < r.SpeedFor.Milliseconds() {
		return out
	}
	v.speeding = true
	return append(out, s.event(f, v.zone, Speeding, f.at, ms(f.at-v.since)))
}

func (s *state) event(f *point, z *zone, kind Kind, at int64, inside time.Duration) Event {
	return Event{ID: id(s.device, z.ID, kind, at), Device: s.device, Fence: z.ID, Kind: kind, At: at, Lat: f.lat, Lon: f.lon, Speed: f.speed, Inside: inside, zone: z}
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// distance in metres on a sphere.
func distance(a, b *point) float64 {
	const radius, degree = 6371008.8, math.Pi / 180
	lat, lon := math.Sin((b.lat-a.lat)/2*degree), math.Sin((b.lon-a.lon)/2*degree)
	return 2 * radius * math.Asin(math.Min(1, math.Sqrt(lat*lat+math.Cos(a.lat*degree)*math.Cos(b.lat*degree)*lon*lon)))
}
