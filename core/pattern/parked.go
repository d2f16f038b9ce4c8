package pattern

import (
	"math"
	"slices"
)

// Under SKIP TO NEXT ROW each row begins an attempt, and most of them have one thread that waits for a row which mostly does not come: such an attempt
// is parked. A row that none of what it waits for can be leaves it as it is, and a glance at its lanes tells that of most.

// parking is what the attempts of a key that wait have side by side; it is kept for SKIP TO NEXT ROW alone.
type parking struct {
	parked []int       // by attempt: the state that it waits in, or −1
	lanes  [][]float64 // by Engine.lanes, by attempt
}

// park notes where attempt i, which has changed, stands.
func (e *Engine) park(k *Key, i int) {
	if i == len(k.parked) {
		k.parked = append(k.parked, -1)
		if k.lanes == nil {
			k.lanes = make([][]float64, len(e.lanes))
		}
		for l := range k.lanes {
			k.lanes[l] = append(k.lanes[l], math.NaN())
		}
	}
	k.parked[i] = -1
	threads := k.attempts[i].threads
	if len(threads) != 1 {
		return
	}
	t := &threads[0]
	if o := e.states[t.state].options; len(o) != 1 || o[0].kind == taken {
		return
	}
	t.state = e.states[t.state].options[0].waiting // it has this option alone
	k.parked[i] = t.state
	for l, of := range e.lanes {
		k.lanes[l][i] = amount(e.look(&e.references[of.reference], of.variable, t, nil))
	}
}

// unpark forgets attempt i, which goes.
func (k *Key) unpark(i int) {
	if i >= len(k.parked) {
		return
	}
	if i == 0 && len(k.parked) > 1 {
		k.parked = k.parked[1:]
		for l := range k.lanes {
			k.lanes[l] = k.lanes[l][1:]
		}
		return
	}
	k.parked = slices.Delete(k.parked, i, i+1)
	for l := range k.lanes {
		k.lanes[l] = slices.Delete(k.lanes[l], i, i+1)
	}
}

// outlook is what a row can be to the attempts that are parked in a state.
type outlook struct {
	stamp uint64    // of the row
	any   bool      // it may change each of them
	looks []*glance // else those that one of these does not rule out
}

// changes reports that row r may change attempt i of e.key.
func (e *Engine) changes(i int, r *row) bool {
	state := e.key.parked[i]
	if state < 0 {
		return true
	}
	o := &e.outlooks[state]
	if o.stamp != e.rowStamp {
		e.lookOut(o, state, r)
	}
	if o.any {
		return true
	}
	for _, g := range o.looks {
		if g.may(i) {
			return true
		}
	}
	return false
}

func (e *Engine) lookOut(o *outlook, state int, r *row) {
	*o = outlook{stamp: e.rowStamp, looks: o.looks[:0]}
	option := &e.states[state].options[0]
	for _, f := range option.firsts {
		e.lookFor(o, f.variable, r)
	}
	for _, v := range option.absent {
		e.lookFor(o, v, r)
	}
}

func (e *Engine) lookFor(o *outlook, v int, r *row) {
	switch c := &e.variables[v]; {
	case c.eval == nil || c.known && e.holds(v, nil, r) || !c.known && c.glance == nil:
		o.any = true
	case !c.known:
		c.glance.at(e, v, r)
		o.looks = append(o.looks, c.glance)
	}
}
