package expr

import (
	"fmt"
	"math"

	"github.com/hexpane/hexpane/geo/cell"
	"github.com/hexpane/hexpane/geo/polygon"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// places: a point off the globe has no cell and no distance; both are NULL.
var places = []function{
	{name: "h3", usage: "h3(lat, lon, resolution)", typ: takes(value.Cell, isNum, isNum, isInt), make: makeCell},
	{name: "h3_parent", usage: "h3_parent(cell, resolution)", typ: takes(value.Cell, isCell, isInt), make: makeParent},
	{name: "distance_m", usage: "distance_m(lat1, lon1, lat2, lon2)", typ: takes(value.Double, isNum, isNum, isNum, isNum), make: makeDistance},
	{name: plan.InFence, usage: "in_fence(lat, lon, 'id')", typ: takes(value.Bool, isNum, isNum, isText, isText), make: makeInFence},
}

// maxResolution is H3's finest.
const maxResolution = 15

func makeCell(args []node, _ value.Type) (Func, error) {
	lat, lon := args[0].eval, args[1].eval
	resolution, err := makeResolution(args[2], "h3")
	if err != nil {
		return nil, err
	}
	return func(row []value.Value) value.Value {
		res, ok := resolution(row)
		y, x := lat(row), lon(row)
		if !ok || y.IsNull() || x.IsNull() {
			return value.Value{}
		}
		c, ok := cell.Of(y.Float(), x.Float(), res)
		if !ok {
			return value.Value{}
		}
		return value.OfCell(c)
	}, nil
}

// makeResolution refuses a wrong literal at once; one that comes from a column makes NULL.
func makeResolution(n node, function string) (func([]value.Value) (int, bool), error) {
	if n.literal {
		r := n.value.Int()
		if n.value.IsNull() || r < 0 || r > maxResolution {
			return nil, fmt.Errorf("%s takes a resolution of 0 to %d, not %s", function, maxResolution, n.value.Text())
		}
		return func([]value.Value) (int, bool) { return int(r), true }, nil
	}
	eval := n.eval
	return func(row []value.Value) (int, bool) {
		v := eval(row)
		return int(v.Int()), !v.IsNull() && v.Int() >= 0 && v.Int() <= maxResolution
	}, nil
}

// makeParent gives NULL for a resolution finer than the cell's own.
func makeParent(args []node, _ value.Type) (Func, error) {
	eval := args[0].eval
	resolution, err := makeResolution(args[1], "h3_parent")
	if err != nil {
		return nil, err
	}
	return func(row []value.Value) value.Value {
		res, ok := resolution(row)
		v := eval(row)
		if !ok || v.IsNull() {
			return value.Value{}
		}
		return value.OfCell(cell.Parent(v.Cell(), res))
	}, nil
}

// EarthRadius is the mean radius (IUGG), in metres.
const EarthRadius = 6371008.8

func makeDistance(args []node, _ value.Type) (Func, error) {
	lat1, lon1, lat2, lon2 := args[0].eval, args[1].eval, args[2].eval, args[3].eval
	return func(row []value.Value) value.Value {
		a, b, c, d := lat1(row), lon1(row), lat2(row), lon2(row)
		if a.IsNull() || b.IsNull() || c.IsNull() || d.IsNull() || math.Abs(a.Float()) > 90 || math.Abs(c.Float()) > 90 {
			return value.Value{}
		}
		return finite(haversine(a.Float(), b.Float(), c.Float(), d.Float()))
	}, nil
}

func haversine(lat1, lon1, lat2, lon2 float64) float64 {
	const rad = math.Pi / 180
	s, t := math.Sin((lat2-lat1)*rad/2), math.Sin((lon2-lon1)*rad/2)
	h := s*s + math.Cos(lat1*rad)*math.Cos(lat2*rad)*t*t
	return 2 * EarthRadius * math.Asin(math.Sqrt(min(1, h)))
}

// maxCorners of a fence that comes in a plan.
const maxCorners = 1 << 20

// makeInFence has the shape as its fourth argument: the fence as it was when the plan was made. On a border is in.
func makeInFence(args []node, _ value.Type) (Func, error) {
	if !args[3].literal || args[3].value.IsNull() {
		return nil, fmt.Errorf("in_fence takes the id of a fence as a literal, such as 'depot'")
	}
	shape, err := polygon.Parse([]byte(args[3].value.Str()), polygon.Limits{Vertices: maxCorners})
	if err != nil {
		return nil, fmt.Errorf("in_fence: the fence's shape: %w", err)
	}
	lat, lon := args[0].eval, args[1].eval
	return func(row []value.Value) value.Value {
		y, x := lat(row), lon(row)
		if y.IsNull() || x.IsNull() || math.Abs(y.Float()) > 90 || math.Abs(x.Float()) > 360 {
			return value.Value{}
		}
		return value.OfBool(shape.Contains(y.Float(), x.Float()))
	}, nil
}
