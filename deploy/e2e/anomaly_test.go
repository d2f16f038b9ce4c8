package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/alert/score"
	"github.com/hexpane/hexpane/simulators/sensors"
)

const sensorsSQL = `
CREATE STREAM sensors (sensor STRING KEY, ts TIMESTAMP, value DOUBLE) WITH (topic = 'sensor/{sensor}', timestamp = 'ts', disorder = '5m');
CREATE VIEW per_sensor AS SELECT sensor, AVG(value) AS avg_value FROM sensors WINDOW TUMBLING (SIZE %s) GROUP BY sensor;
CREATE ALERT odd ON per_sensor WHEN anomaly(avg_value) > 0.99 SEVERITY warning;
`

// A week of sensors comes over MQTT, hexpane is killed in its middle, and the default anomaly alert is told of what the score says of each sensor's windows: of
// nothing else, and of nothing twice. With HEXPANE_SOAK=1 it is the week of 500 sensors, a reading each five minutes.
func TestAnomaliesOverMQTT(t *testing.T) {
	t.Parallel()
	c := sensors.Config{Seed: rand.Uint64() >> 1, Sensors: 24, Days: 5, Step: 30 * time.Minute, Faults: 6, Quiet: 48 * time.Hour}
	size := "30 MINUTES"
	if os.Getenv("HEXPANE_SOAK") != "" {
		c = sensors.Week(c.Seed)
		size = "5 MINUTES"
	}
	run := sensors.Make(c)
	steps := len(run.Values[0])
	var files []string
	for part := range 2 {
		files = append(files, recording(t, run, steps*part/2, steps*(part+1)/2, part == 1))
	}
	s := startSite(t, fmt.Sprintf(sensorsSQL, size), "--edge.time.idle", "1h", "--core.time.idle", "1h")
	for i, file := range files {
		s.Replay(t, file, "--speed", "0", "--give-up", "5m").process.Wait(t, 15*time.Minute)
		if i == 0 {
			s.Kill(t)
			s.Restart(t)
		}
	}
	want, found, wrong := told(t, run)
	var got []string
	patiently(t, func() error {
		_, rows, err := ask(s.http, "SELECT key, ts FROM alerts WHERE alert = 'odd' AND state = 'firing'")
		if err != nil {
			return err
		}
		got = got[:0]
		for _, r := range rows {
			got = append(got, fmt.Sprint(r[0], " ", r[1]))
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Errorf("seed %d: %d alerts told, where the scores say %d:\n%s\n\n%s", c.Seed, len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		return nil
	})
	t.Logf("soak: anomalies over MQTT readings=%d faults=%d found=%d false=%d alerts=%d kills=1 twice=0 lost=0", steps*len(run.Values), len(run.Faults), found, wrong, len(got))
	s.Stop(t)
}

// recording writes steps of all sensors as hexpane-sim replays them, and a last reading that lets all windows fire.
func recording(t *testing.T, run *sensors.Run, from, to int, last bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "week.txt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	line := func(at time.Time, name string, x float64) {
		fmt.Fprintf(w, "%[1]s sensor/%[2]s {\"ts\":\"%[1]s\",\"value\":%[3]s}\n", at.Format(time.RFC3339), name, strconv.FormatFloat(x, 'g', -1, 64))
	}
	for j := from; j < to; j++ {
		for i, values := range run.Values {
			line(run.At(j), sensors.Name(i), values[j])
		}
	}
	if last {
		line(run.At(to).Add(6*time.Hour), "last", 0)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// told is what is to be told, by the scores of the readings: of each alert its sensor and time; how many faults that finds, and how many alerts are false.
func told(t *testing.T, run *sensors.Run) (alerts []string, found, wrong int) {
	t.Helper()
	s, err := score.New(score.Spec{Kind: score.Anomaly, WindowUs: run.Step.Microseconds()})
	if err != nil {
		t.Fatal(err)
	}
	for i, values := range run.Values {
		hits := map[int]bool{}
		was := false
		for j, v := range values {
			x, ok := s.Row(sensors.Name(i), run.At(j).UnixMicro(), v)
			is := ok && x > 0.99
			if is && !was {
				alerts = append(alerts, fmt.Sprint(sensors.Name(i), " ", run.At(j).Format(time.RFC3339)))
				n := slices.IndexFunc(run.Faults, func(f sensors.Fault) bool { return f.Sensor == i && j >= f.From && j < f.To+int(time.Hour/run.Step) })
				if n >= 0 {
					hits[n] = true
				} else {
					wrong++
				}
			}
			was = is
		}
		found += len(hits)
	}
	slices.Sort(alerts)
	return alerts, found, wrong
}
