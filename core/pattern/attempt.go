package pattern

// attempt is all ways in which a match may begin at one row.
type attempt struct {
	first   *row
	threads []thread // more preferred ones first
	best    *bound   // the last row of a match less preferred than all threads; nil: none yet
	waited  bool     // best is a NOT FOLLOWED BY whose time is over
	home    []slot   // of the first thread: used again when the attempt is
	bounds  []bound  // some of those that the threads have; the same
	slid    *slid    // it slid here: its only thread took each row since the first as e.slider's
}

// thread is one way through the pattern so far.
type thread struct {
	state int
	last  *bound
	slots []slot
	twin  int // the thread before this one in the same state; −1: none
}

// bound is a row taken as a variable's. Threads share what they have in common, and nothing in it ever changes.
type bound struct {
	before   *bound
	row      *row
	variable int
}

// move is one thing that can become of a thread.
type move struct {
	step
	wait bool // the thread takes no row
}

// begin starts an attempt at row r. It may be decided at once.
func (e *Engine) begin(r *row) *attempt {
	a := e.unused
	e.unused = nil
	if a == nil {
		a = &attempt{home: make([]slot, e.slots)}
	}
	e.restart(a, r)
	return a
}

func (e *Engine) restart(a *attempt, r *row) {
	a.first, a.best, a.waited, a.slid = r, nil, false, nil
	e.blank(a.home)
	a.threads = append(a.threads[:0], thread{slots: a.home})
	e.step(a, r)
}

// blank empties slots that no thread has any more, and keeps the memory of their aggregates.
func (e *Engine) blank(slots []slot) {
	for i := range slots {
		state := slots[i].state
		if state != nil {
			if _, err := state.Read(e.references[e.slotOf[i]].blank); err != nil {
				state = nil
			}
		}
		slots[i] = slot{state: state}
	}
}

// release keeps a decided attempt for the next one, unless it has grown large.
func (e *Engine) release(a *attempt) {
	a.first, a.best, a.slid = nil, nil, nil
	clear(a.bounds)
	a.bounds = a.bounds[:0]
	if cap(a.threads) <= 16 {
		e.unused = a
	}
}

// step takes the next row in.
func (e *Engine) step(a *attempt, r *row) {
	e.stamp++
	if len(a.threads) == 1 {
		t := &a.threads[0]
		if e.choose(t, r); len(e.moves) <= 1 {
			if !e.inPlace(a, t, r) {
				a.threads[0] = thread{}
				a.threads = a.threads[:0]
			}
			return
		}
		out := e.apply(a, t, r, e.spare[:0])
		a.threads[0] = thread{}
		a.threads, e.spare = out, a.threads
		return
	}
	out := e.spare[:0]
	for i := range a.threads {
		over := e.choose(&a.threads[i], r)
		if out = e.apply(a, &a.threads[i], r, out); over || len(out) > e.limits.Threads {
			break // threads after it are less preferred; or the attempt is given up at once (crowded)
		}
	}
	clear(a.threads)
	a.threads, e.spare = out, a.threads
}

// inPlace does the only move there is, if any, of the only thread, and reports that the thread goes on.
func (e *Engine) inPlace(a *attempt, t *thread, r *row) bool {
	if len(e.moves) == 0 {
		return false
	}
	m := &e.moves[0]
	s := &e.states[m.state]
	t.state = m.state
	if !m.wait {
		e.remember(t, r, m.variable, s.live)
		t.last = a.bind(t.last, r, m.variable)
	}
	if s.accepts {
		a.best = t.last
	}
	return len(s.options) > 0
}

// bind gives a bound, of the attempt's own memory while that is little.
func (a *attempt) bind(before *bound, r *row, variable int) *bound {
	n := len(a.bounds)
	if n == cap(a.bounds) {
		if n >= 128 {
			return &bound{before, r, variable}
		}
		a.bounds, n = make([]bound, 0, max(1, 2*n)), 0
	}
	a.bounds = append(a.bounds, bound{before, r, variable})
	return &a.bounds[n]
}

// decided reports that no row can change the attempt's outcome any more: best, or nothing.
func (a *attempt) decided() bool { return len(a.threads) == 0 }

// apply adds to out what becomes of t with row r by e.moves.
func (e *Engine) apply(a *attempt, t *thread, r *row, out []thread) []thread {
	for i, m := range e.moves {
		own := i == len(e.moves)-1 // the last may have what t has; the others get copies
		next := thread{state: m.state, last: t.last, slots: t.slots}
		s := &e.states[m.state]
		if !own {
			next.slots = share(t.slots)
		}
		if !m.wait {
			e.remember(&next, r, m.variable, s.live)
			next.last = a.bind(t.last, r, m.variable)
		}
		if s.accepts {
			a.best = next.last
		}
		if len(s.options) > 0 && (s.merges || !e.isTwin(out, &next, s.live)) {
			out = append(out, next)
		}
	}
	return out
}

// choose fills e.moves, and reports that the last of them is a match.
func (e *Engine) choose(t *thread, r *row) bool {
	e.moves = e.moves[:0]
	for i := range e.states[t.state].options {
		o := &e.states[t.state].options[i]
		if o.kind == taken {
			if e.holds(o.step.variable, t, r) && e.take(o.step, r) {
				return true
			}
			continue
		}
		began := false
		for _, f := range o.firsts {
			if e.holds(f.variable, t, r) {
				began = true
				if e.take(f, r) {
					return true
				}
			}
		}
		if (!began || o.any) && !e.isAny(o.absent, t, r) && e.fresh(o.waiting, r) {
			e.moves = append(e.moves, move{step{state: o.waiting}, true})
		}
	}
	return false
}

func (e *Engine) take(s step, r *row) bool {
	if e.fresh(s.state, r) {
		e.moves = append(e.moves, move{step: s})
		return e.states[s.state].accepts
	}
	return false
}

// fresh reports that no more preferred thread of this attempt has the same future from state s after row r, and that there is hope in it.
func (e *Engine) fresh(s int, r *row) bool {
	if !e.states[s].merges {
		return true
	}
	if e.states[s].forgets && !r.hope(s) {
		return false
	}
	was := e.stamps[s]
	e.stamps[s] = e.stamp
	return was != e.stamp
}

func (e *Engine) isAny(variables []int, t *thread, r *row) bool {
	for _, v := range variables {
		if e.holds(v, t, r) {
			return true
		}
	}
	return false
}

// share copies slots. What several threads have is copied once one of them changes it.
func share(slots []slot) []slot {
	for i := range slots {
		slots[i].shared = slots[i].state != nil
	}
	return append([]slot(nil), slots...)
}

// end is for an attempt whose time is over: of threads that wait for something not to come, the most preferred has its match.
func (e *Engine) end(k *Key, a *attempt) {
	k.threads -= len(a.threads)
	for i := range a.threads {
		if t := &a.threads[i]; e.states[t.state].waits {
			a.best, a.waited = t.last, true
			break
		}
	}
	clear(a.threads)
	a.threads = a.threads[:0]
}
