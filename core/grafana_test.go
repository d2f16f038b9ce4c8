package core

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

// The queries of deploy/grafana's dashboard run, and each has something to show of a core that had late readings, events at fences and alerts.
func TestGrafanasQueriesAreAnswered(t *testing.T) { onBoth(t, grafanasQueriesAreAnswered) }

func grafanasQueriesAreAnswered(t *testing.T, db *influxd) {
	s := &script{field: newHistoryField(t, 3), edge: "north"}
	defer func() { s.close() }()
	for _, line := range []string{
		"CREATE STREAM temps (sensor STRING KEY, ts TIMESTAMP, temp DOUBLE, lat DOUBLE, lon DOUBLE) WITH (topic = 't/{sensor}', timestamp = 'ts', position = 'lat,lon');",
		"CREATE VIEW per_sensor AS SELECT sensor, AVG(temp) AS avg_temp, COUNT(*) AS n FROM temps WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR) GROUP BY sensor;",
		"CREATE ALERT hot ON per_sensor WHEN avg_temp > 80 SEVERITY critical;",
		"FENCE depot 0,0 to 9,9 {}",
		"INSERT INTO temps VALUES ('a', '10:00:10', 85, 50, 50), ('b', '10:00:10', 70, 5, 5);",
		"WATERMARK '10:01:00'",
		"INSERT INTO temps VALUES ('a', '10:00:20', 95, 50, 50), ('a', '10:02:10', 95, 5, 5);",
		"WATERMARK '10:05:00'",
	} {
		if said := s.run(line); said != nil {
			t.Fatal(line, said)
		}
	}
	bucket := db.bucket(t)
	db.take(s.field, bucket)
	raw, err := os.ReadFile("../deploy/grafana/dashboards/hexpane.json")
	check(t, err)
	var dashboard struct {
		Templating struct {
			List []struct{ Name, Query string }
		}
		Panels []struct {
			Title   string
			Targets []struct{ Query string }
		}
	}
	check(t, json.Unmarshal(raw, &dashboard))
	chosen := strings.NewReplacer("$view", "per_sensor", "$column", "avg_temp", "$key", "sensor", "$timeFilter", "time >= '2026-01-01T09:00:00Z' AND time < '2026-01-01T11:00:00Z'", "$__interval", "1m")
	if len(dashboard.Panels) < 8 || len(dashboard.Templating.List) != 3 {
		t.Fatalf("%d panels, %d variables", len(dashboard.Panels), len(dashboard.Templating.List))
	}
	for _, v := range dashboard.Templating.List {
		want := map[string]string{"view": "per_sensor", "column": "avg_temp", "key": "sensor"}[v.Name]
		if got := db.first(t, bucket, chosen.Replace(v.Query)); !slices.Contains(got, want) {
			t.Errorf("%s may be %q, want %q among them", v.Name, got, want)
		}
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			if got := db.first(t, bucket, chosen.Replace(target.Query)); len(got) == 0 {
				t.Errorf("%s shows nothing: %s", p.Title, chosen.Replace(target.Query))
			}
		}
	}
}

// first runs a query, and gives the first value of each row.
func (s *influxd) first(t *testing.T, database, query string) (texts []string) {
	t.Helper()
	text := s.post(t, "/query?"+url.Values{"db": {database}, "q": {query}}.Encode(), nil)
	var answer struct {
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	check(t, json.Unmarshal(text, &answer))
	for _, r := range answer.Results {
		if r.Error != "" {
			t.Fatalf("%s: %s", query, r.Error)
		}
		for _, series := range r.Series {
			for _, values := range series.Values {
				texts = append(texts, fmt.Sprint(values[0]))
			}
		}
	}
	return texts
}
