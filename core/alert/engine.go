package alert

import (
	"cmp"
	"math"
	"slices"
)

// Engine holds the alerts of one rule.
type Engine struct {
	rule    Rule
	keys    map[string]*key
	live    int
	due     int64 // no Advance before it has anything to do
	passed  int64 // the last Advance's
	refused uint64
	changed map[string]struct{} // keys, since Changed
}

type key struct {
	state State
	since int64
	fired int64
	last  int64 // of instants: the last one
	count uint64
	value float64
	by    string
	rows  []judged // the newest, by time
}

type judged struct {
	us       int64
	holds    bool
	recovers bool
	value    float64
}

// New makes an engine for a rule.
func New(rule Rule) *Engine {
	rule.Windows = min(max(rule.Windows, 1), MaxWindows)
	return &Engine{rule: rule, keys: map[string]*key{}, due: math.MaxInt64, passed: math.MinInt64, changed: map[string]struct{}{}}
}

// Live is how many alerts are pending, firing or acknowledged.
func (e *Engine) Live() int { return e.live }

// Keys is how many keys are kept: those of live alerts, and those whose alert ended lately.
func (e *Engine) Keys() int { return len(e.keys) }

// Oldest is the time of the oldest row kept of any key that has one at from or later; math.MaxInt64 if there is none. Rows of these keys tell no step that is
// older.
func (e *Engine) Oldest(from int64) int64 {
	at := int64(math.MaxInt64)
	for _, k := range e.keys {
		if len(k.rows) > 0 && k.newest().us >= from {
			at = min(at, k.rows[0].us)
		}
	}
	return at
}

// Refused counts the rows that would have begun an alert past MaxLive.
func (e *Engine) Refused() uint64 { return e.refused }

// Row takes a row of a key and tells what follows.
func (e *Engine) Row(name string, r Row, tell func(Transition)) {
	k := e.keys[name]
	for k != nil && k.state != None && e.dueAt(k) <= r.Us {
		e.lapse(name, k, tell)
		k = e.keys[name]
	}
	if k == nil {
		if !r.Holds || r.Gone {
			return
		}
		if e.full(0) {
			e.refused++
			return
		}
		k = &key{}
		e.keys[name] = k
	}
	e.changed[name] = struct{}{}
	if e.rule.QuietUs > 0 {
		e.instant(name, k, r, tell)
	} else if k.put(r, e.kept()) {
		e.states(name, k, r, tell)
	}
	e.settle(name, k)
}

// Advance says that no row before the watermark is to be expected, other than as a revision.
func (e *Engine) Advance(watermark int64, tell func(Transition)) {
	e.Passed(watermark)
	for e.due <= watermark {
		e.advance(watermark, tell)
	}
}

// Passed says which watermark there was last, to an engine whose keys were restored.
func (e *Engine) Passed(watermark int64) { e.passed = max(e.passed, watermark) }

func (e *Engine) advance(watermark int64, tell func(Transition)) {
	names := make([]string, 0, len(e.keys))
	for name, k := range e.keys {
		if e.dueAt(k) <= watermark {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(e.dueAt(e.keys[a]), e.dueAt(e.keys[b])), cmp.Compare(a, b))
	})
	for _, name := range names {
		e.lapse(name, e.keys[name], tell)
	}
	e.due = math.MaxInt64
	for _, k := range e.keys {
		e.due = min(e.due, e.dueAt(k))
	}
}

// lapse does what is due of a key.
func (e *Engine) lapse(name string, k *key, tell func(Transition)) {
	e.changed[name] = struct{}{}
	switch at := e.dueAt(k); {
	case k.state == None:
		delete(e.keys, name)
		return
	case at == e.staleAt(k):
		// The silence takes its place as a row just before any that may still come, so that no run reaches over it.
		k.put(Row{Us: at - 1, Recovers: true, Value: k.value}, e.kept())
		to := Resolved
		if k.state == Pending {
			to = None
		}
		e.step(name, k, to, Transition{Us: at, Stale: true}, tell)
	case k.state == Pending:
		k.fired = at
		e.move(name, k, Firing, at, false, tell)
	default:
		e.move(name, k, Resolved, at, false, tell)
	}
	e.settle(name, k)
}

// kept is how many rows of a key are.
func (e *Engine) kept() int { return max(e.rule.Windows, 8) }

// Ack notes who takes care of an alert that fires, and reports whether there is one of that id.
func (e *Engine) Ack(name, id, by string, us int64, tell func(Transition)) bool {
	k := e.keys[name]
	if k == nil || k.state != Firing || ID(e.rule.ID, name, k.fired) != id {
		return false
	}
	k.by = by
	e.changed[name] = struct{}{}
	e.move(name, k, Acknowledged, us, false, tell)
	return true
}

// full reports whether no alert may begin: too many are live, or too many keys are kept whose alert is over, other than own ones.
func (e *Engine) full(own int) bool {
	most := e.rule.MaxLive
	return most > 0 && (e.live >= most || len(e.keys)-e.live-own > most)
}

// dueAt is the watermark at which something happens to a key though no row comes.
func (e *Engine) dueAt(k *key) int64 {
	switch {
	case k.state == None && len(k.rows) > 0:
		return k.newest().us + e.rule.KeepUs
	case k.state == Pending && e.rule.ForUs > 0:
		return min(k.since+e.rule.ForUs, e.staleAt(k))
	case k.state >= Firing && e.rule.QuietUs > 0:
		return k.last + e.rule.QuietUs
	}
	return e.staleAt(k)
}

