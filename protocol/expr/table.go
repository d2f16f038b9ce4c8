package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/value"
)

// function is one entry of the table.
type function struct {
	name  string // as plans spell it
	usage string // as an error shows it
	typ   typeRule
	make  func(args []node, t value.Type) (Func, error)
}

// typeRule gives the result's type for the arguments', or says what is wrong with them.
type typeRule func(f *function, args []value.Type) (value.Type, error)

// table holds every function under its upper-case name.
var table = index(logic, comparisons, arithmetic, numbers, texts, times, places)

// aliases are other names analysts know from ksqlDB, Postgres and MySQL.
var aliases = map[string]string{
	"UCASE": "UPPER", "LCASE": "LOWER", "LENGTH": "LEN", "SUBSTR": "SUBSTRING", "CEILING": "CEIL", "!=": "<>",
}

func index(lists ...[]function) map[string]*function {
	m := map[string]*function{}
	for _, list := range lists {
		for i := range list {
			m[strings.ToUpper(list[i].name)] = &list[i]
		}
	}
	return m
}

func lookup(name string) (*function, error) {
	upper := strings.ToUpper(name)
	if to, ok := aliases[upper]; ok {
		upper = to
	}
	f := table[upper]
	if f == nil {
		return nil, fmt.Errorf("no function %q", name)
	}
	return f, nil
}

// Signature gives the type of name's result over arguments of these types. The zero Type is that of a bare NULL,
// which fits everywhere.
func Signature(name string, args []value.Type) (value.Type, error) {
	f, err := lookup(name)
	if err != nil {
		return value.Type{}, err
	}
	return f.typ(f, args)
}

// Canonical gives the name under which plans hold a function, and whether there is such a function.
func Canonical(name string) (string, bool) {
	f, err := lookup(name)
	if err != nil {
		return "", false
	}
	return f.name, true
}

// Names lists the functions a statement may call by name, sorted; operators are left out.
func Names() []string {
	var names []string
	for _, f := range table {
		if strings.Contains(f.usage, "(") {
			names = append(names, f.name)
		}
	}
	for alias := range aliases {
		if alias != "!=" {
			names = append(names, alias)
		}
	}
	slices.Sort(names)
	return names
}

// kinds is a set of value kinds that an argument may have. NULL is in every set.
type kinds uint16

const (
	isBool  kinds = 1 << value.Bool
	isInt   kinds = 1 << value.Int
	isNum   kinds = 1<<value.Int | 1<<value.Double | 1<<value.Decimal
	isText  kinds = 1 << value.String
	isTime  kinds = 1 << value.Timestamp
	isCell  kinds = 1 << value.Cell
	isAny   kinds = 1<<(value.Cell+1) - 1
	nothing       = value.Null
)

func (k kinds) has(kind value.Kind) bool { return kind == nothing || k&(1<<kind) != 0 }

// String says what the set wants, for "… takes a number, not STRING".
func (k kinds) String() string {
	switch k {
	case isBool:
		return "a BOOLEAN"
	case isInt:
		return "a BIGINT"
	case isNum:
		return "a number"
	case isText:
		return "a STRING"
	case isTime:
		return "a TIMESTAMP"
	case isCell:
		return "a CELL"
	}
	return "a value"
}

// takes is the rule of a function with one set of kinds per argument and one result kind.
func takes(result value.Kind, sets ...kinds) typeRule {
	return func(f *function, args []value.Type) (value.Type, error) {
		if err := check(f, args, len(sets), sets...); err != nil {
			return value.Type{}, err
		}
		return value.Type{Kind: result}, nil
	}
}

// check compares the arguments with the sets; those from least on may be absent.
func check(f *function, args []value.Type, least int, sets ...kinds) error {
	if len(args) < least || len(args) > len(sets) {
		return fmt.Errorf("%s takes %s, not %d", f.usage, plural(least, len(sets)), len(args))
	}
	for i, a := range args {
		if !sets[i].has(a.Kind) {
			where := ""
			if len(sets) > 1 {
				where = fmt.Sprintf(" as argument %d", i+1)
			}
			return fmt.Errorf("%s takes %s%s, not %s", f.usage, sets[i], where, a)
		}
	}
	return nil
}

func plural(least, most int) string {
	switch {
	case least != most:
		return fmt.Sprintf("%d to %d arguments", least, most)
	case least == 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", least)
}
