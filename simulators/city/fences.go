package city

import "strconv"

// area is a fence: a rough circle in kilometres.
type area struct {
	id, properties string
	at             point
	radius         float64
}

var areas = []area{
	{"old-town", `"name":"Old Town","speed_limit_kmh":50,"speed_for":"5s"`, point{-1.4, .2}, .7},
	{"museum-quarter", `"name":"Museum Quarter","dwell":"2m"`, point{2.0, 2.4}, .8},
	{"lakeside", `"name":"Lakeside"`, point{5.3, -2.1}, 1.1},
	{"technopark", `"name":"Technopark","detect":["enter","exit","dwell","lost"],"dwell":"1m"`, point{7.4, 3.6}, .9},
}

// Fences is a GeoJSON FeatureCollection of areas that the city's operators watch, as PUT /api/v1/fences takes them.
func Fences() []byte {
	d := &drawing{buf: []byte(`{"type":"FeatureCollection","features":[`)}
	for _, a := range areas {
		outline := outline(ellipse{x: a.at.x, y: a.at.y, rx: a.radius, ry: a.radius}, 32)
		d.feature("Polygon", `"id":`+strconv.Quote(a.id)+`,`+a.properties, closed(outline), true)
	}
	return append(d.buf, "\n]}\n"...)
}
