package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const rolledSQL = `CREATE STREAM s (device STRING KEY, ts TIMESTAMP, id STRING, x BIGINT) WITH (topic = 's', timestamp = 'ts', disorder = '0s');
CREATE VIEW fine AS SELECT device, COUNT(*) AS n, SUM(x) AS total, MIN(x) AS lo, MAX(x) AS hi, PERCENTILE(x, 0.9) AS p90, COUNT(DISTINCT id) AS ids
	FROM s WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 1 MINUTE, RETENTION 10 MINUTES) GROUP BY device;
CREATE VIEW hourly AS SELECT device, COUNT(*) AS n, PERCENTILE(x, 0.9) AS p90, COUNT(DISTINCT id) AS ids
	FROM s WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 1 MINUTE, RETENTION 9000 DAYS) GROUP BY device;`

// crashing is the all-in-one that dies where HEXPANE_CRASH says.
func crashing(t testing.TB) string {
	t.Helper()
	path, err := buildCrashing()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildCrashing = sync.OnceValues(func() (string, error) {
	path := filepath.Join(bin, "hexpane-crashing")
	build := exec.Command("go", "build", "-tags", "crashpoints", "-o", path, "./deploy/cmd/hexpane")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// launchAt starts the site's program so that it dies at a step; "" is never.
func (s *site) launchAt(t testing.TB, program, step string) {
	t.Helper()
	s.process = launchWith(t, []string{"HEXPANE_CRASH=" + step}, program, append(s.args, "--mqtt", strings.TrimPrefix(s.mqtt, "tcp://"), "--http", strings.TrimPrefix(s.http, "http://"))...)
}

// tally is an oracle's: what a device said in an hour.
type tally struct {
	xs  []int
	ids map[int]bool
}

// sense makes the readings of an hour, one a device each ten seconds, and tallies them. Each is the same whenever it is made: posted again it counts once.
func sense(hour int, devices int, tallies map[string]*tally) []byte {
	var body bytes.Buffer
	rng := rand.New(rand.NewPCG(uint64(hour), 5))
	at := firstDay.Add(time.Duration(hour) * time.Hour)
	for tick := range 360 {
		for d := range devices {
			x, id := 1+rng.IntN(1000)*(1+d), rng.IntN(40)
			fmt.Fprintf(&body, `{"device":"d%d","ts":%d,"id":"i%d","x":%d}`+"\n", d, at.UnixMilli()+int64(tick)*10_000+int64(d), id, x)
			key := fmt.Sprintf("%s d%d", at.Format(time.RFC3339), d)
			if tallies[key] == nil {
				tallies[key] = &tally{ids: map[int]bool{}}
			}
			tallies[key].xs, tallies[key].ids[id] = append(tallies[key].xs, x), true
		}
	}
	return body.Bytes()
}

// post gives readings to a site; a connection that breaks is an error.
func post(s *site, topic string, body []byte) error {
	resp, err := http.Post(s.http+"/api/v1/ingest?topic="+topic, "application/x-ndjson", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ingest: %s", resp.Status)
	}
	return nil
}

const hoursOfFine = "SELECT window_start, device, MERGE(n), MERGE(total), MERGE(lo), MERGE(hi), MERGE(ids), MERGE(p90) FROM fine%s WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY device ORDER BY window_start, device"

// asTallied holds the hours of a site's rolled up view against the oracle, and its sketches against those of a view that was made so.
func asTallied(t testing.TB, s *site, hours int, tallies map[string]*tally) {
	t.Helper()
	_, twin := s.SQL(t, "SELECT window_start, device, p90, ids, n FROM hourly")
	sketch := map[string][]any{}
	for _, r := range twin {
		sketch[fmt.Sprintf("%v %v", r[0], r[1])] = r
	}
	from := rand.IntN(hours)
	to := from + 1 + rand.IntN(hours-from)
	between := fmt.Sprintf(" WHERE window_start >= '%s' AND window_start < '%s'", firstDay.Add(time.Duration(from)*time.Hour).Format(time.RFC3339), firstDay.Add(time.Duration(to)*time.Hour).Format(time.RFC3339))
	all := fmt.Sprintf(" WHERE window_start < '%s'", firstDay.Add(time.Duration(hours)*time.Hour).Format(time.RFC3339))
	for where, want := range map[string]int{all: len(tallies), between: len(tallies) / hours * (to - from)} {
		_, rows := s.SQL(t, fmt.Sprintf(hoursOfFine, where))
		if len(rows) != want {
			t.Fatalf("%d hours of devices%s, want %d", len(rows), where, want)
		}
		for _, r := range rows {
			key := fmt.Sprintf("%v %v", r[0], r[1])
			said := tallies[key]
			if said == nil {
				t.Fatalf("there is %v, of which nothing was said", r)
			}
			xs := slices.Sorted(slices.Values(said.xs))
			total := 0
			for _, x := range xs {
				total += x
			}
			if r[2] != float64(len(xs)) || r[3] != float64(total) || r[4] != float64(xs[0]) || r[5] != float64(xs[len(xs)-1]) || r[6] != float64(len(said.ids)) {
				t.Fatalf("%v; there were %d readings, which add up to %d, from %d to %d, with %d ids", r, len(xs), total, xs[0], xs[len(xs)-1], len(said.ids))
			}
			exact := float64(xs[int(0.9*float64(len(xs)-1))])
			if p := r[7].(float64); math.Abs(p-exact) > 0.011*exact || p != sketch[key][2] || r[6] != sketch[key][3] {
				t.Fatalf("%v; the 0.9 of its readings is %v, and a view of hours has %v", r, exact, sketch[key])
			}
		}
	}
}

// rolledTo waits until a level of fine has all windows up to a time, and says since when.
func rolledTo(t testing.TB, s *site, size float64, to time.Time) (from time.Time) {
	t.Helper()
	s.Eventually(t, func() error {
		_, text, err := get(s.http + "/api/v1/views")
		if err != nil {
			return err
		}
		var answer struct {
			Views []struct {
				Name    string
				Rollups []struct {
					WindowS  float64 `json:"window_s"`
					From, To time.Time
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			return err
		}
		for _, v := range answer.Views {
			for _, r := range v.Rollups {
				if v.Name == "fine" && r.WindowS == size && !r.To.Before(to) {
					from = r.From
					return nil
				}
			}
		}
		return fmt.Errorf("the level of %v s is not done to %s: %s", size, to, text)
	})
	return from
}

// The real program dies, as by kill -9, at each named step of rolling up and at random, while readings come; the log of its store becomes tables at each start, which
// Pebble compacts meanwhile. In the end all is rolled up, and any hour is what the oracle has of its readings, each counted once. More kills with HEXPANE_SOAK=1.
func TestKillsWhileRollingUp(t *testing.T) {
	t.Parallel()
	steps := []string{"rollup.gathered", "rollup.committed", "rollup.dropping", "rollup.dropped"}
	kills, devices, hours := 6, 6, 6 // hours a kill
	if os.Getenv("HEXPANE_SOAK") != "" {
		kills, devices = 40, 12
	}
	program := crashing(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "site.sql")
	if err := os.WriteFile(file, []byte(rolledSQL), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &site{dir: dir, args: []string{"run", "--data", filepath.Join(dir, "data"), "--sql", file, "--core.nats.listen", "127.0.0.1:0",
		"--core.history.rollups", "1m:1h,10m:8h,1h", "--core.history.effort", "100", "--core.query.max_rows", "1000000"}}
	s.mqtt, s.http = "tcp://"+freeAddress(t), "http://"+freeAddress(t)
	tallies, died, said := map[string]*tally{}, map[string]int{}, 0
	waiting := [][]byte{}
	for kill := range kills {
		for h := range hours {
			waiting = append(waiting, sense(kill*hours+h, devices, tallies))
			said += 360 * devices
		}
		at, step := "random", ""
		if kill > 0 && kill%5 < 4 { // once there is something to drop, too
			at = steps[kill%5]
			step = fmt.Sprintf("%s:%d", at, 1+rand.IntN(4))
		}
		s.launchAt(t, program, step)
		dead := func() bool {
			select {
			case <-s.done:
				return true
			default:
				return false
			}
		}
		patience := time.After(time.Minute)
		for !dead() && len(waiting) > 0 {
			if err := post(s, "s", waiting[0]); err == nil {
				waiting = waiting[1:]
				continue
			}
			select {
			case <-s.done:
			case <-patience:
				t.Fatalf("it takes nothing in:\n%s", s.log)
			case <-time.After(20 * time.Millisecond): // it starts
			}
		}
		wait := time.Duration(rand.IntN(3000)) * time.Millisecond
		if step != "" {
			wait = 10 * time.Second // what is rolled up by then passes there, or there was nothing to
		}
		select {
		case <-s.done:
			if !strings.Contains(s.log.String(), "crash point "+at) {
				t.Fatalf("it died of something else than %s:\n%s", at, s.log)
			}
			died[at]++
		case <-time.After(wait):
			s.Kill(t)
			died["random"]++
		}
	}
	s.launchAt(t, program, "")
	s.line(t, "hexpane ready")
	end := firstDay.Add(time.Duration(kills*hours) * time.Hour)
	for len(waiting) > 0 {
		if err := post(s, "s", waiting[0]); err != nil {
			t.Fatal(err)
		}
		waiting = waiting[1:]
	}
	flush := fmt.Sprintf(`{"device":"d0","ts":%d,"id":"i","x":1}`, end.Add(26*time.Hour).UnixMilli()) // so that the last day is final
	if err := post(s, "s", []byte(flush)); err != nil {
		t.Fatal(err)
	}
	if from := rolledTo(t, s, 3600, end); from.After(firstDay) {
		t.Errorf("the hours begin at %s", from)
	}
	s.Eventually(t, func() error {
		_, rows := s.SQL(t, "SELECT SUM(n) FROM hourly")
		if len(rows) != 1 || rows[0][0] != float64(said+1) {
			return fmt.Errorf("counted %v, want %d", rows, said+1)
		}
		return nil
	})
	asTallied(t, s, kills*hours, tallies)
	if n, err := sum(s.http, "hexpane_core_history_errors_total"); n != 0 || err != nil {
		t.Errorf("%v levels failed: %v", n, err)
	}
	t.Logf("soak: real program killed while rolling up kills=%d at %v readings=%d lost=0 twice=0", kills, died, said)
	s.Stop(t)
}
