package score

import "math"

// tail is how often a key is more than so many deviations off, and by how much then: what lies behind a threshold falls off much the same for most
// noise, so that the chance of what never was seen can be told from what was (peaks over a threshold: Pickands–Balkema–de Haan). The shape is fixed, a little
// heavier than exponential; rate and mean excess are learned, from a beginning that expects more than normal noise has.
type tail struct {
	rate, excess float32
	n            uint16 // peaks learned
}

// Shapes of tails: of what single rows are off, of their means, and of means of how wide they are.
const rowShape, shiftShape, spreadShape = 0.15, 0.1, 0.03

const (
	threshold   = 2.5
	firstRate   = 0.02 // of normal noise: 0.012
	firstExcess = 0.6  // of normal noise: 0.33
	firstWeight = 8    // as if so many peaks had been seen
	mostExcess  = 5    // times the usual, as which a fault counts
)

var (
	freshTail  = tail{rate: firstRate, excess: firstExcess}
	shiftTail  = tail{rate: firstRate / 4, excess: firstExcess} // of a shift the peak alone counts
	spreadTail = tail{rate: 0.012, excess: 0.4}                 // of how wide noise is, which hardly differs from key to key
)

// chance is the probability of a normal row that is at least z off.
func (t *tail) chance(z, shape float64) float64 {
	if z <= threshold {
		return 1
	}
	return float64(t.rate) * math.Pow(1+shape*(z-threshold)/((1-shape)*float64(t.excess)), -1/shape)
}

// learn takes a row's deviation in, of one of so many rows.
func (t *tail) learn(z, rows float64) {
	peak := 0.0
	if z > threshold {
		peak = 1
		t.n = min(t.n+1, 500)
		toward(&t.excess, min(z-threshold, mostExcess*float64(t.excess)), firstWeight+float64(t.n))
	}
	toward(&t.rate, peak, rows)
	t.rate = max(t.rate, 1e-4)
}
