package pattern

import (
	"math"
	"slices"

	"github.com/hexpane/hexpane/protocol/plan"
)

// run takes in the rows that were pushed.
func (e *Engine) run(k *Key) {
	if e.each {
		for k.cursor < k.end() {
			e.runEach(k, k.rows[k.cursor-k.base])
			k.cursor++
		}
		return
	}
	for e.runOne(k) {
	}
}

// runEach is SKIP TO NEXT ROW: all attempts take the row in, and it begins another.
func (e *Engine) runEach(k *Key, r *row) {
	for len(k.attempts) > 0 && r.us > e.deadline(k.attempts[0]) {
		e.overdue(k, k.attempts[0])
	}
	e.rowStamp++
	for i := 0; i < len(k.attempts); {
		if !e.changes(i, r) {
			i++
			continue
		}
		a := k.attempts[i]
		k.threads -= len(a.threads)
		e.step(a, r)
		k.threads += len(a.threads)
		if a.decided() {
			e.conclude(k, i, byRows)
		} else {
			e.park(k, i)
			i++
		}
	}
	a := e.begin(r)
	switch {
	case !a.decided():
		k.attempts = append(k.attempts, a)
		k.threads += len(a.threads)
		e.park(k, len(k.attempts)-1)
	case a.best != nil:
		e.tell(k, a, false)
		fallthrough
	default:
		e.release(a)
	}
	e.crowded(k)
}

// runOne is any other strategy: one attempt at a time, each from its own first row on. It reports that there is more to do.
func (e *Engine) runOne(k *Key) bool {
	if len(k.attempts) == 0 {
		if k.next >= k.end() {
			return false
		}
		r := k.rows[k.next-k.base]
		a := e.begin(r)
		k.attempts, k.threads, k.cursor = append(k.attempts, a), len(a.threads), k.next+1
		if a.decided() {
			e.conclude(k, 0, byRows)
		}
		e.crowded(k)
		return true
	}
	if k.cursor >= k.end() {
		return false
	}
	a, r := k.attempts[0], k.rows[k.cursor-k.base]
	if r.us > e.deadline(a) {
		e.overdue(k, a)
		return true
	}
	if a.slid == nil || !e.slideOver(k, a, r) {
		e.step(a, r)
	}
	k.cursor++
	k.threads = len(a.threads)
	if a.decided() {
		e.conclude(k, 0, byRows)
	}
	e.crowded(k)
	return true
}

// deadline is the last event time that an attempt may take in.
func (e *Engine) deadline(a *attempt) int64 {
	if e.within == math.MaxInt64 {
		return later(a.first.us, e.limits.Age)
	}
	return later(a.first.us, e.within)
}

// overdue ends the oldest attempt, whose deadline has passed. Without WITHIN that is the limit of its age.
func (e *Engine) overdue(k *Key, a *attempt) {
	if e.slide(k, a) {
		return
	}
	why := byTime
	if e.within == math.MaxInt64 {
		e.counts.OverAge++
		why = byLimit
	}
	e.end(k, a)
	e.conclude(k, 0, why)
}

// expire ends what the watermark says can get no more rows. At the end of all rows that is everything.
func (e *Engine) expire(k *Key, watermark int64) {
	for len(k.attempts) > 0 {
		a := k.attempts[0]
		switch {
		case watermark == math.MaxInt64 && e.slide(k, a):
		case watermark == math.MaxInt64:
			e.end(k, a)
			e.conclude(k, 0, byTime)
		case e.deadline(a) < watermark:
			e.overdue(k, a)
		default:
			return
		}
		e.run(k)
	}
}

// reason is why an attempt is over: rows decided it, its time is over, or a limit was reached.
type reason uint8

const (
	byRows reason = iota
	byTime
	byLimit
)

// conclude takes attempt i, which is decided, off the list, tells its match and says where the next one begins.
func (e *Engine) conclude(k *Key, i int, why reason) {
	a := k.attempts[i]
	k.threads -= len(a.threads)
	if i == 0 && len(k.attempts) > 1 {
		k.attempts[0] = nil
		k.attempts = k.attempts[1:]
	} else {
		k.attempts = slices.Delete(k.attempts, i, i+1)
	}
	k.unpark(i)
	k.next = a.first.index + 1
	if !e.each {
		k.learn(a.first.index, a.best == nil && why == byRows)
	}
	if a.best != nil {
		k.next = max(k.next, e.skip(a.best))
		e.tell(k, a, why == byLimit)
	}
	e.release(a)
}

// skip gives where the match that ends with b lets the next one begin.
func (e *Engine) skip(b *bound) int64 {
	at := int64(-1)
	switch e.plan.GetSkip() {
	case plan.Skip_PAST_LAST_ROW:
		return b.row.index + 1
	case plan.Skip_TO_NEXT_ROW:
		return at
	case plan.Skip_TO_LAST:
		for ; b != nil && at < 0; b = b.before {
			if e.skipTo>>b.variable&1 == 1 {
				at = b.row.index
			}
		}
	default:
		for ; b != nil; b = b.before {
			if e.skipTo>>b.variable&1 == 1 {
				at = b.row.index
			}
		}
	}
	if at < 0 {
		e.counts.Unskipped++
	}
	return at
}
