// Package sensors makes days of sensors with a daily rhythm, noise of several kinds, and faults planted in a few of them: the truth that anomaly
// functions are held against.
//
// One seed, one run. A sensor is one of three kinds (shape.go): a temperature, whose weather wanders for hours and differs from day to day; a count of
// traffic, with two rushes, a quiet weekend and a noise that grows with the traffic; and a level in coarse steps, with a heavy tail. A fault (fault.go)
// has a place, a beginning, an end and a kind. Sizes are told in what is usual for the sensor: its irregular deviation, of noise and of weather together.
package sensors

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Config says what a run has.
type Config struct {
	Seed    uint64
	Sensors int
	Days    int
	Step    time.Duration // between readings of a sensor
	Faults  int           // on different sensors
	Quiet   time.Duration // no fault begins before
}

// Week is the week that alerts are held against: 500 sensors, a reading each five minutes, 50 faults after two days of learning.
func Week(seed uint64) Config {
	return Config{Seed: seed, Sensors: 500, Days: 7, Step: 5 * time.Minute, Faults: 50, Quiet: 48 * time.Hour}
}

// Start of every run: a Monday, at midnight.
var Start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// Run is all sensors, and what is wrong with some.
type Run struct {
	Config
	Values [][]float64 // of each sensor, a reading a step
	Kinds  []string    // of each sensor
	Faults []Fault
}

// Name is what a sensor is called.
func Name(i int) string { return fmt.Sprintf("s%03d", i) }

// At is when a reading is made.
func (r *Run) At(step int) time.Time { return Start.Add(time.Duration(step) * r.Step) }

// Make draws a run.
func Make(c Config) *Run {
	r := &Run{Config: c}
	steps := int(time.Duration(c.Days) * 24 * time.Hour / c.Step)
	faulty := rand.New(rand.NewPCG(c.Seed, 1<<32)).Perm(c.Sensors)[:c.Faults]
	at := map[int]int{}
	for n, i := range faulty {
		at[i] = n
	}
	r.Faults = make([]Fault, c.Faults)
	for i := range c.Sensors {
		rng := rand.New(rand.NewPCG(c.Seed, uint64(i)))
		s := draw(rng)
		values := s.values(rng, steps, c.Step)
		if n, ok := at[i]; ok {
			r.Faults[n] = plant(rng, kinds[n%len(kinds)], i, s, values, c)
		}
		for j, v := range values {
			values[j] = s.shown(v)
		}
		r.Values, r.Kinds = append(r.Values, values), append(r.Kinds, s.kind)
	}
	return r
}
