package core

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/intake"
	"github.com/hexpane/hexpane/core/pattern"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/hexpane/hexpane/protocol/wire"
)

// useStream is the stream of deploy/examples/patterns/cards.sql, and the shipped patterns of it beside what makes them dearer.
const useStream = `CREATE STREAM purchases (card STRING KEY, ts TIMESTAMP, city STRING, lat DOUBLE, lon DOUBLE, amount DECIMAL(10,2))
	WITH (topic = 'pay/+', timestamp = 'ts', disorder = '30s', position = 'none');`

var usePatterns = []struct{ name, sql string }{
	{"any_row", `CREATE PATTERN p AS SELECT card FROM purchases MATCH_RECOGNIZE (PARTITION BY card PATTERN (A) DEFINE A AS amount < 0)`},
	{"many_cities", `CREATE PATTERN p AS SELECT card, uses FROM purchases MATCH_RECOGNIZE (PARTITION BY card MEASURES COUNT(*) AS uses
		PATTERN (U{4,}? L) WITHIN INTERVAL '1' HOUR DEFINE L AS COUNT(DISTINCT city) >= 3)`},
	{"impossible_travel", `CREATE PATTERN p AS SELECT card, a FROM purchases MATCH_RECOGNIZE (PARTITION BY card MEASURES A.city AS a AFTER MATCH SKIP TO NEXT ROW
		PATTERN (A B) WITHIN INTERVAL '12' HOUR DEFINE B AS distance_m(A.lat, A.lon, lat, lon) > 250.0 * (UNIX_TIMESTAMP(ts) - UNIX_TIMESTAMP(A.ts)) / 1000)`},
	{"impossible_travel_each_pair", `CREATE PATTERN p AS SELECT card, a FROM purchases MATCH_RECOGNIZE (PARTITION BY card MEASURES A.city AS a AFTER MATCH SKIP TO NEXT ROW
		PATTERN (A FOLLOWED BY B) WITHIN INTERVAL '1' HOUR DEFINE B AS distance_m(A.lat, A.lon, lat, lon) > 250.0 * (UNIX_TIMESTAMP(ts) - UNIX_TIMESTAMP(A.ts)) / 1000)`},
	{"impossible_travel_on_arrival", `CREATE PATTERN p AS SELECT card, a FROM purchases MATCH_RECOGNIZE (PARTITION BY card MEASURES A.city AS a AFTER MATCH SKIP TO NEXT ROW
		PATTERN (A B) WITHIN INTERVAL '12' HOUR DEFINE B AS distance_m(A.lat, A.lon, lat, lon) > 250.0 * (UNIX_TIMESTAMP(ts) - UNIX_TIMESTAMP(A.ts)) / 1000) EMIT ON ARRIVAL`},
}

// BenchmarkPatternTurn is a row of one of 1,000 cards through a partition: decoded, put in order, waited for, matched, stored and committed to a
// store in memory, 1,000 rows a turn; each card has 100 in an hour, and the watermark is 30 s behind.
func BenchmarkPatternTurn(b *testing.B) {
	for _, c := range usePatterns {
		b.Run(c.name, func(b *testing.B) {
			r := newUses(b, c.sql)
			defer r.close()
			for range 200 {
				r.turn(1000, 1000)
			}
			r.used = 0
			for b.Loop() {
				r.turn(1000, 1000)
			}
			b.ReportMetric(float64(b.N)*1000/r.used.Seconds(), "rows/cpu-s")
		})
	}
}

// uses is a partition that purchases come to.
type uses struct {
	*rig
	plan *plan.Plan
	*rand.Rand
	us, seq int64
	used    time.Duration // processor time of the partition
}

func newUses(t tester, sql string) *uses {
	p := planOf(t, useStream+sql)
	r := newRig(t, p)
	r.p.sink = nil
	return &uses{rig: r, plan: p, Rand: rand.New(rand.NewPCG(1, 1))}
}

// turn brings so many rows of so many cards, each a hundredth of an hour after the one before.
func (u *uses) turn(rows, cards int) {
	values := make([]value.Value, 0, 7*rows)
	for range rows {
		u.us += 36 * second / int64(cards)
		us := u.us - u.Int64N(20*second)
		values = append(values, value.OfString(fmt.Sprintf("card-%05d", u.IntN(cards))), value.OfTime(us), value.OfString([]string{"Port Meridian", "Lind"}[u.IntN(2)]),
			value.OfDouble(40+u.Float64()/100), value.OfDouble(-30+u.Float64()/100), value.OfDecimal(u.Int64N(9000), 2), value.OfTime(us))
	}
	u.seq++
	batch := &wire.Batch{Edge: "north", Epoch: 1, Seq: uint64(u.seq), PlanVersion: u.plan.Version,
		Rows:       []*wire.Rows{{Stream: u.plan.Routes[0].Id, Count: uint32(rows), Columns: wire.AppendColumns(nil, values, 7)}},
		Watermarks: []*wire.Watermark{{Stream: u.plan.Streams[0].Id, Us: u.us - 30*second}}}
	before := processorTime(u.t)
	check(u.t, u.p.turn(context.Background(), []intake.Message{{Sequence: uint64(u.seq), Batch: batch}}, u.us))
	u.used += processorTime(u.t) - before
}

// TestMillionRowsOfOneKeyInAPartition: what a partition holds of one key in memory, and what its store holds, keeps to the limits however many rows come.
func TestMillionRowsOfOneKeyInAPartition(t *testing.T) {
	rows := 40_000
	if os.Getenv("HEXPANE_SOAK") == "1" {
		rows = 1_000_000
	}
	for _, arrival := range []string{"", " EMIT ON ARRIVAL"} {
		u := newUses(t, `CREATE PATTERN p AS SELECT card FROM purchases MATCH_RECOGNIZE (PARTITION BY card PATTERN (A FOLLOWED BY B FOLLOWED BY C)
			DEFINE B AS city = A.city, C AS amount > 100)`+arrival)
		for id, s := range u.p.patterns {
			def := *s
			var err error
			def.Engine, err = pattern.New(s.def, pattern.Limits{Rows: 1000, Waiting: 1000, Threads: 500})
			check(t, err)
			u.p.patterns[id] = &def
			for _, route := range u.p.routes {
				route.patterns = []*patternState{&def}
			}
		}
		most, stored := 0, 0
		for i := range rows / 500 {
			u.turn(500, 1)
			for id, s := range u.p.patterns {
				most = max(most, s.bytes)
				if i%50 != 49 {
					continue
				}
				kept := 0
				check(t, u.p.store.PatternKeys(0, id, func(_, state []byte) (bool, error) { kept += len(state); return true, nil }))
				check(t, u.p.store.PatternLogs(0, id, func(_ []byte, _ uint64, entry []byte) (bool, error) { kept += len(entry); return true, nil }))
				stored = max(stored, kept)
			}
		}
		for _, s := range u.p.patterns {
			n := s.Counts()
			t.Logf("soak: %d rows of one key through a partition%s: %d bytes in memory at most, by count, %d in the store; given up %d for rows, %d for threads, hurried %d",
				rows, arrival, most, stored, n.OverRows, n.OverThreads, n.Hurried)
			if n.Rows < uint64(rows*9/10) || n.OverRows+n.OverThreads == 0 {
				t.Errorf("no limit was met: %+v", n)
			}
		}
		if most > 4<<20 || stored > 1<<20 || stored == 0 {
			t.Errorf("%d bytes in memory, %d in the store", most, stored)
		}
		u.close()
	}
}
