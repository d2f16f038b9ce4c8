package core

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/hexpane/hexpane/core/live"
	"github.com/hexpane/hexpane/core/pattern"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/state"
	"github.com/hexpane/hexpane/core/store/influx"
	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// patternState is a pattern in this partition: rows of its route wait in their key for the stream's watermark, and matches come of them.
//
//	routed → take: a row into its key → advancePatterns: each key that changed, or whose time has come, is matched and stored → matched
//
// arrival.go has EMIT ON ARRIVAL.
type patternState struct {
	*pattern.Engine
	def    *plan.Pattern
	stream uint32
	keyOf  []expr.Func
	keys   map[string]*patternKey
	dirty  []*patternKey // took rows in this turn
	due    dueKeys
	bytes  int
	told   pattern.Counts // what metrics know of
	kept   uint64         // number of the last match row
	swept  int64          // watermark at which silent keys were let go last
	broken []brokenKey    // could not be read
	buffer []byte         // used again
}

type patternKey struct {
	*pattern.Key
	name  string
	wake  int64 // the watermark from which on there may be a match without further rows
	place int   // in due; −1: it is not there
	bytes int
	dirty bool

	added     []byte // rows of this turn
	rows      int    // how many
	written   uint64 // number of the last entry of its log
	logged    uint64 // entries that are stored
	loggedFor int    // rows in them, and one for each
	whole     bool   // its state is to be written, not what is new of it

	ahead *pattern.Key           // of EMIT ON ARRIVAL: has taken all rows; nil: to be made
	early map[string]*earlyMatch // what it found that is not final yet, by id
}

// brokenKey is what is stored of a key that can't be read.
type brokenKey struct {
	name string
	logs []uint64
}

func newPatternState(def *plan.Pattern, route *plan.Route, limits pattern.Limits) (*patternState, error) {
	e, err := pattern.New(def, limits)
	if err != nil {
		return nil, err
	}
	s := &patternState{Engine: e, def: def, stream: route.Stream, keys: map[string]*patternKey{}, swept: dawn}
	for _, k := range def.KeyExprs {
		f, err := expr.Compile(k)
		if err != nil {
			return nil, fmt.Errorf("pattern %s: %w", def.Name, err)
		}
		s.keyOf = append(s.keyOf, f)
	}
	return s, nil
}

// limits of a key, by the configuration.
func (c *Config) patternLimits() pattern.Limits {
	return pattern.Limits{Waiting: c.Pattern.MaxWaiting, Rows: c.Pattern.MaxRows, Threads: c.Pattern.MaxPartial, Age: c.Pattern.MaxAge.Microseconds()}
}

// checkPatterns lets the engine judge the patterns of a plan that another one does not have; at is where the statement stands.
func checkPatterns(old, next *plan.Plan, at sql.Pos) error {
	for _, def := range next.Patterns {
		if slices.ContainsFunc(old.GetPatterns(), func(d *plan.Pattern) bool { return d.Id == def.Id }) {
			continue
		}
		if _, err := pattern.New(def, pattern.Limits{}); err != nil {
			return &sql.Error{Line: at.Line, Column: at.Column, Message: err.Error()}
		}
	}
	return nil
}

// take gives the pattern rows of its route. What the watermark has passed is late, whatever its key has seen.
func (p *partition) take(t *turn, s *patternState, rows [][]value.Value, width int) {
	mark := p.routeMark(s.stream)
	var name []byte
	for _, row := range rows {
		name = name[:0]
		for _, f := range s.keyOf {
			name = value.Append(name, f(row[:width]))
		}
		us := row[width].Int()
		k := s.keys[string(name)]
		if us >= mark {
			if k == nil {
				k = s.add(s.NewKey(name), string(name))
			}
			if kept := slices.Clone(row[:width+1]); s.Add(k.Key, us, kept) { // a row of the batch would keep all of it in memory
				if k.ahead != nil && !s.Add(k.ahead, us, kept) {
					k.ahead = nil
				}
				if k.added == nil {
					k.added = make([]byte, 0, 128)
				}
				k.added = value.AppendRow(binary.AppendVarint(k.added, us), row[:width+1])
				k.rows++
				s.touch(k)
				continue
			}
		}
		p.m.patternLate.WithLabelValues(s.def.Name).Inc()
		p.entry(t, state.TableLate, value.OfString(sql.PatternSource(p.plan, s.def)), value.OfString(s.def.Name), value.OfString(keyText(name)),
			value.OfTime(us), value.OfTime(us), value.OfInt(1), value.OfInt(max(0, mark-us)/1000))
	}
}

