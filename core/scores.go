package core

import (
	"errors"
	"fmt"
	"math"

	"github.com/hexpane/hexpane/core/alert/score"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// scored is a call in an alert's conditions that remembers the windows of each key.
type scored struct {
	*score.Scores
	argument expr.Func
	refused  uint64 // that metrics know of
}

// newScored makes what the conditions of an alert call.
func newScored(p *plan.Plan, def *plan.Alert, cfg *Config, partitions int) (all []*scored, err error) {
	for _, s := range def.Scores {
		spec := score.Spec{Kind: s.Kind, Parameters: s.Parameters, ForgetUs: cfg.Alerts.Forget.Microseconds(), MaxKeys: max(1, cfg.Alerts.MaxScored/partitions)}
		for _, v := range p.Views {
			if v.Id == def.Source {
				spec.WindowUs, spec.EachUs = v.WindowUs, v.AdvanceUs
			}
		}
		keeper, e := score.New(spec)
		argument, f := expr.Compile(s.Argument)
		if err = errors.Join(err, e, f); err != nil {
			return nil, fmt.Errorf("alert %s: %s: %w", def.Name, s.Kind, err)
		}
		all = append(all, &scored{Scores: keeper, argument: argument})
	}
	return all, nil
}

// scoreRow gives a row's scores, behind its columns; nil: it is gone. It is the turn's end: earlier windows of the key have been scored.
func (s *alertState) scoreRow(key string, us int64, row []value.Value) []value.Value {
	if row == nil {
		for _, c := range s.scores {
			c.Gone(key, us)
		}
		return nil
	}
	with := make([]value.Value, len(row), len(row)+len(s.scores))
	copy(with, row)
	for _, c := range s.scores {
		x := math.NaN()
		if v := c.argument(row); !v.IsNull() {
			x = v.Float()
		}
		given := value.Value{}
		if z, ok := c.Row(key, us, x); ok {
			given = value.OfDouble(z)
		}
		with = append(with, given)
	}
	return with
}

// restoreScores reads what is stored of an alert's scores. A key that can't be read begins anew.
func (p *partition) restoreScores(id uint32, s *alertState) error {
	if len(s.scores) == 0 {
		return nil
	}
	bad := map[*scored][]string{}
	err := p.store.ScoreKeys(p.id, id, func(n, part byte, key string, stored []byte) error {
		if int(n) >= len(s.scores) {
			return nil
		}
		if e := s.scores[n].Restore(key, part, stored); e != nil {
			p.log.Error("what an alert's score knows of a key can't be read; it learns anew", "alert", s.def.Name, "key", keyText([]byte(key)), "error", e)
			bad[s.scores[n]] = append(bad[s.scores[n]], key)
		}
		return nil
	})
	for c, keys := range bad {
		for _, key := range keys {
			c.Drop(key)
		}
	}
	return err
}

// keepScores writes what a turn taught the scores of an alert.
func (p *partition) keepScores(t *turn, s *alertState, mark int64) {
	keys, bytes := 0, 0
	for n, c := range s.scores {
		if mark > dawn {
			c.Advance(mark)
		}
		c.Changed(func(key string, part byte, state []byte) { t.tx.ScoreKey(p.id, s.def.Id, byte(n), part, key, state) })
		keys, bytes = keys+c.Keys(), bytes+c.Bytes()
		if n := c.Refused(); n > c.refused {
			p.m.unscored.WithLabelValues(s.def.Name).Add(float64(n - c.refused))
			c.refused = n
		}
	}
	if len(s.scores) > 0 {
		p.m.scoredKeys.WithLabelValues(s.def.Name, fmt.Sprint(p.id)).Set(float64(keys))
		p.m.scoredBytes.WithLabelValues(s.def.Name, fmt.Sprint(p.id)).Set(float64(bytes))
	}
}
