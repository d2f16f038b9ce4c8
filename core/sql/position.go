package sql

import (
	"strings"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// kmhIn gives the km/h in one unit.
var kmhIn = map[string]float64{"kmh": 1, "km/h": 1, "ms": 3.6, "m/s": 3.6, "mph": 1.609344, "kn": 1.852}

func (o options) speedUnit() float64 {
	unit := o.word("speed_unit", "kmh")
	if f := kmhIn[unit]; f != 0 {
		return f
	}
	fail(o["speed_unit"].ValuePos, "speed_unit is 'kmh', 'ms', 'mph' or 'kn', not '%s'", shorten(unit))
	return 0
}

// position says which columns a map needs. Without the option a pair lat, lon (or latitude, longitude) of DOUBLEs
// is taken, if a KEY says which device it is of.
func (o options) position(s *scope, keyed bool) *plan.Position {
	opt, said := o["position"]
	lat, lon := -1, -1
	switch {
	case said && strings.EqualFold(strings.TrimSpace(opt.Value), "none"):
		o.without()
		return nil
	case said:
		first, second, ok := strings.Cut(opt.Value, ",")
		if !ok || strings.Contains(second, ",") {
			fail(opt.ValuePos, "position names two columns like 'lat,lon', or is 'none'")
		}
		lat, lon = s.number(opt, first), s.number(opt, second)
		if lat == lon {
			fail(opt.ValuePos, "position names the same column twice")
		}
		if !keyed {
			fail(opt.ValuePos, "a position needs a device: mark its column as KEY")
		}
	default:
		if lat, lon = s.latLon(); lat < 0 || !keyed {
			o.without()
			return nil
		}
	}
	return &plan.Position{Lat: int32(lat), Lon: int32(lon), Kmh: o.speedUnit(),
		Speed: int32(o.numeric(s, "speed", "speed_kmh", "speed")), Heading: int32(o.numeric(s, "heading", "heading", "hdg"))}
}

// without refuses options that only make sense beside a position.
func (o options) without() {
	for _, name := range []string{"speed", "heading", "speed_unit"} {
		if opt, ok := o[name]; ok {
			fail(opt.Name.Pos, "option %s belongs to a position, and the stream has none: it takes a KEY and position = 'lat,lon'", name)
		}
	}
}

func (s *scope) latLon() (lat, lon int) {
	for _, names := range [][2]string{{"lat", "lon"}, {"latitude", "longitude"}} {
		lat, lon = s.find(Ident{Name: names[0]}), s.find(Ident{Name: names[1]})
		if lat >= 0 && lon >= 0 && s.Columns[lat].Type.Kind == value.Double && s.Columns[lon].Type.Kind == value.Double {
			return lat, lon
		}
	}
	return -1, -1
}

// numeric gives the option's column, else the first of these columns that is a number, else −1.
func (o options) numeric(s *scope, option string, candidates ...string) int {
	if opt, ok := o[option]; ok {
		if strings.EqualFold(opt.Value, "none") {
			return -1
		}
		return s.number(opt, opt.Value)
	}
	for _, name := range candidates {
		if i := s.find(Ident{Name: name}); i >= 0 && s.Columns[i].Type.Kind.Numeric() {
			return i
		}
	}
	return -1
}

func (s *scope) number(opt Option, name string) int {
	i := s.option(opt, name)
	if !s.Columns[i].Type.Kind.Numeric() {
		fail(opt.ValuePos, "%s: `%s` is %s, not a number", strings.ToLower(opt.Name.Name), s.Columns[i].Name, s.Columns[i].Type)
	}
	return i
}