func (s *patternState) add(k *pattern.Key, name string) *patternKey {
	n := &patternKey{Key: k, name: name, wake: math.MaxInt64, place: -1}
	s.keys[name] = n
	return n
}

func (s *patternState) touch(k *patternKey) {
	if !k.dirty {
		k.dirty = true
		s.dirty = append(s.dirty, k)
	}
}

// advancePatterns matches what the turn's rows and watermarks allow, and stores what changed.
func (p *partition) advancePatterns(t *turn) {
	for _, s := range p.patterns {
		mark := p.routeMark(s.stream)
		for len(s.due) > 0 && s.due[0].wake <= mark {
			k := heap.Pop(&s.due).(*patternKey)
			s.touch(k)
		}
		slices.SortFunc(s.dirty, func(a, b *patternKey) int { // so that numbers do not depend on what was due
			if a.name < b.name {
				return -1
			}
			return 1
		})
		for _, k := range s.dirty {
			k.dirty = false
			if s.def.OnArrival {
				p.arrive(t, s, k, mark)
			} else {
				s.Advance(k.Key, mark, func(m *pattern.Match) { p.matches(t, s, k, m) })
			}
			s.settle(k)
			p.keepKey(t, s, k, mark)
		}
		clear(s.dirty)
		s.dirty = s.dirty[:0]
		p.sweepPattern(t, s, mark)
		p.countPattern(s)
	}
}

// keepKey stores what became of a key. Its rows are written anew only when the turns since then gave it as many as it has: else each row of a key
// with a thousand would write all of them.
func (p *partition) keepKey(t *turn, s *patternState, k *patternKey, mark int64) {
	name := []byte(k.name)
	if k.whole || k.loggedFor+k.rows+1 >= k.Rows() {
		s.buffer = s.Encode(s.buffer[:0], k.Key)
		t.tx.PatternKey(p.id, s.def.Id, name, s.buffer)
		p.dropLog(t, s, k)
		k.whole = false
		s.weigh(k, k.memory())
	} else {
		k.written++
		k.logged++
		k.loggedFor += k.rows + 1
		s.buffer = append(binary.AppendVarint(s.buffer[:0], mark), k.added...)
		t.tx.PatternLog(p.id, s.def.Id, name, k.written, s.buffer)
		s.weigh(k, k.bytes+len(k.added)+200*k.rows)
	}
	k.added, k.rows = nil, 0
}

func (p *partition) dropLog(t *turn, s *patternState, k *patternKey) {
	for ; k.logged > 0; k.logged-- {
		t.tx.DropPatternLog(p.id, s.def.Id, []byte(k.name), k.written+1-k.logged)
	}
	k.loggedFor = 0
}

// relive gives a key what a turn gave it once: its state then follows, and its matches are told already.
func (p *partition) relive(s *patternState, k *patternKey, number uint64, entry []byte) error {
	mark, n := binary.Varint(entry)
	if n <= 0 {
		return value.ErrCorrupt
	}
	width := int(s.def.Columns)
	for entry = entry[n:]; len(entry) > 0; k.loggedFor++ {
		us, n := binary.Varint(entry)
		if n <= 0 {
			return value.ErrCorrupt
		}
		row := make([]value.Value, width)
		var err error
		if entry, err = value.ReadRow(entry[n:], row); err != nil {
			return err
		}
		s.Add(k.Key, us, row)
	}
	s.Advance(k.Key, mark, nil)
	k.written, k.logged, k.loggedFor = number, k.logged+1, k.loggedFor+1
	return nil
}

