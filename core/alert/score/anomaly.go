package score

import "math"

// ewma is how many deviations x is off the average.
func (s *Scores) ewma(m *model, k *key, r row) (float64, bool) {
	if m.n < first {
		return 0, false
	}
	v := s.view(m, k, r)
	if v.lost {
		return 0, false
	}
	return m.ratio(v.near, float64(m.scale))
}

// seasonal is how many deviations x is off what is usual at this time of the period.
func (s *Scores) seasonal(m *model, k *key, r row) (float64, bool) {
	if !s.warm(m) {
		return 0, false
	}
	return m.ratio(s.view(m, k, r).rest, m.apart())
}

// anomaly is the chance that a week of a normal key has no row as odd as this one: 0.99 comes up once in a hundred weeks of a key. Four things are odd, and
// the oddest of them counts, as one of four that were tried:
//
//   - spike: a row far off both the level of late and the usual one; both since what returns to normal is no spike
//   - shift: the rows of half an hour are together off what is usual at this time
//   - spread: they are much wider about their level
//   - stuck: they are all the same
//
// The first two days (2 periods) know spikes alone.
func (s *Scores) anomaly(m *model, k *key, r row) (float64, bool) {
	if m.n < first {
		return 0, false
	}
	v := s.view(m, k, r)
	z, ok := m.far(v)
	if !ok {
		return 0, false
	}
	chance, tried := m.spikes.chance(z, rowShape), 1.0
	if s.warm(m) {
		tried = 4
		after := *m
		s.step(&after, k, r)
		chance = min(chance, m.shifts.chance(s.off(m, &after), shiftShape), after.stuck())
		if m.scale > 0 && after.lately > 0 {
			chance = min(chance, spreadTail.chance(after.wider()/float64(m.spread), spreadShape))
		}
	}
	return math.Exp(-tried * chance * s.weekly(m, r.us)), true
}

// off is how many deviations the rows of late are off the usual. A scale known for few days may be as much too small.
func (s *Scores) off(m, after *model) float64 {
	days := float64(m.us-m.since)/float64(s.periodUs) - 1
	z, _ := m.ratio(math.Abs(float64(after.shift)), m.together()*(1+1/days))
	return z
}

// weekly is how many rows of a key a week has.
func (s *Scores) weekly(m *model, us int64) float64 {
	each := float64(s.EachUs)
	if each == 0 {
		each = float64(us-m.since) / float64(m.n)
	}
	return 7 * dayUs / max(each, 1)
}
