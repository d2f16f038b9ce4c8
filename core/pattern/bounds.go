package pattern

// bound keeps a key within Limits.Rows, after each row.
func (e *Engine) bound(k *Key) {
	if len(k.rows) <= e.limits.Rows+e.before {
		return
	}
	e.trim(k)
	if len(k.rows) <= e.limits.Rows+e.before {
		return
	}
	// Half of the rows go at once: an attempt that begins anew goes through those kept again, and so each row pays for about two.
	until := k.end() - int64(e.limits.Rows/2)
	for len(k.attempts) > 0 && k.attempts[0].first.index < until {
		e.counts.OverRows++
		e.giveUp(k)
		k.next = max(k.next, until)
		e.run(k)
	}
	e.trim(k)
}

// crowded gives up the oldest attempts while there are too many threads. What one attempt does never depends on the others, so
// that Decode can find its threads again. Where each attempt begins after the one before, the next would mostly come to as many: so the older half
// of the rows that this one went through begin none, and each row again pays for about two.
func (e *Engine) crowded(k *Key) {
	for k.threads > e.limits.Threads {
		e.counts.OverThreads++
		half := (k.attempts[0].first.index + k.cursor) / 2
		e.giveUp(k)
		if !e.each {
			k.next = max(k.next, half)
		}
	}
}

// giveUp ends the oldest attempt before it is decided.
func (e *Engine) giveUp(k *Key) {
	a := k.attempts[0]
	k.threads -= len(a.threads)
	clear(a.threads)
	a.threads = a.threads[:0]
	e.conclude(k, 0, byLimit)
}
