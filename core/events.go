package core

import (
	"errors"
	"math"
	"time"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Events are rows of what happened at a time: those of fence_events, of alerts, and of patterns' matches. They are numbered as they are told, and
// the newest are kept (state.table_rows, pattern.keep_matches). Who archives them by day has to know two times of each such table, in event time:
//
//	final  no row before it comes any more, and none there changes
//	since  from it on none was given up
//
// Both are of a partition here; Core.Events has them of all.

// tableID is a number for one of the core's own tables that no view or pattern has.
func tableID(table byte) uint32 { return plan.FenceEvents + uint32(table) }

// trim deletes rows past what is kept, a tenth at a time, and notes of events up to which time. It looks at rows that are committed, so it comes first in a turn.
func (p *partition) trim(t *turn) (some bool, err error) {
	for table, last := range p.entries {
		upTo := p.excess(tableID(table), last, p.cfg.State.TableRows)
		if upTo == 0 {
			continue
		}
		if err := p.eachEvent(table, upTo, func(us int64) bool { p.giveUp(t, tableID(table), us+1); return true }); err != nil {
			return false, err
		}
		t.tx.DropEntries(table, p.id, upTo)
		some = true
	}
	for id, s := range p.patterns {
		upTo := p.excess(id, s.kept, p.cfg.Pattern.KeepMatches)
		if upTo == 0 {
			continue
		}
		if err := p.eachMatch(s.def, upTo, func(us int64) bool { p.giveUp(t, id, us+1); return true }); err != nil {
			return false, err
		}
		t.tx.DropPatternMatches(p.id, id, upTo)
		some = true
	}
	return some, nil
}

// excess gives the number up to which rows are to go; 0: none.
func (p *partition) excess(id uint32, last uint64, keep int) uint64 {
	limit := uint64(keep)
	if last <= limit || last-p.trimmed[id] <= limit+limit/10 {
		return 0
	}
	p.trimmed[id] = last - limit
	return last - limit
}

// eachEvent gives the times of a table's rows up to a number. Of tables whose rows are no events it gives none.
func (p *partition) eachEvent(table byte, upTo uint64, f func(us int64) bool) error {
	var row []value.Value
	var at int
	switch table {
	case state.TableFences:
		row, at = make([]value.Value, len(sql.FenceEvents.Columns)), eventTs
	case state.TableAlerts:
		row, at = make([]value.Value, len(ownTables["alerts"])), alertTs
	default:
		return nil
	}
	return p.store.EntriesTo(table, p.id, upTo, func(stored []byte) (bool, error) {
		err := readEntry(stored, row)
		return err == nil && f(row[at].Int()), err
	})
}

// eachMatch gives the ends of a pattern's final matches up to a number: others are told again.
func (p *partition) eachMatch(def *plan.Pattern, upTo uint64, f func(us int64) bool) error {
	at := len(def.Outputs) + len(sql.MatchColumns) - 1
	return p.store.PatternMatches(p.id, def.Id, 0, func(number uint64, stored []byte) (bool, error) {
		if number > upTo {
			return false, nil
		}
		row, err := readMatch(def, stored)
		if err != nil {
			return false, err
		}
		return def.OnArrival && !row[at+2].Bool() || f(row[at].Int()), nil
	})
}

// giveUp notes that something before a time is gone. What is further ahead of the clock than time.max_future had a wrong clock, and would make all days up to
// its own look incomplete: it is given up without a note.
func (p *partition) giveUp(t *turn, id uint32, before int64) {
	if most := p.cfg.Time.MaxFuture.Microseconds(); most > 0 && before > t.now+most || before <= p.sinceOf(id) {
		return
	}
	t.tx.Since(p.id, id, before)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since[id] = before // known before the rows go
}

// sinceOf gives the time from which on nothing was given up; math.MinInt64: nothing ever was.
func (p *partition) sinceOf(id uint32) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if us, ok := p.since[id]; ok {
		return us
	}
	return math.MinInt64
}

