package aggregate

import (
	"errors"
	"fmt"
	"math"

	"github.com/hexpane/hexpane/protocol/value"
)

// New gives a maker of empty states for an SQL aggregate, and the result's type. The argument's type is
// the zero Type for COUNT(*); parameters are PERCENTILE's share and TOPK's number.
func New(function string, argument value.Type, parameters []float64) (func() State, value.Type, error) {
	result, err := ResultType(function, argument)
	if err == nil {
		err = checkParameters(function, parameters)
	}
	if err != nil {
		return nil, value.Type{}, err
	}
	return maker(function, argument, parameters), result, nil
}

func maker(function string, argument value.Type, parameters []float64) func() State {
	switch function {
	case "COUNT":
		return func() State { return new(count) }
	case "COUNT_DISTINCT":
		return func() State { return new(distinct) }
	case "SUM":
		return func() State { return newSum(argument) }
	case "AVG":
		return func() State { return &avg{sum: newSum(argument)} }
	case "STDDEV":
		return func() State { return new(stddev) }
	case "PERCENTILE":
		return func() State { return &percentile{q: parameters[0]} }
	case "MIN":
		return func() State { return &extreme{sign: -1} }
	case "MAX":
		return func() State { return &extreme{sign: 1} }
	case "FIRST":
		return func() State { return &first{sign: -1, kind: argument.Kind} }
	case "LAST":
		return func() State { return &first{sign: 1, kind: argument.Kind} }
	case "COLLECT_LIST":
		return func() State { return &collect{kind: argument.Kind} }
	case "SPAN":
		return func() State { return new(extent) }
	default: // TOPK; ResultType knows no other
		return func() State { return &topk{kind: argument.Kind, n: int(parameters[0])} }
	}
}

func newSum(t value.Type) sum {
	if t.Kind == value.Double {
		return new(doubleSum)
	}
	return &intSum{scale: t.Scale, decimal: t.Kind == value.Decimal}
}

// ResultType gives the type of an aggregate's result, or why there is none. COUNT_DISTINCT is COUNT(DISTINCT x).
func ResultType(function string, argument value.Type) (value.Type, error) {
	switch function {
	case "COUNT", "COUNT_DISTINCT", "SPAN":
		return value.Type{Kind: value.Int}, nil
	case "MIN", "MAX", "FIRST", "LAST":
		return argument, nil
	case "COLLECT_LIST", "TOPK":
		return value.Type{Kind: value.String}, nil
	case "SUM", "AVG", "STDDEV", "PERCENTILE":
		if !argument.Kind.Numeric() {
			return value.Type{}, fmt.Errorf("%s takes a number, not %s", function, argument)
		}
	default:
		return value.Type{}, fmt.Errorf("no aggregate %s", function)
	}
	switch {
	case function != "SUM":
		return value.Type{Kind: value.Double}, nil
	case argument.Kind == value.Decimal:
		return value.Type{Kind: value.Decimal, Precision: 18, Scale: argument.Scale}, nil
	}
	return argument, nil
}

// ByTime reports that an aggregate's result depends on the event times of what it observes.
func ByTime(function string) bool {
	return function == "SPAN" || function == "FIRST" || function == "LAST" || function == "COLLECT_LIST"
}

// parameter is the constant that stands after the argument.
type parameter struct {
	usage string
	ok    func(p float64) bool
}

var parameters = map[string]parameter{
	"PERCENTILE": {"a share from 0 to 1, such as 0.95", func(p float64) bool { return p >= 0 && p <= 1 }},
	"TOPK":       {fmt.Sprintf("how many of the largest values, 1 to %d", listed), func(p float64) bool { return p >= 1 && p <= listed && p == math.Trunc(p) }},
}

// Parameters is how many constants stand after the argument.
func Parameters(function string) int {
	if _, ok := parameters[function]; ok {
		return 1
	}
	return 0
}

// ParameterError says what the constant after the argument must be.
func ParameterError(function string) error {
	return errors.New(function + "'s second argument is a constant: " + parameters[function].usage)
}

// CheckParameter says what is wrong with the constant after the argument.
func CheckParameter(function string, p float64) error {
	if !parameters[function].ok(p) {
		return fmt.Errorf("%w, not %v", ParameterError(function), p)
	}
	return nil
}

func checkParameters(function string, list []float64) error {
	if len(list) != Parameters(function) {
		return fmt.Errorf("%s takes %d constants, not %d", function, Parameters(function), len(list))
	}
	for _, p := range list {
		if err := CheckParameter(function, p); err != nil {
			return err
		}
	}
	return nil
}
