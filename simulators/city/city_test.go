package city

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"
)

const tick = 100 * time.Millisecond

func TestOneSeedOneCity(t *testing.T) {
	cfg := Config{Seed: 7, Vehicles: 200, Sensors: 20}
	a, b, other := New(cfg), New(cfg), New(Config{Seed: 8, Vehicles: 200})
	for range 300 {
		a.Step(tick)
		b.Step(tick)
		other.Step(tick)
	}
	if !slices.Equal(a.Positions(nil), b.Positions(nil)) {
		t.Fatal("one seed gave two cities")
	}
	if slices.Equal(a.Positions(nil), other.Positions(nil)) {
		t.Fatal("two seeds gave one city")
	}
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	if a.Sensor(3, now) != b.Sensor(3, now) {
		t.Fatal("one sensor, two readings")
	}
}

// Speed and heading must be those of the movement: on one edge, the distance is the mean speed times the time.
func TestMovementMatchesSpeedAndHeading(t *testing.T) {
	c := New(Config{Seed: 1, Vehicles: 400})
	before := c.Positions(nil)
	checked, moved := 0, 0.0
	for range 600 {
		edges := make([]int32, len(c.fleet))
		for i := range c.fleet {
			edges[i] = c.fleet[i].edge
		}
		c.Step(tick)
		now := c.Positions(nil)
		for i, p := range now {
			q := before[i]
			m := metres(q.Lat, q.Lon, p.Lat, p.Lon)
			moved += m
			if edges[i] != c.fleet[i].edge || c.fleet[i].wait > 0 {
				continue
			}
			want := (p.Speed + q.Speed) / 2 / 3.6 * tick.Seconds()
			if math.Abs(m-want) > .02+.01*want {
				t.Fatalf("%s moved %.3f m at %.1f–%.1f km/h: want %.3f", p.Device, m, q.Speed, p.Speed, want)
			}
			if m > 1 {
				dy, dx := p.Lat-q.Lat, (p.Lon-q.Lon)*math.Cos(p.Lat*math.Pi/180)
				b := math.Mod(math.Atan2(dx, dy)*180/math.Pi+360, 360)
				if turn(b, p.Heading) > 1 {
					t.Fatalf("%s heads %.1f, moved towards %.1f", p.Device, p.Heading, b)
				}
				checked++
			}
		}
		before = now
	}
	if mean := moved / 400 / 60 * 3.6; checked < 1000 || mean < 8 || mean > 60 {
		t.Fatalf("checked %d moves; mean speed %.1f km/h", checked, mean)
	}
}

func TestVehiclesKeepLivingOnTheRoads(t *testing.T) {
	c := New(Config{Seed: 3, Vehicles: 300})
	standing := make([]int, 300)
	kinds := map[Kind]int{}
	for range 600 {
		c.Step(time.Second)
		for i := range c.fleet {
			v := &c.fleet[i]
			e := &c.graph.edges[v.edge]
			if v.along < 0 || v.along > e.length || c.graph.edges[v.next].from != e.to {
				t.Fatalf("%s is %.1f m along a road of %.1f m", c.devices[i], v.along, e.length)
			}
			if standing[i]++; v.speed > 0 {
				standing[i] = 0
			}
			if standing[i] > 300 {
				t.Fatalf("%s (%+v) stands for ever on %+v", c.devices[i], *v, *e)
			}
		}
	}
	for _, p := range c.Positions(nil) {
		kinds[p.Kind]++
		if p.Speed < 0 || p.Speed > 150 || p.Heading < 0 || p.Heading >= 360 {
			t.Fatalf("%+v", p)
		}
	}
	if len(kinds) != 4 {
		t.Fatal(kinds)
	}
}

