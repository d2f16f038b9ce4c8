package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
)

const depotsSQL = `
CREATE STREAM buses (device STRING KEY, ts TIMESTAMP, speed DOUBLE) WITH (topic = 'bus/{device}', timestamp = 'ts', disorder = '1s');
CREATE TABLE fleet (device STRING KEY, depot STRING, seats BIGINT) WITH (file = 'fleet.csv');
CREATE VIEW depots AS SELECT f.depot, COUNT(*) AS n, SUM(f.seats) AS seats FROM buses b LEFT JOIN fleet f ON b.device = f.device
	WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY f.depot;`

// A table beside a stream: the file's rows reach the edge, which keeps them without a core and over a kill, and follows the file.
func TestTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		next := filepath.Join(dir, "next")
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, "fleet.csv")); err != nil {
			t.Fatal(err)
		}
	}
	write("device,depot,seats\nbus-1,north,40\nbus-2,south,50\n")
	h := startHalves(t, depotsSQL, []string{"--tables.dir", dir}, nil)
	base := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	sent := 0
	send := func(devices ...string) {
		t.Helper()
		c := connect(t, h.edge.mqtt)
		defer c.Disconnect(100)
		for _, d := range devices {
			sent++
			token := c.Publish("bus/"+d, 1, false, fmt.Sprintf(`{"ts":%q,"speed":1}`, base.Add(time.Duration(sent)*time.Second).Format(time.RFC3339)))
			if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
				t.Fatal("not acknowledged: ", token.Error())
			}
		}
	}
	gives := func(statement string, want ...[]any) {
		t.Helper()
		eventually(t, func() error {
			_, rows, err := ask(h.core.http, statement)
			if err == nil && !slices.EqualFunc(rows, want, func(a, b []any) bool { return reflect.DeepEqual(a, b) }) {
				err = fmt.Errorf("%s gives %v, want %v", statement, rows, want)
			}
			return err
		})
	}
	const results = "SELECT depot, n, seats FROM depots ORDER BY depot"
	send("bus-1", "bus-2", "bus-3", "bus-1")
	gives(results, []any{"north", 2.0, 80.0}, []any{"south", 1.0, 50.0}, []any{nil, 1.0, nil})
	gives("SELECT seats, device FROM fleet WHERE depot = 'south'", []any{50.0, "bus-2"})

	h.core.Kill(t)
	h.edge.Kill(t)
	h.edge.start(t)
	send("bus-2")
	h.core.start(t)
	gives(results, []any{"north", 2.0, 80.0}, []any{"south", 2.0, 100.0}, []any{nil, 1.0, nil})

	// The edge has new rows when it has the plan that names them.
	plan := func() float64 {
		_, rows, err := ask(h.core.http, "SELECT MIN(plan_version) AS v FROM edges")
		if err != nil || len(rows) != 1 || rows[0][0] == nil {
			return 0
		}
		return rows[0][0].(float64)
	}
	before := plan()
	write("device,depot,seats\nbus-1,north,40\nbus-2,north,50\nbus-3,south,60\n")
	eventually(t, func() error {
		if now := plan(); before == 0 || now <= before {
			return fmt.Errorf("the edge has plan %v, as before", now)
		}
		return nil
	})
	send("bus-2", "bus-3")
	gives(results, []any{"north", 3.0, 130.0}, []any{"south", 3.0, 160.0}, []any{nil, 1.0, nil})

	write("device,depot\nbus-1,nowhere\n")
	eventually(t, func() error {
		if n, err := metric(h.core.http, `hexpane_core_table_failures_total{table="fleet"}`); err != nil || n != 1 {
			return fmt.Errorf("%v failures: %w", n, err)
		}
		return nil
	})
	gives("SELECT COUNT(*) AS n FROM fleet WHERE depot IS NOT NULL", []any{3.0})
	h.edge.Stop(t)
	h.core.Stop(t)
}
