package sql

import "github.com/hexpane/hexpane/protocol/plan"

// CreatePattern is CREATE PATTERN name AS SELECT … FROM … MATCH_RECOGNIZE (…); its Query has a Match.
type CreatePattern struct {
	origin
	Create
	Query *Select
}

// Match is MATCH_RECOGNIZE (…).
type Match struct {
	Pos      Pos
	Keys     []Expr // PARTITION BY
	Order    []Order
	Measures []Item // each has an Alias
	AllRows  bool
	Skip     plan.Skip
	SkipTo   *Ident
	Shape    *Shape
	Within   int64 // µs; 0: not said
	Subsets  []Subset
	Defines  []Define
	Alias    *Ident // of the matches
}

// Subset is SUBSET name = (A, B).
type Subset struct {
	Name Ident
	Of   []Ident
}

// Define is A AS condition, in DEFINE.
type Define struct {
	Name      Ident
	Condition Expr
}

// ShapeKind tells the parts of PATTERN (…) apart.
type ShapeKind uint8

// The kinds of shapes.
const (
	VariableShape ShapeKind = iota // Name
	SequenceShape                  // Parts, one after the other
	ChoiceShape                    // Parts, one of them
	RepeatShape                    // Parts[0], Least to Most times
	FollowedShape                  // FOLLOWED BY [ANY] Parts[0]
	AbsentShape                    // NOT FOLLOWED BY Parts, which are variables
)

// Shape is what stands in PATTERN (…), as a tree.
type Shape struct {
	Pos         Pos
	Kind        ShapeKind
	Name        Ident
	Parts       []*Shape
	Least, Most uint32 // a Most of 0 is without a bound
	Reluctant   bool
	Any         bool
}

// empty reports that the shape may take no row.
func (s *Shape) empty() bool {
	switch s.Kind {
	case SequenceShape:
		for _, one := range s.Parts {
			if !one.empty() {
				return false
			}
		}
		return true
	case ChoiceShape:
		for _, one := range s.Parts {
			if one.empty() {
				return true
			}
		}
	case RepeatShape:
		return s.Least == 0 || s.Parts[0].empty()
	case AbsentShape:
		return true
	}
	return false
}

// direct reports that the shape may begin with a row right behind the one before, without a gap.
func (s *Shape) direct() bool {
	switch s.Kind {
	case VariableShape:
		return true
	case SequenceShape:
		for _, one := range s.Parts {
			if one.direct() {
				return true
			}
			if !one.empty() {
				return false
			}
		}
	case ChoiceShape:
		for _, one := range s.Parts {
			if one.direct() {
				return true
			}
		}
	case RepeatShape:
		return s.Parts[0].direct()
	}
	return false
}

// contiguous reports that two rows of a match may have to be neighbours: a row between them that is of no variable then decides something.
func (s *Shape) contiguous() bool {
	if s.Kind == RepeatShape && s.Most != 1 && s.Parts[0].direct() {
		return true
	}
	for i, one := range s.Parts {
		if one.contiguous() || s.Kind == SequenceShape && i > 0 && one.direct() {
			return true
		}
	}
	return false
}

// leading gives a FOLLOWED BY or NOT FOLLOWED BY with which the shape can begin, or nil.
func (s *Shape) leading() *Shape {
	switch s.Kind {
	case FollowedShape, AbsentShape:
		return s
	case SequenceShape:
		for _, one := range s.Parts {
			if gap := one.leading(); gap != nil {
				return gap
			}
			if !one.empty() {
				return nil
			}
		}
	case ChoiceShape, RepeatShape:
		for _, one := range s.Parts {
			if gap := one.leading(); gap != nil {
				return gap
			}
		}
	}
	return nil
}

// waiting gives a NOT FOLLOWED BY with which the shape can end, or nil.
func (s *Shape) waiting() *Shape {
	switch s.Kind {
	case AbsentShape:
		return s
	case SequenceShape:
		for i := len(s.Parts) - 1; i >= 0; i-- {
			if end := s.Parts[i].waiting(); end != nil || !s.Parts[i].empty() {
				return end
			}
		}
	case ChoiceShape, RepeatShape:
		for _, one := range s.Parts {
			if end := one.waiting(); end != nil {
				return end
			}
		}
	}
	return nil
}
