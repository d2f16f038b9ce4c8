package replay

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// SortRecords by their sort column: as numbers or times if all are, else as text. Equal ones keep their order.
func SortRecords(list []Record) {
	numbers, times := true, true
	for _, r := range list {
		if _, err := strconv.ParseFloat(r.Sort, 64); err != nil {
			numbers = false
		}
		if _, err := parseTime(r.Sort); err != nil {
			times = false
		}
	}
	switch {
	case numbers:
		by := func(r Record) float64 { f, _ := strconv.ParseFloat(r.Sort, 64); return f }
		slices.SortStableFunc(list, func(a, b Record) int { return cmp.Compare(by(a), by(b)) })
	case times:
		by := func(r Record) time.Time { at, _ := parseTime(r.Sort); return at }
		slices.SortStableFunc(list, func(a, b Record) int { return by(a).Compare(by(b)) })
	default:
		slices.SortStableFunc(list, func(a, b Record) int { return cmp.Compare(a.Sort, b.Sort) })
	}
}

// Shuffle delays each record by a random time of up to bound and returns them in the order of their delayed times.
// At stays what it was, so a record is late by at most bound: if b's time is later than a's by more than bound, a
// stays first. One seed gives one order.
func Shuffle(list []Record, bound time.Duration, seed uint64) []Record {
	rng := rand.New(rand.NewPCG(seed, 0x68657870616e65))
	type delayed struct {
		at time.Time
		Record
	}
	order := make([]delayed, len(list))
	for i, r := range list {
		var by time.Duration
		if bound > 0 {
			by = time.Duration(rng.Int64N(int64(bound) + 1))
		}
		order[i] = delayed{r.At.Add(by), r}
	}
	slices.SortStableFunc(order, func(a, b delayed) int { return a.at.Compare(b.at) })
	out := make([]Record, len(list))
	for i, d := range order {
		out[i] = d.Record
	}
	return out
}