func (k *patternKey) memory() int {
	n := k.Bytes()
	if k.ahead != nil {
		n += k.ahead.Bytes()
	}
	return n
}

func (s *patternState) weigh(k *patternKey, bytes int) {
	s.bytes += bytes - k.bytes
	k.bytes = bytes
}

// settle notes when a key is due next.
func (s *patternState) settle(k *patternKey) {
	k.wake = s.Wake(k.Key)
	switch {
	case k.wake == math.MaxInt64 && k.place >= 0:
		heap.Remove(&s.due, k.place)
	case k.wake == math.MaxInt64:
	case k.place >= 0:
		heap.Fix(&s.due, k.place)
	default:
		heap.Push(&s.due, k)
	}
}

func (p *partition) forgetKey(t *turn, s *patternState, k *patternKey) {
	p.withdraw(t, s, k, func(string, *earlyMatch) bool { return true })
	if k.place >= 0 {
		heap.Remove(&s.due, k.place)
	}
	s.bytes -= k.bytes
	delete(s.keys, k.name)
	t.tx.DropPatternKey(p.id, s.def.Id, []byte(k.name))
	p.dropLog(t, s, k)
}

// sweepPattern lets go of keys in which nothing is under way and that were silent for longer than pattern.max_age, once a minute of event time; and
// of those silent for longest when all together take more than pattern.max_bytes.
func (p *partition) sweepPattern(t *turn, s *patternState, mark int64) {
	if age := p.cfg.Pattern.MaxAge.Microseconds(); mark-s.swept >= 60_000_000 {
		s.swept = mark
		for _, k := range s.keys {
			if k.Idle() && k.Newest() < mark-age {
				p.forgetKey(t, s, k)
			}
		}
	}
	most := int(p.cfg.Pattern.MaxBytes)
	if most <= 0 || s.bytes <= most {
		return
	}
	all := make([]*patternKey, 0, len(s.keys))
	for _, k := range s.keys {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b *patternKey) int {
		switch {
		case a.Idle() != b.Idle() && a.Idle():
			return -1
		case a.Idle() != b.Idle():
			return 1
		case a.Newest() != b.Newest():
			return int(max(-1, min(1, a.Newest()-b.Newest())))
		case a.name < b.name:
			return -1
		}
		return 1
	})
	for _, k := range all {
		if s.bytes <= most-most/10 {
			return
		}
		if !k.Idle() {
			p.m.patternLimited.WithLabelValues(s.def.Name, "bytes").Inc()
		}
		p.forgetKey(t, s, k)
	}
}

// countPattern tells metrics what the engine did since the last time.
func (p *partition) countPattern(s *patternState) {
	now, name := s.Counts(), s.def.Name
	add := func(limit string, n uint64) {
		if n > 0 {
			p.m.patternLimited.WithLabelValues(name, limit).Add(float64(n))
		}
	}
	p.m.patternMatches.WithLabelValues(name).Add(float64(now.Matches - s.told.Matches))
	add("waiting", now.Hurried-s.told.Hurried)
	add("rows", now.OverRows-s.told.OverRows)
	add("partial", now.OverThreads-s.told.OverThreads)
	add("age", now.OverAge-s.told.OverAge)
	s.told = now
	id := strconv.Itoa(int(p.id))
	p.m.patternKeys.WithLabelValues(name, id).Set(float64(len(s.keys)))
	p.m.patternBytes.WithLabelValues(name, id).Set(float64(s.bytes))
}

// matches takes a match's rows to all who are to be told.
func (p *partition) matches(t *turn, s *patternState, k *patternKey, m *pattern.Match) {
	for i, row := range matchRows(m) {
		p.matched(t, s, k.name, m, i, row)
		p.keepMatch(t, s, k, s.next(), row)
	}
}

// matchRows gives the rows of a match with MatchColumns.
func matchRows(m *pattern.Match) [][]value.Value {
	rows := make([][]value.Value, len(m.Rows))
	for i, r := range m.Rows {
		rows[i] = append(r.Measures, value.OfString(m.ID), value.OfTime(m.First), value.OfTime(m.Until))
	}
	return rows
}

