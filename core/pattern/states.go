package pattern

import (
	"errors"
	"fmt"
	"slices"
)

// state is a place in the pattern between two rows: what the next row may be, in order of preference.
type state struct {
	options  []option
	variable int  // of the row that led here; −1: the start, and states that wait
	accepts  bool // what was matched so far is a match, less preferred than the options
	waits    bool // among the options is the end of a NOT FOLLOWED BY
	live     uint64
	forgets  bool // what comes does not even depend on the first row; hopeless.go
	merges   bool // threads here have one future, whatever they went through
}

type option struct {
	kind    optionKind
	any     bool
	step    step
	firsts  []step // of skipped: with what the row may go on
	absent  []int  // of skipped and ended: variables of which no row may be
	waiting int    // of skipped and ended: the state that has this option alone
}

type optionKind uint8

const (
	taken   optionKind = iota // the row is of the step's variable
	skipped                   // the row goes on with one of firsts, or is skipped
	ended                     // the match ends here if no row of absent comes within its time
)

// step is a variable, and the state that a row of it leads to.
type step struct{ variable, state int }

var (
	errEmpty  = errors.New("the pattern can match no rows at all: let it take at least one")
	errGap    = errors.New("FOLLOWED BY is followed by something that takes a row, and begins with it")
	errLeads  = errors.New("a pattern begins with a row: nothing is there yet that FOLLOWED BY or NOT FOLLOWED BY could follow")
	errAbsent = errors.New("after NOT FOLLOWED BY comes FOLLOWED BY, or the end of the pattern")
	errWithin = errors.New("NOT FOLLOWED BY at the end of a pattern needs WITHIN: else nobody knows when to stop waiting")
)

// explorer finds, for a place of the program, all that can come next.
type explorer struct {
	*program
	states []state
	places []int       // where each state goes on in the program
	of     map[int]int // a take's place in the program → the state after it
	steps  int

	// of one state:
	list  []option
	empty []int // loops whose iteration has taken no row yet
	seen  map[string]bool
}

// explore makes the states; 0 is the start. No row need be looked at for it: what a row can be does not depend on rows before.
func (p *program) explore(start int, within bool) ([]state, error) {
	x := &explorer{program: p, states: []state{{variable: -1}}, places: []int{start}, of: map[int]int{}}
	for i := 0; i < len(x.places); i++ {
		x.list, x.empty, x.seen = nil, nil, map[string]bool{}
		accepts, err := x.walk(x.places[i], nil)
		if err != nil {
			return nil, err
		}
		s := &x.states[i]
		s.options, s.accepts = x.list, accepts
		for _, o := range s.options {
			s.waits = s.waits || o.kind == ended
			if i == 0 && o.kind != taken {
				return nil, errLeads
			}
		}
		switch {
		case i == 0 && accepts:
			return nil, errEmpty
		case s.waits && !within:
			return nil, errWithin
		}
	}
	x.addWaiting()
	return x.states, nil
}

func (x *explorer) stateOf(place int) int {
	if s, ok := x.of[place]; ok {
		return s
	}
	x.states = append(x.states, state{variable: x.code[place].n})
	x.places = append(x.places, x.code[place].a)
	x.of[place] = len(x.states) - 1
	return len(x.states) - 1
}

// walk adds what can come next from place on; none are the variables of a NOT FOLLOWED BY just passed. It reports that the
// end was reached: what would come after that is less preferred than the match there is, and never happens.
func (x *explorer) walk(place int, none []int) (bool, error) {
	if x.steps++; x.steps > maxSteps {
		return false, errTooLarge
	}
	key := fmt.Sprint(place, x.empty, none)
	if x.seen[key] {
		return false, nil
	}
	x.seen[key] = true
	switch in := x.code[place]; in.op {
	case take:
		if none != nil {
			return false, errAbsent
		}
		x.put(option{kind: taken, step: step{in.n, x.stateOf(place)}})
		return false, nil
	case split:
		if done, err := x.walk(in.a, none); done || err != nil {
			return done, err
		}
		return x.walk(in.b, none)
	case enter:
		x.empty = append(x.empty, in.n)
		done, err := x.walk(in.a, none)
		x.empty = x.empty[:len(x.empty)-1]
		return done, err
	case check:
		if slices.Contains(x.empty, in.n) {
			return false, nil
		}
		return x.walk(in.a, none)
	case absent:
		for _, v := range in.vars {
			if !slices.Contains(none, int(v)) {
				none = append(slices.Clone(none), int(v))
			}
		}
		return x.walk(in.a, none)
	case gap:
		firsts, err := x.firsts(in.a, nil)
		x.put(option{kind: skipped, any: in.any, firsts: firsts, absent: none})
		return false, err
	default:
		if none == nil {
			return true, nil
		}
		x.put(option{kind: ended, absent: none})
		return false, nil
	}
}

// put leaves out what is there already, and thus preferred.
func (x *explorer) put(o option) {
	if !slices.ContainsFunc(x.list, o.equal) {
		x.list = append(x.list, o)
	}
}

func (o option) equal(p option) bool {
	return o.kind == p.kind && o.any == p.any && o.step == p.step && slices.Equal(o.firsts, p.firsts) && slices.Equal(o.absent, p.absent)
}

// firsts gives the steps that can come first after a gap.
func (x *explorer) firsts(place int, list []step) ([]step, error) {
	if x.steps++; x.steps > maxSteps {
		return nil, errTooLarge
	}
	switch in := x.code[place]; in.op {
	case take:
		if s := (step{in.n, x.stateOf(place)}); !slices.Contains(list, s) {
			list = append(list, s)
		}
		return list, nil
	case split:
		list, err := x.firsts(in.a, list)
		if err != nil {
			return nil, err
		}
		return x.firsts(in.b, list)
	case enter:
		return x.firsts(in.a, list)
	case check: // of an iteration that began here and took nothing
		return list, nil
	default:
		return nil, errGap
	}
}

// addWaiting gives each option that outlives a row a state of its own, shared by what is equal.
func (x *explorer) addWaiting() {
	n := len(x.states)
	for i := range n {
		for j := range x.states[i].options {
			o := x.states[i].options[j]
			if o.kind == taken {
				continue
			}
			at := n
			for at < len(x.states) && !x.states[at].options[0].equal(o) {
				at++
			}
			o.waiting = at
			x.states[i].options[j] = o
			if at == len(x.states) {
				x.states = append(x.states, state{variable: -1, options: []option{o}, waits: o.kind == ended})
			}
		}
	}
}
