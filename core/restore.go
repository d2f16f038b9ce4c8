package core

import (
	"errors"
	"fmt"

	"github.com/hexpane/hexpane/core/merge"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/plan"
	"google.golang.org/protobuf/proto"
)

// restore reads where the partition stands; the batches after its position come next. now is clock time, µs.
func (p *partition) restore(now int64) error {
	var err error
	if p.position, err = p.store.Position(p.id); err != nil {
		return err
	}
	if p.effects, err = p.store.LastEffect(p.id); err != nil {
		return err
	}
	for _, table := range []byte{state.TableLate, state.TableRejected} {
		if p.entries[table], err = p.store.LastEntry(table, p.id); err != nil {
			return err
		}
	}
	if err = p.store.Applied(p.id, func(edge string, epoch, seq uint64) { p.applied[edge] = mark{epoch, seq} }); err != nil {
		return err
	}
	p.plan = p.catalog.plan()
	for _, def := range p.plan.Streams {
		p.streams[def.Id] = newStreamState(def, p.cfg)
	}
	if err = p.restoreDerived(); err != nil {
		return err
	}
	if err = p.store.Watermarks(p.id, func(stream uint32, edge string, us int64) {
		switch s := p.streams[stream]; {
		case s == nil:
			p.relays[stream].restore(edge, us)
		case edge == "":
			s.marks.Restore(us)
		default:
			s.marks.RestoreEdge(edge, us, now)
		}
	}); err != nil {
		return err
	}
	p.outputs = map[uint32]int64{}
	for id, s := range p.streams {
		if us, ok := s.marks.Output(); ok {
			p.outputs[id] = us
		}
		if err := p.restoreRows(id, s); err != nil {
			return err
		}
	}
	if err := p.restoreFences(); err != nil {
		return err
	}
	for _, def := range p.plan.Views {
		if us := p.inputMark(def); us > dawn {
			p.outputs[def.Id] = us
		}
	}
	for _, def := range p.plan.Views {
		if err := p.restoreView(def); err != nil {
			return err
		}
	}
	if err := p.restoreAlerts(); err != nil {
		return err
	}
	if err := p.restoreSince(); err != nil {
		return err
	}
	p.show()
	return p.emitFinals(now) // of a core that was killed between the watermark's commit and theirs: it may not move again
}

// rewind starts over with a stream that was made anew: its last sequence, last, is before the partition's place. What was applied
// is known by (edge, epoch, seq), and is not applied again.
func (p *partition) rewind(last uint64) error {
	if p.position <= last {
		return nil
	}
	p.log.Error("the stream of batches ends before what was read of it: it was lost, and is read from its start", "partition", p.id,
		"place", p.position, "stream ends", last)
	tx := p.store.Begin()
	tx.Position(p.id, 0)
	p.position = 0
	return tx.Commit()
}

func (p *partition) restoreRows(id uint32, s *streamState) error {
	t := &turn{marks: p.outputs}
	err := p.store.LatestAll(p.id, id, func(key, stored []byte) (bool, error) {
		us, row, err := readLatest(stored, s.width)
		if err != nil {
			return false, fmt.Errorf("stream %s, row of %s: %w", s.def.Name, keyText(key), err)
		}
		s.away = true
		if s.def.Position != nil {
			t.rows = append(t.rows, positioned{stream: s.def, key: string(key), row: row, us: us})
		}
		return true, nil
	})
	p.live.publish(t)
	return err
}

// restoreView finds a view's open windows, and shows viewers the newest. Tumbling ones stay on disk until something touches them.
func (p *partition) restoreView(def *plan.View) error {
	v, err := merge.NewView(def)
	if err != nil {
		return err
	}
	p.views[def.Id] = v
	v.Within(p.memory)
	watermark := p.inputMark(def)
	from := int64(-1 << 63)
	if watermark != dawn && def.WindowUs > 0 {
		from = watermark - def.WindowUs + 1
	}
	v.Begin(watermark)
	tumbling := def.GapUs == 0 && def.AdvanceUs == 0
	switch {
	case tumbling:
		var starts []int64
		starts, err = p.store.Starts(p.id, def.Id, from)
		for _, start := range starts {
			v.Away(start)
		}
	case def.GapUs > 0:
		err = p.restoreSessions(v, watermark)
	default:
		err = p.store.Windows(p.id, def.Id, from, 1<<63-1, func(start int64, key, stored []byte) (bool, error) {
			return true, v.Restore(start, key, stored)
		})
	}
	if err == nil && !def.EmitFinal {
		if tumbling {
			p.unshown = append(p.unshown, &unshown{view: v, start: from})
			err = p.showSome()
		} else {
			err = p.showOpen(v, watermark)
		}
	}
	final, ok, e := p.store.Final(p.id, def.Id)
	if ok {
		p.finals[def.Id] = final
	}
	given, ok, again := p.store.GivenUp(p.id, def.Id)
	if ok {
		p.givenUp[def.Id] = given
	}
	return errors.Join(err, e, again)
}

// restoreSessions brings back those that may be open: a session may have begun at any time.
func (p *partition) restoreSessions(v *merge.View, watermark int64) error {
	def := v.Def
	return p.store.Sessions(p.id, def.Id, func(key []byte, start, last int64) (bool, error) {
		if last+def.GapUs+def.GraceUs < watermark {
			return true, nil
		}
		stored, err := p.store.Window(p.id, def.Id, start, key)
		if err != nil || stored == nil {
			return err == nil, err
		}
		return true, v.Restore(start, key, stored)
	})
}

// adopt takes over the catalogue's plan if it is a new one: what stays keeps its state, what is gone is deleted, with all that
// the turn wrote of it.
func (p *partition) adopt(t *turn) error {
	next := p.catalog.plan()
	if next.Version == p.plan.Version {
		return nil
	}
	streams, views := map[uint32]*streamState{}, map[uint32]*merge.View{}
	for _, def := range next.Streams {
		if streams[def.Id] = p.streams[def.Id]; streams[def.Id] == nil {
			streams[def.Id] = newStreamState(def, p.cfg)
		}
	}
	for _, def := range next.Views {
		v := p.views[def.Id]
		if v == nil {
			var err error
			if v, err = merge.NewView(def); err != nil {
				return err
			}
			v.Within(p.memory)
		} else if !proto.Equal(v.Def, def) {
			if err := v.Evolve(def); err != nil {
				return err
			}
		}
		views[def.Id] = v
	}
	for id := range p.views {
		if views[id] == nil {
			p.views[id].Close()
			t.tx.DropView(p.id, id)
			t.tx.DropStream(p.id, id) // the watermarks of views over it
			delete(p.givenUp, id)
			delete(p.finals, id)
		}
	}
	for id := range p.streams {
		if streams[id] == nil {
			p.streams[id].close(p.memory)
			t.tx.DropStream(p.id, id)
		}
	}
	p.plan, p.streams, p.views, t.adopted = next, streams, views, true
	return p.adoptDerived(t)
}
