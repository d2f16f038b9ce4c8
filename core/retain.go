package core

import (
	"math"
	"time"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/state"
)

// retain drops windows older than the view keeps, a minute of event time at a time. What was dropped is noted in the same commit: questions that go
// back farther have to be put to another store, and no others. wrote is the start of the first window that the turn wrote.
func (p *partition) retain(t *turn, v *merge.View, watermark, wrote int64) error {
	def := v.Def
	if given, some := p.givenUp[def.Id]; some && wrote < given.First { // a session that begins earlier now
		p.gaveUp(t, v, wrote, given.Before)
	}
	if def.EmitFinal && def.GapUs == 0 { // what was not told yet stays, however far the watermark went
		told, ok := p.finals[def.Id]
		if !ok {
			return nil
		}
		watermark = min(watermark, told)
	}
	if def.RetentionUs <= 0 || watermark-p.retained[def.Id] < int64(time.Minute/time.Microsecond) {
		return nil
	}
	p.retained[def.Id] = watermark
	before := watermark - def.RetentionUs
	if def.Upserts {
		t.tx.DropShares(p.id, def.Id, before)
	}
	for _, r := range p.readers[def.Id] {
		t.tx.DropAllGiven(p.id, r.def.Id, before)
	}
	if def.GapUs > 0 {
		return p.retainSessions(t, v, before, wrote)
	}
	given, some := p.givenUp[def.Id]
	if !some {
		given = state.GivenUp{First: math.MaxInt64, Before: math.MinInt64}
	}
	before = min(before, p.rollups.Rolled(def, p.id))
	first, is, err := p.store.FirstWindow(p.id, def.Id, given.Before, max(before, given.Before))
	if err != nil {
		return err
	}
	if !is || wrote < first {
		first = wrote
	}
	if first >= before { // ranges that were deleted make every iterator dearer, until Pebble has dropped them
		return nil
	}
	t.tx.DropWindows(p.id, def.Id, given.Before, before)
	p.gaveUp(t, v, first, before)
	return nil
}

// retainSessions drops those that ended before a time; one that began before may go on, and began before those that went.
func (p *partition) retainSessions(t *turn, v *merge.View, before, wrote int64) error {
	first, dropped := wrote, false
	err := p.store.Windows(p.id, v.Def.Id, math.MinInt64, before, func(start int64, key, stored []byte) (bool, error) {
		w, err := v.Decode(stored)
		first = min(first, start)
		if err == nil && w.End < before {
			t.tx.DropSession(p.id, v.Def.Id, start, key)
			dropped = true
		}
		return err == nil, err
	})
	if err == nil && dropped {
		p.gaveUp(t, v, first, before)
	}
	return err
}

func (p *partition) gaveUp(t *turn, v *merge.View, first, before int64) {
	if given, some := p.givenUp[v.Def.Id]; some {
		first, before = min(first, given.First), max(before, given.Before)
	}
	p.givenUp[v.Def.Id] = state.GivenUp{First: first, Before: before}
	t.tx.GivenUp(p.id, v.Def.Id, p.givenUp[v.Def.Id])
}
