package city

import "math"

// The lattice that the streets grow on: columns × rows, one block apart, bent so that it looks grown. Every fifth
// street is secondary, every twentieth primary; between them each quarter of 5 × 5 blocks has its own grain.
const (
	block   = .108 // km
	columns = 200
	rows    = 160
	quarter = 5
	avenue  = 20
)

type lattice struct {
	nodes []point
	roads []road
}

// build the whole road graph: lattice, ring and radials, joined where they cross.
func build() *graph {
	l := &lattice{nodes: make([]point, (columns+1)*(rows+1))}
	for i := 0; i <= columns; i++ {
		for j := 0; j <= rows; j++ {
			l.nodes[l.index(i, j)] = bend(point{float64(i-columns/2)*block + 1, float64(j-rows/2) * block})
		}
	}
	for i := 0; i <= columns; i++ {
		for j := 0; j <= rows; j++ {
			if i < columns {
				l.street(i, j, i+1, j, j, 0)
			}
			if j < rows {
				l.street(i, j, i, j+1, i, 1)
			}
		}
	}
	for _, line := range motorways() {
		l.cross(line, motorway)
	}
	l.cross(boulevard(), primary)
	return newGraph(l.nodes, l.roads)
}

func (l *lattice) index(i, j int) int32 { return int32(i*(rows+1) + j) }

// bend maps the square lattice to the ground: slow swirls, then smaller shifts. It never folds.
func bend(p point) point {
	d := p.length()
	a := (.62*(fbm(p.x*.10+20, p.y*.10)-.5)*2 + .10*math.Sin(d*.55)) * math.Exp(-d*d/(2*6.5*6.5))
	c, s := math.Cos(a), math.Sin(a)
	q := point{p.x*c - p.y*s, p.x*s + p.y*c}
	return q.add(point{
		.5*(fbm(p.x*.33, p.y*.33+9)-.5) + .035*(noise(p.x*3.1, p.y*3.1+40)-.5),
		.5*(fbm(p.x*.33+31, p.y*.33)-.5) + .035*(noise(p.x*3.1+60, p.y*3.1)-.5),
	})
}

// street adds the piece from (i, j) to (u, v) of street number n running along axis, if the ground bears it.
func (l *lattice) street(i, j, u, v, n int, axis uint8) {
	a, b := l.index(i, j), l.index(u, v)
	p, q := l.nodes[a], l.nodes[b]
	m := p.mid(q)
	if inSea(p, .08) || inSea(q, .08) || inSea(m, .08) {
		return
	}
	c := classOf(n)
	wet := inRiver(p) || inRiver(q) || inRiver(m)
	pond := inLake(p) || inLake(q) || inLake(m)
	d := density(m)
	switch c {
	case primary:
		if pond || d < .02 && hash(n, 3) < .5 {
			return
		}
	case secondary:
		if pond || wet && hash(n*2+int(axis), 99) < .5 || d < .04+.10*hash(n, 17+int(axis)) {
			return
		}
	default:
		if pond || wet || inPark(m) || !grain(i, j, axis, d) {
			return
		}
	}
	l.roads = append(l.roads, road{a: a, b: b, class: c, axis: axis})
}

func classOf(n int) class {
	switch {
	case n%avenue == 0:
		return primary
	case n%quarter == 0:
		return secondary
	}
	return local
}

// grain decides whether a local street exists at (i, j): each quarter is a grid, long blocks one way or the other,
// half-open, or (where the city thins out) empty.
func grain(i, j int, axis uint8, d float64) bool {
	qi, qj := i/quarter, j/quarter
	style := hash(qi*3+1, qj*5+2)
	if d < .10+.35*hash(qi+77, qj+33) {
		return false
	}
	if hash(i*2+int(axis), j*7+13) < .05 {
		return false
	}
	across, along := i%quarter, j%quarter
	if axis == 0 {
		across, along = along, across
	}
	switch {
	case style < .38:
		return true
	case style < .58:
		return axis == 0 || across%2 == 0
	case style < .78:
		return axis == 1 || across%2 == 0
	case style < .9:
		return across%2 == 1 || along == 2 && hash(i, j) < .6
	}
	return across == 2 || across == 3 && axis == 1
}
