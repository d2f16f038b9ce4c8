package oracle

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/alert/score"
	"github.com/hexpane/hexpane/simulators/sensors"
)

var _ = rand.Int

func TestTry(t *testing.T) {
	for seed := range uint64(12) {
		seed += 100; c := sensors.Week(seed)
		if os.Getenv("NOF") != "" {
			c.Faults = 0
		}
		run := sensors.Make(c)
		s, err := score.New(score.Spec{Kind: score.Anomaly, WindowUs: run.Step.Microseconds()})
		if err != nil {
			t.Fatal(err)
		}
		found := map[int]int{}
		falses := map[string]int{}
		start := time.Now()
		text := ""
		why := map[int]string{}
		for i, values := range run.Values {
			firing := false
			fault := -1
			for n, f := range run.Faults {
				if f.Sensor == i {
					fault = n
				}
			}
			for j, v := range values {
				if fault >= 0 && (j == run.Faults[fault].To-1 || j == (run.Faults[fault].To+run.Faults[fault].From)/2) && found[fault] == 0 {
					why[fault] += "\n      " + s.Why(sensors.Name(i), run.At(j).UnixMicro(), v)
				}
				sc, ok := s.Row(sensors.Name(i), run.At(j).UnixMicro(), v)
				was := firing
				firing = ok && sc > 0.99
				if firing && !was {
					if fault >= 0 && j >= run.Faults[fault].From && j < run.Faults[fault].To+12 {
						found[fault]++
					} else {
						falses[run.Kinds[i]]++
						k := ""
						if fault >= 0 {
							k = fmt.Sprint(run.Faults[fault])
						}
						text += fmt.Sprintf("  false %s %s day %.2f %s why %s\n", sensors.Name(i), run.Kinds[i], float64(j)/288, k, s.Why(sensors.Name(i), run.At(j).UnixMicro(), v))
					}
				}
			}
		}
		took := time.Since(start)
		by := map[string]string{}
		for n, f := range run.Faults {
			by[f.Kind] += fmt.Sprint(" ", found[n])
			if found[n] == 0 {
				text += fmt.Sprintf("  missed %s %s day %.2f..%.2f size %.1f %s\n", f.Kind, run.Kinds[f.Sensor], float64(f.From)/288, float64(f.To)/288, f.Size, why[n])
			}
		}
		t.Logf("seed %d found %d false %v %v by %v\n%s", seed, len(found), falses, took, by, text)
	}
}
