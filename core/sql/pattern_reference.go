package sql

import (
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// allColumns is the * of COUNT(A.*).
const allColumns = "*"

// maxReferences is what core/pattern takes.
const maxReferences = 1024

func (b *matchBinder) binder() *binder { return &binder{leaf: b.leaf, nodes: b.nodes} }

// leaf knows columns of the row at hand, of a variable's last row, and what looks at other rows of the match.
func (b *matchBinder) leaf(e Expr) *plan.Expr {
	switch x := e.(type) {
	case *Name:
		vars, _ := b.of(x)
		column := b.column(x)
		if vars == nil || b.is(vars) {
			return column
		}
		return b.refer(x.Ident.Pos, &plan.Reference{Kind: plan.Reference_LAST, Variables: vars, Argument: column, Type: column.Type})
	case *Call:
		return b.look(x, false)
	}
	return nil
}

// of gives the variables before a column's name; nil: none, and it is of the row at hand.
func (b *matchBinder) of(x *Name) (vars []uint32, subset bool) {
	if x.Table == nil {
		return nil, false
	}
	if vars, subset = b.variable(*x.Table); vars != nil {
		return vars, subset
	}
	for _, p := range b.scope.relations() {
		if x.Table.Is(p.shown()) || x.Table.Is(p.name) {
			return nil, false
		}
	}
	fail(x.Table.Pos, "no variable `%s` in PATTERN%s", x.Table.Name, didYouMean(x.Table.Name, b.variableNames()))
	return nil, false
}

// is reports that the row at hand, whose DEFINE is bound, is the variable's last row.
func (b *matchBinder) is(vars []uint32) bool { return len(vars) == 1 && int(vars[0]) == b.defining }

// column gives a column of a row, whatever variable the row is of.
func (b *matchBinder) column(x *Name) *plan.Expr {
	if x.Ident.Name == allColumns && !x.Ident.Quoted {
		fail(x.Ident.Pos, "%s.* stands in COUNT(%s.*) alone", x.Table.Name, x.Table.Name)
	}
	if b.scope.find(x.Ident) < 0 && x.Ident.Is("ROWTIME") {
		return columnExpr(len(b.stream.Columns), value.Type{Kind: value.Timestamp})
	}
	if x.Table != nil {
		x = &Name{Ident: x.Ident}
	}
	return b.scope.reference(b.scope.column(x))
}

// look binds the calls that look beyond the row at hand; nil: it is another function.
func (b *matchBinder) look(c *Call, final bool) *plan.Expr {
	switch upper := strings.ToUpper(c.Function); upper {
	case "FINAL", "RUNNING":
		return b.when(c, upper)
	case "FIRST", "LAST", "PREV":
		return b.navigate(c, upper, final)
	case "NEXT":
		fail(c.Pos, "NEXT would look at rows that have not come yet; say it of the later row, with PREV or LAST(A.x)")
	case "CLASSIFIER":
		b.without(c, upper)
		return b.refer(c.Pos, &plan.Reference{Kind: plan.Reference_CLASSIFIER, Type: planType(text), Final: final})
	case "MATCH_NUMBER":
		b.without(c, upper)
		if b.defining >= 0 {
			fail(c.Pos, "MATCH_NUMBER() is not known before there is a match: use it in MEASURES")
		}
		return b.refer(c.Pos, &plan.Reference{Kind: plan.Reference_MATCH_NUMBER, Type: planType(value.Type{Kind: value.Int})})
	case mergeFunction:
		fail(c.Pos, "MERGE puts the windows of a view together, and a pattern reads rows")
	}
	if name, ok := aggregateName(c); ok {
		return b.aggregate(c, name, final)
	}
	return nil
}

func (b *matchBinder) without(c *Call, name string) {
	if len(c.Args) > 0 || c.Star || c.Distinct {
		fail(c.Pos, "%s() takes no arguments", name)
	}
}

// when is FINAL f(…) and RUNNING f(…).
func (b *matchBinder) when(c *Call, word string) *plan.Expr {
	of, ok := c.Args[0].(*Call)
	if b.defining >= 0 && word == "FINAL" {
		fail(c.Pos, "FINAL is for MEASURES: in DEFINE the rows to come are not known")
	}
	if ok && len(c.Args) == 1 {
		if e := b.look(of, word == "FINAL"); e != nil {
			return e
		}
	}
	fail(c.Pos, "%s stands before FIRST, LAST or an aggregate", word)
	return nil
}

// navigate is FIRST(x [, n]), LAST(x [, n]) and PREV(x [, n]).
func (b *matchBinder) navigate(c *Call, name string, final bool) *plan.Expr {
	if c.Star || c.Distinct || len(c.Args) < 1 || len(c.Args) > 2 {
		fail(c.Pos, "%s takes a column and how many rows away: %s(A.x) or %s(A.x, 2)", name, name, name)
	}
	argument, vars := b.argument(c.Args[0], name)
	r := &plan.Reference{Kind: plan.Reference_Kind(plan.Reference_Kind_value[name]), Variables: vars, Argument: argument, Type: argument.Type, Final: final && name != "PREV"}
	if typeOf(argument).Kind == value.Null {
		fail(c.Pos, "%s of NULL has no type; CAST it", name)
	}
	if name == "PREV" {
		if r.Offset = 1; vars != nil && !b.is(vars) {
			fail(c.Args[0].position(), "PREV looks back from the row at hand, whatever its variable; LAST(A.x, 1) is the last row but one of A")
		}
		r.Variables = nil
	}
	if len(c.Args) == 2 {
		r.Offset = uint32(b.rowsAway(c.Args[1]))
	}
	return b.refer(c.Pos, r)
}

func (b *matchBinder) rowsAway(e Expr) int64 {
	l, ok := e.(*Literal)
	if !ok || literalType(l).Kind != value.Int || literalValue(l).Int() < 0 || literalValue(l).Int() > 1000 {
		fail(e.position(), "how many rows away is a whole number from 0 to 1000")
	}
	return literalValue(l).Int()
}

func (b *matchBinder) aggregate(c *Call, name string, final bool) *plan.Expr {
	r := &plan.Reference{Kind: plan.Reference_AGGREGATE, Function: planFunction(c, name), Final: final}
	want := 1 + aggregate.Parameters(name)
	switch {
	case c.Star && name != "COUNT":
		fail(c.Pos, "%s takes a column, not *", name)
	case c.Star:
	case len(c.Args) != want:
		fail(c.Pos, "%s takes %s, not %d", aggregateUsage[name], arguments(want), len(c.Args))
	case name == "COUNT" && isAll(c.Args[0]):
		n := c.Args[0].(*Name)
		if r.Variables, _ = b.of(n); r.Variables == nil {
			fail(n.Table.Pos, "COUNT(A.*) counts the rows of a variable; COUNT(*) counts all rows of the match")
		}
	default:
		if r.Argument, r.Variables = b.argument(c.Args[0], name); typeOf(r.Argument).Kind == value.Null {
			fail(c.Pos, "%s of NULL has no type; CAST it", name)
		}
		for _, e := range c.Args[1:] {
			v, _, err := value.Read((&binder{leaf: b.leaf, nodes: b.nodes}).bind(e).GetLiteral())
			if err != nil || !v.Kind().Numeric() {
				fail(e.position(), "%s", aggregate.ParameterError(name))
			}
			if err := aggregate.CheckParameter(name, v.Float()); err != nil {
				fail(e.position(), "%s", err)
			}
			r.Parameters = append(r.Parameters, v.Float())
		}
	}
	t, err := aggregate.ResultType(r.Function, r.Argument.GetType().Value())
	if err != nil {
		fail(c.Pos, "%s", err)
	}
	r.Type = planType(t)
	return b.refer(c.Pos, r)
}

func isAll(e Expr) bool {
	n, ok := e.(*Name)
	return ok && n.Ident.Name == allColumns && !n.Ident.Quoted
}

// argument binds what is inside of FIRST, SUM and so on: columns of rows of one variable, or of any.
func (b *matchBinder) argument(e Expr, of string) (x *plan.Expr, vars []uint32) {
	var first *Name
	inner := &binder{nodes: b.nodes}
	inner.leaf = func(e Expr) *plan.Expr {
		switch x := e.(type) {
		case *Name:
			mine, _ := b.of(x)
			if first == nil {
				first, vars = x, mine
			} else if !slices.Equal(vars, mine) {
				fail(x.Ident.Pos, "`%s` and `%s` are of different variables, and %s is over the rows of one", Format(first), Format(x), of)
			}
			return b.column(x)
		case *Call:
			_, agg := aggregateName(x)
			switch upper := strings.ToUpper(x.Function); {
			case agg, upper == "PREV", upper == "NEXT", upper == "CLASSIFIER", upper == "MATCH_NUMBER", upper == "FINAL", upper == "RUNNING":
				fail(x.Pos, "%s inside of %s is not supported yet; take the columns there as they are", upper, of)
			}
		}
		return nil
	}
	return inner.bind(e), vars
}

// refer gives the column of a reference; the same one twice is kept once.
func (b *matchBinder) refer(at Pos, r *plan.Reference) *plan.Expr {
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		fail(at, "%s", err)
	}
	i, ok := b.known[string(bytes)]
	if !ok {
		if i = len(b.def.References); i == maxReferences {
			fail(at, "more than %d calls that look at other rows", maxReferences)
		}
		b.known[string(bytes)] = i
		b.def.References = append(b.def.References, r)
	}
	return columnExpr(int(b.def.Columns)+i, r.Type.Value())
}

// common gives the conditions that every variable has, and that look at nothing but the row: a row for which one does not hold is of no variable.
// Edges may leave such rows out where no row is asked whether it stands right behind another: neither by the pattern nor by PREV.
func (b *matchBinder) common(m *Match) []*plan.Expr {
	if m.Shape.contiguous() || slices.ContainsFunc(b.def.References, func(r *plan.Reference) bool { return r.Kind == plan.Reference_PREV }) {
		return nil
	}
	var shared []*plan.Expr
	for i, v := range b.def.Variables {
		var own []*plan.Expr
		for _, t := range terms(v.Define) {
			if isBool(t) && b.simple(t) && (i == 0 || slices.ContainsFunc(shared, func(s *plan.Expr) bool { return proto.Equal(s, t) })) {
				own = append(own, t)
			}
		}
		shared = own
	}
	return shared
}

// simple reports that an expression reads nothing but the stream's own columns.
func (b *matchBinder) simple(e *plan.Expr) bool {
	if c, ok := e.GetNode().(*plan.Expr_Column); ok && int(c.Column) >= len(b.stream.Columns) {
		return false
	}
	return !slices.ContainsFunc(e.GetCall().GetArguments(), func(a *plan.Expr) bool { return !b.simple(a) })
}
