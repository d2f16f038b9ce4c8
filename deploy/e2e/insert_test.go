package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// INSERT INTO: rows count as readings do, once each; what can't be taken in says why, and nothing of it is.
func TestInsert(t *testing.T) {
	t.Parallel()
	s := startSite(t, `CREATE STREAM notes (device STRING KEY, ts TIMESTAMP, what STRING PATH '$.note.text', n BIGINT, cost DECIMAL(8,2), ok BOOLEAN) WITH (topic = 'notes/{device}', timestamp = 'ts');
		CREATE STREAM lines (device STRING KEY, x DOUBLE) WITH (topic = 'lines/{device}', format = 'line');
		CREATE STREAM odd (device STRING KEY, x DOUBLE PATH '$.*.x') WITH (topic = 'odd/{device}');
		CREATE VIEW noted AS SELECT device, COUNT(*) AS n, LAST(what) AS last, SUM(n) AS sum, SUM(cost) AS cost FROM notes GROUP BY device`)
	insert := func(statement string) {
		t.Helper()
		if _, _, err := ask(s.http, statement); err != nil {
			t.Fatal(err)
		}
	}
	insert(`INSERT INTO notes VALUES ('bus-1', '2026-01-01T10:00:00Z', 'new "tyres"', 2, 10.25, TRUE), ('bus-2', '2026-01-01T10:00:01.5Z', NULL, 1 + 2, NULL, FALSE)`)
	insert(`INSERT INTO notes (n, device, ts) VALUES (5, 'bus-1', NOW())`)
	insert(`INSERT INTO notes VALUES ('bus-1', '2026-01-01T10:00:00Z', 'new "tyres"', 2, 10.25, TRUE)`) // the same once more
	eventually(t, func() error {
		_, rows, err := ask(s.http, "SELECT device, n, last, sum, cost FROM noted ORDER BY device")
		want := []string{"[bus-1 2 new \"tyres\" 7 10.25]", "[bus-2 1 <nil> 3 <nil>]"}
		var got []string
		for _, row := range rows {
			got = append(got, fmt.Sprint(row))
		}
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("%q, want %q", got, want)
		}
		return err
	})
	for statement, why := range map[string]string{
		"INSERT INTO lines VALUES ('a', 1.0)":                         "streams of JSON",
		"INSERT INTO notes (device, n) VALUES ('ok', 1), ('a/b', 2)":  "can't be a level",
		"INSERT INTO odd VALUES ('a', 1.0)":                           "PATH",
		"INSERT INTO noted VALUES ('a')":                              "is a view",
		"INSERT INTO notes (device, wat) VALUES ('a', 1)":             "no column",
		"INSERT INTO notes (device, ts) VALUES ('a', 'yesterday')":    "yesterday",
		"INSERT INTO notes (device, ts, n) VALUES ('a', NOW(), 1.50)": "BIGINT",
	} {
		if _, _, err := ask(s.http, statement); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want it to say %s", statement, err, why)
		}
	}
	h := startHalves(t, "CREATE STREAM notes (device STRING KEY, n BIGINT) WITH (topic = 'notes/{device}')", nil, nil)
	if _, _, err := ask(h.core.http, "INSERT INTO notes VALUES ('a', 1)"); err == nil || !strings.Contains(err.Error(), "/api/v1/ingest") {
		t.Error(err)
	}
}
