package aggregate

import (
	"math"

	"github.com/hexpane/hexpane/protocol/value"
)

// stddev is STDDEV(x), the sample standard deviation (SQL's STDDEV_SAMP), so it takes two readings to be not NULL.
//
// It adds up the readings and their squares, both in two floats. Welford's method with Chan's merge holds one float less,
// but where the deviation is small beside the mean its result depends on the order of merges long before this one's does:
// what is left of 106 bits after the subtraction is more than Welford's 53 ever are. TestStddevAgainstBigNumbers compares.
type stddev struct {
	sum, squares doubleSum
	n            count
}

func (s *stddev) Observe(v value.Value, _ int64) {
	if v.IsNull() {
		return
	}
	f := v.Float()
	square := f * f
	s.n++
	s.sum.add(v)
	s.squares.seen = true
	s.squares.plus(square, math.FMA(f, f, -square))
}

func (s *stddev) Merge(other State) {
	o := other.(*stddev)
	s.sum.Merge(&o.sum)
	s.squares.Merge(&o.squares)
	s.n.Merge(&o.n)
}

func (s *stddev) Append(dst []byte) []byte {
	return s.n.Append(s.squares.Append(s.sum.Append(dst)))
}

func (s *stddev) Read(src []byte) ([]byte, error) {
	for _, part := range []State{&s.sum, &s.squares, &s.n} {
		var err error
		if src, err = part.Read(src); err != nil {
			return nil, err
		}
	}
	return src, nil
}

// Result is √((Σx² − (Σx)²/n) / (n−1)). What rounding alone could have left of equal readings is 0.
func (s *stddev) Result() value.Value {
	if s.n < 2 {
		return value.Value{}
	}
	n := float64(s.n)
	square := s.sum.hi * s.sum.hi
	rest := math.FMA(s.sum.hi, s.sum.hi, -square) + 2*s.sum.hi*s.sum.lo
	mean := square / n
	rest = (math.FMA(-mean, n, square) + rest) / n
	difference, lost := twoSum(s.squares.hi, -mean)
	difference += lost + s.squares.lo - rest
	if difference <= n*0x1p-103*s.squares.hi {
		difference = 0
	}
	return value.OfDouble(math.Sqrt(difference / (n - 1)))
}
