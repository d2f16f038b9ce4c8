package city

import "math"

// buildings calls draw for each house: one to four to a block of the lattice where the city is dense and the ground
// free. Corners are counter-clockwise, heights metres.
func buildings(g *graph, draw func(corners []point, height int)) {
	paved := pave(g)
	at := func(i, j int) point { return bend(point{float64(i-columns/2)*block + 1, float64(j-rows/2) * block}) }
	for i := range columns {
		for j := range rows {
			a, b, c, d := at(i, j), at(i+1, j), at(i+1, j+1), at(i, j+1)
			m := a.mid(c)
			dense := density(m)
			if dense < .30+.12*hash(i, j+5000) || paved[cellOf(m)] || !firm(a, b, c, d, m) {
				continue
			}
			rng := splitmix(mix(uint64(i*1000 + j)))
			n := 1 + rng.below(2) + pick(dense > .8, 1, 0)
			for k := range n {
				if rng.unit() > .55+dense*.4 {
					continue
				}
				u0, u1 := .13+.76*float64(k)/float64(n)+.02, .13+.76*float64(k+1)/float64(n)-.03
				v0, v1 := .14+rng.unit()*.1, .86-rng.unit()*.25
				if rng.unit() < .3 {
					v0, v1 = .14+rng.unit()*.3, .87
				}
				corners := []point{inside(a, b, c, d, u0, v0), inside(a, b, c, d, u1, v0),
					inside(a, b, c, d, u1, v1), inside(a, b, c, d, u0, v1)}
				draw(corners, 6+int(dense*dense*dense*55*rng.unit()*rng.unit()+8*rng.unit()))
			}
		}
	}
}

// inside a block: bilinear between its corners.
func inside(a, b, c, d point, u, v float64) point {
	return a.scale((1 - u) * (1 - v)).add(b.scale(u * (1 - v))).add(c.scale(u * v)).add(d.scale((1 - u) * v))
}

func firm(list ...point) bool {
	for _, p := range list {
		if inWater(p) || inPark(p) {
			return false
		}
	}
	return true
}

const cellSize = .035 // km

func cellOf(p point) [2]int {
	return [2]int{int(math.Floor(p.x / cellSize)), int(math.Floor(p.y / cellSize))}
}

// pave marks the cells that motorways, the boulevard and the railway take, with a margin of a cell.
func pave(g *graph) map[[2]int]bool {
	out := make(map[[2]int]bool)
	mark := func(p, q point) {
		for t := 0.0; t <= 1; t += .1 {
			c := cellOf(p.add(q.sub(p).scale(t)))
			for dx := -1; dx <= 1; dx++ {
				for dy := -1; dy <= 1; dy++ {
					out[[2]int{c[0] + dx, c[1] + dy}] = true
				}
			}
		}
	}
	for _, r := range g.roads {
		if r.axis == 2 {
			mark(g.nodes[r.a], g.nodes[r.b])
		}
	}
	line := railway()
	for k := 1; k < len(line); k++ {
		mark(line[k-1], line[k])
	}
	return out
}
