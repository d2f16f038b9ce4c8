package expr

import (
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func genAny(t *rapid.T, name string) value.Value {
	switch rapid.IntRange(0, 7).Draw(t, name+" kind") {
	case 0:
		return value.Value{}
	case 1:
		return value.OfBool(rapid.Bool().Draw(t, name))
	case 2:
		return value.OfDouble(rapid.Float64Range(-1e12, 1e12).Draw(t, name))
	case 3:
		return value.OfDecimal(rapid.Int64().Draw(t, name), uint8(rapid.IntRange(0, 18).Draw(t, name+" scale")))
	case 4:
		return value.OfString(rapid.StringN(0, 8, 24).Draw(t, name))
	case 5:
		return value.OfTime(rapid.Int64().Draw(t, name))
	case 6:
		return value.OfCell(rapid.Uint64().Draw(t, name))
	}
	return value.OfInt(rapid.Int64().Draw(t, name))
}

// Whatever a function is given that its signature allows, the result is NULL or of the type the signature says, and
// it is the same for literals and columns.
func TestResultsHaveTheSignaturesType(t *testing.T) {
	var names []string
	for _, f := range table {
		names = append(names, f.name)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "function")
		n := rapid.IntRange(1, 4).Draw(t, "arguments")
		var row []value.Value
		var types []value.Type
		var columns, literals []*plan.Expr
		for i := range n {
			v := genAny(t, "argument")
			row, types = append(row, v), append(types, typeOfValue(v))
			columns, literals = append(columns, column(i, typeOfValue(v))), append(literals, literal(v))
		}
		want, err := Signature(name, types)
		if err != nil {
			return
		}
		make := func(args []*plan.Expr) (value.Value, bool) {
			f, err := Compile(&plan.Expr{Type: protoType(want), Node: &plan.Expr_Call{Call: &plan.Call{Function: name, Arguments: args}}})
			if err != nil {
				return value.Value{}, false // a literal that its maker refuses
			}
			return f(row), true
		}
		got, _ := make(columns)
		if !got.IsNull() && (got.Kind() != want.Kind || got.Kind() == value.Decimal && got.Scale() != want.Scale) {
			t.Fatalf("%s gave %s of scale %d, announced %s", name, got.Kind(), got.Scale(), want)
		}
		if same, ok := make(literals); ok && (same.Kind() != got.Kind() || !value.Equal(same, got)) {
			t.Fatalf("%s: %s over columns, %s over literals", name, got.Text(), same.Text())
		}
	})
}

func TestIntegersAgainstBigNumbers(t *testing.T) {
	ops := map[string]func(x, y *big.Int) *big.Int{
		"+": func(x, y *big.Int) *big.Int { return x.Add(x, y) },
		"-": func(x, y *big.Int) *big.Int { return x.Sub(x, y) },
		"*": func(x, y *big.Int) *big.Int { return x.Mul(x, y) },
		"/": func(x, y *big.Int) *big.Int { return x.Quo(x, y) },
		"%": func(x, y *big.Int) *big.Int { return x.Rem(x, y) },
	}
	edge := rapid.SampledFrom([]int64{0, 1, -1, -1 << 63, 1<<63 - 1, 1 << 32, -1 << 32, 3037000500})
	genInt := rapid.OneOf(edge, rapid.Int64(), rapid.Int64Range(-100, 100))
	rapid.Check(t, func(t *rapid.T) {
		a, b := genInt.Draw(t, "a"), genInt.Draw(t, "b")
		for op, exactly := range ops {
			f, err := Compile(&plan.Expr{Type: protoType(typ(value.Int)), Node: &plan.Expr_Call{Call: &plan.Call{Function: op,
				Arguments: []*plan.Expr{column(0, typ(value.Int)), column(1, typ(value.Int))}}}})
			if err != nil {
				t.Fatal(err)
			}
			got := f([]value.Value{num(a), num(b)})
			if b == 0 && (op == "/" || op == "%") {
				if !got.IsNull() {
					t.Fatalf("%d %s 0 = %s", a, op, got.Text())
				}
				continue
			}
			want := exactly(big.NewInt(a), big.NewInt(b))
			if want.IsInt64() != (got.Kind() == value.Int) || want.IsInt64() && want.Int64() != got.Int() {
				t.Fatalf("%d %s %d = %s, exactly %s", a, op, b, got.Text(), want)
			}
		}
	})
}

func TestDecimalOrderIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		sa, sb := uint8(rapid.IntRange(0, 18).Draw(t, "sa")), uint8(rapid.IntRange(0, 18).Draw(t, "sb"))
		rat := func(i int64, s uint8) *big.Rat {
			return big.NewRat(1, powers[s]).Mul(big.NewRat(1, powers[s]), big.NewRat(i, 1))
		}
		if got, want := compareScaled(a, sa, b, sb), rat(a, sa).Cmp(rat(b, sb)); got != want {
			t.Fatalf("%d·10^-%d against %d·10^-%d: %d, exactly %d", a, sa, b, sb, got, want)
		}
	})
}

func TestLikeAgainstRegexp(t *testing.T) {
	letters := rapid.StringOfN(rapid.RuneFrom([]rune("abä%_")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		s, p := letters.Draw(t, "s"), letters.Draw(t, "pattern")
		re := "(?s)^" + strings.NewReplacer("%", ".*", "_", ".").Replace(regexp.QuoteMeta(p)) + "$"
		made, err := parsePattern(p, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := made.match(s), regexp.MustCompile(re).MatchString(s); got != want {
			t.Fatalf("%q LIKE %q is %v", s, p, got)
		}
	})
}

func TestSubstringAgainstRunes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runes := []rune(rapid.StringN(0, 10, -1).Draw(t, "s"))
		from, length := rapid.IntRange(-12, 12).Draw(t, "from"), rapid.IntRange(-2, 12).Draw(t, "length")
		start := max(0, from-1)
		if from < 0 {
			start = max(0, len(runes)+from)
		}
		end := min(len(runes), start+max(0, length))
		want := ""
		if start < end {
			want = string(runes[start:end])
		}
		if got := substring(string(runes), int64(from), int64(length)); got != want {
			t.Fatalf("SUBSTRING(%q, %d, %d) = %q, not %q", string(runes), from, length, got, want)
		}
	})
}

// FuzzCompile: a plan's bytes may be anything. Compile refuses or gives a closure that survives any row.
func FuzzCompile(f *testing.F) {
	seed := func(e *plan.Expr) {
		b, err := proto.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	seed(callOf(f, ">", column(0, typ(value.Double)), literal(dbl(30))))
	seed(callOf(f, "h3", column(0, typ(value.Double)), column(1, typ(value.Double)), literal(num(9))))
	seed(callOf(f, "CASE", callOf(f, "LIKE", column(2, typ(value.String)), literal(str("a%"))), literal(num(1)), literal(dec(5, 1))))
	seed(callOf(f, "ROUND", castOf(column(2, typ(value.String)), decimalType(3)), literal(num(-1))))
	seed(callOf(f, "IN", callOf(f, "SUBSTRING", column(2, typ(value.String)), literal(num(1)), column(3, typ(value.Int))), literal(str("a")), literal(null)))
	rows := [][]value.Value{
		nil, {null, null, null, null},
		{dbl(1.5), dbl(-2), str("abc"), num(2)},
		{str("x"), num(-1 << 63), dec(-1<<63, 18), at(1<<63 - 1)}, // of other kinds than announced
		{value.OfDecimal(1<<63-1, 255), value.OfCell(1 << 63), yes, dbl(-1e308)},
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e := &plan.Expr{}
		if proto.Unmarshal(raw, e) != nil {
			return
		}
		eval, err := Compile(e)
		if err != nil {
			return
		}
		for _, row := range rows {
			eval(row)
		}
	})
}

// ESCAPE NULL makes LIKE NULL, also where the pattern is made ready beforehand.
func TestLikeWithAnUnknownEscapeIsNull(t *testing.T) {
	text := literal(value.OfString("a"))
	f, err := Compile(&plan.Expr{Type: protoType(value.Type{Kind: value.Bool}), Node: &plan.Expr_Call{Call: &plan.Call{Function: "LIKE",
		Arguments: []*plan.Expr{column(0, value.Type{Kind: value.String}), text, literal(value.Value{})}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := f([]value.Value{value.OfString("a")}); !got.IsNull() {
		t.Errorf("it is %s", got.Text())
	}
}
