package e2e

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/uber/h3-go/v4"
)

// The Austin days: what comes out of the running system equals a computation that shares nothing with it but the
// input and H3, whatever the order, and over a kill.

const austinSQL = `
CREATE STREAM buses (vehicle STRING KEY, ts TIMESTAMP, lat DOUBLE, lon DOUBLE, speed DOUBLE, route STRING)
  WITH (topic = 'bus/{vehicle}/position', timestamp = 'ts', disorder = '30s', position = 'lat,lon');
CREATE VIEW by_vehicle AS
  SELECT vehicle, COUNT(*) AS n, MIN(speed) AS lo, MAX(speed) AS hi, AVG(speed) AS mean
  FROM buses WINDOW TUMBLING (SIZE 5 MINUTES, GRACE PERIOD 1 HOUR, RETENTION 20000 DAYS) GROUP BY vehicle;
CREATE VIEW by_cell AS
  SELECT h3(lat, lon, 9) AS cell, COUNT(*) AS n, MIN(speed) AS lo, MAX(speed) AS hi, AVG(speed) AS mean
  FROM buses WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR, RETENTION 20000 DAYS) GROUP BY cell;`

const (
	austinTopic   = "bus/{vehicle_id}/position"
	austinPayload = `{"ts":"{timestamp}","lat":{latitude},"lon":{longitude},"speed":{speed},"route":"{route_id}"}`
)

// windowKey is a group and the start of its window.
type windowKey struct {
	group string
	start int64 // Unix seconds
}

type summary struct {
	n            int
	lo, hi, mean float64
}

// austinTruth computes a day offline. Rows that are alike in all that is published count once.
func austinTruth(t *testing.T, file string) (byVehicle, byCell map[windowKey]summary, rows int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	byVehicle, byCell = map[windowKey]summary{}, map[windowKey]summary{}
	seen := map[string]bool{}
	for _, r := range records[1:] { // vehicle_id,timestamp,speed,route_id,trip_id,latitude,longitude,trip_headsign
		rows++
		id := fmt.Sprint(r[0], r[1], r[2], r[3], r[5], r[6])
		if seen[id] {
			continue
		}
		seen[id] = true
		at, err := time.Parse(time.RFC3339, r[1])
		if err != nil {
			t.Fatal(err)
		}
		speed, lat, lon := number(t, r[2]), number(t, r[5]), number(t, r[6])
		cell, err := h3.LatLngToCell(h3.NewLatLng(lat, lon), 9)
		if err != nil {
			t.Fatal(err)
		}
		add(byVehicle, windowKey{r[0], at.Unix() - at.Unix()%300}, speed)
		add(byCell, windowKey{cell.String(), at.Unix() - at.Unix()%60}, speed)
	}
	return byVehicle, byCell, rows
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func add(all map[windowKey]summary, k windowKey, speed float64) {
	s, ok := all[k]
	if !ok {
		s = summary{lo: math.Inf(1), hi: math.Inf(-1)}
	}
	s.mean = (s.mean*float64(s.n) + speed) / float64(s.n+1)
	s.n++
	s.lo, s.hi = min(s.lo, speed), max(s.hi, speed)
	all[k] = s
}

// compare holds a view against the truth, window by window.
func compare(t *testing.T, s *site, view, key string, want map[windowKey]summary) {
	t.Helper()
	_, rows := s.SQL(t, fmt.Sprintf("SELECT %s, window_start, n, lo, hi, mean FROM %s", key, view))
	wrong := 0
	for _, r := range rows {
		start, err := time.Parse(time.RFC3339Nano, r[1].(string))
		if err != nil {
			t.Fatal(err)
		}
		k := windowKey{r[0].(string), start.Unix()}
		got := summary{int(r[2].(float64)), r[3].(float64), r[4].(float64), r[5].(float64)}
		w, ok := want[k]
		if !ok || got.n != w.n || got.lo != w.lo || got.hi != w.hi || math.Abs(got.mean-w.mean) > 1e-9 {
			if wrong++; wrong <= 5 {
				t.Errorf("%s %v: got %+v, want %+v (known %v)", view, k, got, w, ok)
			}
		}
	}
	if len(rows) != len(want) || wrong > 0 {
		t.Errorf("%s: %d windows, want %d; %d wrong", view, len(rows), len(want), wrong)
	}
}

func TestAustinInOrder(t *testing.T) { austin(t, "2016-11-25", "0s", false, soak()) }

func TestAustinShuffled(t *testing.T) { austin(t, "2015-06-07", "30s", false, soak()) }

func TestAustinShuffledAndKilled(t *testing.T) { austin(t, "2016-11-25", "30s", true, true) }

func TestAustinKilled(t *testing.T) { austin(t, "2015-06-07", "0s", true, soak()) }

func soak() bool { return os.Getenv("HEXPANE_SOAK") != "" }

// austin replays a day, shuffled by up to so much; kill is kill -9, twice, and fences are the city's neighbourhoods.
func austin(t *testing.T, day, shuffle string, kill, fences bool) {
	t.Parallel()
	file := data(t, "austin/"+day+".csv.gz")
	byVehicle, byCell, rows := austinTruth(t, file)
	s := startSite(t, austinSQL, "--core.state.table_rows", "1000000", "--core.query.max_rows", "1000000")
	var visits []string // at the city's neighbourhoods
	if fences {
		collection, areas := neighbourhoods(t)
		visits = visited(t, file, areas)
		if status, text, _ := request(t, "POST", s.http+"/api/v1/fences", collection); status != http.StatusOK {
			t.Fatal(status, text)
		}
	}
	replay := s.Replay(t, file, "--sort", "timestamp", "--speed", "0", "--shuffle", shuffle, "--seed", "7",
		"--topic", austinTopic, "--payload", austinPayload)
	if kill {
		for _, share := range []float64{0.2, 0.6} {
			s.Eventually(t, func() error {
				if n := s.Metric(t, `hexpane_edge_ingest_readings_total{stream="buses"}`); n < share*float64(rows)/2 {
					return fmt.Errorf("%v readings in", n)
				}
				return nil
			})
			s.Kill(t)
			s.Restart(t)
		}
	}
	replay.Wait(t)
	want := 0
	for _, w := range byVehicle {
		want += w.n
	}
	s.Eventually(t, func() error {
		_, r := s.SQL(t, "SELECT SUM(n) FROM by_vehicle")
		_, c := s.SQL(t, "SELECT SUM(n) FROM by_cell")
		if fmt.Sprint(r[0][0], c[0][0]) != fmt.Sprint(float64(want), float64(want)) {
			return fmt.Errorf("%v and %v readings counted, want %d", r[0][0], c[0][0], want)
		}
		return nil
	})
	compare(t, s, "by_vehicle", "vehicle", byVehicle)
	compare(t, s, "by_cell", "cell", byCell)
	if fences {
		fencedAsBruteForce(t, s, visits)
		t.Logf("soak: %s, shuffled by %s, kills %v: %d enter and exit events at Austin's neighbourhoods, as brute force has them", day, shuffle, kill, len(visits))
	}
	s.Stop(t)
}
