package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/simulators/fraud"
)

// The shipped patterns find what was planted, and nothing else: over three real edges, out of order, with readings that come twice, and with the core and an
// edge killed. A million readings with HEXPANE_SOAK=1.
func TestShippedPatternsFindWhatWasPlanted(t *testing.T) {
	t.Parallel()
	const edges = 3
	readings := 30_000
	if os.Getenv("HEXPANE_SOAK") != "" {
		readings = 1_000_000
	}
	seed := rand.Uint64()
	truth := fraud.Make(seed, readings, edges)
	h, at := startPatterns(t, edges)
	prime(t, h, at, fraud.Start.Add(-time.Hour))
	var replays []*process
	for i, s := range at {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("edge-%d.txt", i))
		w, err := os.Create(file)
		if err == nil {
			err = truth.Write(w, i)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		replays = append(replays, s.Replay(t, file, "--speed", "0", "--shuffle", "20s", "--seed", fmt.Sprint(seed), "--give-up", "5m").process)
	}
	for part := range 3 { // kills while it comes
		from := float64(readings) * float64(part+1) / 5
		patiently(t, func() error {
			if n, err := sum(h.core.http, "hexpane_core_intake_rows_total"); err != nil || part == 0 && n < from {
				return fmt.Errorf("%v rows have come: %v", n, err)
			}
			return nil
		})
		if part == 1 {
			at[1].Kill(t)
			at[1].start(t)
		} else {
			h.core.Kill(t)
			h.core.start(t)
		}
	}
	for _, p := range replays {
		p.Wait(t, 15*time.Minute)
	}
	prime(t, h, at, truth.End.Add(time.Hour))
	found, missed, wrong := compared(t, h.core, truth)
	if missed+wrong > 0 {
		t.Errorf("seed %d: of %d planted %d were missed; %d were found that nobody planted, or twice", seed, len(truth.Planted), missed, wrong)
	}
	if _, rows := h.core.SQL(t, "SELECT view, key FROM late"); len(rows) > 0 {
		t.Errorf("late: %v", rows[:min(len(rows), 5)])
	}
	limited, err := sum(h.core.http, "hexpane_core_pattern_limited_total")
	if err != nil || limited > 0 {
		t.Error("limits were met: ", limited, err)
	}
	t.Logf("soak: shipped patterns readings=%d planted=%d near=%d found=%d precision=%.3f recall=%.3f edges=%d kills=3", len(truth.Readings), len(truth.Planted), truth.Near, found,
		float64(found-wrong)/float64(max(1, found)), float64(len(truth.Planted)-missed)/float64(len(truth.Planted)), edges)
	for _, s := range at {
		s.Stop(t)
	}
	h.core.Stop(t)
}

// shippedPatterns are the examples, one behind the other.
func shippedPatterns(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(repo("deploy/examples/patterns/*.sql"))
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	var all []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return strings.Join(all, "\n")
}

func startPatterns(t *testing.T, edges int) (h *halves, at []*site) {
	t.Helper()
	patient := []string{"--time.idle", "1h", "--id"} // no clock moves a watermark
	h = startHalves(t, shippedPatterns(t), []string{"--time.idle", "1h", "--pattern.keep_matches", "1000000"}, append(patient, "edge-0"))
	at = append(at, h.edge)
	for i := 1; i < edges; i++ {
		dir := t.TempDir()
		s := &site{dir: dir, args: append([]string{filepath.Join(bin, "hexpane-edge"), "--config", repo("deploy/config/edge.yaml"), "--data", filepath.Join(dir, "edge"),
			"--log.format", "text", "--http", freeAddress(t), "--mqtt", freeAddress(t), "--nats.url", h.natsURL}, append(patient, fmt.Sprint("edge-", i))...)}
		s.start(t)
		at = append(at, s)
	}
	return h, at
}

