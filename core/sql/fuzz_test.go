package sql

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// genExpr draws expressions as the parser would make them.
func genExpr(depth int) *rapid.Generator[Expr] {
	name := rapid.Map(rapid.SampledFrom([]string{"a", "speed", "select", "Odd Name", "é", `q"q`}), func(s string) Expr {
		return &Name{Ident: Ident{Name: s}}
	})
	literal := rapid.SampledFrom([]Expr{
		&Literal{Kind: NumberLiteral, Text: "1"}, &Literal{Kind: NumberLiteral, Text: "-2.50"}, &Literal{Kind: NumberLiteral, Text: "1e3"},
		&Literal{Kind: StringLiteral, Text: "it's"}, &Literal{Kind: StringLiteral, Text: "-- no comment"}, &Literal{Kind: NullLiteral, Text: "NULL"}, &Literal{Kind: BoolLiteral, Text: "TRUE"},
		&Interval{Micros: 90e6}, &Interval{Micros: 0},
	})
	if depth == 0 {
		return rapid.OneOf(name, literal)
	}
	return rapid.Custom(func(t *rapid.T) Expr {
		sub := func() Expr { return genExpr(depth-1).Draw(t, "x") }
		switch op := rapid.SampledFrom([]string{"leaf", "AND", "OR", "||", "+", "-", "*", "/", "%", "=", "<>", "<", "NOT", "NEG", "IS NULL", "IS NOT NULL",
			"IN", "BETWEEN", "LIKE", "CASE", "CASE_OF", "COALESCE", "star", "distinct", "cast"}).Draw(t, "op"); op {
		case "leaf":
			return rapid.OneOf(name, literal).Draw(t, "leaf")
		case "AND", "OR", "||":
			left, right := sub(), sub()
			if c, ok := left.(*Call); ok && c.Function == op { // the parser makes one list of a chain
				return &Call{Function: op, Args: append(c.Args, right)}
			}
			return &Call{Function: op, Args: []Expr{left, right}}
		case "NOT", "NEG", "IS NULL", "IS NOT NULL":
			return &Call{Function: op, Args: []Expr{sub()}}
		case "BETWEEN", "CASE":
			return &Call{Function: op, Args: []Expr{sub(), sub(), sub()}}
		case "IN", "LIKE", "COALESCE":
			return &Call{Function: op, Args: []Expr{sub(), sub(), sub()}}
		case "CASE_OF":
			return &Call{Function: op, Args: []Expr{sub(), sub(), sub(), sub()}}
		case "star":
			return &Call{Function: "count", Star: true}
		case "distinct":
			return &Call{Function: "COUNT", Distinct: true, Args: []Expr{sub()}}
		case "cast":
			return &Cast{X: sub(), Type: rapid.SampledFrom([]value.Type{{Kind: value.Int}, {Kind: value.Decimal, Precision: 6, Scale: 2}}).Draw(t, "type")}
		default:
			return &Call{Function: op, Args: []Expr{sub(), sub()}}
		}
	})
}

// What Format writes, Parse reads back as the same.
func TestFormatParsesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genExpr(4).Draw(t, "e")
		text := Format(e)
		list, err := Parse("SELECT " + text + " FROM t")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if back := list[0].(*Select).Items[0].Expr; !same(e, back) {
			t.Fatalf("%s\ncame back as\n%s", text, Format(back))
		}
	})
}

func seeds(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.sql")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, block := range strings.Split(string(raw), "\n\n") {
			f.Add(block)
		}
	}
}

// FuzzParse: any text is parsed or refused with a place; what an expression is written as means the same.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		list, err := Parse(src)
		if err != nil {
			if e, ok := err.(*Error); !ok || e.Line < 1 || e.Column < 1 || e.Message == "" {
				t.Fatalf("%#v", err)
			}
			return
		}
		for _, st := range list {
			if s, ok := st.(*Select); ok && s.Where != nil {
				again, err := Parse("SELECT " + Format(s.Where) + " FROM t")
				if err != nil {
					t.Fatalf("%s: %v", Format(s.Where), err)
				}
				if !same(s.Where, again[0].(*Select).Items[0].Expr) {
					t.Fatalf("%s changed", Format(s.Where))
				}
			}
		}
	})
}

// FuzzApply: whatever is accepted compiles on an edge and at a core, can be explained, and applied once more changes nothing.
func FuzzApply(f *testing.F) {
	seeds(f)
	f.Add(cellSpeedSQL)
	f.Fuzz(func(t *testing.T, src string) {
		list, err := Parse(src)
		if err != nil {
			return
		}
		p := applyAll(t, vehiclesSQL+cellSpeedSQL)
		for _, st := range list {
			switch x := st.(type) {
			case *Select:
				fuzzSelect(t, p, x)
			case *Insert:
				if _, rows, err := InsertRows(p, x, 0); err == nil && len(rows) != len(x.Rows) {
					t.Fatal("rows went missing")
				}
			case *Explain:
				_, _ = ExplainText(p, x)
			case *DescribeStatement:
				_, _ = Describe(p, x.Name)
			case *CreateStream, *CreateView, *Drop:
				next, _, err := Apply(p, st)
				if err != nil {
					continue
				}
				fuzzPlan(t, next)
				if _, dropped := st.(*Drop); !dropped {
					if again, _, err := Apply(next, st); err != nil || again.Version != next.Version {
						t.Fatalf("twice: version %d after %d: %v", again.GetVersion(), next.Version, err)
					}
				}
				p = next
			}
		}
	})
}

func fuzzSelect(t *testing.T, p *plan.Plan, st *Select) {
	rel, err := Resolve(p, st)
	if err != nil {
		return
	}
	q, err := CompileSelect(st, rel, 0)
	if err != nil {
		return
	}
	row := make([]value.Value, len(rel.Columns))
	if _, err := q.Run(context.Background(), reusing([][]value.Value{row, row})); err != nil {
		t.Fatal(err)
	}
}

func fuzzPlan(t *testing.T, p *plan.Plan) {
	for _, v := range p.Views {
		for _, e := range append(append([]*plan.Expr{}, v.KeyExprs...), v.OutputExprs...) {
			eval, err := expr.Compile(e)
			if err != nil {
				t.Fatal(err)
			}
			eval(nil)
		}
		if v.PaneUs > 0 && v.WindowUs%v.PaneUs != 0 || len(v.Outputs) == 0 || len(v.Aggregates) == 0 {
			t.Fatalf("view %v", v)
		}
		if _, err := ExplainText(p, &Explain{Name: &Ident{Name: v.Name, Quoted: true}}); err != nil {
			t.Fatal(err)
		}
	}
}
