package oracle

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/alert/score"
	"github.com/hexpane/hexpane/simulators/sensors"
)

// week is what an alert made of a week of sensors: an alert on a sensor begins where the rule holds and did not a reading before, and is a false one unless a
// fault of that sensor is at work, or was within the hour.
type week struct {
	found map[int]int // alerts of each fault
	wrong int
	held  int // readings for which the rule held on healthy sensors
}

func judge(run *sensors.Run, holds func(sensor, step int) bool) week {
	w := week{found: map[int]int{}}
	faults := map[int]int{}
	for n, f := range run.Faults {
		faults[f.Sensor] = n
	}
	after := int(time.Hour / run.Step)
	for i, values := range run.Values {
		n, faulty := faults[i]
		was := false
		for j := range values {
			is := holds(i, j)
			switch {
			case !is || was:
			case faulty && j >= run.Faults[n].From && j < run.Faults[n].To+after:
				w.found[n]++
			default:
				w.wrong++
			}
			if was = is; is && !faulty {
				w.held++
			}
		}
	}
	return w
}

// scores gives anomaly(value) of each reading; −1: there is none.
func scores(t *testing.T, run *sensors.Run) [][]float64 {
	s, err := score.New(score.Spec{Kind: score.Anomaly, WindowUs: run.Step.Microseconds()})
	if err != nil {
		t.Fatal(err)
	}
	all := make([][]float64, len(run.Values))
	for i, values := range run.Values {
		all[i] = make([]float64, len(values))
		for j, v := range values {
			x, ok := s.Row(sensors.Name(i), run.At(j).UnixMicro(), v)
			if all[i][j] = x; !ok {
				all[i][j] = -1
			}
		}
	}
	return all
}

// threshold is the best of plain limits: so many deviations about the mean of each sensor's first two days, or of those of its kind, as many as find most
// with no more false alerts than allowed. It is chosen with the faults in sight, which no operator has.
func threshold(run *sensors.Run, allowed int, each bool) (best week, deviations float64) {
	learn := int(run.Quiet / run.Step)
	of := func(i int) string {
		if each {
			return sensors.Name(i)
		}
		return run.Kinds[i]
	}
	sums := map[string][3]float64{}
	for i, values := range run.Values {
		s := sums[of(i)]
		for _, v := range values[:learn] {
			s[0], s[1], s[2] = s[0]+1, s[1]+v, s[2]+v*v
		}
		sums[of(i)] = s
	}
	mean, scale := make([]float64, len(run.Values)), make([]float64, len(run.Values))
	for i := range run.Values {
		s := sums[of(i)]
		mean[i] = s[1] / s[0]
		scale[i] = math.Sqrt(s[2]/s[0] - mean[i]*mean[i])
	}
	for c := 1.0; c < 8; c += 0.5 {
		w := judge(run, func(i, j int) bool { return math.Abs(run.Values[i][j]-mean[i]) > c*scale[i] })
		if w.wrong <= allowed && len(w.found) > len(best.found) {
			best, deviations = w, c
		}
	}
	return best, deviations
}

// The default anomaly alert finds what is planted into a week of sensors, and hardly anything else: at least 45 of 50 faults, with at most 10 false alerts. A fifth
// of one week in all runs; with HEXPANE_SOAK=1 eight weeks of seeds that nobody has seen, of which one may have bad luck.
func TestAnomaliesOfAWeek(t *testing.T) {
	weeks, part := 1, 5
	if os.Getenv("HEXPANE_SOAK") != "" {
		weeks, part = 8, 1
	}
	byKind, planted := map[string]int{}, map[string]int{}
	least, most, told, found, wrong := math.MaxInt, 0, 0, 0, 0
	for range weeks {
		c := sensors.Week(1)
		if part == 1 {
			c.Seed = rand.Uint64() >> 1
		}
		c.Sensors, c.Faults = c.Sensors/part, c.Faults/part
		run := sensors.Make(c)
		scores := scores(t, run)
		w := judge(run, func(i, j int) bool { return scores[i][j] > 0.99 })
		own, times := threshold(run, 10/part, true)
		shared, far := threshold(run, 10/part, false)
		for n, f := range run.Faults {
			planted[f.Kind]++
			if w.found[n] > 0 {
				byKind[f.Kind]++
			}
			told += w.found[n]
		}
		found, wrong = found+len(w.found), wrong+w.wrong
		least, most = min(least, len(w.found)), max(most, w.wrong)
		t.Logf("seed %d, %d sensors, %d faults: anomaly(value) > 0.99 finds %d with %d false alerts; with no more than %d, limits of each sensor at %.2f deviations find %d, limits of each kind at %.2f find %d",
			c.Seed, c.Sensors, c.Faults, len(w.found), w.wrong, 10/part, times, len(own.found), far, len(shared.found))
		if len(w.found) < 42/part || w.wrong > 16/part {
			t.Errorf("seed %d: of %d faults %d were found, with %d false alerts", c.Seed, c.Faults, len(w.found), w.wrong)
		}
	}
	if found < 45*weeks/part || wrong > 10*weeks/part {
		t.Errorf("in %d weeks %d of %d faults were found, with %d false alerts", weeks, found, 50*weeks/part, wrong)
	}
	var kinds []string
	for _, k := range slices.Sorted(maps.Keys(planted)) {
		kinds = append(kinds, fmt.Sprintf("%s=%d/%d", k, byKind[k], planted[k]))
	}
	t.Logf("soak: anomalies weeks=%d least_found=%d most_false=%d alerts_per_fault=%.1f %s", weeks, least, most, float64(told)/float64(weeks*50/part), strings.Join(kinds, " "))
}

// What 0.99 says: of a healthy sensor a week in a hundred has a row as odd as that. Measured on weeks without faults, with the noise that
// the simulator has; up to thrice as often is let pass, since a tail is told from few rows.
func TestTheScoreOfHealthySensors(t *testing.T) {
	c := sensors.Config{Seed: 1, Sensors: 20, Days: 7, Step: 5 * time.Minute}
	if os.Getenv("HEXPANE_SOAK") != "" {
		c.Seed, c.Sensors = rand.Uint64()>>1, 1000
	}
	run := sensors.Make(c)
	scores := scores(t, run)
	for _, limit := range []float64{0.5, 0.9, 0.99, 0.999} {
		w := judge(run, func(i, j int) bool { return scores[i][j] > limit })
		expected := -math.Log(limit) * float64(c.Sensors)
		t.Logf("soak: healthy sensors=%d score>%v alerts=%d said=%.1f", c.Sensors, limit, w.wrong, expected)
		if float64(w.wrong) > 3*expected+6 {
			t.Errorf("seed %d: %d alerts over %v in a week of %d healthy sensors, where %.1f are said", c.Seed, w.wrong, limit, c.Sensors, expected)
		}
	}
}
