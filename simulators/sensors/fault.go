package sensors

import (
	"math/rand/v2"
	"time"
)

// Fault is something wrong with a sensor, over the steps [From, To).
type Fault struct {
	Sensor   int
	Kind     string
	From, To int
	Size     float64 // in what is usual for the sensor; 0 where that says nothing
}

// The kinds of faults, as they are dealt out.
var kinds = []string{
	"spike",   // one to three readings, 10 to 30 times what is usual
	"stuck",   // the same reading for 6 to 24 hours
	"drift",   // away for 12 to 24 hours, up to 8 to 16 times what is usual, then repaired
	"shift",   // at once by 7 to 15 times what is usual, for 6 to 24 hours
	"noise",   // five to ten times the noise, for 2 to 6 hours
	"dropout", // zero, for 30 minutes to 3 hours
}

func plant(rng *rand.Rand, kind string, sensor int, s shape, values []float64, c Config) Fault {
	f := Fault{Sensor: sensor, Kind: kind}
	steps := func(from, to time.Duration) int {
		return max(1, int((from+time.Duration(rng.Int64N(int64(to-from))))/c.Step))
	}
	var length int
	switch kind {
	case "spike":
		length = 1 + rng.IntN(3)
	case "stuck":
		length = steps(6*time.Hour, 24*time.Hour)
	case "drift":
		length = steps(12*time.Hour, 24*time.Hour)
	case "shift":
		length = steps(6*time.Hour, 24*time.Hour)
	case "noise":
		length = steps(2*time.Hour, 6*time.Hour)
	case "dropout":
		length = steps(30*time.Minute, 3*time.Hour)
	}
	first := int(c.Quiet / c.Step)
	f.From = first + rng.IntN(len(values)-first-length)
	f.To = f.From + length
	sign := float64(1 - 2*rng.IntN(2))
	switch kind {
	case "spike":
		f.Size = between(rng, 10, 30)
	case "drift":
		f.Size = between(rng, 8, 16)
	case "shift":
		f.Size = between(rng, 7, 15)
	case "noise":
		f.Size = between(rng, 5, 10)
	}
	if s.least == 0 {
		sign = 1 // a count cannot fall far
	}
	for j := f.From; j < f.To; j++ {
		switch kind {
		case "spike", "shift":
			values[j] += sign * f.Size * s.usual()
		case "stuck":
			values[j] = values[f.From]
		case "drift":
			values[j] += sign * f.Size * s.usual() * float64(j-f.From+1) / float64(length)
		case "noise":
			values[j] += (f.Size - 1) * s.rough(rng, values[j])
		case "dropout":
			values[j] = 0
		}
	}
	return f
}
