package city

import "sync"

// Config of a city. Zero counts are allowed; a negative one counts as zero.
type Config struct {
	Seed     int64
	Vehicles int // on the roads
	Sensors  int // fixed, air and noise
	Cards    int // that buy things; at least 50 are made when purchases are asked for
}

// City is the truth: every vehicle, sensor and card.
type City struct {
	seed    int64
	graph   *graph
	seconds float64 // since the start, as stepped
	fleet   []vehicle
	devices []string
	sensors []sensor
	market  market
}

// roads are built once: they are the same in every city, and nobody writes to them.
var roads = sync.OnceValue(build)

// New makes the city of a seed.
func New(cfg Config) *City {
	c := &City{seed: cfg.Seed, graph: roads()}
	c.populate(max(0, cfg.Vehicles))
	c.instrument(max(0, cfg.Sensors))
	c.market = newMarket(cfg.Seed, max(50, cfg.Cards))
	return c
}
