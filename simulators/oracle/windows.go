package oracle

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// WindowReading is a reading of one key: its event time (µs), and an integer and a double column, of which the integer may be NULL.
type WindowReading struct {
	Key   string
	Us    int64
	Int   int64
	Null  bool
	Float float64
}

// WindowOf is a key's window with all of its readings; a session's end is its last reading, other windows' the first time after them.
type WindowOf struct {
	Key        string
	Start, End int64
	Readings   []WindowReading
}

// HoppingWindows gives every window that holds a reading. Windows are size long and begin at multiples of advance; with both the same
// they are tumbling windows. It tries each window that there may be.
func HoppingWindows(readings []WindowReading, size, advance int64) (list []WindowOf) {
	for key, all := range byKey(readings) {
		for k := all[0].Us/advance - size/advance - 2; k*advance <= all[len(all)-1].Us; k++ {
			w := WindowOf{Key: key, Start: k * advance, End: k*advance + size}
			for _, r := range all {
				if w.Start <= r.Us && r.Us < w.End {
					w.Readings = append(w.Readings, r)
				}
			}
			if len(w.Readings) > 0 {
				list = append(list, w)
			}
		}
	}
	return list
}

// SessionWindows gives the sessions: from one reading to the next there is at most a gap.
func SessionWindows(readings []WindowReading, gap int64) (list []WindowOf) {
	for key, all := range byKey(readings) {
		for i, r := range all {
			if i == 0 || r.Us-all[i-1].Us > gap {
				list = append(list, WindowOf{Key: key, Start: r.Us})
			}
			w := &list[len(list)-1]
			w.End, w.Readings = r.Us, append(w.Readings, r)
		}
	}
	return list
}

// byKey gives each key's readings by event time, those of one time by the integer, then the double; NULL is before all.
func byKey(readings []WindowReading) map[string][]WindowReading {
	keys := map[string][]WindowReading{}
	for _, r := range readings {
		keys[r.Key] = append(keys[r.Key], r)
	}
	for _, all := range keys {
		slices.SortFunc(all, func(a, b WindowReading) int { return int(min(max(a.Us-b.Us, -1), 1)) })
	}
	return keys
}

// Ints are the integers that are not NULL, by event time, those of one time by value.
func (w WindowOf) Ints() (list []int64) {
	rest := slices.DeleteFunc(slices.Clone(w.Readings), func(r WindowReading) bool { return r.Null })
	slices.SortFunc(rest, func(a, b WindowReading) int {
		if a.Us != b.Us {
			return int(min(max(a.Us-b.Us, -1), 1))
		}
		return int(min(max(a.Int-b.Int, -1), 1))
	})
	for _, r := range rest {
		list = append(list, r.Int)
	}
	return list
}

// Floats are the doubles, from the smallest to the largest.
func (w WindowOf) Floats() (list []float64) {
	for _, r := range w.Readings {
		list = append(list, r.Float)
	}
	slices.Sort(list)
	return list
}

// SumInts adds without bound.
func SumInts(list []int64) *big.Int {
	sum := new(big.Int)
	for _, i := range list {
		sum.Add(sum, big.NewInt(i))
	}
	return sum
}

// DistinctInts counts different values.
func DistinctInts(list []int64) int {
	seen := map[int64]bool{}
	for _, i := range list {
		seen[i] = true
	}
	return len(seen)
}

// ListInts is COLLECT_LIST's text of values by event time.
func ListInts(list []int64) string {
	return "[" + strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ",") + "]"
}

// LargestInts is TOPK's text: the n largest, the largest first.
func LargestInts(list []int64, n int) string {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	slices.Reverse(sorted)
	return ListInts(sorted[:min(n, len(sorted))])
}

// SumFloats adds exactly and rounds once.
func SumFloats(list []float64) float64 {
	sum, _ := sumRat(list).Float64()
	return sum
}

// MeanFloats divides the exact sum.
func MeanFloats(list []float64) float64 {
	mean, _ := new(big.Rat).Quo(sumRat(list), big.NewRat(int64(len(list)), 1)).Float64()
	return mean
}

// DeviationFloats is the sample standard deviation, exact up to the root; ok is false of fewer than two.
func DeviationFloats(list []float64) (deviation float64, ok bool) {
	if len(list) < 2 {
		return 0, false
	}
	mean := new(big.Rat).Quo(sumRat(list), big.NewRat(int64(len(list)), 1))
	squares := new(big.Rat)
	for _, f := range list {
		d := new(big.Rat).Sub(new(big.Rat).SetFloat64(f), mean)
		squares.Add(squares, d.Mul(d, d))
	}
	variance, _ := squares.Quo(squares, big.NewRat(int64(len(list)-1), 1)).Float64()
	return math.Sqrt(variance), true
}

// QuantileFloats is the value that at least the share q of the sorted list does not exceed.
func QuantileFloats(sorted []float64, q float64) float64 {
	for i, f := range sorted {
		if float64(i+1) >= q*float64(len(sorted)) {
			return f
		}
	}
	return sorted[len(sorted)-1]
}

func sumRat(list []float64) *big.Rat {
	sum := new(big.Rat)
	for _, f := range list {
		sum.Add(sum, new(big.Rat).SetFloat64(f))
	}
	return sum
}
