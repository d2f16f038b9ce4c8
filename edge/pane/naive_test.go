package pane_test

import (
	"fmt"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// naive computes what the views of testPlan must hold, one reading at a time, in plain integers.
func naive(p *plan.Plan, readings []reading) (deltas map[string]string, rows []string) {
	type sums struct{ readings, n, sum, low, high, amount, top int64 }
	found := map[string]*sums{}
	amounts, tops := map[string]bool{}, map[string]bool{}
	add := func(view string, size int64, r reading, key ...value.Value) *sums {
		start := int64(0)
		if size > 0 {
			for start = -100 * size; start+size <= r.us; start += size {
			}
		}
		id := fmt.Sprintf("%s/%d/%s", view, start, texts(key))
		s := found[id]
		if s == nil {
			s = &sums{}
			found[id] = s
		}
		s.readings++
		if x := r.row[1]; !x.IsNull() {
			if s.n == 0 || x.Int() < s.low {
				s.low = x.Int()
			}
			if s.n == 0 || x.Int() > s.high {
				s.high = x.Int()
			}
			s.n++
			s.sum += x.Int()
		}
		if view == "by_device" {
			s.amount += r.row[2].Int()
			amounts[id] = true
		}
		if view == "by_device_too" {
			if a := r.row[2].Int(); s.readings == 1 || a > s.top {
				s.top = a
			}
			tops[id] = true
		}
		return s
	}
	for _, r := range readings {
		device, x := r.row[0], r.row[1]
		switch r.stream {
		case vehicles:
			add("by_device", paneUs, r, device)
			add("by_device_too", paneUs, r, device)
			if !x.IsNull() && x.Int() > 3 {
				add("above_three", 3*paneUs, r, device, x)
			}
			add("ever", 0, r)
		case meters:
			add("metered", paneUs, r, device)
		case quiet:
			add("hushed", paneUs, r)
		}
		if r.forward && r.stream != quiet {
			row := r.row
			if r.stream == meters {
				row = append(row[:len(row):len(row)], value.OfTime(r.us))
			}
			rows = append(rows, rowText(r.stream, row))
		}
	}
	deltas = map[string]string{}
	for id, s := range found {
		values := []value.Value{value.OfInt(s.readings), value.OfInt(s.n), {}, {}, {}, {}}
		if s.n > 0 {
			values = []value.Value{value.OfInt(s.readings), value.OfInt(s.n), value.OfInt(s.sum), value.OfInt(s.low), value.OfInt(s.high),
				value.OfDouble(float64(s.sum) / float64(s.n))}
		}
		if tops[id] {
			values = []value.Value{values[2], values[0], value.OfDecimal(s.top, 2), values[0]}
		}
		if amounts[id] {
			values = append(values, value.OfDecimal(s.amount, 2))
		}
		deltas[id] = fmt.Sprintf("%d readings: %s", s.readings, texts(values))
	}
	return deltas, rows
}
