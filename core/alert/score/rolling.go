package score

import (
	"math"
	"slices"
)

// rolling is how many robust deviations x is off the median of the rows before place i: the median absolute deviation stands for the deviation, so that
// a third of them may be odd. Once half of the rows are there.
func (s *Scores) rolling(k *key, i int, x float64) (float64, bool) {
	var room [MaxWindows]float64
	all := room[:0]
	origin := k.base.origin
	if k.base.n == 0 && k.n > 0 {
		origin = k.rows[0].x // as it will be
	}
	for _, v := range k.profile[max(0, len(k.profile)-(s.ring-min(i, s.ring))):] {
		all = append(all, float64(v))
	}
	for _, r := range k.rows[max(0, i-s.ring):i] {
		all = append(all, float64(float32(r.x-origin))) // as the ring has it
	}
	if len(all) < max(MinWindows, s.ring/2) {
		return 0, false
	}
	slices.Sort(all)
	middle := all[len(all)/2]
	step := math.Inf(1) // the least difference, as large as the signal's own steps
	mean := 0.0
	for j, v := range all {
		if j > 0 && v > all[j-1] {
			step = min(step, v-all[j-1])
		}
		mean += math.Abs(v-middle) / float64(len(all))
	}
	for j, v := range all {
		all[j] = math.Abs(v - middle)
	}
	slices.Sort(all)
	scale := max(1.4826*all[len(all)/2], 0)
	if scale == 0 {
		scale = 1.2533 * mean // more than half are equal
	}
	return ratio(x-origin-middle, scale, step, middle+origin)
}

// ratio is off in scales. A signal that moves in steps is off by no more than so many of them, and of one that never moved one hundredth is the scale.
func ratio(off, scale, step, level float64) (float64, bool) {
	if !math.IsInf(step, 1) {
		scale = max(scale, step)
	}
	if scale == 0 {
		scale = math.Abs(level) / 100
	}
	if scale == 0 {
		return 0, false
	}
	return off / scale, true
}

// remember takes a row into the ring.
func (s *Scores) remember(k *key, r row) {
	if k.base.n == 0 {
		k.base.origin = r.x
	}
	k.base.n++
	k.base.us = r.us
	if len(k.profile) == s.ring {
		k.profile = slices.Delete(k.profile, 0, 1)
	}
	k.profile = append(k.profile, float32(r.x-k.base.origin))
}
