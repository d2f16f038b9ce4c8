package sql

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
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
	f.Add("CREATE VIEW v AS SELECT s.n, COUNT(*) AS c FROM vehicles v LEFT JOIN stops s WITHIN (1 MINUTE, 0 SECONDS) GRACE PERIOD 1 HOUR ON v.device = s.device AND s.n > 1 WHERE v.speed > 3 GROUP BY s.n; DROP VIEW v")
	f.Add("CREATE VIEW v AS SELECT d.name, MAX(speed) AS m FROM vehicles v JOIN drivers d ON v.device = d.device GROUP BY d.name; SELECT name FROM v JOIN cell_speed c ON c.n = v.m")
	f.Add("CREATE VIEW v AS SELECT MAX(n) AS m FROM cell_speed GROUP BY window_start; CREATE VIEW w AS SELECT MIN(m) AS k FROM v WINDOW TUMBLING (SIZE 1 HOUR) EMIT FINAL; DROP VIEW cell_speed")
	f.Add("CREATE VIEW v AS SELECT AVG(n) AS a FROM (SELECT device, COUNT(*) AS n FROM vehicles GROUP BY device) x; CREATE OR REPLACE VIEW v AS SELECT AVG(n) + 1 AS b FROM (SELECT device, COUNT(*) AS n FROM vehicles GROUP BY device) x")
	f.Add("CREATE STREAM both AS SELECT device, speed AS x FROM vehicles UNION ALL SELECT device, CAST(n AS DOUBLE) FROM stops; CREATE VIEW v AS SELECT device, SUM(x) AS s FROM both GROUP BY device; SELECT x FROM both WHERE x > 1 EMIT CHANGES; DROP STREAM both")
	f.Add("SELECT * FROM vehicles v JOIN stops s WITHIN 1 DAY ON v.device = s.device EMIT CHANGES LIMIT 5; SELECT n FROM cell_speed EMIT CHANGES; SELECT name FROM drivers EMIT CHANGES")
	f.Add("CREATE PATTERN p AS SELECT *, ABS(x) FROM vehicles MATCH_RECOGNIZE (PARTITION BY device ORDER BY ts MEASURES SUM(A.speed) AS x, FIRST(B.speed, 2) AS y, COUNT(DISTINCT A.device) AS z PATTERN (A+? (B | C){2,3} FOLLOWED BY ANY D NOT FOLLOWED BY E) WITHIN 1 HOUR SUBSET U = (A, B) DEFINE A AS speed > 1 AND LAST(U.speed) > PREV(speed), E AS speed < 1); CREATE VIEW w AS SELECT x, COUNT(*) AS n FROM p GROUP BY x; SELECT * FROM p EMIT CHANGES; EXPLAIN p; DROP PATTERN p")
	f.Add("CREATE OR REPLACE PATTERN p AS SELECT device FROM (SELECT device, speed * 2 AS s FROM vehicles WHERE speed > 3) x MATCH_RECOGNIZE (PARTITION BY device MEASURES CLASSIFIER() AS c ALL ROWS PER MATCH AFTER MATCH SKIP TO LAST B PATTERN (A FOLLOWED BY B*? ) DEFINE A AS s > 1, B AS s > 1 AND s < COUNT(A.*)) m; DROP STREAM vehicles")
	f.Fuzz(func(t *testing.T, src string) {
		list, err := Parse(src)
		if err != nil {
			return
		}
		p := applyAll(t, vehiclesSQL+cellSpeedSQL+stopsSQL)
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
			case *CreateStream, *CreateTable, *CreateView, *CreatePattern, *Drop:
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

// stopsSQL is more to read and to join.
const stopsSQL = `; CREATE STREAM stops (device STRING KEY, ts TIMESTAMP, n BIGINT) WITH (topic = 'stops/{device}', timestamp = 'ts');
CREATE TABLE drivers (device STRING KEY, ts TIMESTAMP, name STRING) WITH (topic = 'drivers/{device}', timestamp = 'ts')`

func fuzzSelect(t *testing.T, p *plan.Plan, st *Select) {
	if st.Emit != EmitUnsaid {
		q, next, watch, err := CompilePush(p, st, 0)
		if err != nil {
			return
		}
		fuzzPlan(t, next)
		for i := range q.Sources {
			if row, ok := q.Sources[i].Row(make([]value.Value, 100)); ok && len(row) != len(q.Columns) {
				t.Fatalf("%d values for %d columns", len(row), len(q.Columns))
			}
		}
		if watch != 0 {
			before := proto.CloneOf(p)
			after := Unwatch(next, watch)
			if before.Version, before.NextId = after.Version, after.NextId; !proto.Equal(before, after) {
				t.Fatalf("a push query leaves %v behind, not %v", after, before)
			}
		}
		return
	}
	rel, err := Resolve(p, st)
	if err != nil {
		return
	}
	others, err := ResolveJoins(p, st)
	if err != nil {
		return
	}
	q, err := CompileSelect(st, rel, 0, others...)
	if err != nil {
		return
	}
	var joined []iter.Seq[[]value.Value]
	for _, o := range others {
		joined = append(joined, reusing([][]value.Value{make([]value.Value, len(o.Columns))}))
	}
	row := make([]value.Value, len(rel.Columns))
	if _, err := q.Run(context.Background(), reusing([][]value.Value{row, row}), joined...); err != nil {
		t.Fatal(err)
	}
}

func fuzzPattern(t *testing.T, p *plan.Plan, d *plan.Pattern) {
	all := append(append([]*plan.Expr{}, d.KeyExprs...), d.Measures...)
	for _, v := range d.Variables {
		if v.Define != nil {
			all = append(all, v.Define)
		}
	}
	for _, e := range all {
		eval, err := expr.Compile(e)
		if err != nil {
			t.Fatal(err)
		}
		eval(nil)
	}
	if len(d.Outputs) == 0 || len(d.Outputs) != len(d.Measures) || len(d.Keys) != len(d.KeyExprs) || len(d.Variables) > maxVariables {
		t.Fatalf("pattern %v", d)
	}
	if _, err := ExplainText(p, &Explain{Name: &Ident{Name: d.Name, Quoted: true}}); err != nil {
		t.Fatal(err)
	}
}

func fuzzPlan(t *testing.T, p *plan.Plan) {
	there := map[uint32]bool{}
	know := func(id uint32) {
		if there[id] {
			t.Fatalf("two things are %d in %v", id, p)
		}
		there[id] = true
	}
	for _, s := range p.Streams {
		know(s.Id)
	}
	for _, r := range p.Routes {
		if know(r.Id); !there[r.Stream] && r.Stream != plan.FenceEvents {
			t.Fatalf("route %d is of no stream in %v", r.Id, p)
		}
	}
	for _, j := range p.Joins {
		if know(j.Id); !there[j.Left] || !there[j.Right] {
			t.Fatalf("join %d has no routes in %v", j.Id, p)
		}
	}
	for _, v := range p.Views {
		know(v.Id)
	}
	for _, d := range p.Patterns {
		if know(d.Id); !there[d.Stream] {
			t.Fatalf("pattern %s reads nothing in %v", d.Name, p)
		}
		fuzzPattern(t, p, d)
	}
	for _, v := range p.Views {
		if !there[v.Stream] {
			t.Fatalf("view %s reads nothing in %v", v.Name, p)
		}
		for _, m := range v.More {
			if !there[m.Stream] {
				t.Fatalf("view %s reads nothing in %v", v.Name, p)
			}
		}
	}
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
