package oracle_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hexpane/hexpane/geo/index"
	"github.com/hexpane/hexpane/geo/polygon"
	"github.com/hexpane/hexpane/simulators/oracle"
	"github.com/uber/h3-go/v4"
)

type coordinates = [][][][2]float64

var soak = os.Getenv("HEXPANE_SOAK") != ""

// groups are the kinds of fences at which covers of cells are known to go wrong, and plain ones.
var groups = []struct {
	name   string
	fences func(*rand.Rand) []coordinates
}{
	{"city of 1,000", func(r *rand.Rand) []coordinates { return city(r, 1_000) }},
	{"city of 10,000", func(r *rand.Rand) []coordinates { return city(r, 10_000) }},
	{"tiny", tiny},
	{"shared edges and slivers", shared},
	{"antimeridian", antimeridian},
	{"pentagons", pentagons},
	{"30 to 1,000 km", large},
	{"latitude 78 to 89.5", polar},
	{"districts of 3,000 corners", districts},
	{"painted of hexagons", hexagons},
}

const kilometre = 1 / 111.2 // in degrees of latitude

// star is a ring around a centre; degrees of latitude; the second ring is a hole if there is one.
func star(r *rand.Rand, lat, lon, radius float64, corners int, hole bool) [][][2]float64 {
	ring := func(from, to float64, n int) [][2]float64 {
		out := make([][2]float64, n, n+1)
		for i := range out {
			angle := 2 * math.Pi * (float64(i) + 0.8*r.Float64()) / float64(n)
			d := radius * (from + (to-from)*r.Float64())
			out[i] = [2]float64{lon + d*math.Cos(angle)/math.Cos(lat*math.Pi/180), lat + d*math.Sin(angle)}
		}
		return append(out, out[0])
	}
	rings := [][][2]float64{ring(0.5, 1, corners)}
	if hole {
		// The outer ring's edges come as near as half the radius times the cosine of half the widest angle between corners.
		inner := 0.45 * math.Cos(math.Min(math.Pi/2, 1.8*math.Pi/float64(corners)))
		rings = append(rings, ring(inner/4, inner, max(3, corners/3)))
	}
	return rings
}

// city of 40 × 40 km; without HEXPANE_SOAK a part of it with a twentieth of the fences.
func city(r *rand.Rand, n int) (out []coordinates) {
	side := 1.0
	if !soak {
		n, side = n/20, side/math.Sqrt(20)
	}
	for range n {
		lat, lon := 48+side*0.36*r.Float64(), 11.3+side*0.54*r.Float64()
		corners := 5 + r.IntN(196)
		out = append(out, coordinates{star(r, lat, lon, kilometre*0.05*math.Exp(3.4*r.Float64()), corners, corners > 8 && r.IntN(4) == 0)})
	}
	return out
}

func tiny(r *rand.Rand) (out []coordinates) {
	for range 500 {
		lat, lon := 48.1+0.002*r.Float64(), 11.5+0.002*r.Float64()
		out = append(out, coordinates{star(r, lat, lon, kilometre/2000*math.Exp(3*r.Float64()), 4+r.IntN(9), false)})
	}
	return out
}

// shared: quadrangles that have their corners in common, and slivers of 10 cm along their edges.
func shared(r *rand.Rand) (out []coordinates) {
	const n = 16
	var grid [n + 1][n + 1][2]float64
	for i := range grid {
		for j := range grid[i] {
			grid[i][j] = [2]float64{-97.7 + 0.004*(float64(i)+0.3*r.Float64()), 30.2 + 0.003*(float64(j)+0.3*r.Float64())}
		}
	}
	for i := range n {
		for j := range n {
			a, b, c, d := grid[i][j], grid[i+1][j], grid[i+1][j+1], grid[i][j+1]
			out = append(out, coordinates{{{a, b, c, d, a}}})
			if r.IntN(2) == 0 {
				const thin = 0.0001 * kilometre
				out = append(out, coordinates{{{a, b, {b[0], b[1] + thin}, {a[0], a[1] + thin}, a}}})
			}
		}
	}
	return out
}

