package oracle

import (
	"fmt"
	"slices"
	"testing"
)

// Windows and results that can be counted on one's fingers.
func TestWindowsByHand(t *testing.T) {
	readings := []WindowReading{{Key: "a", Us: 12, Int: 5, Float: 2}, {Key: "a", Us: -1, Int: 7, Float: 4}, {Key: "a", Us: 3, Int: 5, Float: 9}, {Key: "b", Us: 3, Null: true}, {Key: "a", Us: 3, Int: 4, Float: 1}}
	text := func(list []WindowOf) (lines []string) {
		for _, w := range list {
			lines = append(lines, fmt.Sprint(w.Key, " ", w.Start, " ", w.End, " ", ListInts(w.Ints())))
		}
		slices.Sort(lines)
		return lines
	}
	for _, c := range []struct {
		name      string
		got, want []string
	}{
		{"tumbling", text(HoppingWindows(readings, 10, 10)), []string{"a -10 0 [7]", "a 0 10 [4,5]", "a 10 20 [5]", "b 0 10 []"}},
		{"hopping", text(HoppingWindows(readings[:1], 10, 4)), []string{"a 12 22 [5]", "a 4 14 [5]", "a 8 18 [5]"}},
		{"sessions", text(SessionWindows(readings, 4)), []string{"a -1 3 [7,4,5]", "a 12 12 [5]", "b 3 3 []"}},
		{"one session", text(SessionWindows(readings[:3], 9)), []string{"a -1 12 [7,5,5]"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
	deviation, ok := DeviationFloats([]float64{1, 2, 3})
	if _, alone := DeviationFloats([]float64{1}); deviation != 1 || !ok || alone {
		t.Error("deviation", deviation, ok, alone)
	}
	if got := QuantileFloats([]float64{1, 2, 3, 4}, 0.5); got != 2 {
		t.Error("quantile", got)
	}
	if got := fmt.Sprint(MeanFloats([]float64{1, 2, 4.5}), SumFloats([]float64{1e100, 1, -1e100}), LargestInts([]int64{3, 9, 9, 1}, 3), DistinctInts([]int64{3, 9, 9}), SumInts([]int64{1 << 62, 1 << 62})); got != "2.5 1[9,9,3]2 9223372036854775808" {
		t.Error(got)
	}
}
