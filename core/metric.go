package core

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/hexpane/hexpane/core/api"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// Metric gives the history of one column of a view. It is a SELECT like any other: where the aggregation asked for is what the column
// is, the readings of all windows and keys in a point are put together (MERGE); else it is of the values that the windows had.
func (c *Core) Metric(ctx context.Context, q *api.MetricQuery) (*api.Metric, error) {
	now := *q
	now.OffsetUs = 0
	points, watermark, err := c.points(ctx, &now)
	if err != nil {
		return nil, err
	}
	m := &api.Metric{Points: points, Watermark: watermark}
	if q.OffsetUs > 0 {
		m.Earlier, _, err = c.points(ctx, q)
	}
	return m, err
}

func (c *Core) points(ctx context.Context, q *api.MetricQuery) (points []api.MetricPoint, watermark *string, err error) {
	text, err := metricSQL(c.catalog.plan(), q)
	if err != nil {
		return nil, nil, &api.StatementError{Message: err.Error()}
	}
	statements, err := sql.Parse(text)
	if err != nil {
		return nil, nil, statementError(err)
	}
	a, err := c.sel(ctx, statements[0].(*sql.Select))
	if err != nil {
		if err = statementError(err); isStatement(err) {
			err = &api.StatementError{Message: err.(*api.StatementError).Message} // its place is in a text that nobody wrote
		}
		return nil, nil, err
	}
	for _, row := range a.Rows {
		points = append(points, api.MetricPoint{Time: row[0], Value: row[1]})
	}
	return points, a.Watermark, nil
}

func isStatement(err error) bool {
	_, ok := err.(*api.StatementError)
	return ok
}

// metricSQL is the SELECT that a question means.
func metricSQL(p *plan.Plan, q *api.MetricQuery) (string, error) {
	var v *plan.View
	for _, one := range p.Views {
		if one.Name == strings.ToLower(q.View) || one.Name == q.View {
			v = one
		}
	}
	if v == nil {
		return "", fmt.Errorf("there is no view `%s`; GET /api/v1/views lists them", q.View)
	}
	column := -1
	for i, c := range v.Outputs {
		if c.Name == q.Column || c.Name == strings.ToLower(q.Column) {
			column = i
		}
	}
	switch {
	case column < 0:
		return "", fmt.Errorf("%s has no column `%s`; GET /api/v1/views lists them", v.Name, q.Column)
	case isKey(v, column):
		return "", fmt.Errorf("`%s` is a key of %s: take a column that is computed, and give the key's value by key=", q.Column, v.Name)
	case v.WindowUs == 0 || v.GapUs > 0:
		return "", fmt.Errorf("%s has no windows of one length, so it has no history at a granularity", v.Name)
	}
	step := v.WindowUs
	if v.AdvanceUs > 0 {
		step = v.AdvanceUs
	}
	rewindow := ""
	switch g := q.GranularityUs; {
	case g == 0 || g == step:
	case v.AdvanceUs > 0:
		return "", fmt.Errorf("granularity: %s has windows that overlap, so only one point each can be given: leave it out", v.Name)
	case g%v.WindowUs != 0:
		return "", fmt.Errorf("granularity: it is not a whole number of %s's windows, which are %g s", v.Name, float64(v.WindowUs)/1e6)
	default:
		rewindow = fmt.Sprintf(" WINDOW TUMBLING (SIZE %d MILLISECONDS)", g/1000)
	}
	of, err := metricValue(v, column, q.Aggregation)
	if err != nil {
		return "", err
	}
	where, err := metricWhere(v, q)
	if err != nil {
		return "", err
	}
	earlier := ""
	if q.OffsetUs > 0 {
		earlier = fmt.Sprintf(" OFFSET '%dus'", q.OffsetUs)
	}
	return "SELECT window_start, " + of + " FROM " + quoted(v.Name) + earlier + where + rewindow + " GROUP BY window_start ORDER BY window_start", nil
}

// merging are the aggregations that are the column's own aggregate.
var merging = map[string][]string{"sum": {"SUM", "COUNT"}, "count": {"COUNT", "COUNT_DISTINCT"}, "avg": {"AVG"}, "min": {"MIN"}, "max": {"MAX"},
	"p50": {"PERCENTILE"}, "p95": {"PERCENTILE"}, "p99": {"PERCENTILE"}}

// metricValue is the expression of a point's value.
func metricValue(v *plan.View, column int, aggregation string) (string, error) {
	name, function := quoted(v.Outputs[column].Name), ""
	if e, ok := v.OutputExprs[column].Node.(*plan.Expr_Column); ok {
		if n := int(e.Column) - len(v.Keys); n >= 0 && n < len(v.Aggregates) {
			function = v.Aggregates[n].Function
		}
	}
	share := map[string]string{"p50": "0.5", "p95": "0.95", "p99": "0.99"}[aggregation]
	if aggregation == "" && function != "" {
		return "MERGE(" + name + ")", nil
	}
	if aggregation == "" {
		return "", fmt.Errorf("`%s` of %s is computed from aggregates: say by aggregation= what is wanted of its values", v.Outputs[column].Name, v.Name)
	}
	for _, own := range merging[aggregation] {
		if own == function && share != "" {
			return "MERGE(" + name + ", " + share + ")", nil
		}
		if own == function {
			return "MERGE(" + name + ")", nil
		}
	}
	if !value.Kind(v.Outputs[column].Type.GetKind()).Numeric() && aggregation != "count" {
		return "", fmt.Errorf("`%s` of %s is no number: only count is of that", v.Outputs[column].Name, v.Name)
	}
	noMean := function == "PERCENTILE" || function == "STDDEV" || function == "COUNT_DISTINCT"
	switch {
	case noMean && (aggregation == "sum" || aggregation == "avg") || function == "AVG" && aggregation == "sum":
		return "", fmt.Errorf("the %s of `%s`, which is %s, would be no %[1]s of readings; leave aggregation out to have it of all readings of a point",
			aggregation, v.Outputs[column].Name, strings.ReplaceAll(function, "_", " "))
	case share != "":
		return "PERCENTILE(" + name + ", " + share + ")", nil
	}
	return strings.ToUpper(aggregation) + "(" + name + ")", nil
}

// metricWhere limits the windows and the keys.
func metricWhere(v *plan.View, q *api.MetricQuery) (string, error) {
	var all []string
	if q.From != math.MinInt64 {
		all = append(all, "window_start >= "+text(value.FormatTime(q.From)))
	}
	if q.To != math.MaxInt64 {
		all = append(all, "window_start < "+text(value.FormatTime(q.To)))
	}
	var keys []*plan.Column
	for i := range v.Keys {
		for o, e := range v.OutputExprs {
			if at, ok := e.Node.(*plan.Expr_Column); ok && int(at.Column) == i {
				keys = append(keys, v.Outputs[o])
				break
			}
		}
	}
	if len(q.Keys) > len(keys) {
		return "", fmt.Errorf("key is given %d times; %s has %d key columns to choose by", len(q.Keys), v.Name, len(keys))
	}
	for i, k := range q.Keys {
		t := keys[i].Type.Value()
		literal := text(k)
		if _, err := value.Parse(t, k); err != nil {
			return "", fmt.Errorf("key: %q is no %s, which `%s` is", k, t, keys[i].Name)
		}
		if t.Kind != value.String && t.Kind != value.Cell {
			literal = "CAST(" + literal + " AS " + t.String() + ")"
		}
		all = append(all, quoted(keys[i].Name)+" = "+literal)
	}
	if all == nil {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), nil
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
