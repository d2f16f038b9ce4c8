package edge

import (
	"context"
	"time"

	"github.com/hexpane/hexpane/edge/pane"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/edge/uplink"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/prometheus/client_golang/prometheus"
)

// Before an edge sends anything it asks JetStream what it delivered last, since its store may be an old copy put back from a
// backup. Its sequences would be taken for those of batches that were applied, and its journal would count twice. Until the
// answer is there readings are taken in, journaled and, after a while, held; what the store held at the start is kept apart.

// inheritance is one layer of the journal that there was when the store was opened.
type inheritance struct {
	table    *pane.Table
	messages int
}

// unknown reports whether it is not known yet what was delivered last.
func (l *line) unknown() bool {
	select {
	case <-l.known:
		return false
	default:
		return true
	}
}

// judge settles what becomes of what the store held when it was opened. What may have been delivered goes: never counted twice comes
// before kept. The rest of the journal is cut.
func (l *line) judge(d *wire.Delivered, now time.Time) error {
	v, old := l.store.Judge(d.Epoch, d.Last), l.store.Epoch()
	batches, held, err := l.store.Dropped(v)
	if err != nil {
		return err
	}
	c := &store.Change{Settle: &v, Marks: l.inherited}
	var pieces []pane.Piece
	dropped := 0
	for i, h := range l.heritage {
		if i < v.Drop {
			dropped += h.messages
		} else if h.table != nil {
			pieces = append(append(pieces, h.table.CutRows()...), h.table.CutDeltas()...)
		}
	}
	if len(pieces) > 0 {
		if err := l.address(l.group(pieces), c, now); err != nil {
			return err
		}
	}
	if err := l.store.Commit(c); err != nil {
		return err
	}
	l.heritage, l.inherited = nil, nil
	if v.Drop > 0 {
		l.log.Warn("this edge has delivered more than its store knows of: the store is an old copy, or another edge has the same id. "+
			"A new epoch starts; what the core has of the store, or may have, is not sent again",
			"epoch", v.Epoch, "store_epoch", old, "delivered_epoch", d.Epoch, "journal_messages", dropped,
			"outbox_batches", batches, "held_deltas", held.Deltas, "held_rows", held.Rows)
		l.m.epochs.Inc()
		for what, n := range map[string]int64{"journal": int64(dropped), "outbox": int64(batches), "held_deltas": held.Deltas, "held_rows": held.Rows} {
			l.m.epochDropped.WithLabelValues(what).Add(float64(n))
		}
		l.backlog.Store(0)
		l.m.outboxBatches.Set(0)
		l.m.outboxBytes.Set(0)
		l.showHeld()
	}
	l.sentOut(c.Out)
	close(l.known)
	return nil
}

// learn asks what was delivered last, and waits for the line to have drawn its conclusion; false: ctx ended before.
func (e *Edge) learn(ctx context.Context) bool {
	d, err := uplink.AwaitDelivered(ctx, e.conn, e.cfg.ID, func(err error) {
		e.log.Warn("it can't be learnt from JetStream what this edge delivered last; until then nothing is sent, and readings wait on disk", "error", err)
	})
	if err != nil {
		return false
	}
	e.line.delivered <- d // has room
	select {
	case <-e.line.known:
		return true
	case <-ctx.Done():
		return false
	}
}

// settle waits for that at the end of an edge that has only just begun, so that what it took in goes out with it.
func (e *Edge) settle(within time.Duration) {
	if !e.conn.IsConnected() {
		return
	}
	select {
	case <-e.line.known:
	case <-time.After(within):
	}
}

func newEpochMetrics(r prometheus.Registerer) (epochs prometheus.Counter, dropped *prometheus.CounterVec) {
	epochs = prometheus.NewCounter(prometheus.CounterOpts{Name: "hexpane_edge_epoch_renewed_total",
		Help: "Times that the store was found to be an old copy."})
	dropped = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_edge_epoch_dropped_total",
		Help: "What such a copy held and was not sent: journal messages, outbox batches, held_deltas, held_rows."}, []string{"what"})
	r.MustRegister(epochs, dropped)
	return epochs, dropped
}
