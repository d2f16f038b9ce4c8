package expr

import (
	"testing"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// sink keeps results alive.
var sink value.Value

func BenchmarkEvaluate(b *testing.B) {
	lat, lon, speed, route := column(0, typ(value.Double)), column(1, typ(value.Double)), column(2, typ(value.Double)), column(3, typ(value.String))
	fast := callOf(b, ">", speed, literal(dbl(30)))
	row := []value.Value{dbl(60.17), dbl(24.94), dbl(42.5), str("550")}
	for _, c := range []struct {
		name string
		e    *plan.Expr
	}{
		{"speed>30", fast},
		{"speed>30_AND_route=550", callOf(b, "AND", fast, callOf(b, "=", route, literal(str("550"))))},
		{"speed*3.6", callOf(b, "*", speed, literal(dbl(3.6)))},
		{"speed*3.6>100_OR_lat_BETWEEN", callOf(b, "OR", callOf(b, ">", callOf(b, "*", speed, literal(dbl(3.6))), literal(num(1000))),
			callOf(b, "BETWEEN", lat, literal(dbl(60)), literal(dbl(61))))},
		{"route_LIKE_5%", callOf(b, "LIKE", route, literal(str("5%")))},
		{"CASE", callOf(b, "CASE", fast, literal(num(1)), literal(num(0)))},
		{"h3_9", callOf(b, "h3", lat, lon, literal(num(9)))},
		{"distance_m", callOf(b, "distance_m", lat, lon, literal(dbl(60)), literal(dbl(25)))},
	} {
		f, err := Compile(c.e)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = f(row)
			}
		})
	}
}
