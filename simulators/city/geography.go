package city

import "math"

// ellipse is a lake's or park's rough outline, in kilometres; wobble makes it look grown.
type ellipse struct{ x, y, rx, ry, wobble float64 }

var lakes = []ellipse{{5.6, -3.5, .95, .55, .30}, {-2.2, 5.9, .35, .5, .25}}

var parks = []ellipse{
	{-1.5, 2.9, .95, .55, .3}, {2.8, -2.2, .75, .5, .3}, {5.6, -3.5, 1.6, 1.15, .2}, {-3.4, -2.7, .5, .7, .3},
	{3.7, 4.2, 1.1, .6, .35}, {-.3, -4.8, .7, .4, .3}, {7.8, 1.9, .6, .95, .3}, {.9, 1.35, .3, .2, .2},
	{-2.2, 5.9, .8, .9, .25}, {6.6, 5.6, .8, .5, .3}, {1.2, -6.3, .9, .45, .3}, {9.3, -1.6, .5, .7, .3},
}

// at is the outline's point in the direction a, radians.
func (e ellipse) at(a float64) point {
	r := 1 - e.wobble*noise(math.Cos(a)*1.6+e.x*3, math.Sin(a)*1.6+e.y*3)
	return point{e.x + e.rx*r*math.Cos(a), e.y + e.ry*r*math.Sin(a)}
}

// holds tests p against the outline grown by margin (a fraction of the radius).
func (e ellipse) holds(p point, margin float64) bool {
	dx, dy := (p.x-e.x)/e.rx, (p.y-e.y)/e.ry
	d := math.Hypot(dx, dy)
	if d > 1+margin {
		return false
	}
	a := math.Atan2(dy, dx)
	return d < 1-e.wobble*noise(math.Cos(a)*1.6+e.x*3, math.Sin(a)*1.6+e.y*3)+margin
}

// coastX is where the sea ends at latitude y: everything west of it is water. A bay is cut in at the river's mouth.
func coastX(y float64) float64 {
	return -5.9 + 2.6*(fbm(y*.16+3, 1.7)-.5)*2 + .6*(fbm(y*.9, 9)-.5) + 1.3*math.Exp(-((y+.2)*(y+.2))/2.2)
}

// riverY and riverHalf are the river's middle and half its width at longitude x.
func riverY(x float64) float64 { return .35 + 1.8*math.Sin(x*.28+.4) + .7*(fbm(x*.5, 4)-.5) }

func riverHalf(x float64) float64 {
	return .13 + .15*math.Max(0, (1-x)/7) + .05*noise(x*1.2, 2)
}

func inSea(p point, margin float64) bool { return p.x < coastX(p.y)+margin }

func inRiver(p point) bool { return math.Abs(p.y-riverY(p.x)) < riverHalf(p.x)+.02 }

func inLake(p point) bool { return inAny(lakes, p, .08) }

func inPark(p point) bool { return inAny(parks, p, .03) }

func inWater(p point) bool { return inSea(p, .06) || inRiver(p) || inLake(p) }

func inAny(list []ellipse, p point, margin float64) bool {
	for _, e := range list {
		if e.holds(p, margin) {
			return true
		}
	}
	return false
}

// density of the built city in (0, 1]: 1 in the middle, with three lesser centres.
func density(p point) float64 {
	d := bell(p, point{-.3, .1}, 4.6, 3.6)
	return math.Min(1, d+.35*bell(p, point{4.4, 1.8}, 1.6, 1.4)+.3*bell(p, point{-2.4, -4.2}, 1.5, 1.2)+
		.3*bell(p, point{7.3, 3.3}, 1.1, .9))
}

func bell(p, c point, sx, sy float64) float64 {
	dx, dy := (p.x-c.x)/sx, (p.y-c.y)/sy
	return math.Exp(-(dx*dx + dy*dy) / 2)
}
