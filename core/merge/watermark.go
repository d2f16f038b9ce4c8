package merge

// Watermarks of one stream as one partition sees them: the output is the minimum over edges that are active and have caught up
// (Flink's StatusWatermarkValve). Clock time is an argument, in µs.
//
// An edge silent for IdleAfter is left out. Coming back, it is heard again once it reaches the output, which never goes
// back. When all are idle the output moves to the largest known and stays; while those that are not idle all catch up, it waits.
//
// A watermark further than MaxFuture ahead of the clock is that of a wrong clock. It is not taken: alone on a stream, or while all others
// are silent, it would make everyone else late, for good. The edge counts as silent as long as it says such things.
type Watermarks struct {
	IdleAfter int64
	MaxFuture int64 // 0: all are believed
	edges     map[string]*edgeMark
	output    int64
	known     bool
}

type edgeMark struct {
	us        int64
	heard     int64 // clock time
	idle      bool
	catchesUp bool // was idle, and is behind the output
}

// Restore brings back what was committed.
func (w *Watermarks) Restore(output int64) { w.output, w.known = output, true }

// RestoreEdge brings back one edge's mark, after Restore; it counts as heard at now. One below the output was idle or caught up.
func (w *Watermarks) RestoreEdge(edge string, us, now int64) {
	*w.edge(edge) = edgeMark{us: us, heard: now, catchesUp: w.known && us < w.output}
}

func (w *Watermarks) edge(edge string) *edgeMark {
	if w.edges == nil {
		w.edges = map[string]*edgeMark{}
	}
	m := w.edges[edge]
	if m == nil {
		m = &edgeMark{us: -1 << 63}
		w.edges[edge] = m
	}
	return m
}

// Observe takes an edge's watermark; it reports false for one too far in the future.
func (w *Watermarks) Observe(edge string, us, now int64) bool {
	if w.MaxFuture > 0 && us > now && us-now > w.MaxFuture {
		return false
	}
	_, seen := w.edges[edge]
	m := w.edge(edge)
	m.us = max(m.us, us)
	m.heard = now
	if m.idle || !seen {
		m.idle = false
		m.catchesUp = w.known && m.us < w.output
	}
	if m.catchesUp && m.us >= w.output {
		m.catchesUp = false
	}
	return true
}

// Advance gives the output watermark at clock time now, and whether it moved. ok is false while no edge was heard.
func (w *Watermarks) Advance(now int64) (us int64, moved, ok bool) {
	lowest, highest, active, idle := int64(1<<63-1), int64(-1<<63), 0, 0
	for _, m := range w.edges {
		highest = max(highest, m.us)
		if now-m.heard > w.IdleAfter {
			m.idle = true
		}
		if m.idle {
			idle++
			continue
		}
		if m.catchesUp {
			continue
		}
		active++
		lowest = min(lowest, m.us)
	}
	target := lowest
	switch {
	case len(w.edges) == 0:
		return w.output, false, w.known
	case idle == len(w.edges):
		target = highest
	case active == 0:
		return w.output, false, w.known
	}
	if target > w.output || !w.known {
		moved = true
		w.output, w.known = target, true
	}
	return w.output, moved, true
}

// Output is the watermark as it stands.
func (w *Watermarks) Output() (int64, bool) { return w.output, w.known }

// Edges gives each edge's mark.
func (w *Watermarks) Edges(f func(edge string, us int64)) {
	for name, m := range w.edges {
		f(name, m.us)
	}
}
