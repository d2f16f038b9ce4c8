package score

import "math"

// config is what a Spec comes to.
type config struct {
	Spec
	ring     int     // of Rolling: rows
	alpha    float64 // how fast the level follows, a row
	halfUs   float64 // of Ewma: the half-life, instead of alpha
	memory   float64 // rows that scales remember: those of a day
	smooth   float64 // rows over which a shift is looked for: those of half an hour, at least 8
	periodUs int64
	slots    int // 0: no profile
}

// model is what is known of a key's older rows, aside from its profile. Values are relative to the origin; levels to the profile, once that is used.
type model struct {
	origin float64
	us     int64 // the newest row
	since  int64 // the first
	n      uint32
	known  uint32 // rows since the profile is used

	// What is near: a level that follows within a few rows, the scale of what it does not foresee, and the same of late; the scale of their ratio.
	level, scale, lately, spread float32
	last, quantum                float32 // the row before; the least difference of two rows on end
	spikes                       tail

	// What is usual: an offset from the profile, the scale of rows about it, by how much rows of late were off together, and the scale of that.
	offset, about, shift, shiftScale float32
	shifted                          int64 // since when they are off; 0: they aren't
	peak                             float32
	middle, swing                    float32 // of the profile, and how far it is off that in the mean
	shifts                           tail

	// Rows as the one before: how many now, the most there were, how likely the next is.
	run, longest uint16
	equal        float32

	odd int8 // rows on end that were far off the level, below 0: below it

	// The slot of the profile at hand: what its rows were off.
	slot    int16
	slotN   uint16
	slotSum float32
	slotOff float32 // and how wide they were about the level
}

const (
	wide    = 2.5   // deviations that an odder row counts as
	far     = 4     // deviations that are far
	relearn = 6     // rows on end so far off, on one side, make a new level
	early   = 8     // rows that are taken as they are: there is nothing yet to hold them against
	first   = 32    // rows before there is a score
	lasting = dayUs // what has been off the profile for so long is the usual
	flat    = 1e-6  // chance of rows so equal, below which nothing is learned from them
)

func clip(x, most float64) float64 { return min(max(x, -most), most) }

// toward moves a mean by one of n.
func toward(mean *float32, x, n float64) { *mean += float32((x - float64(*mean)) / n) }

// view is a row as the model sees it before it learns it.
type view struct {
	x        float64
	expected float64 // what the profile says, if it is ready
	off      float64 // off that
	near     float64 // off the level
	rest     float64 // off the usual
	lost     bool    // there is no level: it was too long ago
	ready    bool    // the profile is used
	noise    float64 // by how much noise is wider at this time than on the whole
}

func (m *model) begin(r row) {
	if m.n == 0 {
		*m = model{origin: r.x, since: r.us, slot: -1, equal: 0.5, spread: 0.3, spikes: freshTail, shifts: shiftTail}
	}
}

func (s *Scores) view(m *model, k *key, r row) view {
	v := view{x: r.x - m.origin}
	expected, ready := s.expected(m, k, r.us)
	v.off, v.noise, v.ready, v.expected = v.x-expected, 1, ready, expected
	if ready {
		v.noise = s.noise(k, r.us)
	}
	v.lost = m.n == 0 || s.EachUs > 0 && r.us-m.us > max(10*s.EachUs, 3600_000_000)
	if level := float64(m.level); !v.lost {
		if ready && m.known == 0 { // the level is not relative to the profile yet
			level -= expected
		}
		v.near = v.off - level
	}
	v.rest = v.off - float64(m.offset)
	return v
}

// step takes a row into the model, but not into the profile.
func (s *Scores) step(m *model, k *key, r row) {
	m.begin(r)
	v := s.view(m, k, r)
	if v.ready && m.known == 0 {
		m.level -= float32(v.expected)
		m.about, m.shiftScale, m.middle = m.scale, m.scale, float32(v.expected)
	}
	if v.lost {
		m.level, m.odd, m.run = float32(v.off), 0, 0
	} else {
		m.equals(v.x, s.memory, v.ready && s.warm(m))
		if m.stuck() > flat {
			s.learnNoise(m, v)
		}
		s.learnLevel(m, v, r.us-m.us)
	}
	if v.ready {
		s.learnUsual(m, v, r.us)
	}
	m.last, m.us = float32(v.x), r.us
	m.n++
}

// used is the scale that a row near is held against. Until the noise of each hour is known that of late says more, and a little always.
func (m *model) used(v view) float64 {
	if m.known > 0 {
		return v.noise * float64(max(m.scale, min(m.lately, 1.5*m.scale)))
	}
	return float64(max(m.scale, m.lately))
}

// far is how many deviations a row is off the nearer of what may be expected: the level of late, and the usual one.
func (m *model) far(v view) (z float64, ok bool) {
	d := math.Abs(v.rest)
	switch {
	case v.lost && m.known == 0:
		return 0, false
	case m.known == 0, !v.lost && math.Abs(v.near) < d:
		d = math.Abs(v.near)
	}
	return m.ratio(d, m.used(v))
}

func (m *model) ratio(d, scale float64) (float64, bool) {
	step := math.Inf(1)
	if m.quantum > 0 {
		step = float64(m.quantum)
	}
	return ratio(d, scale, step, float64(m.last)+m.origin)
}

