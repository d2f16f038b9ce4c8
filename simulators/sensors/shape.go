package sensors

import (
	"math"
	"math/rand/v2"
	"time"
)

// shape is what is normal for a sensor.
type shape struct {
	kind       string
	mean       float64
	day        [3]wave // by the hour of the day
	weekend    float64 // what Saturday and Sunday are of other days
	fresh      float64 // deviation of days among themselves, relative
	noise      float64 // deviation of a reading's own noise
	freedom    int     // of the noise's tail: Student's t; 0: normal
	growing    float64 // noise that grows with the root of the value
	weather    float64 // deviation of what wanders
	memory     float64 // of the weather, hours
	resolution float64
	least      float64 // no value is below
}

type wave struct{ size, phase float64 }

func between(rng *rand.Rand, from, to float64) float64 { return from + rng.Float64()*(to-from) }

func draw(rng *rand.Rand) (s shape) {
	s.weekend, s.least = 1, math.Inf(-1)
	switch rng.IntN(3) {
	case 0:
		s.kind, s.mean = "temperature", between(rng, 8, 25)
		size := between(rng, 2, 7)
		s.day = [3]wave{{size, between(rng, 13, 17)}, {size * between(rng, 0, 0.3), between(rng, 0, 12)}}
		s.noise = size * between(rng, 0.03, 0.1)
		s.weather, s.memory, s.fresh = size*between(rng, 0.05, 0.15), between(rng, 3, 12), between(rng, 0, 0.15)
		s.resolution = 0.01
	case 1:
		s.kind, s.mean, s.least = "traffic", between(rng, 60, 300), 0
		s.day = [3]wave{{s.mean * between(rng, 0.5, 0.7), between(rng, 13, 15)}, {s.mean * between(rng, 0.15, 0.25), between(rng, 7.5, 8.5)}}
		s.growing, s.weekend, s.fresh = between(rng, 1, 1.5), between(rng, 0.85, 1), between(rng, 0, 0.05)
		s.resolution = 1
	default:
		s.kind, s.mean = "level", between(rng, 1, 10)
		size := s.mean * between(rng, 0.02, 0.1)
		s.day = [3]wave{{size, between(rng, 0, 24)}}
		s.noise, s.freedom = size*between(rng, 0.05, 0.3), 5
		s.resolution = s.noise / 2
	}
	return s
}

// expected is a value without noise, so many hours after the start.
func (s *shape) expected(hours, factor float64) float64 {
	v := 0.0
	for i, w := range s.day {
		v += factor * w.size * math.Cos(2*math.Pi*float64(i+1)*(hours-w.phase)/24)
	}
	v += s.mean
	if day := int(hours/24) % 7; day >= 5 {
		v *= s.weekend
	}
	return max(v, s.least)
}

func (s *shape) values(rng *rand.Rand, steps int, step time.Duration) []float64 {
	values := make([]float64, steps)
	weather := rng.NormFloat64() * s.weather
	keeps := 0.0
	if s.memory > 0 {
		keeps = math.Exp(-step.Hours() / s.memory)
	}
	factor, next := 1.0, 1.0
	for j := range values {
		hours := step.Hours() * float64(j)
		part := math.Mod(hours, 24) / 24
		if j == 0 || part < step.Hours()/24 {
			factor, next = next, 1+rng.NormFloat64()*s.fresh
		}
		weather = keeps*weather + math.Sqrt(1-keeps*keeps)*rng.NormFloat64()*s.weather
		v := s.expected(hours, factor+(next-factor)*part)
		values[j] = v + weather + s.rough(rng, v)
	}
	return values
}

// rough is the noise of a reading.
func (s *shape) rough(rng *rand.Rand, v float64) float64 {
	n := rng.NormFloat64()
	if s.freedom > 0 {
		sum := 0.0
		for range s.freedom {
			g := rng.NormFloat64()
			sum += g * g
		}
		n /= math.Sqrt(sum / float64(s.freedom))
	}
	return n * (s.noise + s.growing*math.Sqrt(max(v, 0)))
}

// usual is the irregular deviation of a sensor: of noise, weather, and the difference of days.
func (s *shape) usual() float64 {
	noise := s.noise
	if s.freedom > 2 {
		noise *= math.Sqrt(float64(s.freedom) / float64(s.freedom-2))
	}
	noise += s.growing * math.Sqrt(s.mean)
	return math.Sqrt(noise*noise + s.weather*s.weather + s.fresh*s.fresh*s.day[0].size*s.day[0].size/2)
}

// shown is a value as the sensor tells it.
func (s *shape) shown(v float64) float64 {
	return max(math.Round(v/s.resolution)*s.resolution, s.least)
}
