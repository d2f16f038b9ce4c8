package fence_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/fence"
	"github.com/hexpane/hexpane/geo/polygon"
)

// Scripts are in testdata/*.txt. A rectangle or place is in metres east and north of a point in Texas.
//
//	disorder 30s                                     positions may come out of order by that much
//	lost 10m                                         a silent device is told as lost
//	forget 1h                                        a silent device that is in no fence is forgotten
//	fence NAME x,y to x,y [dwell=5m] [speed=50] [for=10s] [fixes=3] [mintime=20s] [mindistance=30] [cross]
//	09:00:00 DEVICE x,y [km/h]                       a position arrives
//	watermark 09:05:00                               no position older than that is expected
//	reshape NAME x,y to x,y at 09:00:00              the same rule, another area
//	delete NAME at 09:00:00
//	-> 09:00:00 DEVICE enter NAME                    what is told, all of it, in order; with "after 5m0s" where it says so,
//	                                                 and "instead of" or "withdrawn" for corrections
//	inside NAME DEVICE …                             who is inside now
type script struct {
	t        *testing.T
	engine   *fence.Engine
	config   fence.Config
	set      *fence.Set
	disorder time.Duration
	newest   int64
	told     []fence.Event
	kinds    map[string]fence.Event // what was told, by ID
}

const originLat, originLon, metre = 30.0, -97.0, 1 / 111_200.0

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "\n# ")[1:] {
			title, body, _ := strings.Cut(part, "\n")
			t.Run(title, func(t *testing.T) {
				s := &script{t: t, set: new(fence.Set), kinds: map[string]fence.Event{}}
				for n, line := range strings.Split(body, "\n") {
					if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
						s.line(n+1, fields)
					}
				}
				if len(s.told) > 0 {
					t.Errorf("told at the end, and not expected: %v", s.texts())
				}
			})
		}
	}
}

func (s *script) start() *fence.Engine {
	if s.engine == nil {
		s.engine = fence.New(s.config)
		s.engine.Use(s.set, 0, nil)
	}
	return s.engine
}

func (s *script) line(n int, f []string) {
	switch f[0] {
	case "disorder":
		s.disorder = duration(s.t, f[1])
	case "lost":
		s.config.LostAfter = duration(s.t, f[1])
	case "forget":
		s.config.Forget = duration(s.t, f[1])
	case "fence":
		s.set = s.set.With(fence.Fence{ID: f[1], Shape: rectangle(s.t, f[2], f[4]), Rule: rule(s.t, f[5:])})
		if s.engine != nil {
			s.told = s.engine.Use(s.set, s.newest, s.told)
		}
	case "reshape":
		old, ok := s.set.Get(f[1])
		if !ok {
			s.t.Fatalf("line %d: no fence %s", n, f[1])
		}
		old.Shape = rectangle(s.t, f[2], f[4])
		s.set = s.set.With(old)
		s.told = s.start().Use(s.set, clock(s.t, f[6]), s.told)
	case "delete":
		s.set = s.set.Without(f[1])
		s.told = s.start().Use(s.set, clock(s.t, f[3]), s.told)
	case "watermark":
		s.told = s.start().Advance(clock(s.t, f[1]), s.told)
	case "inside":
		if got := s.start().Inside(f[1]); !slices.Equal(got, f[2:]) && len(got)+len(f[2:]) > 0 {
			s.t.Errorf("line %d: inside %s are %v, want %v", n, f[1], got, f[2:])
		}
	case "->":
		want := strings.Join(f[1:], " ")
		if len(s.told) == 0 {
			s.t.Errorf("line %d: nothing is told, want %s", n, want)
			return
		}
		if got := s.text(s.told[0]); got != want {
			s.t.Errorf("line %d: told %q, want %q; all: %v", n, got, want, s.texts())
		}
		s.kinds[s.told[0].ID] = s.told[0]
		s.told = s.told[1:]
	default:
		if len(s.told) > 0 {
			s.t.Errorf("before line %d, told and not expected: %v", n, s.texts())
			s.told = nil
		}
		lat, lon := place(s.t, f[2])
		fix := fence.Fix{Device: f[1], At: clock(s.t, f[0]), Lat: lat, Lon: lon, Speed: math.NaN()}
		if len(f) > 3 {
			fix.Speed = number(s.t, f[3])
		}
		s.newest = max(s.newest, fix.At)
		s.told = s.start().Observe([]fence.Fix{fix}, s.told)
		s.told = s.engine.Advance(s.newest-s.disorder.Milliseconds(), s.told)
	}
}

func (s *script) text(e fence.Event) string {
	out := e.String()
	switch old, ok := s.kinds[e.Replaces]; {
	case e.Withdrawn:
		out += " withdrawn"
	case e.Replaces != "" && !ok:
		out += " instead of what was never told"
	case e.Replaces != "":
		out += " instead of " + time.UnixMilli(old.At).UTC().Format("15:04:05")
	}
	return out
}

func (s *script) texts() (out []string) {
	for _, e := range s.told {
		out = append(out, s.text(e))
	}
	return out
}

func rule(t testing.TB, words []string) (r fence.Rule) {
	for _, w := range words {
		switch key, value, _ := strings.Cut(w, "="); key {
		case "dwell":
			r.Dwell = duration(t, value)
		case "speed":
			r.SpeedLimit = number(t, value)
		case "for":
			r.SpeedFor = duration(t, value)
		case "fixes":
			r.SpeedFixes = int(number(t, value))
		case "mintime":
			r.MinTime = duration(t, value)
		case "mindistance":
			r.MinDistance = number(t, value)
		case "cross":
			r.Cross = true
		default:
			t.Fatalf("what is %s?", w)
		}
	}
	return r
}

func rectangle(t testing.TB, from, to string) *polygon.Shape {
	s, w := place(t, from)
	n, e := place(t, to)
	g := fmt.Sprintf(`{"type":"Polygon","coordinates":[[[%[1]v,%[2]v],[%[3]v,%[2]v],[%[3]v,%[4]v],[%[1]v,%[4]v],[%[1]v,%[2]v]]]}`, w, s, e, n)
	shape, err := polygon.Parse([]byte(g), polygon.Limits{Vertices: 10})
	if err != nil {
		t.Fatal(err)
	}
	return shape
}

func place(t testing.TB, s string) (lat, lon float64) {
	x, y, _ := strings.Cut(s, ",")
	return originLat + number(t, y)*metre, originLon + number(t, x)*metre/math.Cos(originLat*math.Pi/180)
}

func number(t testing.TB, s string) float64 {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func duration(t testing.TB, s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func clock(t testing.TB, s string) int64 {
	at, err := time.Parse("15:04:05", s)
	if err != nil {
		t.Fatal(err)
	}
	return at.AddDate(1970, 0, 0).UnixMilli()
}
