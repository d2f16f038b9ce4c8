package core

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/alert/score"
	"github.com/hexpane/hexpane/protocol/value"
)

const scoredSQL = `
CREATE STREAM temps (sensor STRING KEY, ts TIMESTAMP, temp DOUBLE) WITH (topic = 't/{sensor}', timestamp = 'ts', disorder = '2h');
CREATE VIEW v AS SELECT sensor, AVG(temp) AS avg_temp FROM temps WINDOW TUMBLING (SIZE 30 MINUTES) GROUP BY sensor;
CREATE ALERT odd ON v WHEN anomaly(avg_temp) > 0.99 SEVERITY warning;
CREATE ALERT off ON v WHEN ABS(ewma_zscore(avg_temp * 1.8 + 32)) > 6 AND zscore(avg_temp, 20) IS NOT NULL SEVERITY info;`

// What alerts with scores tell, over partitions, turns and crashes and with readings out of order, is what the scores of each sensor's windows say, one after the other.
func TestScoredAlertsAreThoseOfTheirWindows(t *testing.T) {
	const halfHour, windows, sensors = 30 * minute, 4 * 48, 6
	begin := workloadStart / (48 * halfHour) * (48 * halfHour)
	told, crashes := 0, 0
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 30))
		f := newField(t, 3)
		s := &script{field: f, edge: "north"}
		for text := range strings.SplitSeq(scoredSQL, ";") {
			if text == "" {
				continue
			}
			if said := s.run(text); said != nil {
				t.Fatal(text, said)
			}
		}
		p := f.core.catalog.plan()
		odd, err := score.New(score.Spec{Kind: score.Anomaly, WindowUs: halfHour})
		check(t, err)
		off, err := score.New(score.Spec{Kind: score.Ewma, WindowUs: halfHour})
		check(t, err)
		var want []string
		held := map[string]bool{}
		var waiting []reading
		for w := range windows {
			at := begin + int64(w)*halfHour
			for i := range sensors {
				key := fmt.Sprintf("s%d", i)
				x := 20 + 5*math.Sin(2*math.Pi*float64(w)/48+float64(i)) + rng.NormFloat64()/3
				switch {
				case i == 1 && w >= 150: // drifts
					x += float64(w-150) / 4
				case i == 2 && w >= 120 && w < 140: // is stuck
					x = 21
				case rng.IntN(150) == 0:
					x += 30
				}
				for _, part := range []float64{-1, 1} {
					row := []value.Value{value.OfString(key), value.OfTime(at + rng.Int64N(halfHour)), value.OfDouble(x + part)}
					waiting = append(waiting, reading{p.Streams[0], row})
				}
				mean := ((x - 1) + (x + 1)) / 2
				z, ok := odd.Row(key, at, mean)
				deviations, also := off.Row(key, at, mean*1.8+32)
				for rule, holds := range map[string]bool{"odd": ok && z > 0.99, "off": also && math.Abs(deviations) > 6} {
					if holds && !held[rule+key] {
						want = append(want, fmt.Sprintf("%s, %s, %s", rule, key, value.FormatTime(at)))
					}
					held[rule+key] = holds
				}
			}
			if w%6 == 5 {
				rng.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
				mark := at + halfHour
				if rng.IntN(3) == 0 {
					mark -= 90 * minute
				}
				half := rng.IntN(len(waiting))
				f.send("north", nil, waiting[:half]...)
				f.send("north", map[uint32]int64{p.Streams[0].Id: mark}, waiting[half:]...)
				waiting = nil
				if rng.IntN(4) == 0 {
					crashes++
					f.crash()
				}
			}
		}
		f.send("north", map[uint32]int64{p.Streams[0].Id: begin + (windows+10)*halfHour})
		got, err := f.ask("SELECT alert, key, ts FROM alerts WHERE state = 'firing'")
		check(t, err)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: told\n%s\nwhere the scores say\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		told += len(want)
		f.close()
	}
	if told < 20 || crashes < 8 {
		t.Fatalf("only %d alerts and %d crashes were tried", told, crashes)
	}
}
