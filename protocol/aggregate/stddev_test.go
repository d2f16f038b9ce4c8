package aggregate

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/hexpane/hexpane/protocol/value"
	"pgregory.net/rapid"
)

// sameStddev allows what rounding leaves: the last bit of the deviation, or of the readings' amount where that is larger.
func sameStddev(t *rapid.T, got, want *stddev) {
	a, b := got.Result(), want.Result()
	amount := math.Sqrt(want.squares.float() / float64(max(1, want.n)))
	if a.IsNull() != b.IsNull() || math.Abs(a.Float()-b.Float()) > 1e-15*math.Max(amount, b.Float()) {
		t.Fatalf("merged %s, observed whole %s", a.Text(), b.Text())
	}
}

// exactStddev computes with 600 bits.
func exactStddev(values []float64) float64 {
	num := func(f float64) *big.Float { return new(big.Float).SetPrec(600).SetFloat64(f) }
	sum, n := num(0), num(float64(len(values)))
	for _, v := range values {
		sum.Add(sum, num(v))
	}
	mean, squares := sum.Quo(sum, n), num(0)
	for _, v := range values {
		d := new(big.Float).Sub(num(v), mean)
		squares.Add(squares, d.Mul(d, d))
	}
	f, _ := squares.Quo(squares, num(float64(len(values)-1))).Float64()
	return math.Sqrt(f)
}

// welford is the method that stddev is measured against.
type welford struct{ n, mean, m2 float64 }

func (w *welford) observe(x float64) {
	w.n++
	d := x - w.mean
	w.mean += d / w.n
	w.m2 += d * (x - w.mean)
}

func (w *welford) merge(o welford) {
	if o.n == 0 {
		return
	}
	n, d := w.n+o.n, o.mean-w.mean
	w.mean += d * o.n / n
	w.m2 += o.m2 + d*d*w.n*o.n/n
	w.n = n
}

func TestStddevAgainstBigNumbers(t *testing.T) {
	n := soak(1_000_000, 20_000)
	for _, c := range []struct {
		name      string
		mean, dev float64
		limit     float64
	}{{"speeds", 40, 12, 1e-15}, {"around zero", 0, 1, 1e-15}, {"temperatures in K", 293.15, 0.01, 1e-15}, {"a voltage's ripple", 230, 1e-6, 1e-14},
		{"epoch milliseconds", 1.7e12, 1000, 1e-11}} {
		r := rand.New(rand.NewPCG(3, 4))
		values, parts, others := make([]float64, n), make([]stddev, 16), make([]welford, 16)
		for i := range values {
			values[i] = c.mean + c.dev*r.NormFloat64()
			p := r.IntN(16)
			parts[p].Observe(value.OfDouble(values[i]), 0)
			others[p].observe(values[i])
		}
		for i := range 15 {
			parts[15].Merge(&parts[i])
			others[15].merge(others[i])
		}
		want := exactStddev(values)
		off := math.Abs(parts[15].Result().Float()-want) / want
		welfords := math.Abs(math.Sqrt(others[15].m2/(others[15].n-1))-want) / want
		t.Logf("soak: STDDEV of %d %s: %.1g of itself off (Welford and Chan: %.1g)", n, c.name, off, welfords)
		if off > c.limit {
			t.Errorf("%s: %v off", c.name, off)
		}
	}
}

func TestStddevOfFew(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   string
	}{{nil, ""}, {[]float64{5}, ""}, {[]float64{5, 5}, "0"}, {[]float64{0.1, 0.1, 0.1}, "0"}, {[]float64{2, 4, 4, 4, 5, 5, 7, 9}, "2.138089935299395"},
		{[]float64{1e200, 1}, ""}} {
		s := makerOf(t, "STDDEV", value.Double)()
		for _, v := range c.values {
			s.Observe(value.OfDouble(v), 0)
		}
		if got := s.Result().Text(); got != c.want {
			t.Errorf("STDDEV of %v is %q, not %q", c.values, got, c.want)
		}
	}
}
