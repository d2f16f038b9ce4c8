package api

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hexpane/hexpane/protocol/value"
)

// MetricQuery asks for the history of one column of a view.
type MetricQuery struct {
	View, Column  string
	Aggregation   string   // one of Aggregations; "": what the column is
	Keys          []string // values of the view's key columns, in order; fewer: of the first ones
	From, To      int64    // windows that start in [From, To), µs
	GranularityUs int64    // a point each; 0: the view's windows
	OffsetUs      int64    // the same of so long before is asked for, too; 0: not
}

// Aggregations of a MetricQuery.
var Aggregations = []string{"sum", "avg", "min", "max", "count", "p50", "p95", "p99"}

// Metric is a column's history, by time.
type Metric struct {
	Points    []MetricPoint `json:"points"`
	Earlier   []MetricPoint `json:"earlier,omitzero"` // of offset before, at the times that they stand beside
	Watermark *string       `json:"watermark"`
}

// MetricPoint is one value; Time is where its span of the granularity starts.
type MetricPoint struct {
	Time  value.Value `json:"time"`
	Value value.Value `json:"value"`
}

// metricParameters are the call's, for OpenAPI and for telling a wrong name.
var metricParameters = []struct{ name, about string }{
	{"start_time", "windows that start here or later: RFC 3339, or seconds or milliseconds since 1970"},
	{"end_time", "windows that start before this"},
	{"granularity", "length of time of a point, such as 10s, 5m, 1h, 1d: a whole number of the view's windows; absent: one window"},
	{"aggregation", strings.Join(Aggregations, ", ") + "; absent: what the column is"},
	{"offset", "length of time such as 1d or 7d: the same of so long before comes as earlier, with its times moved on by that"},
	{"key", "value of the view's key; once for each key column, in order; absent: all keys together"},
}

// metric serves GET /api/v1/metrics/{metric}/data.
func (s *server) metric(w http.ResponseWriter, r *http.Request) {
	q, err := metricQuery(r.PathValue("metric"), r.URL.Query())
	if err != nil {
		failWith(w, &StatementError{Message: err.Error()})
		return
	}
	m, err := s.Service.Metric(r.Context(), q)
	if err != nil {
		failWith(w, err)
		return
	}
	if m.Points == nil {
		m.Points = []MetricPoint{}
	}
	if m.Earlier == nil && q.OffsetUs > 0 {
		m.Earlier = []MetricPoint{}
	}
	reply(w, http.StatusOK, m)
}

func metricQuery(metric string, values url.Values) (*MetricQuery, error) {
	q := &MetricQuery{From: math.MinInt64, To: math.MaxInt64, Keys: values["key"]}
	var ok bool
	if q.View, q.Column, ok = strings.Cut(metric, "."); !ok || q.View == "" || q.Column == "" {
		return nil, fmt.Errorf("%q is no metric: it is VIEW.COLUMN, as in /api/v1/metrics/cell_speed.avg_speed/data", metric)
	}
	for name, given := range values {
		known := name == "token"
		for _, p := range metricParameters {
			known = known || p.name == name
		}
		if !known {
			return nil, fmt.Errorf("there is no parameter %q: start_time, end_time, granularity, aggregation, offset and key are taken", name)
		}
		if name != "key" && len(given) > 1 {
			return nil, fmt.Errorf("%s is given %d times, and may be given once", name, len(given))
		}
	}
	if q.Aggregation = strings.ToLower(values.Get("aggregation")); q.Aggregation != "" && !slices.Contains(Aggregations, q.Aggregation) {
		return nil, fmt.Errorf("there is no aggregation %q: it is one of %s", q.Aggregation, strings.Join(Aggregations, ", "))
	}
	for name, at := range map[string]*int64{"start_time": &q.From, "end_time": &q.To} {
		if text := values.Get(name); text != "" {
			v, err := value.Parse(value.Type{Kind: value.Timestamp}, strings.ReplaceAll(text, " ", "+")) // an unescaped + is a blank
			if err != nil {
				return nil, fmt.Errorf("%s: %q is no time: RFC 3339, as 2026-01-31T12:00:00Z, or seconds or milliseconds since 1970", name, text)
			}
			*at = v.Time().UnixMicro()
		}
	}
	if q.From >= q.To {
		return nil, fmt.Errorf("end_time must be after start_time")
	}
	if text := values.Get("granularity"); text != "" {
		if q.GranularityUs, ok = span(text); !ok {
			return nil, fmt.Errorf("granularity: %q is no length of time such as 10s, 5m, 1h or 1d", text)
		}
	}
	if text := values.Get("offset"); text != "" {
		if q.OffsetUs, ok = span(text); !ok {
			return nil, fmt.Errorf("offset: %q is no length of time such as 1h, 1d or 7d", text)
		}
	}
	return q, nil
}

// span reads 90s, 1h30m, 7d, or a number of seconds, as µs.
func span(text string) (int64, bool) {
	d, err := time.ParseDuration(text)
	if err != nil {
		if days, found := strings.CutSuffix(text, "d"); found {
			text = days
			d = 24 * time.Hour
		} else {
			d = time.Second
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n > int64(math.MaxInt64/d) {
			return 0, false
		}
		d *= time.Duration(n)
	}
	return d.Microseconds(), d >= time.Microsecond
}

// describeMetric describes the call.
func describeMetric(op, responses map[string]any) {
	type object = map[string]any
	parameters := op["parameters"].([]object)
	for _, p := range metricParameters {
		schema := object{"type": "string"}
		if p.name == "key" {
			schema = object{"type": "array", "items": schema}
		}
		parameters = append(parameters, object{"name": p.name, "in": "query", "required": false, "schema": schema, "description": p.about})
	}
	op["parameters"] = parameters
	points := object{"type": "array", "items": object{"type": "object", "properties": object{"time": object{"type": "string", "format": "date-time"}, "value": object{}}}}
	responses["200"] = object{"description": "the points, by time", "content": object{"application/json": object{"schema": object{"type": "object",
		"properties": object{"points": points, "earlier": points,
			"watermark": object{"type": []string{"string", "null"}, "format": "date-time"}}}}}}
	responses["400"] = object{"description": "what is asked for makes no sense, and why"}
}