func TestBasemap(t *testing.T) {
	b := Basemap()
	if len(b) >= 4<<20 {
		t.Fatalf("%d bytes", len(b))
	}
	var fc struct {
		Features []struct {
			Properties struct {
				Kind, Class, Name string
				Rank              int
			}
			Geometry struct {
				Type        string
				Coordinates json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(b, &fc); err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, f := range fc.Features {
		n[f.Properties.Kind+f.Properties.Class]++
		if f.Geometry.Type != "Polygon" {
			continue
		}
		var rings [][][2]float64
		if err := json.Unmarshal(f.Geometry.Coordinates, &rings); err != nil {
			t.Fatal(err)
		}
		ring, area := rings[0], 0.0
		for i := 1; i < len(ring); i++ {
			area += ring[i-1][0]*ring[i][1] - ring[i][0]*ring[i-1][1]
		}
		if ring[0] != ring[len(ring)-1] || area <= 0 {
			t.Fatalf("%s: ring not closed or not counter-clockwise (area %g)", f.Properties.Kind, area)
		}
	}
	for _, k := range []string{"water", "park", "building", "place", "roadmotorway", "roadprimary", "roadsecondary", "roadlocal", "roadrail"} {
		if n[k] == 0 {
			t.Fatalf("no %s among %v", k, n)
		}
	}
}

func TestSensorsHaveADay(t *testing.T) {
	c := New(Config{Seed: 2, Sensors: 50})
	at := func(hour int) (temperature, pm, noise float64) {
		for d := range 10 {
			for i := range c.Sensors() {
				e := c.Sensor(i, time.Date(2026, 5, 1+d, hour, 10, 0, 0, time.UTC))
				temperature, pm, noise = temperature+e.Temperature, pm+e.PM25, noise+e.Noise
			}
		}
		return temperature, pm, noise
	}
	nt, np, nn := at(3)
	_, rp, rn := at(8)
	dt, _, _ := at(15)
	if dt <= nt || rp <= np || rn <= nn {
		t.Fatal("no daily rhythm")
	}
}

func TestPurchases(t *testing.T) {
	c := New(Config{Seed: 5, Cards: 500})
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []Purchase
	for k := range 1200 {
		a := from.Add(time.Duration(k) * 500 * time.Millisecond)
		all = c.Purchases(all, a, a.Add(500*time.Millisecond), 20)
	}
	if n := len(all); n < 11000 || n > 13000 {
		t.Fatalf("%d purchases in ten minutes", n)
	}
	fraud := map[Fraud]int{}
	for i, p := range all {
		if i > 0 && p.Time.Before(all[i-1].Time) {
			t.Fatal("out of order")
		}
		fraud[p.Fraud]++
	}
	if fraud[Distant] < 4 || fraud[Burst] < 8 {
		t.Fatal(fraud)
	}
}

func TestPayloads(t *testing.T) {
	c := New(Config{Seed: 1, Vehicles: 1, Sensors: 1})
	ts := time.UnixMilli(1_700_000_000_123)
	p := c.Purchases(nil, ts, ts.Add(time.Second), 50)[0]
	for _, b := range [][]byte{c.Position(0).AppendJSON(nil, ts), c.Sensor(0, ts).AppendJSON(nil, ts), p.AppendJSON(nil)} {
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil || m["lat"] == nil || m["ts"].(float64) < 1.7e12 {
			t.Fatalf("%s: %v", b, err)
		}
	}
	if got := string(c.Position(0).AppendTopic(nil)); got != "city/bus-0001/position" {
		t.Fatal(got)
	}
}

func metres(lat1, lon1, lat2, lon2 float64) float64 {
	dy, dx := (lat2-lat1)*kmPerDegree*1000, (lon2-lon1)*kmPerDegree*1000*math.Cos(lat1*math.Pi/180)
	return math.Hypot(dx, dy)
}

func BenchmarkStep2000(b *testing.B) {
	c := New(Config{Seed: 1, Vehicles: 2000})
	for b.Loop() {
		c.Step(50 * time.Millisecond)
	}
}

func BenchmarkPositionJSON(b *testing.B) {
	c := New(Config{Seed: 1, Vehicles: 1})
	p, ts := c.Position(0), time.Now()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = p.AppendJSON(buf[:0], ts)
	}
}
