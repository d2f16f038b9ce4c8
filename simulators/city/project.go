package city

import "math"

// Where Port Meridian is: the point with local coordinates 0, 0.
const (
	CentreLat = 40.0
	CentreLon = -30.0
)

// kmPerDegree of latitude on a sphere of the mean radius, the one that haversine distances use.
const kmPerDegree = 6371.0088 * math.Pi / 180

var kmPerLon = kmPerDegree * math.Cos(CentreLat*math.Pi/180)

// point is a place in local kilometres: x to the east, y to the north of the centre.
type point struct{ x, y float64 }

func (p point) add(q point) point     { return point{p.x + q.x, p.y + q.y} }
func (p point) sub(q point) point     { return point{p.x - q.x, p.y - q.y} }
func (p point) scale(f float64) point { return point{p.x * f, p.y * f} }
func (p point) length() float64       { return math.Hypot(p.x, p.y) }
func (p point) mid(q point) point     { return point{(p.x + q.x) / 2, (p.y + q.y) / 2} }
func (p point) latLon() (lat, lon float64) {
	return CentreLat + p.y/kmPerDegree, CentreLon + p.x/kmPerLon
}

// bearing of travel from p to q, degrees clockwise from north in [0, 360).
func (p point) bearing(q point) float64 {
	b := math.Atan2(q.x-p.x, q.y-p.y) * 180 / math.Pi
	if b < 0 {
		b += 360
	}
	return b
}
