// Package pattern finds matches of SQL's MATCH_RECOGNIZE in the rows of one key, in the order of their event times. It is pure: rows
// and a watermark go in, matches come out; it has no clock, no disk and no goroutine.
//
//	plan.Pattern ──New──▶ Engine (one a partition)      Key (one for each value of PARTITION BY)
//	Engine.Add(key, row)             the row waits, in order, for the watermark
//	Engine.Advance(key, watermark)   matches that are certain by now
//
//	pattern.go    New, Engine, Limits, Counts
//	program.go    a shape → a program; states.go a program → states, and what can come next in each, in order of preference
//	reference.go  PREV, FIRST, LAST, aggregates; condition.go DEFINE: a row → may it be of this variable?
//	slide.go      an attempt whose time is over becomes the next one
//	parked.go     attempts that wait, side by side; glance.go rules out that a row is what they wait for
//	attempt.go    the threads of one first row, in order of preference
//	key.go        rows of a key, waiting and kept; run.go the next first row, and the skip strategies
//	twins.go      threads left out for a more preferred one; hopeless.go those that an earlier attempt showed to lead nowhere
//	bounds.go     what happens at a limit
//	match.go      MEASURES, ids
//	codec.go      a key's state ⇄ bytes
//	ahead.go      a key that does not wait, for matches on arrival
//
// # What matches
//
// As SQL has it: from the earliest row at which a match can begin, the match that is preferred: of an alternation the first, of a
// quantifier as many rows as can be, or as few if it is reluctant; what stands further left decides first. A naive matcher that tries one after
// another (simulators/oracle) gives the same. Here threads go through the rows once, side by side, in order of preference, and a thread that is
// at the end ends those less preferred; it is the match when those more preferred have come to nothing.
//
// A match is told as soon as it is certain. Under SKIP PAST LAST ROW, TO FIRST and TO LAST that is when no match with an earlier first
// row is possible any more, so an attempt that waits for its WITHIN holds back those after it. Under SKIP TO NEXT ROW each row begins
// an attempt of its own, and none waits for another: matches come in the order in which they become certain.
//
// Beyond the standard: FOLLOWED BY x skips rows until the first at which x can begin; FOLLOWED BY ANY x may skip those too, and prefers
// the earliest; NOT FOLLOWED BY v is about the rows that are skipped before the FOLLOWED BY after it (the row that this begins with is not
// among them), and at the end of a pattern about all rows that come within WITHIN of the first one. WITHIN 1 HOUR allows for exactly one hour.
// No variable is in a match without a row: a pattern that can match no rows is refused.
//
// What leaves a choice: SKIP TO FIRST or LAST of a variable that has no row in the match, or whose row is the match's first, goes on at the row
// after the first. A row not late but equal to another in time comes after or before it by its columns, so order of arrival never matters.
package pattern

