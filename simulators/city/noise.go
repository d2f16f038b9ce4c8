package city

import "math"

// splitmix is the whole of the city's randomness: one word of state, so every vehicle can own one.
type splitmix uint64

func (s *splitmix) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	return mix(uint64(*s))
}

// unit is in [0, 1).
func (s *splitmix) unit() float64 { return float64(s.next()>>11) / (1 << 53) }

// between is in [lo, hi).
func (s *splitmix) between(lo, hi float64) float64 { return lo + (hi-lo)*s.unit() }

// below is in [0, n).
func (s *splitmix) below(n int) int { return int(s.next() % uint64(n)) }

// normal has mean 0 and deviation 1, near enough (Irwin–Hall of four).
func (s *splitmix) normal() float64 {
	return (s.unit() + s.unit() + s.unit() + s.unit() - 2) * math.Sqrt(3)
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// hash of a lattice point, in [0, 1).
func hash(i, j int) float64 {
	return float64(mix(uint64(int64(i))*0x9e3779b97f4a7c15^mix(uint64(int64(j))+0x632be59bd9b4e019))>>11) / (1 << 53)
}

// noise is smooth value noise in [0, 1] with features about one unit wide.
func noise(x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	i, j := int(fx), int(fy)
	u, v := smooth(x-fx), smooth(y-fy)
	a := hash(i, j)*(1-u) + hash(i+1, j)*u
	b := hash(i, j+1)*(1-u) + hash(i+1, j+1)*u
	return a*(1-v) + b*v
}

// fbm adds octaves of noise; mean near 0.5.
func fbm(x, y float64) float64 {
	return noise(x, y)*.6 + noise(x*2.1+7, y*2.1+3)*.28 + noise(x*4.3+11, y*4.3+5)*.12
}

func smooth(t float64) float64 { return t * t * (3 - 2*t) }
