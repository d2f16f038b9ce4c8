package score

import "math"

// slotAt gives the place of a row's middle in the period, and how far it is into that.
func (s *Scores) slotAt(us int64) (slot int, part float64) {
	at := (us + s.WindowUs/2) % s.periodUs
	if at < 0 {
		at += s.periodUs
	}
	p := float64(at) / float64(s.periodUs) * float64(s.slots)
	slot = min(int(p), s.slots-1)
	return slot, p - float64(slot)
}

// expected is what the profile says of a time, between the middles of slots. It is ready once a period has been seen.
func (s *Scores) expected(m *model, k *key, us int64) (x float64, ready bool) {
	if s.slots == 0 || us-m.since < s.periodUs {
		return 0, false
	}
	a, part := s.slotAt(us)
	if part -= 0.5; part < 0 {
		a, part = a-1, part+1
	}
	low, high := k.filled(a), k.filled(a+1)
	if low < 0 {
		return 0, false
	}
	return float64(k.profile[low])*(1-part) + float64(k.profile[high])*part, true
}

// filled is the nearest slot that was seen, at i or before it; −1: there is none.
func (k *key) filled(i int) int {
	for range k.about {
		i = (i + len(k.about)) % len(k.about)
		if k.about[i].seen > 0 {
			return i
		}
		i--
	}
	return -1
}

// learnProfile adds a row to its slot, and puts what a slot was off into the profile once the next begins: it reports that.
func (s *Scores) learnProfile(k *key, r row) (learned bool) {
	if s.slots == 0 {
		return false
	}
	m := &k.base
	m.begin(r)
	if slot, _ := s.slotAt(r.us); int(m.slot) != slot {
		learned = k.closeSlot()
		m.slot = int16(slot)
	}
	v := s.view(m, k, r)
	x := v.off
	switch {
	case v.ready && k.about[m.slot].seen == 0: // v.off is off a neighbour
		x = v.x - float64(m.offset)
	case v.ready:
		x = m.trusted(v.rest)
	case m.n > early && !v.lost:
		x += clip(v.near, wide*m.used(v)) - v.near
	}
	m.slotN++
	m.slotSum += float32(x)
	m.slotOff += float32(min(math.Abs(v.near), far*m.used(v)))
	return learned
}

// trusted is how much of a deviation the profile learns: none of what is far off, nor of what has been off for a while (Hampel's three parts).
func (m *model) trusted(rest float64) float64 {
	bound := wide * m.apart()
	if m.shifted != 0 {
		return 0
	}
	return clip(rest, min(bound, max(0, 2*bound-math.Abs(rest)/2)))
}

func (k *key) closeSlot() bool {
	m := &k.base
	if m.slotN == 0 {
		return false
	}
	i, mean := m.slot, m.slotSum/float32(m.slotN)
	gain := max(1/float32(k.about[i].seen+1), 0.15)
	if k.about[i].seen == 0 {
		k.profile[i] = mean
	} else {
		k.profile[i] += mean * gain
	}
	if m.scale > 0 && m.slotOff > 0 && (k.about[i].seen < 2 || m.wider() < threshold*float64(m.spread)) {
		wider := clip(16*math.Log2(1.2533*float64(m.slotOff)/float64(m.slotN)/float64(m.scale)), 100)
		k.about[i].noise += int8(math.Round((wider - float64(k.about[i].noise)) * float64(gain)))
	}
	k.about[i].seen = min(k.about[i].seen+1, 100)
	m.slotN, m.slotSum, m.slotOff = 0, 0, 0
	return true
}

// noise is by how much wider noise is at a time than on the whole, over the slots around it.
func (s *Scores) noise(k *key, us int64) float64 {
	at, _ := s.slotAt(us)
	sum, n := 0, 0
	for i := at - 2; i <= at+2; i++ {
		if j := (i + s.slots) % s.slots; k.about[j].seen > 0 {
			sum += int(k.about[j].noise)
			n++
		}
	}
	if n == 0 {
		return 1
	}
	return math.Exp2(float64(sum) / float64(16*n))
}
