package aggregate

import (
	"fmt"

	"github.com/hexpane/hexpane/protocol/value"
)

// New gives a maker of empty states for an SQL aggregate, and the result's type. The argument's type is
// the zero Type for COUNT(*); parameters are PERCENTILE's share.
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
	case "MIN":
		return func() State { return &extreme{sign: -1} }
	case "MAX":
		return func() State { return &extreme{sign: 1} }
	default: // PERCENTILE; ResultType knows no other
		return func() State { return &percentile{q: parameters[0]} }
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
	case "COUNT", "COUNT_DISTINCT":
		return value.Type{Kind: value.Int}, nil
	case "MIN", "MAX":
		return argument, nil
	case "SUM", "AVG", "PERCENTILE":
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

// ParameterUsage says what the constant after the argument is.
func ParameterUsage(string) string { return "a share between 0 and 1, such as 0.95" }

// CheckParameter says what is wrong with the constant that stands after the argument.
func CheckParameter(function string, p float64) error {
	if function == "PERCENTILE" && !(p >= 0 && p <= 1) {
		return fmt.Errorf("PERCENTILE takes %s, not %v", ParameterUsage(function), p)
	}
	return nil
}

// Parameters is how many constants stand after the argument.
func Parameters(function string) int {
	if function == "PERCENTILE" {
		return 1
	}
	return 0
}

func checkParameters(function string, parameters []float64) error {
	if len(parameters) != Parameters(function) {
		return fmt.Errorf("%s takes %d constants, not %d", function, Parameters(function), len(parameters))
	}
	for _, p := range parameters {
		if err := CheckParameter(function, p); err != nil {
			return err
		}
	}
	return nil
}
