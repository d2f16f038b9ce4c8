package city

// class of a road, from the widest down.
type class uint8

const (
	motorway class = iota
	primary
	secondary
	local
)

var classNames = [...]string{"motorway", "primary", "secondary", "local"}

// road is one straight piece between two junctions, as built. Axis tells the two directions of a crossing apart, for
// its lights.
type road struct {
	a, b  int32
	class class
	axis  uint8
}

// edge is one direction of a road, as driven.
type edge struct {
	from, to int32
	back     int32   // the other direction
	length   float64 // m
	heading  float64 // degrees
	dx, dy   float64 // km travelled per metre
	class    class
	axis     uint8
	bridge   bool
}

// graph is a connected set of roads. Edges 2k and 2k+1 are the directions of road k; the edges that leave node n are
// out[first[n]:first[n+1]].
type graph struct {
	nodes  []point
	roads  []road
	edges  []edge
	first  []int32
	out    []int32
	lights []light
}

// newGraph keeps the largest connected part of what was built, without its dead ends, and numbers it afresh.
func newGraph(nodes []point, roads []road) *graph {
	roads = largest(len(nodes), prune(nodes, roads, 8))
	g := &graph{}
	number := make([]int32, len(nodes))
	for i := range number {
		number[i] = -1
	}
	place := func(n int32) int32 {
		if number[n] < 0 {
			number[n] = int32(len(g.nodes))
			g.nodes = append(g.nodes, nodes[n])
		}
		return number[n]
	}
	for _, r := range roads {
		r.a, r.b = place(r.a), place(r.b)
		g.roads = append(g.roads, r)
	}
	g.direct()
	g.light()
	return g
}

// direct makes both edges of every road and the lists of edges by junction.
func (g *graph) direct() {
	g.first = make([]int32, len(g.nodes)+1)
	for k, r := range g.roads {
		a, b := g.nodes[r.a], g.nodes[r.b]
		d := b.sub(a)
		length := d.length() * 1000
		e := edge{from: r.a, to: r.b, back: int32(2*k + 1), length: length, heading: a.bearing(b),
			dx: d.x / length, dy: d.y / length, class: r.class, axis: r.axis, bridge: inRiver(a.mid(b))}
		f := e
		f.from, f.to, f.back, f.heading, f.dx, f.dy = r.b, r.a, int32(2*k), b.bearing(a), -e.dx, -e.dy
		g.edges = append(g.edges, e, f)
		g.first[r.a+1]++
		g.first[r.b+1]++
	}
	for n := range g.nodes {
		g.first[n+1] += g.first[n]
	}
	g.out = make([]int32, len(g.edges))
	at := append([]int32(nil), g.first...)
	for i, e := range g.edges {
		g.out[at[e.from]] = int32(i)
		at[e.from]++
	}
}

// leaving lists the edges out of a junction.
func (g *graph) leaving(n int32) []int32 { return g.out[g.first[n]:g.first[n+1]] }

// prune drops dead ends, a layer a round: lesser streets anywhere, motorway stubs inside the city.
func prune(nodes []point, roads []road, rounds int) []road {
	for range rounds {
		degree := make([]int, len(nodes))
		for _, r := range roads {
			degree[r.a]++
			degree[r.b]++
		}
		kept := roads[:0]
		for _, r := range roads {
			open := r.class == primary || r.class == motorway && density(nodes[r.a]) < .25
			if open || degree[r.a] > 1 && degree[r.b] > 1 {
				kept = append(kept, r)
			}
		}
		roads = kept
	}
	return roads
}

// largest keeps the roads of the largest connected part (union–find).
func largest(nodes int, roads []road) []road {
	parent := make([]int32, nodes)
	for i := range parent {
		parent[i] = int32(i)
	}
	find := func(n int32) int32 {
		for parent[n] != n {
			parent[n] = parent[parent[n]]
			n = parent[n]
		}
		return n
	}
	for _, r := range roads {
		parent[find(r.a)] = find(r.b)
	}
	size := make(map[int32]int)
	best := int32(-1)
	for _, r := range roads {
		root := find(r.a)
		if size[root]++; best < 0 || size[root] > size[best] {
			best = root
		}
	}
	kept := roads[:0]
	for _, r := range roads {
		if find(r.a) == best {
			kept = append(kept, r)
		}
	}
	return kept
}
