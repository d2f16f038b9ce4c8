package city

// light is a junction's signal: green for one axis, then for the other, all red a moment between. A zero cycle is a
// junction without lights.
type light struct {
	cycle, shift float32 // s
	lastAxis     uint8
}

// allRed seconds between one axis and the other.
const allRed = 3

// light puts signals where main roads cross.
func (g *graph) light() {
	g.lights = make([]light, len(g.nodes))
	for n := range g.nodes {
		var main [3]int
		for _, e := range g.leaving(int32(n)) {
			if c := g.edges[e].class; c == primary || c == secondary {
				main[g.edges[e].axis]++
			}
		}
		axes := 0
		for _, k := range main {
			if k > 0 {
				axes++
			}
		}
		if axes == 2 && main[0]+main[1]+main[2] >= 3 {
			g.lights[n] = light{cycle: 56 + float32(int(hash(n, 1)*4))*6, shift: float32(hash(n, 2)) * 80,
				lastAxis: pick(main[2] > 0, uint8(2), uint8(1))}
		}
	}
}

// red says whether the light at the end of an edge stops it at city time t, s.
func (g *graph) red(e *edge, t float64) bool {
	l := g.lights[e.to]
	if l.cycle == 0 || e.class == local && e.axis == 2 {
		return false
	}
	phase := float32(t) + l.shift
	phase -= l.cycle * float32(int(phase/l.cycle))
	half := l.cycle / 2
	if e.axis == l.lastAxis {
		return phase < half || phase > l.cycle-allRed
	}
	return phase > half-allRed
}

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}
