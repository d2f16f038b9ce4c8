package expr

import (
	"errors"
	"fmt"

	"github.com/hexpane/hexpane/protocol/value"
)

// logic is SQL's: NULL is "unknown", so FALSE AND NULL is FALSE and TRUE AND NULL is NULL.
var logic = []function{
	{name: "AND", usage: "AND", typ: conditions, make: makeJunction(false)},
	{name: "OR", usage: "OR", typ: conditions, make: makeJunction(true)},
	{name: "NOT", usage: "NOT", typ: takes(value.Bool, isBool), make: makeNot},
	{name: "IS NULL", usage: "IS NULL", typ: takes(value.Bool, isAny), make: makeIsNull(true)},
	{name: "IS NOT NULL", usage: "IS NOT NULL", typ: takes(value.Bool, isAny), make: makeIsNull(false)},
	{name: "CASE", usage: "CASE", typ: caseType, make: makeCase},
	{name: "CASE_OF", usage: "CASE", typ: caseOfType, make: makeCaseOf},
	{name: "COALESCE", usage: "COALESCE(x, …)", typ: commonType, make: makeCoalesce},
	{name: "IFNULL", usage: "IFNULL(x, otherwise)", typ: pairType, make: makeCoalesce},
	{name: "NULLIF", usage: "NULLIF(x, unwanted)", typ: nullIfType, make: makeNullIf},
}

func conditions(f *function, args []value.Type) (value.Type, error) {
	if len(args) < 2 {
		return value.Type{}, fmt.Errorf("%s takes two conditions", f.name)
	}
	for _, a := range args {
		if !isBool.has(a.Kind) {
			return value.Type{}, fmt.Errorf("%s takes conditions, not %s", f.name, a)
		}
	}
	return value.Type{Kind: value.Bool}, nil
}

// makeJunction is AND (decided by FALSE) or OR (decided by TRUE), of any number of conditions.
func makeJunction(decides bool) func([]node, value.Type) (Func, error) {
	return func(args []node, _ value.Type) (Func, error) {
		if len(args) == 2 {
			return pair(args[0].eval, args[1].eval, decides), nil
		}
		evals := converted(args, value.Type{Kind: value.Bool})
		return func(row []value.Value) value.Value {
			result := value.OfBool(!decides)
			for _, eval := range evals {
				switch v := eval(row); {
				case v.IsNull():
					result = v
				case v.Bool() == decides:
					return v
				}
			}
			return result
		}, nil
	}
}

func pair(a, b Func, decides bool) Func {
	return func(row []value.Value) value.Value {
		x := a(row)
		if !x.IsNull() && x.Bool() == decides {
			return x
		}
		y := b(row)
		if x.IsNull() && !(!y.IsNull() && y.Bool() == decides) {
			return x
		}
		return y
	}
}

func makeNot(args []node, _ value.Type) (Func, error) {
	eval := args[0].eval
	return func(row []value.Value) value.Value {
		v := eval(row)
		if v.IsNull() {
			return v
		}
		return value.OfBool(!v.Bool())
	}, nil
}

func makeIsNull(want bool) func([]node, value.Type) (Func, error) {
	return func(args []node, _ value.Type) (Func, error) {
		eval := args[0].eval
		return func(row []value.Value) value.Value { return value.OfBool(eval(row).IsNull() == want) }, nil
	}
}

// caseType: condition, result, condition, result, …, and the ELSE's result.
func caseType(_ *function, args []value.Type) (value.Type, error) {
	if len(args) < 3 || len(args)%2 == 0 {
		return value.Type{}, errors.New("CASE takes WHEN … THEN … and an ELSE")
	}
	results := []value.Type{args[len(args)-1]}
	for i := 0; i+1 < len(args); i += 2 {
		if !isBool.has(args[i].Kind) {
			return value.Type{}, fmt.Errorf("WHEN takes a condition, not %s", args[i])
		}
		results = append(results, args[i+1])
	}
	t, err := Common(results...)
	if err != nil {
		return t, fmt.Errorf("the results of CASE: %w", err)
	}
	return t, nil
}

func makeCase(args []node, t value.Type) (Func, error) {
	otherwise := convert(args[len(args)-1], t)
	whens, thens := make([]Func, len(args)/2), make([]Func, len(args)/2)
	for i := range whens {
		whens[i], thens[i] = args[2*i].eval, convert(args[2*i+1], t)
	}
	return func(row []value.Value) value.Value {
		for i, when := range whens {
			if when(row).Bool() {
				return thens[i](row)
			}
		}
		return otherwise(row)
	}, nil
}

// caseOfType: the value looked at, then value, result, …, and the ELSE's result. It is a function of its own, for
// writing CASE x WHEN 1 … as x = 1 would copy x for each WHEN.
func caseOfType(f *function, args []value.Type) (value.Type, error) {
	if len(args) < 4 || len(args)%2 == 1 {
		return value.Type{}, errors.New("CASE takes WHEN … THEN … and an ELSE")
	}
	flat := append([]value.Type(nil), args[1:]...)
	for i := 0; i+1 < len(flat); i += 2 {
		if err := Comparable(args[0], flat[i]); err != nil {
			return value.Type{}, err
		}
		flat[i] = value.Type{Kind: value.Bool}
	}
	return caseType(f, flat)
}

func makeCaseOf(args []node, t value.Type) (Func, error) {
	x, otherwise := args[0].eval, convert(args[len(args)-1], t)
	n := len(args)/2 - 1
	whens, thens, compare := make([]Func, n), make([]Func, n), make([]func(x, y value.Value) int, n)
	for i := range whens {
		whens[i], thens[i] = args[1+2*i].eval, convert(args[2+2*i], t)
		compare[i] = comparer(args[0].typ, args[1+2*i].typ)
	}
	return func(row []value.Value) value.Value {
		v := x(row)
		if v.IsNull() {
			return otherwise(row)
		}
		for i, when := range whens {
			if w := when(row); !w.IsNull() && compare[i](v, w) == 0 {
				return thens[i](row)
			}
		}
		return otherwise(row)
	}, nil
}

func pairType(f *function, args []value.Type) (value.Type, error) {
	if err := check(f, args, 2, isAny, isAny); err != nil {
		return value.Type{}, err
	}
	return commonType(f, args)
}

func makeCoalesce(args []node, t value.Type) (Func, error) {
	evals := converted(args, t)
	return func(row []value.Value) value.Value {
		for _, eval := range evals {
			if v := eval(row); !v.IsNull() {
				return v
			}
		}
		return value.Value{}
	}, nil
}

func nullIfType(f *function, args []value.Type) (value.Type, error) {
	if _, err := pairType(f, args); err != nil {
		return value.Type{}, err
	}
	return args[0], nil
}

func makeNullIf(args []node, _ value.Type) (Func, error) {
	x, y, compare := args[0].eval, args[1].eval, comparer(args[0].typ, args[1].typ)
	return func(row []value.Value) value.Value {
		v, w := x(row), y(row)
		if !v.IsNull() && !w.IsNull() && compare(v, w) == 0 {
			return value.Value{}
		}
		return v
	}, nil
}
