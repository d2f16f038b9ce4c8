package expr

import (
	"math"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// What tests write: values, and calls over them. core/sql/testdata/expressions.sql says the same in SQL.

var (
	null = value.Value{}
	yes  = value.OfBool(true)
	no   = value.OfBool(false)
)

func num(i int64) value.Value          { return value.OfInt(i) }
func dbl(f float64) value.Value        { return value.OfDouble(f) }
func str(s string) value.Value         { return value.OfString(s) }
func dec(i int64, s uint8) value.Value { return value.OfDecimal(i, s) }
func at(us int64) value.Value          { return value.OfTime(us) }
func typ(k value.Kind) value.Type      { return value.Type{Kind: k} }
func decimalType(scale uint8) value.Type {
	return value.Type{Kind: value.Decimal, Precision: 18, Scale: scale}
}

func typeOfValue(v value.Value) value.Type {
	if v.Kind() == value.Decimal {
		return decimalType(v.Scale())
	}
	return typ(v.Kind())
}

func protoType(t value.Type) *plan.Type {
	return &plan.Type{Kind: uint32(t.Kind), Precision: uint32(t.Precision), Scale: uint32(t.Scale)}
}

func literal(v value.Value) *plan.Expr {
	return &plan.Expr{Type: protoType(typeOfValue(v)), Node: &plan.Expr_Literal{Literal: value.Append(nil, v)}}
}

func column(i int, t value.Type) *plan.Expr {
	return &plan.Expr{Type: protoType(t), Node: &plan.Expr_Column{Column: uint32(i)}}
}

func callOf(tb testing.TB, name string, args ...*plan.Expr) *plan.Expr {
	tb.Helper()
	types := make([]value.Type, len(args))
	for i, a := range args {
		types[i] = a.Type.Value()
	}
	t, err := Signature(name, types)
	if err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	return &plan.Expr{Type: protoType(t), Node: &plan.Expr_Call{Call: &plan.Call{Function: name, Arguments: args}}}
}

func castOf(x *plan.Expr, t value.Type) *plan.Expr {
	return &plan.Expr{Type: protoType(t), Node: &plan.Expr_Call{Call: &plan.Call{Function: "CAST", Arguments: []*plan.Expr{x}}}}
}

func evaluate(tb testing.TB, e *plan.Expr, row ...value.Value) value.Value {
	tb.Helper()
	f, err := Compile(e)
	if err != nil {
		tb.Fatal(err)
	}
	return f(row)
}

// both evaluates a function over literals and over columns: the closures differ.
func both(t *testing.T, name string, want value.Value, args ...value.Value) {
	t.Helper()
	literals, columns := make([]*plan.Expr, len(args)), make([]*plan.Expr, len(args))
	for i, a := range args {
		literals[i], columns[i] = literal(a), column(i, typeOfValue(a))
	}
	mixed := append([]*plan.Expr{columns[0]}, literals[1:]...)
	for how, list := range map[string][]*plan.Expr{"literals": literals, "columns": columns, "column and literals": mixed} {
		got := evaluate(t, callOf(t, name, list...), args...)
		if got.Kind() != want.Kind() || !value.Equal(got, want) {
			var texts []string
			for _, a := range args {
				texts = append(texts, a.Text())
			}
			t.Errorf("%s(%s) over %s is %s %s, not %s %s", name, strings.Join(texts, ", "), how, got.Kind(), got.Text(), want.Kind(), want.Text())
		}
	}
}

func TestThreeValuedLogic(t *testing.T) {
	for _, c := range []struct{ a, b, and, or value.Value }{
		{yes, yes, yes, yes}, {yes, no, no, yes}, {no, yes, no, yes}, {no, no, no, no},
		{null, yes, null, yes}, {yes, null, null, yes}, {null, no, no, null}, {no, null, no, null}, {null, null, null, null},
	} {
		both(t, "AND", c.and, c.a, c.b)
		both(t, "OR", c.or, c.a, c.b)
		both(t, "AND", c.and, c.a, c.b, c.a) // three go another way than two
		both(t, "OR", c.or, c.b, c.a, c.b)
	}
	both(t, "NOT", no, yes)
	both(t, "NOT", null, null)
	both(t, "IS NULL", yes, null)
	both(t, "IS NOT NULL", yes, num(0))
	both(t, "COALESCE", num(2), null, num(2), num(3))
	both(t, "COALESCE", dbl(2), null, num(2), dbl(3))
	both(t, "IFNULL", num(1), null, num(1))
	both(t, "NULLIF", null, num(1), dbl(1))
	both(t, "NULLIF", num(1), num(1), null)
	both(t, "CASE", str("b"), null, str("a"), yes, str("b"), str("c"))
	both(t, "CASE", dbl(3), no, dbl(1.5), no, num(2), num(3))
	both(t, "CASE_OF", str("two"), num(2), num(1), str("one"), dbl(2), str("two"), null)
	both(t, "CASE_OF", str("else"), null, null, str("null is not null"), str("else"))
}

func TestComparisons(t *testing.T) {
	both(t, "=", yes, num(3), dbl(3))
	both(t, "<>", no, num(3), num(3))
	both(t, "<", yes, str("a"), str("b"))
	both(t, ">=", null, str("a"), null)
	both(t, "<=", yes, at(1), at(1))
	both(t, ">", yes, yes, no)
	both(t, "=", yes, dec(150, 2), dec(15, 1))
	both(t, "<", yes, dec(-150, 2), num(-1))
	both(t, "<", yes, num(math.MaxInt64-1), num(math.MaxInt64)) // not by way of doubles
	both(t, "=", no, dec(math.MaxInt64, 0), num(math.MaxInt64-1))
	both(t, "=", yes, dec(25, 1), dbl(2.5))
	both(t, "BETWEEN", yes, num(2), num(1), dbl(2))
	both(t, "BETWEEN", no, num(5), null, num(3))
	both(t, "BETWEEN", null, num(2), null, num(3))
	both(t, "IN", yes, num(2), num(1), dbl(2))
	both(t, "IN", null, num(2), num(1), null)
	both(t, "IN", yes, num(2), null, num(2))
	both(t, "IN", null, null, num(1))
	long := []value.Value{str("h"), str("a"), str("b"), str("c"), str("d"), str("e"), str("f"), str("g"), str("h")}
	both(t, "IN", yes, long...)
	long[0] = str("z")
	both(t, "IN", no, long...)
	both(t, "GREATEST", dbl(3), num(1), null, dbl(3))
	both(t, "LEAST", dbl(1), num(1), null, dbl(3))
}

func TestArithmetic(t *testing.T) {
	both(t, "+", num(5), num(2), num(3))
	both(t, "+", dbl(5.5), num(2), dbl(3.5))
	both(t, "+", null, null, num(3))
	both(t, "+", null, num(math.MaxInt64), num(1))
	both(t, "-", null, num(math.MinInt64), num(1))
	both(t, "*", null, num(math.MinInt64), num(-1))
	both(t, "/", num(-3), num(-7), num(2))
	both(t, "/", null, num(1), num(0))
	both(t, "/", null, dbl(1), num(0))
	both(t, "/", null, num(math.MinInt64), num(-1))
	both(t, "%", num(-1), num(-7), num(2))
	both(t, "%", null, num(7), num(0))
	both(t, "%", null, dbl(7), dbl(0))
	both(t, "*", null, dbl(math.MaxFloat64), dbl(10))
	both(t, "+", dec(1275, 2), dec(1250, 2), dec(25, 2))
	both(t, "+", dec(1750, 2), dec(1250, 2), num(5))
	both(t, "-", dec(1245, 2), dec(125, 1), dec(5, 2))
	both(t, "*", dec(12500, 3), dec(125, 1), dec(100, 2))
	both(t, "*", dbl(25), dec(125, 1), dbl(2))
	both(t, "/", dbl(2.5), dec(125, 1), dec(50, 1))
	both(t, "+", null, dec(math.MaxInt64, 0), dec(1, 3))
	both(t, "NEG", num(-3), num(3))
	both(t, "NEG", null, num(math.MinInt64))
	both(t, "NEG", dec(-3, 1), dec(3, 1))
}

func TestNumbers(t *testing.T) {
	both(t, "ABS", num(3), num(-3))
	both(t, "ABS", null, num(math.MinInt64))
	both(t, "ABS", dec(3, 1), dec(-3, 1))
	both(t, "SIGN", num(-1), dbl(-0.1))
	both(t, "SQRT", dbl(3), num(9))
	both(t, "SQRT", null, num(-9))
	both(t, "ROUND", num(3), dbl(2.5))
	both(t, "ROUND", num(-2), dbl(-2.5)) // ties go up
	both(t, "ROUND", num(0), dbl(0.49999999999999994))
	both(t, "ROUND", null, dbl(1e300))
	both(t, "ROUND", dbl(3.14), dbl(3.14159), num(2))
	both(t, "ROUND", dbl(300), dbl(250), num(-2))
	both(t, "ROUND", dbl(1.5), dbl(1.5), num(400))
	both(t, "ROUND", dbl(0), dbl(1.5), num(-400))
	both(t, "ROUND", num(1200), num(1234), num(-2))
	both(t, "ROUND", dec(1260, 2), dec(1255, 2), num(1))
	both(t, "ROUND", dec(1300, 2), dec(1255, 2))
	both(t, "FLOOR", dbl(-2), dbl(-1.5))
	both(t, "CEIL", dec(200, 2), dec(101, 2))
	both(t, "FLOOR", dec(-200, 2), dec(-101, 2))
	both(t, "CEIL", num(7), num(7))
}

func TestTexts(t *testing.T) {
	both(t, "UPPER", str("ÄB"), str("äb"))
	both(t, "lcase", str("ab"), str("AB"))
	both(t, "LEN", num(3), str("äöü"))
	both(t, "TRIM", str("a b"), str(" a b\t"))
	both(t, "||", str("a1true"), str("a"), num(1), yes)
	both(t, "||", null, str("a"), null)
	both(t, "CONCAT", str("ab"), str("a"), null, str("b"))
	both(t, "SUBSTRING", str("öü"), str("äöü"), num(2))
	both(t, "SUBSTRING", str("ö"), str("äöü"), num(2), num(1))
	both(t, "SUBSTRING", str("öü"), str("äöü"), num(-2), num(9))
	both(t, "SUBSTRING", str(""), str("äöü"), num(4), num(9))
	both(t, "SUBSTRING", str("ab"), str("ab"), num(math.MinInt64), num(math.MaxInt64))
	both(t, "REPLACE", str("bus-7"), str("bus 7"), str(" "), str("-"))
	for _, c := range []struct {
		s, pattern string
		want       value.Value
	}{
		{"bus 7", "bus%", yes}, {"bus 7", "%7", yes}, {"bus 7", "b_s _", yes}, {"bus 7", "bus", no}, {"", "%", yes}, {"", "_", no},
		{"äö", "__", yes}, {"abcabd", "%ab_", yes}, {"a%", "a%%", yes}, {strings.Repeat("a", 40), strings.Repeat("%a", 20) + "b", no},
	} {
		both(t, "LIKE", c.want, str(c.s), str(c.pattern))
	}
	both(t, "LIKE", yes, str("50%"), str("%!%"), str("!"))
	both(t, "LIKE", null, str("a"), null)
}

func TestCasts(t *testing.T) {
	for _, c := range []struct {
		v    value.Value
		to   value.Type
		want value.Value
	}{
		{dbl(-2.9), typ(value.Int), num(-2)}, {dbl(1e19), typ(value.Int), null}, {num(3), typ(value.Double), dbl(3)},
		{str(" 12 "), typ(value.Int), num(12)}, {str("12.5"), typ(value.Int), null}, {str("1e3"), typ(value.Double), dbl(1000)},
		{str("nan"), typ(value.Double), null}, {str("TRUE"), typ(value.Bool), yes}, {str("yes"), typ(value.Bool), null},
		{str("12.345"), decimalType(2), dec(1235, 2)}, {str("-12.345"), decimalType(2), dec(-1235, 2)}, {str("-"), decimalType(2), null},
		{dbl(12.345), decimalType(1), dec(123, 1)}, {dec(1234, 3), decimalType(1), dec(12, 1)}, {dec(-1299, 2), typ(value.Int), num(-12)},
		{dec(1234, 2), value.Type{Kind: value.Decimal, Precision: 3, Scale: 2}, null}, {dec(1250, 2), typ(value.Double), dbl(12.5)},
		{num(1764000000), typ(value.Timestamp), at(1764000000e6)}, {at(1764000000e6 + 1), typ(value.Int), num(1764000000e3)}, {at(-1), typ(value.Int), num(-1)},
		{str("2016-11-25T12:00:00Z"), typ(value.Timestamp), at(1480075200e6)}, {at(1480075200e6), typ(value.String), str("2016-11-25T12:00:00Z")},
		{str("8928308280fffff"), typ(value.Cell), value.OfCell(0x8928308280fffff)}, {value.OfCell(0x8928308280fffff), typ(value.String), str("8928308280fffff")},
		{null, typ(value.Int), null}, {dbl(0.5), typ(value.String), str("0.5")},
	} {
		for _, e := range []*plan.Expr{castOf(literal(c.v), c.to), castOf(column(0, typeOfValue(c.v)), c.to)} {
			if got := evaluate(t, e, c.v); got.Kind() != c.want.Kind() || !value.Equal(got, c.want) {
				t.Errorf("CAST(%s AS %s) is %s %s, not %s", c.v.Text(), c.to, got.Kind(), got.Text(), c.want.Text())
			}
		}
	}
}

func TestTimes(t *testing.T) {
	both(t, "+interval", at(15), at(10), num(5))
	both(t, "+interval", null, at(math.MaxInt64), num(5))
	both(t, "UNIX_TIMESTAMP", num(-1), at(-1))
	both(t, "FROM_UNIXTIME", at(5000), num(5))
	both(t, "FROM_UNIXTIME", null, num(math.MaxInt64))
}

func TestPlaces(t *testing.T) {
	cell := value.OfCell(0x8928308280fffff) // San Francisco, from H3's documentation
	both(t, "h3", cell, dbl(37.7752702151959257), dbl(-122.4188708724900), num(9))
	both(t, "h3", null, dbl(91), dbl(0), num(9))
	both(t, "h3", null, null, dbl(0), num(9))
	both(t, "h3_parent", value.OfCell(0x85283083fffffff), cell, num(5))
	both(t, "h3_parent", null, cell, num(10))
	d := evaluate(t, callOf(t, "distance_m", literal(dbl(60.1699)), literal(dbl(24.9384)), literal(dbl(59.437)), literal(dbl(24.7536)))).Float()
	if math.Abs(d-82_100) > 300 { // Helsinki to Tallinn
		t.Errorf("distance %v", d)
	}
	both(t, "distance_m", null, dbl(95), dbl(0), dbl(0), dbl(0))
	both(t, "distance_m", dbl(0), dbl(1), dbl(180), dbl(1), dbl(180))
}

func TestShortRowIsNull(t *testing.T) {
	for _, e := range []*plan.Expr{column(3, typ(value.Double)), callOf(t, ">", column(3, typ(value.Double)), literal(dbl(1)))} {
		if got := evaluate(t, e, num(1)); !got.IsNull() {
			t.Errorf("got %s", got.Text())
		}
	}
}

func TestRefused(t *testing.T) {
	bad := func(what string, e *plan.Expr) {
		t.Helper()
		if _, err := Compile(e); err == nil {
			t.Errorf("%s: compiled", what)
		}
	}
	bad("nothing", nil)
	bad("no node", &plan.Expr{})
	bad("unknown function", &plan.Expr{Type: protoType(typ(value.Int)), Node: &plan.Expr_Call{Call: &plan.Call{Function: "nope"}}})
	wrong := callOf(t, "+", literal(num(1)), literal(num(2)))
	wrong.Type = protoType(typ(value.String))
	bad("wrong type", wrong)
	bad("literal of another type", &plan.Expr{Type: protoType(typ(value.Int)), Node: &plan.Expr_Literal{Literal: value.Append(nil, str("a"))}})
	bad("resolution", callOf(t, "h3", literal(num(1)), literal(num(1)), literal(num(16))))
	bad("column", column(1<<20, typ(value.Int)))
	bad("cast", castOf(literal(yes), typ(value.Double)))
	deep := literal(num(1))
	for range MaxDepth + 1 {
		deep = callOf(t, "NEG", deep)
	}
	bad("deep", deep)
	for _, c := range []struct {
		name string
		args []value.Type
	}{
		{"+", []value.Type{typ(value.String), typ(value.Int)}}, {"=", []value.Type{typ(value.String), typ(value.Int)}},
		{"*", []value.Type{decimalType(10), decimalType(10)}}, {"CASE", []value.Type{typ(value.Bool), typ(value.Int), typ(value.String)}},
		{"ABS", nil}, {"AND", []value.Type{typ(value.Bool), typ(value.Int)}},
	} {
		if got, err := Signature(c.name, c.args); err == nil {
			t.Errorf("%s has type %s", c.name, got)
		}
	}
}

func TestNamesAreCallable(t *testing.T) {
	names := strings.Join(Names(), " ")
	for _, want := range []string{"h3", "h3_parent", "distance_m", "ABS", "COALESCE", "UCASE", "SUBSTRING"} {
		if !strings.Contains(names, want) {
			t.Errorf("%s is missing in %s", want, names)
		}
	}
	for _, n := range Names() {
		if _, ok := Canonical(n); !ok {
			t.Errorf("%s is listed, but unknown", n)
		}
	}
}