// staleAt is the watermark at which a key has been silent for too long.
func (e *Engine) staleAt(k *key) int64 {
	if e.rule.StaleUs == 0 || len(k.rows) == 0 {
		return math.MaxInt64
	}
	return k.newest().us + e.rule.StaleUs
}

func (e *Engine) instant(name string, k *key, r Row, tell func(Transition)) {
	switch {
	case r.Gone:
	case r.Holds && k.state == None:
		k.since, k.fired, k.last, k.count, k.value = r.Us, r.Us, r.Us, 1, r.Value
		e.move(name, k, Firing, r.Us, false, tell)
	case r.Holds:
		k.count++
		if r.Us >= k.last {
			k.last, k.value = r.Us, r.Value
		}
	case r.Recovers && k.state != None && r.Us >= k.last:
		e.move(name, k, Resolved, r.Us, false, tell)
	}
}

// states judges the rows kept, of which r is new.
func (e *Engine) states(name string, k *key, r Row, tell func(Transition)) {
	if k.state >= Firing {
		switch newest := k.newest(); {
		case newest == nil || newest.recovers && !newest.holds:
			us := r.Us
			if newest != nil {
				us, k.value = newest.us, newest.value
			}
			e.move(name, k, Resolved, us, r.Gone || newest.us != r.Us, tell)
		case (!r.Holds || r.Gone) && r.Us >= k.since && r.Us < e.firedBehind(k) && !e.grounds(k):
			e.move(name, k, Resolved, newest.us, true, tell)
		default:
			k.value = newest.value
			return
		}
	}
	run := k.run()
	if run == 0 {
		if k.state == Pending {
			e.move(name, k, None, r.Us, false, tell)
		}
		return
	}
	since := k.rows[len(k.rows)-run].us
	if k.state != Pending || run < len(k.rows) || since < k.since {
		k.since = since // else it began before what is kept
	}
	k.value = k.newest().value
	if k.state == None {
		if e.staleAt(k) <= e.passed { // it came late: what it would begin is over
			return
		}
		if e.full(1) {
			e.refused++
			return
		}
		e.move(name, k, Pending, r.Us, false, tell)
	}
	if e.grounds(k) {
		k.fired = k.since + e.rule.ForUs
		if e.rule.ForUs == 0 {
			k.fired = k.rows[len(k.rows)-run+e.rule.Windows-1].us
		}
		e.move(name, k, Firing, k.fired, false, tell)
	}
}

// firedBehind is the end of the rows that an alert fired on: a row at which it has held for long enough is none of them.
func (e *Engine) firedBehind(k *key) int64 {
	if e.rule.ForUs > 0 {
		return k.fired
	}
	return k.fired + 1
}

// grounds reports whether the newest rows alone would make a key's alert fire.
func (e *Engine) grounds(k *key) bool {
	run := k.run()
	if run == 0 || e.rule.ForUs == 0 {
		return run >= e.rule.Windows
	}
	since := k.rows[len(k.rows)-run].us
	if run == len(k.rows) && k.state == Pending {
		since = min(since, k.since)
	}
	return k.newest().us-since >= e.rule.ForUs
}

func (e *Engine) move(name string, k *key, to State, us int64, revised bool, tell func(Transition)) {
	e.step(name, k, to, Transition{Us: us, Revised: revised}, tell)
}

// step moves a key on; t says when, and why.
func (e *Engine) step(name string, k *key, to State, t Transition, tell func(Transition)) {
	t.Key, t.From, t.To, t.Since, t.Value, t.By, t.Count = name, k.state, to, k.since, k.value, k.by, k.count
	if to >= Firing {
		t.Fired = k.fired
		t.ID = ID(e.rule.ID, name, k.fired)
	}
	switch {
	case to == Resolved || to == None:
		e.live--
		k.state, k.by, k.count = None, "", 0
	case k.state == None:
		e.live++
		fallthrough
	default:
		k.state = to
	}
	tell(t)
}

// settle forgets a key of which there is nothing to know, and notes when the others are due.
func (e *Engine) settle(name string, k *key) {
	if k.state == None && !slices.ContainsFunc(k.rows, func(r judged) bool { return r.holds }) {
		delete(e.keys, name)
		return
	}
	e.due = min(e.due, e.dueAt(k))
}

// put takes a row in where it belongs, and reports whether that may change anything.
func (k *key) put(r Row, keep int) bool {
	i, found := slices.BinarySearchFunc(k.rows, r.Us, func(j judged, us int64) int { return cmp.Compare(j.us, us) })
	j := judged{r.Us, r.Holds, r.Recovers, r.Value}
	switch {
	case r.Gone && found:
		k.rows = slices.Delete(k.rows, i, i+1)
		return true
	case r.Gone:
		return false
	case found:
		k.rows[i] = j
	case i == 0 && len(k.rows) == keep:
		return false
	default:
		if len(k.rows) == keep {
			k.rows = slices.Delete(k.rows, 0, 1)
			i--
		}
		k.rows = slices.Insert(k.rows, i, j)
	}
	return true
}

func (k *key) newest() *judged {
	if len(k.rows) == 0 {
		return nil
	}
	return &k.rows[len(k.rows)-1]
}

// run is how many of the newest rows hold, on end.
func (k *key) run() int {
	n := 0
	for i := len(k.rows) - 1; i >= 0 && k.rows[i].holds; i-- {
		n++
	}
	return n
}
