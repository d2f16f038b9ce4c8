package city

import (
	"fmt"
	"math"
	"time"
)

// Env is what one fixed sensor measures.
type Env struct {
	Device      string
	Lat, Lon    float64
	Temperature float64 // °C
	PM25        float64 // µg/m³
	Noise       float64 // dB(A)
}

// sensor is a lamp post: its place, how busy its street is, and its own bias.
type sensor struct {
	device string
	at     point
	seed   int
	busy   float64 // 0–1
	bias   float64
}

// Sensors is how many there are.
func (c *City) Sensors() int { return len(c.sensors) }

// Sensor says what sensor i measures at t: the hour, the weather and the street, plus its own noise. It depends on
// nothing else, so that any time may be asked for in any order.
func (c *City) Sensor(i int, t time.Time) Env {
	s := &c.sensors[i]
	ms := t.UnixMilli()
	day := float64(ms%86_400_000) / 86_400_000 // 0–1, UTC
	hours := float64(ms) / 3_600_000
	rush := peak(day, 8.2/24, .045) + peak(day, 17.4/24, .06)
	awake := .5 - .5*math.Cos(2*math.Pi*(day-.12))
	weather := noise(hours/9, 5) - .5
	street := noise(hours*1.5, float64(s.seed%4096)) - .5
	jitter := splitmix(mix(uint64(s.seed)*7919 + uint64(ms)))
	lat, lon := s.at.latLon()
	return Env{
		Device: s.device, Lat: lat, Lon: lon,
		Temperature: 13 - 5*math.Cos(2*math.Pi*(day-.125)) + 7*weather + 1.2*s.busy + .4*s.bias + .08*jitter.normal(),
		PM25:        math.Max(.5, 7+16*s.busy*(.25+rush)-9*weather+7*street+1.5*s.bias+.5*jitter.normal()),
		Noise:       math.Max(28, 38+17*s.busy*(.35+.65*awake)+6*rush*s.busy+5*street+1.5*s.bias+.9*jitter.normal()),
	}
}

func peak(day, at, width float64) float64 {
	d := (day - at) / width
	return math.Exp(-d * d / 2)
}

// instrument puts sensors on lamp posts at junctions, more where the city is dense.
func (c *City) instrument(n int) {
	rng := splitmix(mix(uint64(c.seed) + 2))
	c.sensors = make([]sensor, n)
	for i := range c.sensors {
		s := &c.sensors[i]
		s.device = fmt.Sprintf("env-%04d", i+1)
		for {
			node := rng.below(len(c.graph.nodes))
			s.at = c.graph.nodes[node]
			if rng.unit() < .05+density(s.at) {
				class := c.graph.edges[c.graph.leaving(int32(node))[0]].class
				s.busy = [...]float64{1, .85, .6, .3}[class] * (.6 + .4*density(s.at))
				break
			}
		}
		s.seed = int(rng.next() >> 1)
		s.bias = rng.normal()
	}
}