func antimeridian(r *rand.Rand) (out []coordinates) {
	for i := range 300 {
		lat, radius := 130*r.Float64()-65, kilometre*0.1*math.Exp(8*r.Float64())
		lon := 180 + radius*r.NormFloat64()
		if r.IntN(2) == 0 {
			lon -= 360
		}
		switch i % 3 {
		case 0: // beyond 180, or beyond -180
			out = append(out, coordinates{star(r, lat, lon, radius, 4+r.IntN(40), false)})
		case 1: // split, with an edge on the antimeridian
			w, e := 180-radius*(0.1+r.Float64()), -180+radius*(0.1+r.Float64())
			s, n := lat-radius*(0.1+r.Float64()), lat+radius*(0.1+r.Float64())
			m, k := s+(n-s)*r.Float64(), s+(n-s)*r.Float64()
			if m > k {
				m, k = k, m
			}
			out = append(out, coordinates{{{{w, m}, {180, s}, {180, n}, {w, k}, {w, m}}}, {{{-180, s}, {e, m}, {e, k}, {-180, n}, {-180, s}}}})
		default: // wholly beyond, where no place is written
			out = append(out, coordinates{star(r, lat, 181+radius*3, radius, 5, false)})
		}
	}
	return append(out, coordinates{{{{-180, 0}, {180, 0}, {180, 1}, {-180, 1}, {-180, 0}}}}, coordinates{{{{20, -3}, {380, -3}, {380, -2}, {20, -2}, {20, -3}}}})
}

func pentagons(r *rand.Rand) (out []coordinates) {
	cells, err := h3.Pentagons(0)
	if err != nil {
		panic(err)
	}
	for _, c := range cells {
		p, err := c.LatLng()
		if err != nil {
			panic(err)
		}
		for range 25 {
			radius := kilometre * 0.005 * math.Exp(11*r.Float64())
			out = append(out, coordinates{star(r, p.Lat+radius*r.NormFloat64()/2, p.Lng+radius*r.NormFloat64()/2, radius, 3+r.IntN(30), false)})
		}
	}
	return out
}

func large(r *rand.Rand) (out []coordinates) {
	for range 150 {
		lat, lon := 120*r.Float64()-60, 360*r.Float64()-180
		out = append(out, coordinates{star(r, lat, lon, kilometre*30*math.Exp(3.5*r.Float64()), 10+r.IntN(190), r.IntN(3) == 0)})
	}
	return out
}

func polar(r *rand.Rand) (out []coordinates) {
	for range 250 {
		lat, lon := 78+11.5*r.Float64(), 360*r.Float64()-180
		radius := math.Min(kilometre*0.2*math.Exp(7*r.Float64()), (90-lat)/1.5)
		if r.IntN(2) == 0 {
			lat = -lat
		}
		out = append(out, coordinates{star(r, lat, lon, radius, 5+r.IntN(60), false)})
	}
	cap := func(s, n float64) coordinates {
		return coordinates{{{{-180, s}, {-60, s}, {60, s}, {180, s}, {180, n}, {-180, n}, {-180, s}}}}
	}
	return append(out, cap(85, 90), cap(-90, -80.5), cap(89, 89.5), cap(89.95, 89.99))
}

func districts(r *rand.Rand) (out []coordinates) {
	n := 3
	if soak {
		n = 60
	}
	for range n {
		lat, lon := 30+0.3*r.Float64(), -97.8+0.3*r.Float64()
		out = append(out, coordinates{star(r, lat, lon, kilometre*(2+8*r.Float64()), 3_000, false)})
	}
	return out
}

func hexagons(r *rand.Rand) (out []coordinates) {
	for range 120 {
		res := 5 + r.IntN(7)
		c, err := h3.LatLngToCell(h3.LatLng{Lat: 60.1 + 0.3*r.Float64(), Lng: 24.8 + 0.5*r.Float64()}, res)
		if err != nil {
			panic(err)
		}
		cells := []h3.Cell{c}
		if k := r.IntN(5); k > 0 {
			if cells, err = h3.GridDisk(c, k); err != nil {
				panic(err)
			}
			cells = slices.DeleteFunc(cells, func(h3.Cell) bool { return r.IntN(6) == 0 })
		}
		painted, err := h3.CellsToMultiPolygon(cells)
		if err != nil {
			panic(err)
		}
		var fence coordinates
		for _, p := range painted {
			var rings [][][2]float64
			for _, loop := range append([]h3.GeoLoop{p.GeoLoop}, p.Holes...) {
				var ring [][2]float64
				for _, v := range loop {
					ring = append(ring, [2]float64{v.Lng, v.Lat})
				}
				rings = append(rings, append(ring, ring[0]))
			}
			fence = append(fence, rings)
		}
		out = append(out, fence)
	}
	return out
}

