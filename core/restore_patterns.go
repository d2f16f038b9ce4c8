package core

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// installPatterns makes the patterns of the plan; those there are stay.
func (p *partition) installPatterns() error {
	patterns := map[uint32]*patternState{}
	for _, def := range p.plan.Patterns {
		route := p.routes[def.Stream]
		s := p.patterns[def.Id]
		if s == nil || !proto.Equal(s.def, def) {
			next, err := newPatternState(def, route.def, p.cfg.patternLimits())
			if err != nil {
				return err
			}
			if s != nil { // a fence that it names has another shape
				p.carryOver(s, next)
			}
			s = next
		}
		patterns[def.Id] = s
		route.patterns = append(route.patterns, s)
	}
	p.patterns = patterns
	return nil
}

// carryOver goes on with the keys of a pattern under another definition of the same id.
func (p *partition) carryOver(old, next *patternState) {
	next.kept, next.swept = old.kept, old.swept
	for name, k := range old.keys {
		p.restoreKey(next, name, old.Encode(nil, k.Key))
		n := next.keys[name]
		if n == nil {
			b := &next.broken[len(next.broken)-1]
			for number := k.written + 1 - k.logged; number <= k.written; number++ {
				b.logs = append(b.logs, number)
			}
		} else {
			n.written, n.logged, n.whole, n.early = k.written, k.logged, true, k.early
			next.touch(n) // so that it is stored as one of this definition
		}
	}
}

// restoreKey brings a key back. One that can't be read begins anew: better than a core that does not start.
func (p *partition) restoreKey(s *patternState, name string, stored []byte) {
	k, err := s.Adopt([]byte(name), stored)
	if err != nil {
		p.log.Error("the state of a pattern's key can't be read; it begins anew", "pattern", s.def.Name, "key", keyText([]byte(name)), "error", err)
		s.broken = append(s.broken, brokenKey{name: name})
		return
	}
	n := s.add(k, name)
	s.weigh(n, k.Bytes())
	s.settle(n)
}

// restorePatterns reads what is stored of each pattern, and deletes what is of none.
func (p *partition) restorePatterns() error {
	for id, s := range p.patterns {
		var err error
		if s.kept, err = p.store.LastPatternMatch(p.id, id); err != nil {
			return err
		}
		if err = p.store.PatternKeys(p.id, id, func(name, stored []byte) (bool, error) {
			p.restoreKey(s, string(name), slices.Clone(stored))
			return true, nil
		}); err != nil {
			return err
		}
		if err = p.store.PatternLogs(p.id, id, func(name []byte, number uint64, entry []byte) (bool, error) {
			k := s.keys[string(name)]
			if k == nil {
				s.broken = append(s.broken, brokenKey{string(name), []uint64{number}})
				return true, nil
			}
			err := p.relive(s, k, number, entry)
			if err != nil {
				err = fmt.Errorf("pattern %s: what a turn gave key %s: %w", s.def.Name, keyText(name), err)
			}
			return true, err
		}); err != nil {
			return err
		}
		if err = p.restoreEarly(s); err != nil {
			return err
		}
		for _, k := range s.keys {
			s.weigh(k, k.Bytes())
			s.settle(k)
		}
		s.told = s.Counts() // matches told before are not counted again
		p.countPattern(s)
		t := &turn{}
		if err = p.store.PatternMatches(p.id, id, s.kept-min(s.kept, keptMatches)+1, func(number uint64, stored []byte) (bool, error) {
			row, err := readMatch(s.def, stored)
			t.matches = append(t.matches, p.matchShown(s.def, number, row))
			return true, err
		}); err != nil {
			return err
		}
		p.live.publish(t)
	}
	ids, err := p.store.Patterns()
	tx := p.store.Begin()
	gone := false
	for _, s := range p.patterns {
		gone = gone || len(s.broken) > 0
		p.dropBroken(tx, s)
	}
	for _, id := range ids {
		if p.patterns[id] == nil {
			gone = true
			tx.DropPattern(p.id, id)
		}
	}
	if !gone || err != nil {
		return errors.Join(err, tx.Discard())
	}
	return tx.Commit()
}

// dropBroken deletes what could not be read, so that it is not taken for the state of a key that begins anew.
func (p *partition) dropBroken(tx *state.Tx, s *patternState) {
	for _, b := range s.broken {
		tx.DropPatternKey(p.id, s.def.Id, []byte(b.name))
		for _, number := range b.logs {
			tx.DropPatternLog(p.id, s.def.Id, []byte(b.name), number)
		}
	}
	s.broken = nil
}

// adoptPatterns deletes the state of patterns that the new plan does not have.
func (p *partition) adoptPatterns(t *turn, old map[uint32]*patternState) {
	for id, s := range old {
		if next := p.patterns[id]; next != nil {
			p.dropBroken(t.tx, next)
			continue
		}
		t.tx.DropPattern(p.id, id)
		p.m.forgetPattern(s.def.Name, strconv.Itoa(int(p.id)))
	}
}

func readMatch(def *plan.Pattern, stored []byte) ([]value.Value, error) {
	row, _, err := readKeptMatch(def, stored)
	return row, err
}

// readKeptMatch gives what keepMatch kept, and what stands behind it.
func readKeptMatch(def *plan.Pattern, stored []byte) (row []value.Value, rest []byte, err error) {
	row = make([]value.Value, len(sql.PatternRelation(def).Columns))
	if rest, err = value.ReadRow(stored, row); err != nil {
		return nil, nil, fmt.Errorf("matches of pattern %s: %w", def.Name, err)
	}
	return row, rest, nil
}
