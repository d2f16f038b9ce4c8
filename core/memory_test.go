package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
)

const manyKeysSQL = `
CREATE STREAM vehicles (device STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed BIGINT)
	WITH (topic = 'v/{device}', format = 'json', timestamp = 'ts', disorder = '5s');
CREATE VIEW minutes AS SELECT device, COUNT(*) AS n, COLLECT_LIST(speed) AS list FROM vehicles
	WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 DAY) GROUP BY device EMIT CHANGES;
CREATE VIEW hops AS SELECT device, COUNT(*) AS n, SUM(speed) AS total FROM vehicles
	WINDOW HOPPING (SIZE 1 MINUTE, ADVANCE BY 20 SECONDS, GRACE PERIOD 1 DAY) GROUP BY device EMIT CHANGES;
CREATE VIEW trips AS SELECT device, COUNT(*) AS n, MAX(speed) AS top FROM vehicles
	WINDOW SESSION (30 SECONDS, GRACE PERIOD 1 DAY) GROUP BY device EMIT CHANGES;
CREATE VIEW once AS SELECT device, COUNT(*) AS n FROM vehicles
	WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 MINUTE) GROUP BY device EMIT FINAL;`

// More keys than the budget has room for: memory keeps to it after each turn and after a restart, and what is told and asked is what a core without
// bounds tells and answers, of a hot key beside them too.
func TestOpenWindowsKeepToTheirBudget(t *testing.T) {
	const keys, budget = 600, 200_000
	p := planOf(t, manyKeysSQL)
	told := map[int64][]string{}
	for _, open := range []int64{0, budget} {
		r := newRigWithin(t, p, open)
		fits := func(when string) {
			t.Helper()
			if bytes, items, _, _ := r.p.memory.Usage(); open > 0 && bytes > open {
				t.Errorf("%s: %d bytes, %d items in memory, of %d bytes", when, bytes, items, open)
			}
		}
		e := newHandEdge("north", p)
		for round := range int64(3) {
			for first := 0; first < keys; first += 100 {
				var rides []ride
				for i := first; i < first+100; i++ {
					rides = append(rides, ride{fmt.Sprintf("bus-%04d", i), round*15*second + int64(i)*1000, 1, 2, int64(i)})
					rides = append(rides, ride{"hot", round*15*second + int64(i)*1000, 1, 2, int64(i)})
				}
				r.turn(0, e.cut(t, second, rides...)...)
				fits("a turn")
			}
			if round == 1 {
				r.restart(0)
				fits("a restart")
			}
		}
		for _, us := range []int64{60 * second, 80 * second, 100 * second, 1000 * second} {
			r.turn(0, e.cut(t, us)...)
			fits("firing")
		}
		told[open] = r.effects()
		for _, name := range []string{"minutes", "hops", "trips", "once"} {
			told[open] = append(told[open], r.ask("SELECT * FROM "+name+" ORDER BY device, window_start")...)
		}
		if _, _, left, back := r.p.memory.Usage(); open > 0 && (left < keys || back < keys) {
			t.Errorf("%d left memory and %d came back", left, back)
		}
		r.close()
	}
	if !slices.Equal(told[0], told[budget]) {
		t.Fatalf("%d results without bounds, %d with a budget", len(told[0]), len(told[budget]))
	}
	fired := 0
	for _, line := range told[budget] {
		if strings.HasPrefix(line, "minutes,") {
			fired++
		}
	}
	if fired != keys+1 {
		t.Errorf("%d windows fired, of %d", fired, keys+1)
	}
}

// The newest row of a key is kept though it left memory: an older one does not replace it.
func TestNewestRowsKeepToTheirBudget(t *testing.T) {
	p := planOf(t, fleetSQL)
	stream := p.Streams[0]
	stream.Position = &plan.Position{Lat: 2, Lon: 3, Speed: -1, Heading: -1}
	r := newRigWithin(t, p, 1)
	defer func() { r.close() }()
	e := newHandEdge("north", p)
	for i, us := range []int64{50, 70, 60, 65} {
		if i == 3 {
			r.restart(0)
		}
		r.turn(0, e.cut(t, 0, ride{"bus", us * second, float64(us), 2, us})...)
		if len(r.p.streams[stream.Id].latest) > 0 {
			t.Fatal("a row stays in memory")
		}
	}
	if got := r.ask("SELECT speed FROM vehicles"); len(got) != 1 || got[0] != "70" {
		t.Errorf("%q", got)
	}
}
