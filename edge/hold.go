package edge

import (
	"time"

	"github.com/hexpane/hexpane/edge/crash"
	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/protocol/wire"
)

// While the core is away, what is cut does not pile up in the outbox: deltas are merged per (view, pane, key) in the store, so
// that the disk an outage takes grows with distinct keys and panes, not with readings; rows are kept whole up to a budget,
// and past it the oldest go, counted. When the core is back, live batches go first and what was held follows at a bounded
// rate. Until the last of it is out, the watermarks stay where they were promised last, so the core waits for it.

const (
	// releaseEvery paces what goes out of what was held.
	releaseEvery = 50 * time.Millisecond
	// releaseBacklog of bytes in the outbox lets nothing more out: live batches would wait behind it.
	releaseBacklog = 4 << 20
	// releaseDeltas bounds one release in number.
	releaseDeltas = 4096
)

// reach decides whether what is cut is held.
func (l *line) reach(now time.Time) {
	away := l.away()
	if l.unknown() {
		if l.asked.IsZero() {
			l.asked = now
		}
		away = max(away, now.Sub(l.asked), 1)
	}
	switch {
	case !l.holding && away >= l.cfg.Forward.HoldAfter:
		l.holding = true
		l.log.Warn("the core is away: deltas are merged on disk and rows kept until it is back", "away", away.Round(time.Second))
	case l.holding && away == 0:
		l.holding = false
		h := l.store.Held()
		l.log.Info("the core is back; what was held follows", "deltas", h.Deltas, "rows", h.Rows, "bytes", h.DeltaBytes+h.RowBytes)
	}
	if l.holding || l.store.Held().Empty() {
		l.catching = time.Time{}
	} else if l.catching.IsZero() {
		l.catching = now
	}
}

// hold puts what was gathered into c, to wait.
func (l *line) hold(c *store.Change, rows []pane.Piece, now time.Time) error {
	for _, p := range rows {
		c.HoldRows = append(c.HoldRows, store.HeldRows{Stream: p.Rows.Stream, Partition: p.Partition, Count: p.Rows.Count, Columns: p.Rows.Columns})
	}
	err := l.table.TakeDeltas(func(d pane.Delta) error {
		held := store.HeldDelta{View: d.View, PaneUs: d.PaneUs, Partition: d.Partition, Key: []byte(d.Key)}
		readings, state, err := l.store.HeldState(held)
		if err != nil {
			return err
		}
		if state != nil {
			if err := d.Merge(readings, state); err != nil {
				return err
			}
		}
		held.Readings, held.State = d.Readings, d.Partial.Append(nil)
		c.Hold = append(c.Hold, held)
		return nil
	})
	if err != nil {
		return err
	}
	crash.Here("hold.merged")
	l.forget(c)
	l.lastWhole, l.lastBeat, l.dirty, l.journal, l.oldest = now, now, false, 0, 0
	return l.keepBudget(c)
}

// mayRelease reports whether some of what is held may go out now.
func (l *line) mayRelease(now time.Time) bool {
	return !l.holding && !l.store.Held().Empty() && l.backlog.Load() < releaseBacklog && now.Sub(l.released) >= releaseEvery
}

// release takes some of what is held, the oldest first, as pieces for the outbox. What no plan knows any more goes nowhere.
func (l *line) release(c *store.Change, now time.Time) (pieces []pane.Piece, err error) {
	l.released = now
	budget := int(l.cfg.Forward.CatchUpBytes * int64(releaseEvery) / int64(time.Second))
	deltas, err := l.store.HeldDeltas(releaseDeltas)
	if err != nil {
		return nil, err
	}
	var open *wire.Deltas
	size := 0
	for i, d := range deltas {
		if size > budget {
			break
		}
		c.Release = deltas[:i+1]
		if !l.table.HasView(d.View) {
			continue
		}
		n := len(pieces)
		if open == nil || open.View != d.View || open.PaneUs != d.PaneUs || pieces[n-1].Partition != d.Partition || pieces[n-1].Bytes > pane.PieceBytes {
			open = &wire.Deltas{View: d.View, PaneUs: d.PaneUs}
			pieces = append(pieces, pane.Piece{Partition: d.Partition, Deltas: open})
			n++
		}
		open.Count++
		open.Readings = append(open.Readings, d.Readings)
		open.Keys = append(open.Keys, d.Key...)
		open.States = append(open.States, d.State...)
		pieces[n-1].Bytes += len(d.Key) + len(d.State)
		size += len(d.Key) + len(d.State)
	}
	rows, err := l.store.HeldRows(0, max(1, budget-size))
	if err != nil {
		return nil, err
	}
	c.ReleaseRows = rows
	for _, r := range rows {
		if l.table.HasRows(r.Stream) {
			pieces = append(pieces, pane.Piece{Partition: r.Partition, Bytes: len(r.Columns),
				Rows: &wire.Rows{Stream: r.Stream, Count: r.Count, Columns: r.Columns}})
		}
	}
	crash.Here("release.taken")
	return pieces, nil
}

// settle notes what a commit sent and held.
func (l *line) settle(c *store.Change, now time.Time) {
	for id, us := range c.Watermarks {
		l.sent[id] = us
	}
	if len(c.Hold)+len(c.HoldRows)+len(c.Release)+len(c.ReleaseRows) == 0 {
		return
	}
	h := l.store.Held()
	if len(c.Hold)+len(c.HoldRows) > 0 {
		crash.Here("hold.committed")
	}
	if len(c.Release)+len(c.ReleaseRows) > 0 {
		crash.Here("release.committed")
	}
	l.m.heldDeltas.Set(float64(h.Deltas))
	l.m.heldRows.Set(float64(h.Rows))
	l.m.heldBytes.Set(float64(h.DeltaBytes + h.RowBytes))
	if h.Empty() && !l.catching.IsZero() {
		l.log.Info("caught up: nothing is held any more", "took", now.Sub(l.catching).Round(time.Millisecond))
	}
}

func (l *line) showHeld() store.Held {
	h := l.store.Held()
	l.m.heldDeltas.Set(float64(h.Deltas))
	l.m.heldRows.Set(float64(h.Rows))
	l.m.heldBytes.Set(float64(h.DeltaBytes + h.RowBytes))
	return h
}
