package city

import "math"

const kmh = 1 / 3.6 // m/s

// limits by class of road, m/s.
var limits = [...]float64{motorway: 95 * kmh, primary: 58 * kmh, secondary: 48 * kmh, local: 30 * kmh}

// Comfortable acceleration and braking, m/s².
const (
	pull  = 1.3
	brake = 1.9
)

// suits weighs a class of road for a kind of vehicle.
func suits(k Kind, c class) float64 {
	switch k {
	case Bus:
		return [...]float64{.05, 1, 1, .12}[c]
	case Tram:
		return [...]float64{0, 1, .8, .02}[c]
	case Taxi:
		return [...]float64{2.5, 1, .9, .6}[c]
	}
	return [...]float64{6, 1, .7, .35}[c]
}

// drive moves a vehicle on by dt seconds, at most half a second or so.
func (c *City) drive(v *vehicle, dt float64) {
	if v.wait > 0 {
		v.speed = 0
		v.wait -= dt
		return
	}
	e := &c.graph.edges[v.edge]
	target := c.target(v, e)
	was := v.speed
	if target >= v.speed {
		v.speed = math.Min(target, v.speed+pull*dt)
	} else {
		v.speed = math.Max(target, v.speed-2.5*brake*dt)
	}
	v.along += (was + v.speed) / 2 * dt
	if v.along >= v.stopAt-.5 {
		v.along = math.Min(v.along, v.stopAt)
		v.stopAt = math.Inf(1)
		v.speed = 0
		v.wait = c.dwell(v)
		return
	}
	for v.along >= e.length {
		over := v.along - e.length
		c.enter(v, v.next)
		e = &c.graph.edges[v.edge]
		v.along = over
	}
}

// target is the speed that lets the vehicle keep the limit, make its stop, heed the light and take the turn ahead.
func (c *City) target(v *vehicle, e *edge) float64 {
	t := limits[e.class] * v.factor
	left := e.length - v.along
	if stop := v.stopAt - v.along; stop < left {
		t = math.Min(t, math.Max(.6, math.Sqrt(2*brake*stop)))
	}
	if left > 120 {
		return t
	}
	n := &c.graph.edges[v.next]
	through := math.Min(turnSpeed(turn(e.heading, n.heading)), limits[n.class]*v.factor)
	t = math.Min(t, math.Sqrt(through*through+2*brake*left))
	if c.graph.red(e, c.seconds) {
		line := left - math.Min(v.gap, e.length/3)
		if line <= 0 && v.speed < 4 || line > 0 && v.speed*v.speed < 4*brake*(line+2) {
			t = math.Min(t, math.Sqrt(2*brake*math.Max(0, line)))
			if t < .7 {
				t = 0
			}
		}
	}
	return t
}

// turn is the angle between two headings, degrees in [0, 180].
func turn(a, b float64) float64 {
	d := math.Abs(a - b)
	if d > 180 {
		d = 360 - d
	}
	return d
}

// turnSpeed is the fastest, m/s, that a turn of so many degrees is taken.
func turnSpeed(deg float64) float64 {
	switch {
	case deg < 12:
		return 40
	case deg < 35:
		return 40 * kmh
	case deg < 120:
		return 18 * kmh
	}
	return 7 * kmh
}

// enter puts the vehicle at the start of an edge, chooses the one after it and plans a stop.
func (c *City) enter(v *vehicle, e int32) {
	v.edge = e
	v.along = 0
	v.next = c.onward(v, e)
	v.stopAt = math.Inf(1)
	ed := &c.graph.edges[e]
	if ed.class == motorway || ed.length < 40 {
		return
	}
	stops := false
	switch v.kind {
	case Bus, Tram:
		stops = ed.class != local && hash(int(e), int(v.kind)) < .22
	case Taxi:
		stops = v.rng.unit() < .03
	case Van:
		stops = v.rng.unit() < pick(ed.class == local, .06, .012)
	}
	if stops {
		v.stopAt = ed.length * .55
	}
}

// inward weighs an edge by whether it leads back to the middle, the more the farther out it starts; without it the
// fleet would diffuse into the suburbs.
func inward(p point, e *edge) float64 {
	r := p.length() + .01
	out := 1000 * (e.dx*p.x + e.dy*p.y) / r // cosine against the way out
	far := math.Min(1, r/6)
	return math.Exp(-1.1 * out * far * far)
}

// dwell is how long a stop takes, s.
func (c *City) dwell(v *vehicle) float64 {
	switch v.kind {
	case Bus, Tram:
		return v.rng.between(8, 24)
	case Taxi:
		return v.rng.between(15, 90)
	}
	return v.rng.between(40, 240)
}

// onward chooses the edge after e: rather straight on, rather along a road that suits, rather towards where the city
// is, and back only where there is nothing else.
func (c *City) onward(v *vehicle, e int32) int32 {
	g := c.graph
	from := &g.edges[e]
	var weights [16]float64
	sum := 0.0
	leaving := g.leaving(from.to)
	for k, n := range leaving {
		if k == len(weights) || n == from.back {
			continue
		}
		to := &g.edges[n]
		d := turn(from.heading, to.heading) / 45
		w := (math.Exp(-d*d) + .06) * (suits(v.kind, to.class) + .002) * (.08 + density(g.nodes[to.to])) * inward(g.nodes[to.from], to)
		if to.class == from.class {
			w *= 2.5
		}
		weights[k] = w
		sum += w
	}
	if sum == 0 {
		return from.back
	}
	r := v.rng.unit() * sum
	for k, n := range leaving {
		if r -= weights[min(k, len(weights)-1)]; r < 0 && n != from.back {
			return n
		}
	}
	return from.back
}
