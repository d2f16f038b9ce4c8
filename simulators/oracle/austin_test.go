package oracle_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/fence"
	"github.com/hexpane/hexpane/geo/polygon"
	"github.com/hexpane/hexpane/simulators/oracle"
)

// unzip gives a file of shared/data, which lies beside the repository.
func unzip(t *testing.T, path string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for d := dir; d != filepath.Dir(d); d = filepath.Dir(d) {
		f, err := os.Open(filepath.Join(d, "shared", "data", path))
		if err != nil {
			continue
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	t.Skipf("no shared/data/%s beside the repository", path)
	return nil
}

// neighbourhoods of Austin, as fences and as areas of the oracle.
func neighbourhoods(t *testing.T) (*fence.Set, map[string]*oracle.Area) {
	var all struct {
		Features []struct {
			Properties struct{ Name string }
			Geometry   json.RawMessage
		}
	}
	if err := json.Unmarshal(unzip(t, "austin/zones.geojson.gz"), &all); err != nil {
		t.Fatal(err)
	}
	var fences []fence.Fence
	areas := map[string]*oracle.Area{}
	for i, f := range all.Features {
		shape, err := polygon.Parse(f.Geometry, polygon.Limits{Vertices: 10_000})
		if err != nil {
			t.Fatalf("%s: %v", f.Properties.Name, err)
		}
		var g struct{ Coordinates coordinates }
		if err := json.Unmarshal(f.Geometry, &g); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprint(i, " ", f.Properties.Name)
		fences = append(fences, fence.Fence{ID: id, Shape: shape})
		areas[id] = oracle.NewArea(g.Coordinates)
	}
	return new(fence.Set).With(fences...), areas
}

// day gives a day's positions in the order of their times.
func day(t *testing.T, file string) []fence.Fix {
	f := unzip(t, file)
	records, err := csv.NewReader(bytes.NewReader(f)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) float64 {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	var out []fence.Fix
	for _, r := range records[1:] { // vehicle_id,timestamp,speed,route_id,trip_id,latitude,longitude,trip_headsign
		at, err := time.Parse(time.RFC3339, r[1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fence.Fix{Device: r[0], At: at.UnixMilli(), Lat: number(r[5]), Lon: number(r[6]), Speed: number(r[2])})
	}
	slices.SortFunc(out, func(a, b fence.Fix) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Lat, b.Lat), cmp.Compare(a.Lon, b.Lon), cmp.Compare(a.Speed, b.Speed))
	})
	return out
}

// truth is who enters and exits what, by trying every position against every area.
func truth(fixes []fence.Fix, areas map[string]*oracle.Area) (out []string) {
	inside := map[[2]string]bool{}
	ids := slices.Sorted(maps.Keys(areas))
	for _, f := range fixes {
		for _, id := range ids {
			key := [2]string{f.Device, id}
			in := areas[id].Contains(f.Lat, f.Lon)
			if in != inside[key] {
				kind := "exit"
				if in {
					kind = "enter"
				}
				inside[key] = in
				out = append(out, fmt.Sprint(f.At, " ", f.Device, " ", id, " ", kind))
			}
		}
	}
	return out
}

// TestAustin: buses over neighbourhoods, in order, and shuffled with some positions twice, are told as brute force has it.
func TestAustin(t *testing.T) {
	const disorder = 30 * time.Second
	for _, file := range []string{"austin/2016-11-25.csv.gz", "austin/2015-06-07.csv.gz"} {
		set, areas := neighbourhoods(t)
		fixes := day(t, file)
		if !soak { // some buses
			fixes = slices.DeleteFunc(fixes, func(f fence.Fix) bool { return len(f.Device) > 0 && f.Device[len(f.Device)-1] != '7' })
		}
		want := truth(fixes, areas)
		inOrder := run(t, set, fixes, disorder)
		for i := range want {
			if i >= len(inOrder) || inOrder[i] != want[i] {
				t.Fatalf("%s: event %d of %d is not %q; there are %d", file, i, len(want), want[i], len(inOrder))
			}
		}
		if len(inOrder) != len(want) || len(want) < 500 {
			t.Fatalf("%s: %d events, want %d", file, len(inOrder), len(want))
		}
		slices.Sort(want)
		r := rand.New(rand.NewPCG(4, 4))
		type arrival struct {
			at  int64
			fix fence.Fix
		}
		var arrivals []arrival
		for _, f := range fixes {
			arrivals = append(arrivals, arrival{f.At + r.Int64N(disorder.Milliseconds()), f})
			if r.IntN(20) == 0 {
				arrivals = append(arrivals, arrival{f.At + r.Int64N(disorder.Milliseconds()), f})
			}
		}
		slices.SortStableFunc(arrivals, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
		mixed := make([]fence.Fix, len(arrivals))
		for i, a := range arrivals {
			mixed[i] = a.fix
		}
		got := run(t, set, mixed, disorder)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s, shuffled: %d events, want %d", file, len(got), len(want))
		}
		t.Logf("soak: %s: %d positions, %d fences, %d enter and exit events, the same in order and shuffled", file, len(fixes), len(areas), len(want))
	}
}

// run gives the events that stand after all corrections, in the order in which they were first told.
func run(t *testing.T, set *fence.Set, fixes []fence.Fix, disorder time.Duration) (out []string) {
	e := fence.New(fence.Config{})
	e.Use(set, 0, nil)
	var told []fence.Event
	newest := int64(math.MinInt64)
	for _, f := range fixes {
		told = e.Observe([]fence.Fix{f}, told)
		newest = max(newest, f.At)
		told = e.Advance(newest-disorder.Milliseconds(), told)
	}
	if e.Late > 0 {
		t.Fatalf("%d positions were late", e.Late)
	}
	var stands []fence.Event
	for _, v := range told {
		if v.Replaces != "" || v.Withdrawn {
			gone := cmp.Or(v.Replaces, v.ID)
			i := slices.IndexFunc(stands, func(o fence.Event) bool { return o.ID == gone })
			if i < 0 {
				t.Fatalf("%v corrects what was never told", v)
			}
			stands = slices.Delete(stands, i, i+1)
		}
		if !v.Withdrawn {
			stands = append(stands, v)
		}
	}
	for _, v := range stands {
		out = append(out, fmt.Sprint(v.At, " ", v.Device, " ", v.Fence, " ", string(v.Kind)))
	}
	return out
}