// prime publishes one reading of each stream at each edge, and waits until the watermark of all patterns shows that each of them counts.
func prime(t *testing.T, h *halves, at []*site, when time.Time) {
	t.Helper()
	ts := when.UTC().Format(time.RFC3339)
	for i, s := range at {
		c := connect(t, s.mqtt)
		for topic, payload := range map[string]string{"pay/end": `{"ts":%q,"card":"end-%d","city":"Nowhere","lat":0,"lon":0,"amount":1}`, fmt.Sprintf("site/s%d/ping/end-%d", i, i): `{"ts":%q,"battery":%d}`,
			fmt.Sprintf("truck/end-%d", i): `{"ts":%q,"speed":%d,"fuel":1}`, fmt.Sprintf("sensor/end-%d", i): `{"ts":%q,"value":%d}`} {
			if token := c.Publish(topic, 1, false, fmt.Sprintf(payload, ts, i)); !token.WaitTimeout(time.Minute) || token.Error() != nil {
				t.Fatal("publish ", topic, token.Error())
			}
		}
		c.Disconnect(100)
	}
	want := when.Add(-31 * time.Second)
	patiently(t, func() error {
		if _, rows, err := ask(h.core.http, "SELECT edge FROM edges WHERE readings >= 4"); err != nil || len(rows) != len(at) {
			return fmt.Errorf("%d edges: %v", len(rows), err)
		}
		for _, pattern := range []string{"many_cities", "clone", "fuel_theft", "silent"} {
			mark, err := watermarkOf(h.core.http, pattern)
			if err != nil || mark.Before(want) {
				return fmt.Errorf("%s is at %s, not at %s: %v", pattern, mark, want, err)
			}
		}
		return nil
	})
}

// compared holds the matches that SELECT shows against what was planted.
func compared(t *testing.T, core *site, truth *fraud.Run) (found, missed, wrong int) {
	t.Helper()
	planted := map[string]int{}
	for _, p := range truth.Planted {
		planted[fmt.Sprint(p.Pattern, " ", p.Key, " ", p.End.UTC().Format("2006-01-02T15:04:05.000Z"))]++
	}
	names := map[string]string{"many_cities": "card", "impossible_travel": "card", "clone": "device", "fuel_theft": "truck", "silent": "sensor"}
	var odd []string
	for pattern, key := range names {
		if !slices.ContainsFunc(truth.Planted, func(p fraud.Planted) bool { return p.Pattern == pattern }) {
			t.Errorf("nothing is planted for %s", pattern)
		}
		_, rows := core.SQL(t, fmt.Sprintf("SELECT %s AS k, match_end FROM %s", key, pattern))
		all, strange := 0, 0
		for _, r := range rows {
			if strings.HasPrefix(r[0].(string), "end-") {
				continue
			}
			all++
			end, err := time.Parse(time.RFC3339Nano, r[1].(string))
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprint(pattern, " ", r[0], " ", end.UTC().Format("2006-01-02T15:04:05.000Z"))
			if planted[name]--; planted[name] < 0 {
				strange++
				odd = append(odd, "not planted: "+name)
			}
		}
		there := 0
		for _, p := range truth.Planted {
			if p.Pattern == pattern {
				there++
			}
		}
		found, wrong = found+all, wrong+strange
		t.Logf("soak: pattern %s planted=%d found=%d precision=%.3f recall=%.3f", pattern, there, all, float64(all-strange)/float64(max(1, all)), float64(all-strange)/float64(max(1, there)))
	}
	for name, left := range planted {
		if left > 0 {
			missed += left
			odd = append(odd, "missed: "+name)
		}
	}
	if slices.Sort(odd); len(odd) > 0 {
		t.Log(strings.Join(odd[:min(len(odd), 20)], "\n"))
	}
	return found, missed, wrong
}

// watermarkOf is where an answer over a pattern stands.
func watermarkOf(server, pattern string) (mark time.Time, err error) {
	body, err := json.Marshal(map[string]string{"sql": "SELECT match_id FROM " + pattern + " LIMIT 1"})
	if err != nil {
		return mark, err
	}
	resp, err := http.Post(server+"/api/v1/sql", "application/json", bytes.NewReader(body))
	if err != nil {
		return mark, err
	}
	defer resp.Body.Close()
	var answer struct{ Watermark *time.Time }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Watermark == nil {
		return mark, fmt.Errorf("no watermark: %w", err)
	}
	return *answer.Watermark, nil
}

// patiently is eventually for a million readings.
func patiently(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatal("not within 10 minutes: ", err)
}
