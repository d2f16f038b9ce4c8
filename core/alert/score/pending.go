package score

// kept is how many rows of a key may still be revised: as many as core/alert keeps at least.
const kept = 8

type row struct {
	us int64
	x  float64
}

// key is what is known of one: the model of its older rows, and the newest ones as they came.
type key struct {
	n       int8
	rows    [kept + 1]row // by time; one more than is kept, while it is put in
	base    model
	profile []float32 // nil: none; of Rolling, rows before the pending ones, less the model's origin
	about   []slot    // of each place of the profile
}

// slot is what is known of a place of the profile, aside from its value.
type slot struct {
	noise int8  // how wide noise is, 16 for each doubling
	seen  uint8 // how often it was there
}

// find gives the place of a time among the pending rows.
func (k *key) find(us int64) (i int, found bool) {
	for i = int(k.n); i > 0 && k.rows[i-1].us >= us; i-- {
		if k.rows[i-1].us == us {
			return i - 1, true
		}
	}
	return i, false
}

// put takes a row in, and reports whether there is one too many.
func (k *key) put(i int, found bool, r row) bool {
	if !found {
		copy(k.rows[i+1:k.n+1], k.rows[i:k.n])
		k.n++
	}
	k.rows[i] = r
	return k.n > kept
}

func (k *key) cut(i int) {
	copy(k.rows[i:], k.rows[i+1:k.n])
	k.n--
	k.rows[k.n] = row{}
}

func (k *key) newest() int64 {
	if k.n > 0 {
		return k.rows[k.n-1].us
	}
	return k.base.us
}

func (s *Scores) newKey() *key {
	k := &key{}
	if s.slots > 0 {
		k.profile, k.about = make([]float32, s.slots), make([]slot, s.slots)
	}
	if s.ring > 0 {
		k.profile = make([]float32, 0, s.ring)
	}
	return k
}

// score judges x by the rows before place i.
func (s *Scores) score(k *key, i int, us int64, x float64) (float64, bool) {
	if s.ring > 0 {
		return s.rolling(k, i, x)
	}
	m := k.base
	for _, r := range k.rows[:i] {
		s.step(&m, k, r)
	}
	switch s.Kind {
	case Ewma:
		return s.ewma(&m, k, row{us, x})
	case Seasonal:
		return s.seasonal(&m, k, row{us, x})
	}
	return s.anomaly(&m, k, row{us, x})
}

// absorb lets the model learn the oldest pending row, and reports whether that changed the profile.
func (s *Scores) absorb(k *key) bool {
	r := k.rows[0]
	k.cut(0)
	if s.ring > 0 {
		s.remember(k, r)
		return false
	}
	learned := s.learnProfile(k, r)
	s.step(&k.base, k, r)
	return learned
}
