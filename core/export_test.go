package core

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// exported gives an export's rows, values joined by blanks.
func exported(c *Core, query string) (rows []string, err error) {
	a, err := c.Export(context.Background(), query)
	if err != nil {
		return nil, err
	}
	return rows, a.Each(context.Background(), func(row []value.Value) error {
		var words []string
		for _, v := range row {
			words = append(words, v.Text())
		}
		rows = append(rows, strings.Join(words, " "))
		return nil
	})
}

// An export has the rows of the same SELECT, in the same order.
func TestExportIsTheSelect(t *testing.T) {
	p := planOf(t, fleetSQL)
	r := newRig(t, p)
	defer r.close()
	edge := newHandEdge("north", p)
	var rides []ride
	for i := range 400 {
		rides = append(rides, ride{device: fmt.Sprint("bus", i%7), us: int64(i) * second, speed: int64(i % 50)})
	}
	r.turn(0, edge.cut(t, 350*second, rides...)...)
	rapid.Check(t, func(t *rapid.T) {
		query := "SELECT " + rapid.SampledFrom([]string{"*", "device, n * 2 AS twice", "s.device, o.mean"}).Draw(t, "what")
		grouped := !strings.Contains(query, "o.") && rapid.Bool().Draw(t, "grouped")
		if grouped {
			query = "SELECT device, SUM(n), MAX(top)"
		}
		query += " FROM speeds s"
		if strings.Contains(query, "o.") {
			query += " JOIN settled o ON o.device = s.device AND o.window_start = s.window_start"
		}
		query += rapid.SampledFrom([]string{"", " WHERE s.top > 20", " WHERE s.window_start >= '1970-01-01T00:01:00Z'", " WHERE s.n < 0"}).Draw(t, "where")
		if grouped {
			query += " GROUP BY device" + rapid.SampledFrom([]string{"", " HAVING SUM(n) > 56"}).Draw(t, "having")
		}
		if rapid.Bool().Draw(t, "ordered") {
			query += " ORDER BY 2 DESC, 1"
		}
		query += rapid.SampledFrom([]string{"", " LIMIT 0", " LIMIT 5", " LIMIT 1000", " OFFSET 3", " LIMIT 4 OFFSET 3", " LIMIT 4 OFFSET 1000"}).Draw(t, "limit")
		want := r.ask(query)
		got, err := exported(r.core, query)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%s: %v\n%q, not\n%q", query, err, got, want)
		}
	})
}

// An export may have more rows than an answer may; query.max_export_rows is its limit.
func TestExportLimits(t *testing.T) {
	p := planOf(t, fleetSQL)
	r := newRig(t, p)
	defer r.close()
	var rides []ride
	for i := range 100 {
		rides = append(rides, ride{device: fmt.Sprint("bus", i), us: second})
	}
	r.turn(0, newHandEdge("north", p).cut(t, 350*second, rides...)...)
	r.core.cfg.Query.MaxRows = 50
	if _, err := r.core.Execute(t.Context(), "SELECT * FROM speeds"); err == nil {
		t.Error("an answer has more rows than it may")
	}
	if rows, err := exported(r.core, "SELECT * FROM speeds"); err != nil || len(rows) != 100 {
		t.Errorf("%d rows: %v", len(rows), err)
	}
	r.core.cfg.Query.MaxExportRows = 60
	if rows, err := exported(r.core, "SELECT * FROM speeds"); !errors.Is(err, errExportRows) || len(rows) != 60 {
		t.Errorf("%d rows: %v", len(rows), err)
	}
	for _, wrong := range []string{"SELECT nothing FROM speeds", "SELECT * FROM nowhere", "SELEC"} {
		if _, err := r.core.Export(t.Context(), wrong); err == nil {
			t.Errorf("%s: no error before the rows", wrong)
		}
	}
	if a, err := r.core.Export(t.Context(), "SHOW VIEWS"); err != nil || a.Each != nil || len(a.Rows) != 2 {
		t.Errorf("SHOW VIEWS: %v %v", a, err)
	}
	if len(r.core.exports.turns) != 0 {
		t.Error("a turn is not given back")
	}
}

// A query that nobody waits for any more stops reading, also where no row would ever come of it.
func TestCancelledQueriesStopReading(t *testing.T) {
	p := planOf(t, fleetSQL+` CREATE VIEW hidden AS SELECT device, COUNT(*) AS n FROM vehicles WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY device HAVING COUNT(*) > 100;`)
	r := newRig(t, p)
	defer r.close()
	edge := newHandEdge("north", p)
	var rides []ride
	for i := range 20 * checkEvery {
		rides = append(rides, ride{device: fmt.Sprint("bus", i), us: second})
	}
	r.turn(0, edge.cut(t, 0, rides...)...)
	for _, query := range []string{"SELECT * FROM speeds", "SELECT * FROM speeds WHERE n < 0", "SELECT COUNT(*) FROM speeds", "SELECT device, COUNT(*) FROM speeds GROUP BY device",
		"SELECT device FROM speeds ORDER BY n", "SELECT s.device FROM speeds s JOIN settled o ON o.device = s.device", "SELECT * FROM hidden"} {
		statements, err := sql.Parse(query)
		check(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		asked, err := r.core.prepare(ctx, statements[0].(*sql.Select))
		check(t, err)
		read := 0
		cancel()
		err = asked.run(func(rows iter.Seq[[]value.Value], joined []iter.Seq[[]value.Value]) error {
			return asked.query.Each(ctx, func([]value.Value) error { return nil }, func(yield func([]value.Value) bool) {
				for row := range rows {
					if read++; !yield(row) {
						return
					}
				}
			}, joined...)
		})
		if !errors.Is(err, context.Canceled) || read > checkEvery {
			t.Errorf("%s: %d rows were read, and %v", query, read, err)
		}
	}
	r.core.cfg.Query.Timeout = time.Nanosecond
	if _, err := r.core.Execute(t.Context(), "SELECT * FROM hidden"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("query.timeout: %v", err)
	}
}
