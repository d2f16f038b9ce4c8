// Package score says how unusual a number is among the earlier ones of its key: z-scores against a rolling window, an average that forgets, or a
// profile of the day or week, and one score for all of it, anomaly.
//
//	a row of a key → the rows before it, of which the last 8 may still change (pending.go) → what is to be expected (model.go, profile.go,
//	rolling.go) → how far off that is → how rare so far off is for this key (tail.go) → a score (anomaly.go)
//
// It is pure: times are event times in µs, and it starts nothing. What holds of all scores:
//
//   - A row's score is a function of the rows before it in event time, not of the order in which they came. A model takes a row in once 8 newer ones are
//     there; until then the row may be revised, and is judged anew against those before it. A row older than these has no score and teaches nothing.
//   - Nothing is scored before there is something to compare with (each kind says how much), nor what is no number.
//   - Models learn little from what they find odd: an observation counts at most as one a few deviations off. What stays odd is normal after a while:
//     half a dozen rows for the level, a day for the profile.
//   - A key takes a fixed number of bytes, and there are at most so many keys. One that is silent for longer than Spec.ForgetUs begins anew.
package score

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Kinds of scores.
const (
	Anomaly  = "ANOMALY"         // 0 to 1; parameters: the period, days (1 or 7)
	Rolling  = "ZSCORE"          // deviations from the median of the rows before; parameters: how many
	Ewma     = "EWMA_ZSCORE"     // deviations from an average that forgets; parameters: alpha of a row, or else 0 and the half-life in µs
	Seasonal = "SEASONAL_ZSCORE" // deviations from the profile; parameters: the period, days (1 or 7)
)

// Kinds lists them.
var Kinds = []string{Anomaly, Rolling, Ewma, Seasonal}

// What parameters may be.
const (
	MinWindows, DefaultWindows, MaxWindows = 8, 60, 240
	DefaultAlpha                           = 0.05
)

// largest is as large as a number may be that is scored: models are of single precision.
const largest = 1e30

const dayUs = 86400_000_000

// Spec is a call in a rule.
type Spec struct {
	Kind       string
	Parameters []float64
	WindowUs   int64 // how long a row is; 0: it varies
	EachUs     int64 // from a row to the next; 0: as WindowUs
	ForgetUs   int64 // 0: never
	MaxKeys    int   // 0: no bound
}

// Scores holds what is known of each key.
type Scores struct {
	config
	keys    map[string]*key
	changed map[string]parts
	swept   int64
	refused uint64
}

type parts byte

const (
	hotPart parts = 1 << iota
	profilePart
	goneParts
)

// New makes a keeper of scores.
func New(spec Spec) (*Scores, error) {
	c, err := configure(spec)
	if err != nil {
		return nil, err
	}
	return &Scores{config: c, keys: map[string]*key{}, changed: map[string]parts{}, swept: math.MinInt64}, nil
}

// Keys is how many keys are known.
func (s *Scores) Keys() int { return len(s.keys) }

// Bytes is about how much memory they take.
func (s *Scores) Bytes() int { return len(s.keys) * s.perKey() }

// Refused counts the rows of keys for which there was no place.
func (s *Scores) Refused() uint64 { return s.refused }

// Row scores x, the row of a key at a time, and learns from it; a row of a time that there was is a revision. There may be no score.
func (s *Scores) Row(name string, us int64, x float64) (score float64, ok bool) {
	if !(math.Abs(x) <= largest) { // nor NaN
		s.Gone(name, us)
		return 0, false
	}
	k := s.keys[name]
	if k != nil && s.ForgetUs > 0 && us-k.newest() > s.ForgetUs {
		s.forget(name)
		k = nil
	}
	if k == nil {
		if s.MaxKeys > 0 && len(s.keys) >= s.MaxKeys {
			s.refused++
			return 0, false
		}
		k = s.newKey()
		s.keys[name] = k
	}
	if us <= k.base.us && k.base.n > 0 {
		return 0, false
	}
	i, found := k.find(us)
	score, ok = s.score(k, i, us, x)
	changed := hotPart
	if k.put(i, found, row{us, x}) && s.absorb(k) {
		changed |= profilePart
	}
	s.changed[name] |= changed
	return score, ok
}

// Gone says that a key has no row of that time any more.
func (s *Scores) Gone(name string, us int64) {
	k := s.keys[name]
	if k == nil {
		return
	}
	if i, found := k.find(us); found {
		k.cut(i)
		s.changed[name] |= hotPart
	}
	if k.n == 0 && k.base.n == 0 {
		s.forget(name)
	}
}

// Advance forgets the keys that were silent for longer than ForgetUs before the watermark; it looks at them a few times in that span.
func (s *Scores) Advance(watermark int64) {
	if s.ForgetUs == 0 || s.swept != math.MinInt64 && watermark-s.swept < s.ForgetUs/8 {
		return
	}
	s.swept = watermark
	for name, k := range s.keys {
		if watermark-k.newest() > s.ForgetUs {
			s.forget(name)
		}
	}
}

func (s *Scores) forget(name string) {
	delete(s.keys, name)
	s.changed[name] = goneParts
}

// sorted gives the keys that changed, in order.
func (s *Scores) sorted() []string {
	return slices.SortedFunc(maps.Keys(s.changed), cmp.Compare[string])
}

func configure(spec Spec) (config, error) {
	c := config{Spec: spec}
	if c.EachUs <= 0 {
		c.EachUs = c.WindowUs
	}
	parameter := func(i int, otherwise float64) float64 {
		if i < len(spec.Parameters) {
			return spec.Parameters[i]
		}
		return otherwise
	}
	c.alpha, c.smooth = 0.25, 8
	c.memory = 1000
	if c.EachUs > 0 {
		c.memory = float64(dayUs / c.EachUs)
		c.smooth = max(c.smooth, float64(30*60_000_000/c.EachUs))
	}
	c.memory = max(c.memory, 100)
	switch spec.Kind {
	case Rolling:
		n := parameter(0, DefaultWindows)
		if !(n >= MinWindows && n <= MaxWindows) {
			return c, fmt.Errorf("a rolling window has %d to %d rows, not %v", MinWindows, MaxWindows, n)
		}
		c.ring = int(n)
	case Ewma:
		c.alpha = parameter(0, DefaultAlpha)
		c.halfUs = parameter(1, 0)
		if !(c.alpha > 0 && c.alpha < 1) && !(c.alpha == 0 && c.halfUs > 0) {
			return c, fmt.Errorf("alpha is above 0 and below 1, not %v", c.alpha)
		}
		if c.halfUs == 0 {
			c.memory = max(4/c.alpha, 30)
		}
	case Seasonal, Anomaly:
		days := parameter(0, 1)
		if days != 1 && days != 7 {
			return c, fmt.Errorf("a period has 1 or 7 days, not %v", days)
		}
		c.periodUs = int64(days) * dayUs
		c.slots = 48
		if days == 7 {
			c.slots = 168
		}
		if c.EachUs > 0 {
			c.slots = min(c.slots, int(c.periodUs/c.EachUs))
		}
		if c.slots < MinSlots {
			c.slots = 0
			if spec.Kind == Seasonal {
				return c, fmt.Errorf("windows so long leave less than %d to a period", MinSlots)
			}
		}
	default:
		return c, fmt.Errorf("there is no score %q", spec.Kind)
	}
	return c, nil
}

// MinSlots is the fewest windows that make a profile.
const MinSlots = 4
