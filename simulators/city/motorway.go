package city

import "math"

// motorways are the ring (open where the sea is) and the radials that leave it.
func motorways() [][]point {
	lines := dry(ring(5.2, 4.1, 150), .35)
	for _, a := range []float64{.2, .95, 1.62, 4.55, 5.4} {
		var line []point
		for r := .93; r < 4.2; r += .05 {
			t := a + .09*math.Sin(r*2.4+a*3)
			line = append(line, onRing(t, 5.2*r, 4.1*r))
		}
		lines = append(lines, dry(line, .3)...)
	}
	return lines
}

// boulevard circles the inner city.
func boulevard() []point { return ring(1.75, 1.35, 60) }

func ring(rx, ry float64, n int) []point {
	line := make([]point, n+1)
	for k := range line {
		line[k] = onRing(float64(k)/float64(n)*2*math.Pi, rx, ry)
	}
	line[n] = line[0]
	return line
}

func onRing(a, rx, ry float64) point {
	return point{-.2 + rx*math.Cos(a)*(1+.06*math.Sin(3*a)), .2 + ry*math.Sin(a)*(1+.05*math.Cos(2*a))}
}

// dry cuts a line where the sea or a lake comes nearer than margin, km.
func dry(line []point, margin float64) [][]point {
	var out [][]point
	var run []point
	for _, p := range line {
		if inSea(p, margin) || inLake(p) {
			if len(run) > 1 {
				out = append(out, run)
			}
			run = nil
			continue
		}
		run = append(run, p)
	}
	if len(run) > 1 {
		out = append(out, run)
	}
	if n := len(out) - 1; n > 0 && line[0] == line[len(line)-1] && out[n][len(out[n])-1] == out[0][0] {
		out[0] = append(out[n], out[0][1:]...)
		out = out[:n]
	}
	return out
}

// cross lays a line over what is there and makes a junction wherever it meets a main road. Lesser streets pass under
// a motorway, and are cut by no one.
func (l *lattice) cross(line []point, c class) {
	near := l.grid(c)
	prev := l.node(line[0])
	start := prev
	for k := 1; k < len(line); k++ {
		for _, hit := range l.hits(near, line[k-1], line[k]) {
			n := l.split(near, hit)
			l.join(prev, n, c)
			prev = n
		}
		end := start
		if line[k] != line[0] {
			end = l.node(line[k])
		}
		l.join(prev, end, c)
		prev = end
	}
}

func (l *lattice) node(p point) int32 {
	l.nodes = append(l.nodes, p)
	return int32(len(l.nodes) - 1)
}

func (l *lattice) join(a, b int32, c class) {
	if a != b {
		l.roads = append(l.roads, road{a: a, b: b, class: c, axis: 2})
	}
}

// hit is a crossing: which road, and how far along the laid segment (0–1) it is.
type hit struct {
	road  int
	along float64
	at    point
}

// tile is a cell of the search grid, wider than a block so that every road touches at most four.
const tile = .25

type tiles map[[2]int][]int

func tileOf(p point) [2]int { return [2]int{int(math.Floor(p.x / tile)), int(math.Floor(p.y / tile))} }

// grid indexes the roads that a line of class c makes junctions with.
func (l *lattice) grid(c class) tiles {
	g := make(tiles)
	for k, r := range l.roads {
		if r.class <= primary || c == primary && r.class == secondary {
			t := tileOf(l.nodes[r.a].mid(l.nodes[r.b]))
			g[t] = append(g[t], k)
		}
	}
	return g
}

// hits lists the crossings of p–q with indexed roads, in order from p.
func (l *lattice) hits(near tiles, p, q point) []hit {
	var out []hit
	lo, hi := tileOf(point{math.Min(p.x, q.x) - tile, math.Min(p.y, q.y) - tile}),
		tileOf(point{math.Max(p.x, q.x) + tile, math.Max(p.y, q.y) + tile})
	for x := lo[0]; x <= hi[0]; x++ {
		for y := lo[1]; y <= hi[1]; y++ {
			for _, k := range near[[2]int{x, y}] {
				r := l.roads[k]
				if t, ok := crossing(p, q, l.nodes[r.a], l.nodes[r.b]); ok {
					out = append(out, hit{k, t, p.add(q.sub(p).scale(t))})
				}
			}
		}
	}
	for i := 1; i < len(out); i++ {
		for j := i; j > 0 && out[j].along < out[j-1].along; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

// split puts a junction into a road, and indexes the new half.
func (l *lattice) split(near tiles, h hit) int32 {
	n := l.node(h.at)
	r := l.roads[h.road]
	l.roads[h.road].b = n
	half := road{a: n, b: r.b, class: r.class, axis: r.axis}
	l.roads = append(l.roads, half)
	t := tileOf(l.nodes[n].mid(l.nodes[r.b]))
	near[t] = append(near[t], len(l.roads)-1)
	return n
}

// crossing of p–q with a–b: how far along p–q, 0–1.
func crossing(p, q, a, b point) (float64, bool) {
	d, e, f := q.sub(p), b.sub(a), a.sub(p)
	det := d.x*e.y - d.y*e.x
	if math.Abs(det) < 1e-9 {
		return 0, false
	}
	t, u := (f.x*e.y-f.y*e.x)/det, (f.x*d.y-f.y*d.x)/det
	return t, t > .02 && t < .98 && u > .02 && u < .98
}
