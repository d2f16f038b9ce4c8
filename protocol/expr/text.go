package expr

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/hexpane/hexpane/protocol/value"
)

// texts count characters, not bytes, from 1. CONCAT skips NULLs, || does not, as in ksqlDB. Both take values of any
// type, in the form CSV shows.
var texts = []function{
	{name: "||", usage: "||", typ: joinType, make: makeJoin(false)},
	{name: "CONCAT", usage: "CONCAT(text, …)", typ: joinType, make: makeJoin(true)},
	{name: "LIKE", usage: "LIKE", typ: likeType, make: makeLike},
	{name: "UPPER", usage: "UPPER(text)", typ: takes(value.String, isText), make: mapText(strings.ToUpper)},
	{name: "LOWER", usage: "LOWER(text)", typ: takes(value.String, isText), make: mapText(strings.ToLower)},
	{name: "TRIM", usage: "TRIM(text)", typ: takes(value.String, isText), make: mapText(strings.TrimSpace)},
	{name: "LEN", usage: "LEN(text)", typ: takes(value.Int, isText), make: makeLen},
	{name: "SUBSTRING", usage: "SUBSTRING(text, from [, length])", typ: substringType, make: makeSubstring},
	{name: "REPLACE", usage: "REPLACE(text, old, new)", typ: takes(value.String, isText, isText, isText), make: makeReplace},
}

// maxText bounds what text functions put together, in bytes: || and REPLACE could double a string per nesting level.
const maxText = 1 << 20

func joinType(f *function, args []value.Type) (value.Type, error) {
	if len(args) == 0 {
		return value.Type{}, errors.New(f.usage + " takes at least 1 argument")
	}
	return value.Type{Kind: value.String}, nil
}

func makeJoin(skipNull bool) func([]node, value.Type) (Func, error) {
	return func(args []node, _ value.Type) (Func, error) {
		evals := make([]Func, len(args))
		for i, a := range args {
			evals[i] = a.eval
		}
		return func(row []value.Value) value.Value {
			var b strings.Builder
			for _, eval := range evals {
				v := eval(row)
				if v.IsNull() {
					if skipNull {
						continue
					}
					return v
				}
				s := v.Text()
				if b.Len()+len(s) > maxText {
					return value.Value{}
				}
				b.WriteString(s)
			}
			return value.OfString(b.String())
		}, nil
	}
}

func mapText(f func(string) string) func([]node, value.Type) (Func, error) {
	return func(args []node, _ value.Type) (Func, error) {
		eval := args[0].eval
		return func(row []value.Value) value.Value {
			v := eval(row)
			if v.IsNull() {
				return v
			}
			return value.OfString(f(v.Str()))
		}, nil
	}
}

func makeLen(args []node, _ value.Type) (Func, error) {
	eval := args[0].eval
	return func(row []value.Value) value.Value {
		v := eval(row)
		if v.IsNull() {
			return v
		}
		return value.OfInt(int64(utf8.RuneCountInString(v.Str())))
	}, nil
}

func substringType(f *function, args []value.Type) (value.Type, error) {
	return value.Type{Kind: value.String}, check(f, args, 2, isText, isInt, isInt)
}

func makeSubstring(args []node, _ value.Type) (Func, error) {
	eval, from := args[0].eval, args[1].eval
	length := func([]value.Value) value.Value { return value.OfInt(maxText) }
	if len(args) == 3 {
		length = args[2].eval
	}
	return func(row []value.Value) value.Value {
		v, f, l := eval(row), from(row), length(row)
		if v.IsNull() || f.IsNull() || l.IsNull() {
			return value.Value{}
		}
		return value.OfString(substring(v.Str(), f.Int(), l.Int()))
	}, nil
}

// substring counts from 1, or from the end for a negative from; 0 is taken as 1.
func substring(s string, from, length int64) string {
	n := int64(utf8.RuneCountInString(s))
	switch {
	case from < 0:
		from = max(0, n+from)
	case from > 0:
		from--
	}
	if length <= 0 || from >= n {
		return ""
	}
	to := n
	if length < n-from {
		to = from + length
	}
	start, end, i := len(s), len(s), int64(0)
	for at := range s {
		if i == from {
			start = at
		}
		if i == to {
			end = at
			break
		}
		i++
	}
	return s[start:end]
}

func makeReplace(args []node, _ value.Type) (Func, error) {
	eval, old, new := args[0].eval, args[1].eval, args[2].eval
	return func(row []value.Value) value.Value {
		v, o, n := eval(row), old(row), new(row)
		if v.IsNull() || o.IsNull() || n.IsNull() {
			return value.Value{}
		}
		if o.Str() == "" {
			return v
		}
		if strings.Count(v.Str(), o.Str())*(len(n.Str())-len(o.Str()))+len(v.Str()) > maxText {
			return value.Value{}
		}
		return value.OfString(strings.ReplaceAll(v.Str(), o.Str(), n.Str()))
	}, nil
}
