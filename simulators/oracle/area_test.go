package oracle

import "testing"

// The oracle itself is held against cases that can be told by looking.
func TestArea(t *testing.T) {
	square := [][][2]float64{
		{{0, 0}, {4, 0}, {4, 4}, {0, 4}, {0, 0}},
		{{1, 1}, {1, 2}, {2, 2}, {2, 1}, {1, 1}},
	}
	over := [][][2]float64{{{179, 10}, {181, 10}, {181, 12}, {179, 12}, {179, 10}}}
	west := [][][2]float64{{{-181, -12}, {-180, -10}, {-179, -12}, {-181, -12}}}
	third := [][][2]float64{{{10, 10}, {13, 11}, {10, 11}, {10, 10}}} // (11, 10.33…) is on no double
	a := NewArea([][][][2]float64{square, over, west, third})
	for _, c := range []struct {
		lat, lon float64
		in       bool
	}{
		{3, 3, true}, {0, 0, true}, {4, 4, true}, {4, 2, true}, {2, 0, true}, {2, 4, true}, {5, 2, false}, {2, 5, false}, {-1, 2, false}, {2, -1, false},
		{1.5, 1.5, false}, {1, 1, true}, {1.5, 1, true}, {2, 1.5, true}, {1, 3, true}, {1, 0.5, true}, {2, 363, true}, {3, 363, true}, {3, -357, true}, {1.5, 361.5, false},
		{0, 4.000000000000001, false}, {4.000000000000001, 2, false}, {1.0000000000000002, 1.5, false},
		{11, 180, true}, {11, -180, true}, {11, -179, true}, {11, -178.99999999999997, false}, {11, 179, true}, {11, 178.99999999999997, false}, {11, 181, true},
		{-11, 179.5, true}, {-11, 179.49999999999997, false}, {-10, 180, true}, {-10, -180, true}, {-10.5, 179.75, true},
		{11, 13, true}, {10.333333333333334, 11, true}, {10.333333333333332, 11, false},
	} {
		if got := a.Contains(c.lat, c.lon); got != c.in {
			t.Errorf("%v, %v: %v", c.lat, c.lon, got)
		}
	}
}
