package core

import (
	"strconv"

	"github.com/hexpane/hexpane/core/join"
	"github.com/hexpane/hexpane/protocol/plan"
)

// restoreDerived makes what views over views and joins need, with what is stored of it.
func (p *partition) restoreDerived() error {
	if err := p.install(); err != nil {
		return err
	}
	for id, j := range p.joins {
		if err := p.store.JoinRows(p.id, id, func(side byte, us int64, number uint64, row []byte) error {
			return j.Restore(int(side), us, number, row)
		}); err != nil {
			return err
		}
	}
	if err := p.restorePatterns(); err != nil {
		return err
	}
	for to := range p.sent {
		var err error
		if p.sent[to], err = p.store.LastLetter(uint32(to), p.id); err != nil {
			return err
		}
	}
	p.mail.Store(true)
	return nil
}

// restore brings back what a partition told, by its name.
func (r *relay) restore(partition string, us int64) {
	if n, err := strconv.Atoi(partition); r != nil && err == nil && n >= 0 && n < len(r.marks) {
		r.marks[n] = us
	}
}

// install makes readers, joins, routes and relays of the plan; those there are stay.
func (p *partition) install() error {
	joins, relays := map[uint32]*joinState{}, map[uint32]*relay{}
	p.readers, p.routes, p.own = map[uint32][]*reader{}, map[uint32]*routeState{}, nil
	for _, def := range p.plan.Routes {
		r, err := newRoute(def, p.streams)
		if err != nil {
			return err
		}
		p.routes[def.Id] = r
		if def.Stream == plan.FenceEvents {
			p.own = append(p.own, r)
			relays[def.Stream] = p.relayOf(def.Stream)
		}
	}
	for _, def := range p.plan.Joins {
		left, right := p.routes[def.Left], p.routes[def.Right]
		j := p.joins[def.Id]
		if j == nil {
			made, err := join.New(def, left.def, right.def, left.width, right.width)
			if err != nil {
				return err
			}
			j = &joinState{made, def, left.def.Stream, right.def.Stream}
		}
		joins[def.Id] = j
		left.ends = append(left.ends, routeEnd{j, join.Left})
		right.ends = append(right.ends, routeEnd{j, join.Right})
	}
	for _, def := range p.plan.Views {
		if !def.Core {
			continue
		}
		r, err := newReader(def)
		if err != nil {
			return err
		}
		p.readers[def.Stream] = append(p.readers[def.Stream], r)
		if relays[def.Stream] == nil {
			relays[def.Stream] = p.relayOf(def.Stream)
		}
	}
	p.joins, p.relays = joins, relays
	return p.installPatterns()
}

func (p *partition) relayOf(source uint32) *relay {
	if r := p.relays[source]; r != nil {
		return r
	}
	return newRelay(len(p.sent))
}

// adoptDerived goes over to a new plan; what is gone is deleted, and new views over views get what those hold.
func (p *partition) adoptDerived(t *turn) error {
	old, had, patterns := p.joins, map[uint32]bool{}, p.patterns
	for _, list := range p.readers {
		for _, r := range list {
			had[r.def.Id] = true
		}
	}
	if err := p.install(); err != nil {
		return err
	}
	p.adoptPatterns(t, patterns)
	if err := p.adoptAlerts(t); err != nil {
		return err
	}
	for id := range old {
		if p.joins[id] == nil {
			t.tx.DropJoin(p.id, id)
		}
	}
	for source, list := range p.readers {
		below := p.views[source]
		for _, r := range list {
			if had[r.def.Id] || below == nil || r.def.Id == source {
				continue
			}
			if err := p.backfill(t, r, below); err != nil {
				return err
			}
		}
	}
	clear(p.told) // new readers have heard of no watermark
	return nil
}
