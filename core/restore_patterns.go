package core

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/hexpane/hexpane/core/sql"
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
		if k := next.keys[name]; k != nil {
			next.touch(k) // so that it is stored as one of this definition
		}
	}
}

// restoreKey brings a key back. One that can't be read begins anew: better than a core that does not start.
func (p *partition) restoreKey(s *patternState, name string, stored []byte) {
	k, err := s.Adopt([]byte(name), stored)
	if err != nil {
		p.log.Error("the state of a pattern's key can't be read; it begins anew", "pattern", s.def.Name, "key", keyText([]byte(name)), "error", err)
		return
	}
	s.settle(s.add(k, name))
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

// adoptPatterns deletes the state of patterns that the new plan does not have.
func (p *partition) adoptPatterns(t *turn, old map[uint32]*patternState) {
	for id, s := range old {
		if p.patterns[id] != nil {
			continue
		}
		t.tx.DropPattern(p.id, id)
		p.m.forgetPattern(s.def.Name, strconv.Itoa(int(p.id)))
	}
}

func readMatch(def *plan.Pattern, stored []byte) ([]value.Value, error) {
	row := make([]value.Value, len(def.Outputs)+len(sql.MatchColumns))
	if _, err := value.ReadRow(stored, row); err != nil {
		return nil, fmt.Errorf("matches of pattern %s: %w", def.Name, err)
	}
	return row, nil
}
