package pattern

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hexpane/hexpane/protocol/plan"
)

// Bounds of a pattern: plans come over the network.
const (
	maxVariables = 64
	maxStates    = 2000
	maxSteps     = 200_000 // of finding all that can come next
	maxShape     = 64      // how deep shapes nest
)

// instruction is one step of the program that a shape becomes, in the manner of Thompson and Pike.
type instruction struct {
	op   op
	a, b int      // what comes next; split prefers a
	n    int      // take: the variable; enter and check: the loop
	any  bool     // gap
	vars []uint32 // absent
}

type op uint8

const (
	take   op = iota // one row of variable n
	split            // a, or else b
	enter            // an iteration that may not be empty begins
	check            // and ends
	gap              // rows are skipped
	absent           // none of vars in the gap that follows
	accept
)

type program struct {
	code  []instruction
	loops int
	takes int
	vars  int
}

var errTooLarge = fmt.Errorf("the pattern has more than %d steps: count rows with COUNT(*) in DEFINE rather than with {n}", maxStates)

// build puts the program of s before what is at next, and gives where it starts. It is built from its end to its start.
func (p *program) build(s *plan.Shape, next, depth int) (int, error) {
	if depth > maxShape {
		return 0, fmt.Errorf("the pattern is nested deeper than %d", maxShape)
	}
	switch x := s.GetNode().(type) {
	case *plan.Shape_Variable:
		if int(x.Variable) >= p.vars {
			return 0, fmt.Errorf("the pattern has no variable %d", x.Variable)
		}
		if p.takes++; p.takes > maxStates {
			return 0, errTooLarge
		}
		return p.add(instruction{op: take, a: next, n: int(x.Variable)})
	case *plan.Shape_Sequence:
		return p.sequence(x.Sequence.GetShapes(), next, depth)
	case *plan.Shape_Alternation:
		return p.alternation(x.Alternation.GetShapes(), next, depth)
	case *plan.Shape_Repeat:
		return p.repeat(x.Repeat, next, depth)
	case *plan.Shape_Followed:
		at, err := p.build(x.Followed.GetShape(), next, depth+1)
		if err == nil && empty(x.Followed.GetShape()) {
			err = errGap
		}
		if err != nil {
			return 0, err
		}
		return p.add(instruction{op: gap, a: at, any: x.Followed.GetAny()})
	case *plan.Shape_Absent:
		for _, v := range x.Absent.GetVariables() {
			if int(v) >= p.vars {
				return 0, fmt.Errorf("the pattern has no variable %d", v)
			}
		}
		if len(x.Absent.GetVariables()) == 0 {
			return 0, errors.New("NOT FOLLOWED BY takes a variable")
		}
		return p.add(instruction{op: absent, a: next, vars: x.Absent.GetVariables()})
	}
	return 0, errors.New("a shape without content")
}

func (p *program) add(i instruction) (int, error) {
	if len(p.code) >= 8*maxStates {
		return 0, errTooLarge
	}
	p.code = append(p.code, i)
	return len(p.code) - 1, nil
}

func (p *program) sequence(shapes []*plan.Shape, next, depth int) (int, error) {
	if len(shapes) == 0 {
		return 0, errors.New("an empty group")
	}
	var err error
	for i := len(shapes) - 1; i >= 0; i-- {
		if next, err = p.build(shapes[i], next, depth+1); err != nil {
			return 0, err
		}
	}
	return next, nil
}

func (p *program) alternation(shapes []*plan.Shape, next, depth int) (int, error) {
	at := -1
	for i := len(shapes) - 1; i >= 0; i-- {
		one, err := p.build(shapes[i], next, depth+1)
		if err != nil {
			return 0, err
		}
		if at >= 0 {
			if one, err = p.add(instruction{op: split, a: one, b: at}); err != nil {
				return 0, err
			}
		}
		at = one
	}
	if at < 0 {
		return 0, errors.New("an alternation of nothing")
	}
	return at, nil
}

// repeat writes the shape out: least times as it is, then a loop, or the iterations left one within the other. An iteration
// that need not be, takes at least one row.
func (p *program) repeat(r *plan.Repeat, next, depth int) (int, error) {
	least, most := int(r.GetLeast()), int(r.GetMost())
	if most > 0 && most < least {
		return 0, fmt.Errorf("{%d,%d}: the second number is the larger one", least, most)
	}
	if max(least, most) > maxStates {
		return 0, errTooLarge
	}
	var err error
	if most == 0 {
		next, err = p.loop(r, next, depth)
	}
	for end, i := next, least; i < most && err == nil; i++ {
		next, err = p.option(r, next, end, depth)
	}
	for i := 0; i < least && err == nil; i++ {
		next, err = p.build(r.GetShape(), next, depth+1)
	}
	return next, err
}

func (p *program) loop(r *plan.Repeat, next, depth int) (int, error) {
	at, err := p.add(instruction{op: split})
	if err != nil {
		return 0, err
	}
	body, err := p.iteration(r, at, depth)
	p.code[at] = fork(body, next, r.GetReluctant())
	return at, err
}

func (p *program) option(r *plan.Repeat, next, end, depth int) (int, error) {
	body, err := p.iteration(r, next, depth)
	if err != nil {
		return 0, err
	}
	return p.add(fork(body, end, r.GetReluctant()))
}

func (p *program) iteration(r *plan.Repeat, next, depth int) (int, error) {
	loop := p.loops
	p.loops++
	at, err := p.add(instruction{op: check, a: next, n: loop})
	if err == nil {
		at, err = p.build(r.GetShape(), at, depth+1)
	}
	if err != nil {
		return 0, err
	}
	return p.add(instruction{op: enter, a: at, n: loop})
}

func fork(more, enough int, reluctant bool) instruction {
	if reluctant {
		return instruction{op: split, a: enough, b: more}
	}
	return instruction{op: split, a: more, b: enough}
}

// empty reports that a shape, which was built, may take no row.
func empty(s *plan.Shape) bool {
	switch x := s.GetNode().(type) {
	case *plan.Shape_Sequence:
		return !slices.ContainsFunc(x.Sequence.GetShapes(), func(s *plan.Shape) bool { return !empty(s) })
	case *plan.Shape_Alternation:
		return slices.ContainsFunc(x.Alternation.GetShapes(), empty)
	case *plan.Shape_Repeat:
		return x.Repeat.GetLeast() == 0 || empty(x.Repeat.GetShape())
	case *plan.Shape_Absent:
		return true
	}
	return false
}
