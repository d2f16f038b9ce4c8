package pane

// Watermark is the promise an edge attaches to what it sends of one stream: no reading older than Value is expected any
// more. It follows the largest event time seen less the stream's disorder, and never goes back. When nothing comes in, it moves
// on with the clock after a while, as numaflow's idle sources do, so that windows close; at most to now − disorder. Only when the clock
// itself is set back, by more than MaxFuture, does it begin anew: what was promised by a wrong clock is no promise.
type Watermark struct {
	Disorder  int64 // µs
	MaxFuture int64 // µs: a reading further ahead of the clock than this moves nothing
	IdleAfter int64 // µs of silence before the clock takes over

	value    int64
	maxEvent int64
	seen     bool
	lastSeen int64 // when a reading last came in
}

// Observe takes a reading's event time, at clock time now. It reports false for one too far in the future.
func (w *Watermark) Observe(us, now int64) bool {
	w.doubt(now)
	if us > now+w.MaxFuture {
		return false // nor does it keep the stream from being idle
	}
	w.lastSeen = now
	if !w.seen || us > w.maxEvent {
		w.seen, w.maxEvent = true, us
	}
	return true
}

// Advance gives the watermark at clock time now; ok is false while nothing was ever seen.
func (w *Watermark) Advance(now int64) (us int64, ok bool) {
	w.doubt(now)
	if !w.seen {
		return 0, false
	}
	if idle := now - w.lastSeen - w.IdleAfter; idle > 0 {
		// Event time is taken to pass as the clock does: right for live devices, and harmless for a replay of old data.
		w.maxEvent = max(w.maxEvent, min(w.maxEvent+idle, now))
		w.lastSeen = now - w.IdleAfter
	}
	if v := w.maxEvent - w.Disorder; w.value == 0 || v > w.value {
		w.value = v
	}
	return w.value, true
}

// Restore brings back a watermark that was already promised.
func (w *Watermark) Restore(us, now int64) {
	w.seen, w.value, w.maxEvent, w.lastSeen = true, us, us+w.Disorder, now
}

// doubt forgets what only a clock that was wrong can have promised. The core did not believe it either.
func (w *Watermark) doubt(now int64) {
	if w.seen && w.value > now && w.value-now > w.MaxFuture {
		*w = Watermark{Disorder: w.Disorder, MaxFuture: w.MaxFuture, IdleAfter: w.IdleAfter}
	}
}