// restoreSince reads what was given up. A store of before this was noted may have given up anything of what it has rows past the limit of.
func (p *partition) restoreSince() error {
	if err := p.store.Sinces(p.id, func(id uint32, us int64) { p.since[id] = us }); err != nil {
		return err
	}
	t := &turn{tx: p.store.Begin(), now: math.MaxInt64 / 2}
	unsure := func(id uint32, last uint64, keep int) func(us int64) bool {
		limit := uint64(keep)
		if _, known := p.since[id]; known || last <= limit+limit/10 {
			return nil
		}
		return func(us int64) bool { p.giveUp(t, id, us+1); return true }
	}
	var err error
	for table, last := range p.entries {
		if f := unsure(tableID(table), last, p.cfg.State.TableRows); f != nil {
			err = errors.Join(err, p.eachEvent(table, math.MaxUint64, f))
		}
	}
	for id, s := range p.patterns {
		if f := unsure(id, s.kept, p.cfg.Pattern.KeepMatches); f != nil {
			err = errors.Join(err, p.eachMatch(s.def, math.MaxUint64, f))
		}
	}
	if err != nil {
		return errors.Join(err, t.tx.Discard())
	}
	return t.tx.Commit()
}

const (
	// clockSlack is how long, in µs, something that bears the clock's time may take until it is told: the exits at a fence that was edited.
	clockSlack = 60_000_000
	// silence is for how long an archive waits for what fell silent: a device that turned at a border, beyond the fence's min_time; the key of an alert; a session.
	silence = 24 * time.Hour
)

// finalEvery is how often it is looked up anew what is final, µs of the clock.
const finalEvery = 1_000_000

// finalEvents notes the time before which events are final, once the turn is committed.
func (p *partition) finalEvents(t *turn) {
	if t.now-p.endedAt >= finalEvery || t.adopted {
		p.endedAt = t.now
		clear(p.ended)
		for id, s := range p.patterns {
			p.ended[id] = p.patternMark(s)
		}
		clock := t.now - clockSlack
		p.ended[tableID(state.TableFences)] = min(clock, p.lastEvent())
		p.ended[tableID(state.TableAlerts)] = min(clock, p.lastStep())
	}
	for id, mark := range p.ended {
		if mark > dawn {
			p.outputs[id] = mark
		}
	}
}

// finalAnyway is finalEvents when a turn has nothing to commit: the clock went on, or it was not looked at after the last commit.
func (p *partition) finalAnyway(t *turn) {
	if t.now-p.endedAt < finalEvery {
		return
	}
	p.finalEvents(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, mark := range p.ended {
		if mark > dawn && p.settled != nil {
			p.settled[id] = mark
		}
	}
}

// lastEvent is the time before which no event at a fence comes any more.
func (p *partition) lastEvent() int64 {
	if len(p.watches) == 0 {
		return math.MaxInt64
	}
	return p.eventsBefore(silence)
}

// lastStep is the time before which no rule tells a step any more. A window that is not final may be revised, and may join the rows kept before it to one run:
// the alert then fires again, as of when it did before.
func (p *partition) lastStep() int64 {
	mark := int64(math.MaxInt64)
	for _, s := range p.alerts {
		v, from := p.views[s.def.Source], int64(0)
		switch {
		case s.def.Source == plan.FenceEvents:
			from = p.lastEvent()
		case v == nil:
			from = p.sourceMark(s.def.Source)
		default:
			from = p.alertMark(s) - v.Def.GraceUs - v.Def.WindowUs
			if v.Def.GapUs > 0 { // a row's time is when its session began
				from -= v.Def.GapUs + silence.Microseconds()
			}
			from = min(from, s.Oldest(from-silence.Microseconds()))
		}
		mark = min(mark, from)
	}
	return mark
}

// afterFinal counts an event that is told though its time was final. name is the table's.
func (p *partition) afterFinal(id uint32, name string, us int64) {
	if final, ok := p.output(id); ok && us < final {
		p.m.afterFinal.WithLabelValues(name).Inc()
	}
}

// Events gives the tables of events, and which of their times are final and whole.
func (c *Core) Events() any {
	list := []object{}
	add := func(id uint32, name, column, text string, onArrival bool) {
		since := int64(math.MinInt64)
		for _, p := range c.partitions {
			since = max(since, p.sinceOf(id))
		}
		list = append(list, object{"name": name, "time": column, "sql": text, "final_before": c.watermarkText(id), "whole_since": sinceText(since), "on_arrival": onArrival})
	}
	add(tableID(state.TableFences), sql.FenceEvents.Name, "ts", "", false)
	add(tableID(state.TableAlerts), "alerts", "ts", "", false)
	for _, def := range c.catalog.plan().Patterns {
		add(def.Id, def.Name, "match_end", def.Sql, def.OnArrival)
	}
	return object{"events": list}
}