// next numbers a row of a match.
func (s *patternState) next() uint64 {
	s.kept++
	return s.kept
}

// keepMatch puts a row of a match to those that SELECT and viewers see.
func (p *partition) keepMatch(t *turn, s *patternState, k *patternKey, number uint64, row []value.Value) {
	stored := value.AppendRow(nil, row)
	if s.def.OnArrival {
		stored = value.Append(stored, value.OfString(k.name)) // for a start, to know whose it is
	}
	t.tx.PatternMatch(p.id, s.def.Id, number, stored)
	t.matches = append(t.matches, p.matchShown(s.def, number, row))
}

// matched is where a row of a match goes, once: to views and push queries, to alerts, and to the history store. All of it is of the turn's transaction
// or after its commit.
func (p *partition) matched(t *turn, s *patternState, key string, m *pattern.Match, i int, row []value.Value) {
	p.afterFinal(s.def.Id, s.def.Name, m.Until)
	p.made(t, s.def.Id, m.Until, row)
	p.judge(t, s.def.Id, m.Until, key, row)
	if p.sink != nil {
		p.effects++
		t.effects++
		t.tx.Effect(p.id, p.effects, matchPoint(s.def, m, i, row))
	}
}

// matchPoint is a match's point: keys are tags, the time is the match's end. Matches of one key that end with the same row are told apart by
// nanoseconds, which are the match's and the row's number.
func matchPoint(def *plan.Pattern, m *pattern.Match, i int, row []value.Value) []byte {
	point := influx.Point{Measurement: def.Name, TimeUs: m.Until, Nanos: (int(m.Number%1000) + i) % 1000}
	for n, c := range def.Outputs {
		pair := influx.Pair{Name: c.Name, Value: row[n]}
		if sql.PatternKey(def, n) >= 0 {
			point.Tags = append(point.Tags, pair)
		} else {
			point.Fields = append(point.Fields, pair)
		}
	}
	at := len(def.Outputs)
	point.Fields = append(point.Fields, influx.Pair{Name: "match_id", Value: row[at]}, influx.Pair{Name: "match_start", Value: row[at+1]})
	return point.Line()
}

// shownMatch is a row of a match for viewers.
type shownMatch struct {
	def *plan.Pattern
	row live.Row
}

// keptMatches is how many of the newest rows of matches of one partition a pattern's topic shows.
const keptMatches = 500

func (p *partition) matchShown(def *plan.Pattern, number uint64, row []value.Value) shownMatch {
	place := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, p.id), uint32(number%keptMatches))
	return shownMatch{def, live.Row{Key: string(place), Order: int64(number), Values: row}}
}

// routeMark is the watermark of a route's rows.
func (p *partition) routeMark(stream uint32) int64 {
	if stream == plan.FenceEvents {
		return p.relays[stream].output()
	}
	return p.streams[stream].output()
}

// patternMark is what this partition promises of a pattern's matches: none that comes yet began before the longest that a match may take.
func (p *partition) patternMark(s *patternState) int64 {
	mark := p.routeMark(s.stream)
	longest := s.Within()
	if longest == math.MaxInt64 {
		longest = p.cfg.Pattern.MaxAge.Microseconds()
	}
	if mark <= dawn+longest {
		return dawn
	}
	return mark - longest
}

// dueKeys is a heap of keys by when they are due.
type dueKeys []*patternKey

func (d dueKeys) Len() int           { return len(d) }
func (d dueKeys) Less(i, j int) bool { return d[i].wake < d[j].wake }
func (d dueKeys) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].place, d[j].place = i, j
}

// Push is heap's.
func (d *dueKeys) Push(x any) {
	k := x.(*patternKey)
	k.place = len(*d)
	*d = append(*d, k)
}

// Pop is heap's.
func (d *dueKeys) Pop() any {
	last := len(*d) - 1
	k := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	k.place = -1
	return k
}
