package sql

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hexpane/hexpane/protocol/aggregate"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"google.golang.org/protobuf/proto"
)

// aggregateUsage says how each aggregate is called.
var aggregateUsage = map[string]string{"COUNT": "COUNT(x)", "SUM": "SUM(x)", "AVG": "AVG(x)", "MIN": "MIN(x)", "MAX": "MAX(x)",
	"STDDEV": "STDDEV(x)", "PERCENTILE": "PERCENTILE(x, share)", "FIRST": "FIRST(x)", "LAST": "LAST(x)", "COLLECT_LIST": "COLLECT_LIST(x)",
	"TOPK": "TOPK(x, n)", "MERGE": "MERGE(column [, share])"}

var aggregateNames = slices.Sorted(maps.Keys(aggregateUsage))

// aggregateName gives the aggregate a call means, in capitals.
func aggregateName(c *Call) (string, bool) {
	upper := strings.ToUpper(c.Function)
	return upper, aggregateUsage[upper] != ""
}

// hasAggregate looks through the whole expression.
func hasAggregate(e Expr) bool {
	switch x := e.(type) {
	case *Cast:
		return hasAggregate(x.X)
	case *Call:
		if _, ok := aggregateName(x); ok {
			return true
		}
		for _, a := range x.Args {
			if hasAggregate(a) {
				return true
			}
		}
	}
	return false
}

// aggregate gives the column of an aggregate; the same aggregate twice is computed once.
func (g *grouping) aggregate(c *Call, name string) *plan.Expr {
	if name == mergeFunction {
		if c.Star || c.Distinct {
			fail(c.Pos, "MERGE takes no * and no DISTINCT")
		}
		e, _ := g.merged(c)
		return e
	}
	a := &plan.Aggregate{Function: planFunction(c, name)}
	want := 1 + aggregate.Parameters(name)
	switch {
	case c.Star && name != "COUNT":
		fail(c.Pos, "%s takes a column, not *", name)
	case c.Star:
	case len(c.Args) != want:
		fail(c.Pos, "%s takes %s, not %d", aggregateUsage[name], arguments(want), len(c.Args))
	default:
		a.Argument = g.row.bind(c.Args[0])
		if typeOf(a.Argument).Kind == value.Null {
			fail(c.Pos, "%s of NULL has no type; CAST it", name)
		}
		a.ArgumentType = a.Argument.Type
		for _, e := range c.Args[1:] {
			a.Parameters = append(a.Parameters, g.parameter(name, e))
		}
	}
	if aggregate.ByTime(name) && !g.windowed && g.scope.Time == "" {
		fail(c.Pos, "%s goes by event time, and the rows of %s have none", name, g.scope.Name)
	}
	t, err := aggregate.ResultType(a.Function, a.ArgumentType.Value())
	if err != nil {
		fail(c.Pos, "%s", err)
	}
	a.Type = planType(t)
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(a)
	if err != nil {
		fail(c.Pos, "%s", err)
	}
	if i, ok := g.known[string(bytes)]; ok {
		return columnExpr(len(g.keys)+i, t)
	}
	g.known[string(bytes)] = len(g.aggregates)
	if len(g.aggregates) == maxColumns {
		fail(c.Pos, "more than %d aggregates", maxColumns)
	}
	g.aggregates = append(g.aggregates, a)
	if aggregate.IsList(name) {
		if g.lists++; g.lists > aggregate.MaxLists && g.windowed {
			fail(c.Pos, "a view has at most %d lists (COLLECT_LIST, TOPK)", aggregate.MaxLists)
		}
	}
	return columnExpr(len(g.keys)+len(g.aggregates)-1, t)
}

// countDistinct is COUNT(DISTINCT x) in plans.
const countDistinct = "COUNT_DISTINCT"

// planFunction is the aggregate's name in plans.
func planFunction(c *Call, name string) string {
	switch {
	case !c.Distinct || name == "MIN" || name == "MAX": // which are the same of all and of distinct values
		return name
	case name != "COUNT":
		unsupported(c.Pos, name+"(DISTINCT …)")
	}
	return countDistinct
}

// parameter takes a constant that stands after the argument.
func (g *grouping) parameter(name string, e Expr) float64 {
	literal := g.row.bind(e).GetLiteral()
	v, _, err := value.Read(literal)
	if err != nil || !v.Kind().Numeric() {
		fail(e.position(), "%s", aggregate.ParameterError(name))
	}
	if err := aggregate.CheckParameter(name, v.Float()); err != nil {
		fail(e.position(), "%s", err)
	}
	return v.Float()
}

func arguments(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return strconv.Itoa(n) + " arguments"
}

// aggregateCall writes a plan's aggregate as it is called.
func aggregateCall(a *plan.Aggregate, columns []Expr) *Call {
	if a.Argument == nil {
		return &Call{Function: a.Function, Star: true}
	}
	c := &Call{Function: a.Function, Args: []Expr{written(a.Argument, columns)}}
	if c.Function == countDistinct {
		c.Function, c.Distinct = "COUNT", true
	}
	for _, p := range a.Parameters {
		c.Args = append(c.Args, &Literal{Kind: NumberLiteral, Text: strconv.FormatFloat(p, 'f', -1, 64)})
	}
	return c
}
