package core

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/hexpane/hexpane/core/pattern"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
)

// With EMIT ON ARRIVAL a key has a second state beside the one that waits for the watermark: it has taken all rows there are (pattern.Ahead). What it finds is
// told early, to SELECT, push queries and viewers: revision 0, not final. A row that comes out of order makes it anew, and then what is found is
// compared with what was told: a match that changed is told again with the next revision, one that is none any more is withdrawn. When the
// state that waits finds a match, it is final, and goes where those of other patterns go: to views, alerts and the history store too.
//
// What was told early is kept with the matches that SELECT shows, so that a start knows it, and tells nothing twice.

// earlyMatch is a match that was told and is not final.
type earlyMatch struct {
	rows      [][]value.Value // without ArrivalColumns
	numbers   []uint64        // of its rows, among those kept
	revision  int64
	withdrawn bool
}

// arrive is what advancePatterns does with a key.
func (p *partition) arrive(t *turn, s *patternState, k *patternKey, mark int64) {
	settled := map[string]bool{}
	s.Advance(k.Key, mark, func(m *pattern.Match) {
		settled[m.ID] = true
		p.finally(t, s, k, m)
	})
	anew := k.ahead == nil
	if anew {
		var err error
		if k.ahead, err = s.Ahead(k.Key); err != nil {
			p.log.Error("what a pattern's key will find can't be told early", "pattern", s.def.Name, "key", keyText([]byte(k.name)), "error", err)
			k.ahead = nil
			return
		}
	}
	found := map[string]bool{}
	s.Advance(k.ahead, mark, func(m *pattern.Match) {
		if !settled[m.ID] {
			found[m.ID] = true
			p.early(t, s, k, m)
		}
	})
	if len(k.early) > 0 {
		over := p.patternMark(s)
		p.withdraw(t, s, k, func(id string, e *earlyMatch) bool { return anew && !found[id] || e.until() < over })
		for id, e := range k.early { // what can't come back
			if e.withdrawn && e.until() < over {
				delete(k.early, id)
			}
		}
	}
	if k.ahead.Idle() && len(k.early) == 0 && k.Idle() {
		k.ahead = nil // most keys, most of the time
	}
}

func (e *earlyMatch) until() int64 {
	if len(e.rows) == 0 {
		return math.MaxInt64
	}
	return e.rows[0][len(e.rows[0])-1].Int()
}

// early tells a match that is not final, unless it was told as it is.
func (p *partition) early(t *turn, s *patternState, k *patternKey, m *pattern.Match) {
	e, rows := k.early[m.ID], matchRows(m)
	change := "revised"
	switch {
	case e == nil:
		if k.early == nil {
			k.early = map[string]*earlyMatch{}
		}
		e = &earlyMatch{}
		k.early[m.ID], change = e, "told"
	case !e.withdrawn && slices.EqualFunc(e.rows, rows, slices.Equal):
		return
	default:
		e.revision++
	}
	p.m.patternEarly.WithLabelValues(s.def.Name, change).Inc()
	p.dropRows(t, s, k, e, len(rows))
	e.rows, e.withdrawn = rows, false
	for i, row := range rows {
		p.showEarly(t, s, k, e.number(s, i), e.marked(row, false))
	}
}

// finally tells a match that nothing changes any more.
func (p *partition) finally(t *turn, s *patternState, k *patternKey, m *pattern.Match) {
	rows := matchRows(m)
	e := k.early[m.ID]
	switch {
	case e == nil:
		e = &earlyMatch{}
	case e.withdrawn || !slices.EqualFunc(e.rows, rows, slices.Equal):
		e.revision++
	}
	p.dropRows(t, s, k, e, len(rows))
	e.withdrawn = false
	for i, row := range rows {
		row = e.marked(row, true)
		p.matched(t, s, k.name, m, i, row)
		p.keepMatch(t, s, k, e.number(s, i), row)
	}
	delete(k.early, m.ID)
}

// withdraw takes back what was told early.
func (p *partition) withdraw(t *turn, s *patternState, k *patternKey, which func(id string, e *earlyMatch) bool) {
	var list []*earlyMatch
	for id, e := range k.early {
		if !e.withdrawn && which(id, e) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *earlyMatch) int { return cmp.Compare(a.numbers[0], b.numbers[0]) })
	for _, e := range list {
		e.revision++
		e.withdrawn = true
		p.m.patternEarly.WithLabelValues(s.def.Name, "withdrawn").Inc()
		for i, row := range e.rows {
			p.showEarly(t, s, k, e.numbers[i], e.marked(row, false))
		}
	}
}

// dropRows takes back rows that a match with ALL ROWS PER MATCH does not have any more.
func (p *partition) dropRows(t *turn, s *patternState, k *patternKey, e *earlyMatch, left int) {
	if left >= len(e.rows) {
		return
	}
	gone := *e
	gone.withdrawn = true
	for i := left; i < len(e.rows); i++ {
		p.showEarly(t, s, k, e.numbers[i], gone.marked(e.rows[i], false))
		t.tx.DropPatternMatch(p.id, s.def.Id, e.numbers[i])
	}
	e.numbers = e.numbers[:left]
}

func (p *partition) showEarly(t *turn, s *patternState, k *patternKey, number uint64, row []value.Value) {
	if p.pushes.wants(s.def.Id) {
		t.pushed = append(t.pushed, pushedRow{s.def.Id, row})
	}
	p.keepMatch(t, s, k, number, row)
}

// marked adds ArrivalColumns.
func (e *earlyMatch) marked(row []value.Value, final bool) []value.Value {
	return append(slices.Clone(row), value.OfInt(e.revision), value.OfBool(final), value.OfBool(e.withdrawn))
}

func (e *earlyMatch) number(s *patternState, i int) uint64 {
	if i == len(e.numbers) {
		e.numbers = append(e.numbers, s.next())
	}
	return e.numbers[i]
}

// restoreEarly reads what was told and is not final.
func (p *partition) restoreEarly(s *patternState) error {
	if !s.def.OnArrival {
		return nil
	}
	return p.store.PatternMatches(p.id, s.def.Id, 0, func(number uint64, stored []byte) (bool, error) {
		row, rest, err := readKeptMatch(s.def, stored)
		if err != nil {
			return false, err
		}
		name, _, err := value.Read(rest)
		if err != nil {
			return false, fmt.Errorf("matches of pattern %s: whose they are: %w", s.def.Name, err)
		}
		at := len(row) - len(sql.ArrivalColumns)
		k := s.keys[name.Str()]
		if k == nil || row[at+1].Bool() {
			return true, nil
		}
		if k.early == nil {
			k.early = map[string]*earlyMatch{}
		}
		id := row[len(s.def.Outputs)].Str()
		e := k.early[id]
		if e == nil {
			e = &earlyMatch{}
			k.early[id] = e
		}
		e.rows, e.numbers = append(e.rows, row[:at:at]), append(e.numbers, number)
		e.revision, e.withdrawn = max(e.revision, row[at].Int()), row[at+2].Bool()
		return true, nil
	})
}
