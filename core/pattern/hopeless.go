package pattern

// An attempt that rows have decided, without a match, has shown of every state it came to, after each row, that it leads nowhere: a thread that
// came to one where what follows depends on nothing before would have been the match. Attempts with later first rows need not try that again.
// Else a run of 10,000 rows that could go on and at last does not would be gone through 10,000 times. What a time that is over or a limit
// ended says nothing: a later attempt has more time.

// hope reports that no attempt has shown state s after this row to lead nowhere; the attempt under way has now come to it.
func (r *row) hope(s int) bool {
	r.seen |= 1 << s
	return r.dead>>s&1 == 0
}

// learn notes what the attempt that began at row first and is over came to.
func (k *Key) learn(first int64, failed bool) {
	for _, r := range k.rows[first-k.base : min(k.cursor, k.end())-k.base] {
		if failed {
			r.dead |= r.seen
		}
		r.seen = 0
	}
}
