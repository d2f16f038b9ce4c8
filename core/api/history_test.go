package api

import (
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
)

func TestMetricQuestions(t *testing.T) {
	const day = int64(1_767_225_600_000_000) // 2026-01-01T00:00:00Z
	for query, want := range map[string]MetricQuery{
		"": {View: "cell_speed", Column: "avg", From: math.MinInt64, To: math.MaxInt64},
		"?start_time=2026-01-01T00:00:00Z&end_time=2026-01-01T01:00:00%2B00:00&granularity=5m&aggregation=P95&key=a&key=b": {View: "cell_speed", Column: "avg",
			Aggregation: "p95", Keys: []string{"a", "b"}, From: day, To: day + 3600e6, GranularityUs: 300e6},
		"?start_time=2026-01-01T00:00:00+00:00&granularity=1d":         {View: "cell_speed", Column: "avg", From: day, To: math.MaxInt64, GranularityUs: 86400e6},
		"?start_time=1767225600&end_time=1767225600001&granularity=90": {View: "cell_speed", Column: "avg", From: day, To: day + 1000, GranularityUs: 90e6},
		"?offset=7d": {View: "cell_speed", Column: "avg", From: math.MinInt64, To: math.MaxInt64, OffsetUs: 7 * 86400e6},
	} {
		f := &fake{points: []MetricPoint{{value.OfTime(day), value.OfDouble(1.5)}}}
		w := call(Handler(parts(f, "")), "GET", "/api/v1/metrics/cell_speed.avg/data"+query, "")
		if w.Code != 200 || strings.TrimSpace(w.Body.String()) != strings.Replace(`{"points":[{"time":"2026-01-01T00:00:00Z","value":1.5}],EARLIER"watermark":null}`, "EARLIER", map[bool]string{true: `"earlier":[],`}[want.OffsetUs > 0], 1) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
			continue
		}
		got, err := json.Marshal(f.metric)
		want, _ := json.Marshal(want)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s\nasks %s\nwant %s", query, got, want)
		}
	}
}

func TestMetricQuestionsRefused(t *testing.T) {
	h := Handler(parts(&fake{}, ""))
	for path, want := range map[string]string{
		"cell_speed/data":                      "VIEW.COLUMN",
		"cell_speed./data":                     "VIEW.COLUMN",
		"v.c/data?granularity=-5m":             "granularity",
		"v.c/data?granularity=0":               "granularity",
		"v.c/data?granularity=9999999999999d":  "granularity",
		"v.c/data?aggregation=median":          "p50, p95, p99",
		"v.c/data?start_time=yesterday":        "RFC 3339",
		"v.c/data?start_time=2000&end_time=20": "after start_time",
		"v.c/data?offset=never":                "offset",
		"v.c/data?from=20":                     `"from"`,
		"v.c/data?granularity=1m&granularity=": "2 times",
	} {
		if p := refusal(t, call(h, "GET", "/api/v1/metrics/"+path, ""), http.StatusBadRequest); !strings.Contains(p.Message, want) {
			t.Errorf("%s: %s", path, p.Message)
		}
	}
	if w := call(Handler(parts(&fake{}, "")), "GET", "/api/v1/metrics/v.c/data", ""); strings.TrimSpace(w.Body.String()) != `{"points":[],"watermark":null}` {
		t.Errorf("of nothing: %s", w.Body)
	}
}
