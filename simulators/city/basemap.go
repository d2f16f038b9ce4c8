package city

import (
	"math"
	"strconv"
)

// Basemap is a GeoJSON FeatureCollection of what a map draws. Each feature's kind is water, park, building, road or
// place; roads carry a class (motorway, primary, secondary, local, rail), places a name and a rank, buildings a height
// in metres, water a type (sea, river, lake). Coordinates have five decimals, about a metre.
func Basemap() []byte {
	d := &drawing{buf: make([]byte, 0, 4<<20)}
	d.buf = append(d.buf, `{"type":"FeatureCollection","features":[`...)
	g := roads()
	d.water()
	for _, e := range parks {
		d.feature("Polygon", `"kind":"park"`, closed(outline(e, 48)), true)
	}
	for _, line := range lines(g) {
		d.feature("LineString", `"kind":"road","class":"`+classNames[line.class]+`"`, line.at, false)
	}
	d.feature("LineString", `"kind":"road","class":"rail"`, railway(), false)
	buildings(g, func(corners []point, height int) {
		d.feature("Polygon", `"kind":"building","height":`+strconv.Itoa(height), closed(corners), true)
	})
	for _, p := range places {
		d.feature("Point", `"kind":"place","name":"`+p.name+`","rank":`+strconv.Itoa(p.rank), []point{p.at}, false)
	}
	return append(d.buf, "\n]}\n"...)
}

// Basemap of this city: the same as of any other.
func (c *City) Basemap() []byte { return Basemap() }

// drawing is GeoJSON under construction.
type drawing struct {
	buf   []byte
	begun bool
}

func (d *drawing) feature(kind, properties string, at []point, polygon bool) {
	if d.begun {
		d.buf = append(d.buf, ',')
	}
	d.begun = true
	d.buf = append(d.buf, "\n"+`{"type":"Feature","properties":{`...)
	d.buf = append(d.buf, properties...)
	d.buf = append(d.buf, `},"geometry":{"type":"`...)
	d.buf = append(d.buf, kind...)
	d.buf = append(d.buf, `","coordinates":`...)
	if polygon {
		d.buf = append(d.buf, '[')
	}
	if kind == "Point" {
		d.point(at[0])
	} else {
		for i, p := range at {
			d.buf = append(d.buf, pick(i == 0, byte('['), byte(',')))
			d.point(p)
		}
		d.buf = append(d.buf, ']')
	}
	if polygon {
		d.buf = append(d.buf, ']')
	}
	d.buf = append(d.buf, "}}"...)
}

func (d *drawing) point(p point) {
	lat, lon := p.latLon()
	d.buf = append(d.buf, '[')
	d.buf = strconv.AppendFloat(d.buf, lon, 'f', 5, 64)
	d.buf = append(d.buf, ',')
	d.buf = strconv.AppendFloat(d.buf, lat, 'f', 5, 64)
	d.buf = append(d.buf, ']')
}

// water draws the sea, counter-clockwise like every polygon here, then the river and the lakes.
func (d *drawing) water() {
	const far, step = 40.0, .1 // km
	sea := []point{{-60, far}, {-60, -far}}
	for y := -far; y <= far; y += step {
		sea = append(sea, point{coastX(y), y})
	}
	d.feature("Polygon", `"kind":"water","type":"sea"`, closed(sea), true)
	var south, north []point
	for x := -8.0; x <= 24; x += step {
		if inSea(point{x, riverY(x)}, -.1) {
			continue // from its mouth on: an outline across the sea would show
		}
		south = append(south, point{x, riverY(x) - riverHalf(x)})
		north = append(north, point{x, riverY(x) + riverHalf(x)})
	}
	for i := len(north) - 1; i >= 0; i-- {
		south = append(south, north[i])
	}
	d.feature("Polygon", `"kind":"water","type":"river"`, closed(south), true)
	for _, e := range lakes {
		d.feature("Polygon", `"kind":"water","type":"lake"`, closed(outline(e, 48)), true)
	}
}

func outline(e ellipse, n int) []point {
	out := make([]point, n)
	for k := range out {
		out[k] = e.at(float64(k) / float64(n) * 2 * math.Pi)
	}
	return out
}

func closed(ring []point) []point { return append(ring, ring[0]) }

func railway() []point {
	var line []point
	for x := coastX(-1.5) + 1.3; x < 18; x += .2 {
		line = append(line, point{x, riverY(x)*.3 - 1.6 + .3*math.Sin(x*.45)})
	}
	return line
}

// polyline is a chain of roads of one class.
type polyline struct {
	class class
	at    []point
}

// lines chains roads into long lines: from each undrawn road on, straight ahead both ways while the class lasts.
func lines(g *graph) []polyline {
	drawn := make([]bool, len(g.roads))
	var out []polyline
	for k := range g.roads {
		if drawn[k] {
			continue
		}
		drawn[k] = true
		back := g.chain(int32(2*k+1), drawn)
		ahead := g.chain(int32(2*k), drawn)
		at := make([]point, 0, len(back)+len(ahead))
		for i := len(back) - 1; i >= 0; i-- {
			at = append(at, g.nodes[back[i]])
		}
		for _, n := range ahead {
			at = append(at, g.nodes[n])
		}
		out = append(out, polyline{g.roads[k].class, at})
	}
	return out
}

// chain lists the junctions from the end of edge e on.
func (g *graph) chain(e int32, drawn []bool) []int32 {
	var out []int32
	for e >= 0 {
		from := &g.edges[e]
		out = append(out, from.to)
		e = -1
		best := 50.0
		for _, n := range g.leaving(from.to) {
			if to := &g.edges[n]; !drawn[n/2] && to.class == from.class && turn(from.heading, to.heading) < best {
				best, e = turn(from.heading, to.heading), n
			}
		}
		if e >= 0 {
			drawn[e/2] = true
		}
	}
	return out
}