import (
	"errors"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// Limits bound the state of one key. At a limit matches may be lost, never made up: what is given up is counted (Counts), and an
// attempt that had a match already tells it as it stands, marked Cut. Zero fields take Defaults.
type Limits struct {
	Waiting int   // rows that the watermark has not reached: past it the oldest are matched without waiting, and what comes before them is late
	Rows    int   // rows kept that an undecided attempt may need: past it attempts of the older half are given up
	Threads int   // partial matches: past it the oldest attempt is given up, and but under SKIP TO NEXT ROW the older half of its rows begin no other
	Age     int64 // µs; how long an attempt without WITHIN may take
}

// Defaults are the limits of a key unless said otherwise.
var Defaults = Limits{Waiting: 10_000, Rows: 10_000, Threads: 1_000, Age: 24 * 3600 * 1e6}

func (l Limits) filled() Limits {
	if l.Waiting <= 0 {
		l.Waiting = Defaults.Waiting
	}
	if l.Rows <= 0 {
		l.Rows = Defaults.Rows
	}
	if l.Threads <= 0 {
		l.Threads = Defaults.Threads
	}
	if l.Age <= 0 {
		l.Age = Defaults.Age
	}
	return l
}

// Counts is what an Engine has done since New, over all keys.
type Counts struct {
	Rows, Late, Matches uint64
	Hurried             uint64 // rows matched before the watermark, at Limits.Waiting
	OverRows            uint64 // attempts given up at Limits.Rows,
	OverThreads         uint64 // at Limits.Threads,
	OverAge             uint64 // and at Limits.Age
	Unskipped           uint64 // matches without a row of the variable that SKIP TO FIRST or LAST names
}

// Engine runs one pattern for the keys of one partition. It is for one goroutine.
type Engine struct {
	plan        *plan.Pattern
	limits      Limits
	columns     int
	within      int64 // µs; none: math.MaxInt64
	each        bool  // SKIP TO NEXT ROW: each row begins an attempt
	skipTo      uint64
	fingerprint uint64

	states     []state
	variables  []variable
	references []reference
	measures   []measure
	measured   []int // references that measures read
	before     int   // rows that PREV looks back
	slots      int
	slotOf     []int // slot → reference

	slider   *slider // nil: attempts do not slide
	lanes    []lane
	outlooks []outlook // by state

	counts Counts
	emit   func(*Match)

	// of the row and the step at hand:
	key      *Key
	scratch  []value.Value
	spare    []thread
	unused   *attempt
	moves    []move
	stamp    uint64
	rowStamp uint64
	stamps   []uint64
	newest   []int // the last thread of each state whose stamp is of this step
	bytes    [2][]byte
}

// New compiles a pattern. Its expressions are checked here: a plan that does not fit is refused.
func New(p *plan.Pattern, limits Limits) (*Engine, error) {
	e := &Engine{plan: p, limits: limits.filled(), columns: int(p.GetColumns()), within: p.GetWithinUs(), before: 1}
	if err := e.compile(p); err != nil {
		return nil, fmt.Errorf("pattern %s: %w", p.GetName(), err)
	}
	return e, nil
}

func (e *Engine) compile(p *plan.Pattern) error {
	switch {
	case p.GetColumns() == 0 || p.GetColumns() > 1<<15:
		return errors.New("a pattern is over the columns of a stream")
	case e.within < 0:
		return errors.New("WITHIN takes a positive interval")
	case e.within == 0:
		e.within = math.MaxInt64
	}
	e.each = p.GetSkip() == plan.Skip_TO_NEXT_ROW
	if err := e.compileReferences(p); err != nil {
		return err
	}
	if err := e.compileVariables(p); err != nil {
		return err
	}
	code := &program{vars: len(p.Variables), code: []instruction{{op: accept}}}
	start, err := code.build(p.GetShape(), 0, 0)
	if err != nil {
		return err
	}
	if e.states, err = code.explore(start, p.GetWithinUs() > 0); err != nil {
		return err
	}
	if err := e.compileSkip(p); err != nil {
		return err
	}
	e.foresee()
	e.compileSlider()
	if err := e.compileMeasures(p); err != nil {
		return err
	}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
	e.fingerprint = xxhash.Sum64(bytes)
	e.scratch = make([]value.Value, e.columns+len(e.references))
	e.outlooks = make([]outlook, len(e.states))
	e.stamps, e.newest = make([]uint64, len(e.states)), make([]int, len(e.states))
	return err
}

func (e *Engine) compileSkip(p *plan.Pattern) error {
	to := p.GetSkip() == plan.Skip_TO_FIRST || p.GetSkip() == plan.Skip_TO_LAST
	switch {
	case p.GetSkip() < 0 || p.GetSkip() > plan.Skip_TO_LAST:
		return fmt.Errorf("unknown way to skip %d", p.GetSkip())
	case to != (len(p.GetSkipTo()) > 0):
		return errors.New("SKIP TO FIRST and TO LAST name a variable, and nothing else does")
	}
	for _, v := range p.GetSkipTo() {
		if int(v) >= len(p.Variables) {
			return fmt.Errorf("no variable %d to skip to", v)
		}
		e.skipTo |= 1 << v
	}
	return nil
}

// foresee says of each state which slots conditions may still read, now or later. Where they read none, all threads of an
// attempt have one future. The match's own first row is the same for all of them.
func (e *Engine) foresee() {
	var constant uint64
	for i, n := range e.slotOf {
		if r := &e.references[n]; r.kind == plan.Reference_FIRST && r.all && r.offset == 0 {
			constant |= 1 << i
		}
	}
	for changed := true; changed; {
		changed = false
		for i := range e.states {
			s := &e.states[i]
			live := s.live
			for _, o := range s.options {
				live |= e.reads(o)
			}
			changed = changed || live != s.live
			s.live = live
		}
	}
	for i := range e.states {
		e.states[i].merges = e.states[i].live&^constant == 0
		e.states[i].forgets = e.states[i].live == 0 && i < 64 && !e.each
	}
}

func (e *Engine) reads(o option) uint64 {
	var live uint64
	if o.kind == taken {
		live = e.variables[o.step.variable].slots | e.states[o.step.state].live
	}
	for _, f := range o.firsts {
		live |= e.variables[f.variable].slots | e.states[f.state].live
	}
	for _, v := range o.absent {
		live |= e.variables[v].slots
	}
	return live
}

// Counts gives what was done so far.
func (e *Engine) Counts() Counts { return e.counts }

// Within is the longest a match may take, in µs; math.MaxInt64 without WITHIN.
func (e *Engine) Within() int64 { return e.within }
