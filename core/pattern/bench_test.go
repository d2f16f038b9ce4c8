package pattern

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

const hour = 3600 * 1_000_000

// travel is "two uses further apart than 250 m/s allow", over lat, lon, ts, city. Adjacent uses are enough: if any two are too far apart, then so
// are two adjacent ones between them.
func travel(shape string) *plan.Pattern {
	p := &plan.Pattern{Id: 1, Name: "travel", Columns: 4, WithinUs: hour, Skip: plan.Skip_TO_NEXT_ROW,
		Variables: []*plan.Variable{{Name: "A"}, {Name: "B"}}, Shape: shapeOf(shape, map[string]uint32{"A": 0, "B": 1})}
	b := builder{p}
	lat, lon, ts := column(0, aNumber), column(1, aNumber), column(2, aTime)
	before := func(x *plan.Expr) *plan.Expr { return b.of(plan.Reference_LAST, x, 0) }
	ms := call("-", call("UNIX_TIMESTAMP", ts), call("UNIX_TIMESTAMP", before(ts)))
	p.Variables[1].Define = call(">", call("distance_m", before(lat), before(lon), lat, lon), call("*", ms, literal(value.OfDouble(0.25))))
	return p
}

// cities is "5 uses or more in 3 cities or more within an hour".
func cities() *plan.Pattern {
	p := &plan.Pattern{Id: 1, Name: "cities", Columns: 4, WithinUs: hour, Variables: []*plan.Variable{{Name: "A"}, {Name: "B"}},
		Shape: shapeOf("A+? B", map[string]uint32{"A": 0, "B": 1})}
	b := builder{p}
	p.Variables[1].Define = call("AND",
		call(">=", b.aggregate("COUNT", anInt, nil), literal(value.OfInt(5))),
		call(">=", b.aggregate("COUNT_DISTINCT", anInt, column(3, aText)), literal(value.OfInt(3))))
	return p
}

// BenchmarkRows takes rows of many keys in, one by one, each key with so many rows an hour. One use in 100,000 is planted: far away, or in
// another city; but where each use is in any city, so that about each fifth row ends a match.
func BenchmarkRows(b *testing.B) {
	for _, c := range []struct {
		name  string
		p     *plan.Pattern
		keys  int
		rate  int // rows per key and hour
		roams bool
	}{
		{"travel_adjacent_100_a_window", travel("A B"), 1000, 100, false},
		{"travel_each_pair_100_a_window", travel("A FOLLOWED BY B"), 1000, 100, false},
		{"travel_each_pair_10_a_window", travel("A FOLLOWED BY B"), 10_000, 10, false},
		{"5_in_3_cities_100_a_window_matching", cities(), 1000, 100, true},
		{"5_in_3_cities_10_a_window", cities(), 10_000, 10, false},
		{"5_in_3_cities_100_a_window", cities(), 1000, 100, false},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkRows(b, c.p, c.keys, c.rate, c.roams) })
	}
}

// cpuSeconds is what the process has used: the machine may be shared.
func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func benchmarkRows(b *testing.B, p *plan.Pattern, keys, rate int, roams bool) {
	e := mustNew(b, p, Limits{})
	state := make([]*Key, keys)
	for i := range state {
		state[i] = e.NewKey([]byte(fmt.Sprint(i)))
	}
	random := rand.New(rand.NewPCG(1, 2))
	names := []value.Value{value.OfString("Port Meridian"), value.OfString("Lund"), value.OfString("Tartu"), value.OfString("Ghent")}
	step := int64(hour / (keys * rate))
	warm, matches := 2*keys*rate, 0
	take := func(i int) {
		us, k := int64(i)*step, state[i%keys]
		values := make([]value.Value, 4)
		city := names[i%keys%2]
		values[0], values[1], values[2] = value.OfDouble(60+random.Float64()/100), value.OfDouble(24+random.Float64()/100), value.OfTime(us)
		if random.IntN(100_000) == 0 {
			values[0], city = value.OfDouble(-30), names[2+random.IntN(2)]
		}
		if roams {
			city = names[random.IntN(4)]
		}
		values[3] = city
		e.Add(k, us, values)
		e.Advance(k, us+1, func(*Match) { matches++ })
	}
	for i := range warm {
		take(i)
	}
	i := warm
	before := cpuSeconds(b)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		take(i)
		i++
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/(cpuSeconds(b)-before), "rows/cpu-s")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(state[0].Bytes()), "bytes/key")
	b.ReportMetric(float64(matches), "matches")
}