// learnNoise follows the scale of what the level does not foresee, a fifth as fast while that is odd itself.
func (s *Scores) learnNoise(m *model, v view) {
	n := float64(m.n)
	d, scale := math.Abs(v.near)/v.noise, float64(m.scale)
	slow := 1.0
	if m.lately > m.scale && m.n > first && m.wider() > far*float64(m.spread) {
		slow = 5
	}
	if m.n > first && slow == 1 && m.odd == 0 {
		if z, ok := m.far(v); ok {
			m.spikes.learn(z, min(n, 3*s.memory))
		}
	}
	toward(&m.lately, 1.2533*min(d, 10*max(scale, d/10*early/n)), min(n, 3*s.smooth))
	if n > 12*s.smooth && m.scale > 0 && m.lately > 0 {
		toward(&m.spread, 1.2533*min(math.Abs(m.wider()), 3*float64(m.spread)), min(n, 2*s.memory)*slow)
	}
	if m.n > early && scale > 0 {
		d = min(d, 3*scale)
	}
	toward(&m.scale, 1.2533*d*v.noise, min(n, s.memory)*slow) // over all times: noise is relative to it
}

// wider is how much wider the noise of late is than the usual, as a logarithm.
func (m *model) wider() float64 { return math.Log(float64(m.lately) / float64(m.scale)) }

// learnLevel follows the level, by an odd row as little as by one that is at the bound. What stays odd is the new level.
func (s *Scores) learnLevel(m *model, v view, us int64) {
	d := v.near
	if scale := m.used(v); m.n > early && scale > 0 {
		d = clip(d, wide*scale)
		switch {
		case math.Abs(v.near) < far*scale:
			m.odd = 0
		case v.near > 0:
			m.odd = max(m.odd, 0) + 1
		default:
			m.odd = min(m.odd, 0) - 1
		}
	}
	if m.odd == relearn || m.odd == -relearn {
		m.level, m.odd = float32(v.off), 0
		return
	}
	alpha := s.alpha
	if s.halfUs > 0 {
		alpha = 1 - math.Exp2(-float64(us)/s.halfUs)
	}
	m.level += float32(max(alpha, 1/float64(m.n+1)) * d)
}

// learnUsual follows what is off the profile. Of what has been off for a while nothing is learned, until that is a day: then it is the usual.
func (s *Scores) learnUsual(m *model, v view, us int64) {
	m.known++
	n := float64(m.known)
	toward(&m.middle, v.expected, min(n, s.memory))
	toward(&m.swing, math.Abs(v.expected-float64(m.middle)), min(n, s.memory))
	scale := m.together()
	toward(&m.shift, clip(v.rest, 30*scale), min(n, s.smooth))
	z := math.Abs(float64(m.shift)) / max(scale, 1e-30)
	warm := s.warm(m)
	switch {
	case !warm || z <= threshold:
		if m.shifted != 0 {
			m.shifts.learn(float64(m.peak), min(n, 3*s.memory)) // one peak of all that time
			m.shifted, m.peak = 0, 0
		} else if warm {
			m.shifts.learn(z, min(n, 3*s.memory))
		}
		about := m.apart()
		toward(&m.about, 1.2533*min(math.Abs(v.rest), far*about), min(n+10, 2*s.memory))
		toward(&m.shiftScale, 1.2533*min(z, far)*scale, min(n+s.smooth, 2*s.memory))
		m.offset += float32(clip(v.rest, wide*about) / (2 * s.memory))
	case m.shifted == 0:
		m.shifted, m.peak = us, float32(z)
	case us-m.shifted > lasting:
		m.shiftScale = max(m.shiftScale, float32(math.Abs(float64(m.shift))/far))
		m.offset += m.shift
		m.shift, m.shifted, m.peak = 0, 0, 0
	default:
		m.peak = max(m.peak, float32(z))
	}
}

// together is the scale of what rows of late are off together: days may differ by a part of the profile's swing, and a mean is not finer than its rows let it be.
func (m *model) together() float64 { return float64(max(m.shiftScale, m.swing/10, m.scale/5)) }

// apart is the scale of what a single row is off the usual.
func (m *model) apart() float64 { return float64(max(m.about, m.scale/2)) }

// warm reports that the profile has been tried for a period.
func (s *Scores) warm(m *model) bool { return m.known > 0 && m.us-m.since >= 2*s.periodUs }

// equals counts rows that are as the one before.
func (m *model) equals(x, memory float64, warm bool) {
	d := math.Abs(x - float64(m.last))
	n := min(float64(m.n)+1, memory)
	if d <= 0.02*float64(m.scale) || d <= 1e-6*math.Abs(x) {
		if m.run < math.MaxUint16 {
			m.run++
		}
		if m.stuck() > flat {
			toward(&m.equal, 1, n)
		}
		return
	}
	if m.quantum == 0 || d < float64(m.quantum) {
		m.quantum = float32(d)
	}
	if most := 2*m.longest + 4; warm && m.run > most { // of a fault it learns as little
		m.run = most
	}
	m.longest, m.run = max(m.longest, m.run), 0
	toward(&m.equal, 0, n)
}

// stuck is the chance of so many equal rows on end.
func (m *model) stuck() float64 {
	if m.run < 3 || m.n < 64 {
		return 1
	}
	again := max(float64(m.equal), math.Pow(float64(m.n), -1/float64(m.longest+2)))
	return math.Pow(again, float64(m.run))
}
