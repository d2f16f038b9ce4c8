package city

import (
	"fmt"
	"math"
	"time"
)

// Kind of a vehicle; String is what its payload says.
type Kind uint8

// The kinds: buses and trams keep to main roads, taxis go anywhere, vans deliver.
const (
	Bus Kind = iota
	Tram
	Taxi
	Van
)

func (k Kind) String() string { return kindNames[k] }

var kindNames = [...]string{"bus", "tram", "taxi", "van"}

// share of each kind in the fleet, in 20ths.
var share = [20]Kind{Bus, Taxi, Van, Bus, Taxi, Tram, Bus, Taxi, Van, Bus, Taxi, Van, Bus, Tram, Taxi, Van, Bus, Taxi, Van, Taxi}

// Position is where one vehicle truly is.
type Position struct {
	Device   string
	Kind     Kind
	Lat, Lon float64
	Speed    float64 // km/h
	Heading  float64 // bearing of travel, degrees in [0, 360)
}

// vehicle drives one edge at a time and knows the next.
type vehicle struct {
	rng    splitmix
	edge   int32
	next   int32
	kind   Kind
	along  float64 // m driven on edge
	speed  float64 // m/s
	factor float64 // of the limit this driver keeps to
	gap    float64 // m left to the stop line, so that waiting vehicles do not pile up on one spot
	stopAt float64 // m along edge of the next stop; infinite when none is planned
	wait   float64 // s left at a stop
}

// Vehicles is the size of the fleet.
func (c *City) Vehicles() int { return len(c.fleet) }

// Device is a vehicle's name: its kind and a number, as in "bus-0007".
func (c *City) Device(i int) string { return c.devices[i] }

// Position of vehicle i.
func (c *City) Position(i int) Position {
	v := &c.fleet[i]
	e := &c.graph.edges[v.edge]
	from := c.graph.nodes[e.from]
	lat, lon := point{from.x + e.dx*v.along, from.y + e.dy*v.along}.latLon()
	return Position{Device: c.devices[i], Kind: v.kind, Lat: lat, Lon: lon, Speed: v.speed * 3.6, Heading: e.heading}
}

// Positions appends every vehicle's position to dst.
func (c *City) Positions(dst []Position) []Position {
	for i := range c.fleet {
		dst = append(dst, c.Position(i))
	}
	return dst
}

// Step moves every vehicle on by dt. Steps longer than half a second are driven in parts.
func (c *City) Step(dt time.Duration) {
	const longest = .5 // s
	left := dt.Seconds()
	for left > 0 {
		part := math.Min(left, longest)
		c.seconds += part
		for i := range c.fleet {
			c.drive(&c.fleet[i], part)
		}
		left -= part
	}
}

// populate puts the fleet on the roads, more of it where the city is dense.
func (c *City) populate(n int) {
	rng := splitmix(mix(uint64(c.seed) + 1))
	c.fleet = make([]vehicle, n)
	c.devices = make([]string, n)
	var number [len(kindNames)]int
	for i := range c.fleet {
		v := &c.fleet[i]
		v.rng = splitmix(rng.next())
		v.kind = share[i%len(share)]
		number[v.kind]++
		c.devices[i] = fmt.Sprintf("%s-%04d", v.kind, number[v.kind])
		v.factor = v.rng.between(.82, 1.06)
		if v.kind != Tram && v.rng.unit() < .02 {
			v.factor = 1.45 // the few who speed
		}
		v.gap = v.rng.between(3, 28)
		v.edge = c.start(v)
		c.enter(v, v.edge)
		v.along = v.rng.unit() * c.graph.edges[v.edge].length
		v.speed = v.rng.unit() * limits[c.graph.edges[v.edge].class] * v.factor
		if v.stopAt <= v.along {
			v.stopAt = math.Inf(1)
		}
	}
}

// start draws a road that suits the vehicle.
func (c *City) start(v *vehicle) int32 {
	for {
		e := int32(v.rng.below(len(c.graph.edges)))
		ed := &c.graph.edges[e]
		if v.rng.unit() < density(c.graph.nodes[ed.from])*suits(v.kind, ed.class) {
			return e
		}
	}
}