// TestFencesAreExact compares the index with the oracle on places that are hard to tell.
func TestFencesAreExact(t *testing.T) {
	places := 1_000
	if soak {
		places = 1_000_000
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(11, uint64(len(g.name))))
			fences := g.fences(r)
			areas := make([]*oracle.Area, len(fences))
			list := make([]*index.Fence, len(fences))
			for i, f := range fences {
				areas[i], list[i] = oracle.NewArea(f), &index.Fence{ID: fmt.Sprintf("%05d", i), Shape: parse(t, f)}
			}
			ix := new(index.Index).With(list...)
			inside := compare(t, ix, areas, places, r.Uint64())
			t.Logf("soak: %s: %d fences, %d cells, %d places, %d times inside, 0 wrong", g.name, ix.Len(), ix.Cells(), places, inside)

			// Edits leave the same as if the index were built anew.
			half := make([]string, 0, len(list))
			for i := 0; i < len(list); i += 2 {
				half = append(half, list[i].ID)
			}
			edited := ix.Without(half...)
			for i := 0; i < len(list); i += 2 {
				if i > 40 {
					edited = edited.With(listOfEven(list, i)...)
					break
				}
				edited = edited.With(list[i])
			}
			compare(t, edited, areas, places/4, r.Uint64())
			compare(t, ix, areas, places/4, r.Uint64())
		})
	}
}

func listOfEven(list []*index.Fence, from int) (out []*index.Fence) {
	for i := from; i < len(list); i += 2 {
		out = append(out, list[i])
	}
	return out
}

func parse(t *testing.T, f coordinates) *polygon.Shape {
	t.Helper()
	b, err := json.Marshal(map[string]any{"type": "MultiPolygon", "coordinates": f})
	if err != nil {
		t.Fatal(err)
	}
	s, err := polygon.Parse(b, polygon.Limits{Vertices: 10_000})
	if err != nil {
		t.Fatalf("%v\n%.600s", err, b)
	}
	return s
}

// compare asks for places around random fences, on all processors, one by one and many at a time, and gives how often one was inside a fence.
func compare(t *testing.T, ix *index.Index, areas []*oracle.Area, places int, seed uint64) int {
	t.Helper()
	const together = 50
	workers, at := runtime.GOMAXPROCS(0), belts(areas)
	total, wrong := make([]int, workers), make([]error, workers)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			var found, finders []*index.Fence
			var finder index.Finder
			batch := make([]index.Place, together)
			byNumber := map[int32]*index.Fence{}
			for _, f := range ix.All() {
				byNumber[int32(ix.Number(f.ID))] = f
			}
			for asked := 0; asked < places/workers; asked += together {
				for i := range batch {
					batch[i].Lat, batch[i].Lon = areas[r.IntN(len(areas))].HardPlace(r)
				}
				finder.Find(ix, batch)
				for i, place := range batch {
					found, finders = ix.Lookup(place.Lat, place.Lon, found[:0]), finders[:0]
					for _, n := range finder.Of(i) {
						finders = append(finders, byNumber[n])
					}
					n, err := right(areas, at[belt(place.Lat)], place, byID(found))
					if err == nil && !slices.Equal(found, byID(finders)) {
						_, err = right(areas, at[belt(place.Lat)], place, finders)
					}
					if err != nil {
						wrong[w] = err
						return
					}
					total[w] += n
				}
			}
		})
	}
	wait.Wait()
	sum := 0
	for w := range workers {
		if wrong[w] != nil {
			t.Fatal(wrong[w])
		}
		sum += total[w]
	}
	return sum
}

func byID(fences []*index.Fence) []*index.Fence {
	slices.SortFunc(fences, func(a, b *index.Fence) int { return strings.Compare(a.ID, b.ID) })
	return fences
}

// belts gives the areas that lie at each of 180,000 latitudes, in order: elsewhere they have no place.
func belts(areas []*oracle.Area) map[int][]int {
	at := map[int][]int{}
	for i, a := range areas {
		south, north := a.Latitudes()
		for n := belt(south); n <= belt(north); n++ {
			at[n] = append(at[n], i)
		}
	}
	return at
}

func belt(lat float64) int { return int(math.Floor(lat * 1000)) }

// right compares what the index gives for a place with what the oracle says of the areas that may have it, and gives how many do.
func right(areas []*oracle.Area, may []int, at index.Place, found []*index.Fence) (inside int, err error) {
	for _, i := range may {
		in := areas[i].Contains(at.Lat, at.Lon)
		listed := inside < len(found) && found[inside].ID == fmt5(i)
		if in != listed {
			return 0, fmt.Errorf("%v, %v: the oracle says that fence %d has it: %v, the index: %v", at.Lat, at.Lon, i, in, listed)
		}
		if in {
			inside++
		}
	}
	if inside != len(found) {
		return 0, fmt.Errorf("%v, %v: the index gives a fence twice, or one that is not there: %d", at.Lat, at.Lon, len(found))
	}
	return inside, nil
}

var names = func() (out [10_000]string) {
	for i := range out {
		out[i] = fmt.Sprintf("%05d", i)
	}
	return out
}()

func fmt5(i int) string { return names[i] }
