package e2e

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Helsinki's feed as it was recorded: payloads nested under the kind of event, NULL positions, topics with UTF-8, spaces
// and empty levels.

const hfpSQL = `
CREATE STREAM hfp (
  operator STRING KEY, vehicle STRING KEY, run STRING, event STRING,
  ts TIMESTAMP PATH '$.*.tst', lat DOUBLE PATH '$.*.lat', lon DOUBLE PATH '$.*.long',
  speed DOUBLE PATH '$.*.spd', heading DOUBLE PATH '$.*.hdg', line STRING PATH '$.*.desi'
) WITH (topic = '/hfp/v2/{run}/+/{event}/bus/{operator}/{vehicle}/#', timestamp = 'ts', disorder = '1m', position = 'lat,lon');
CREATE VIEW by_event AS SELECT event, COUNT(*) AS n, COUNT(lat) AS placed FROM hfp
  WINDOW TUMBLING (SIZE 1 HOUR, RETENTION 3650 DAYS) GROUP BY event;`

type hfpMessage struct {
	vehicle  string // operator/vehicle
	at       time.Time
	lat, lon any // as JSON gave them
	event    string
}

// hfpTruth reads the recording on its own.
func hfpTruth(t *testing.T, file string) (list []hfpMessage, lines, duplicates int) {
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
	seen := map[string]bool{}
	in := bufio.NewScanner(z)
	for in.Buffer(nil, 1<<20); in.Scan(); {
		lines++
		_, rest, _ := strings.Cut(in.Text(), " ")
		brace := strings.IndexByte(rest, '{')
		topic, payload := strings.Split(rest[:brace-1], "/"), rest[brace:]
		var outer map[string]struct {
			Tst       time.Time
			Lat, Long any
		}
		if err := json.Unmarshal([]byte(payload), &outer); err != nil {
			t.Fatal(err)
		}
		for _, inner := range outer {
			m := hfpMessage{topic[7] + "/" + topic[8], inner.Tst, inner.Lat, inner.Long, topic[5]}
			id := fmt.Sprint(m.vehicle, m.at, sha256.Sum256([]byte(payload)))
			if seen[id] {
				duplicates++
				continue
			}
			seen[id] = true
			list = append(list, m)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return list, lines, duplicates
}

func TestHelsinkiFeed(t *testing.T) {
	t.Parallel()
	file := data(t, "hsl-hfp/hfp_dump.txt.gz")
	truth, lines, duplicates := hfpTruth(t, file)
	if lines != 2003 {
		t.Fatalf("%d lines in the recording, want 2,003", lines)
	}
	s := startSite(t, hfpSQL)
	s.Replay(t, file, "--speed", "0").Wait(t)
	s.Replay(t, file, "--speed", "0").Wait(t) // again: all of it is known by now
	publish(t, s.mqtt, "/hfp/v2/journey/ongoing/vp/bus/0012/01913/bad", `{"VP":{"tst":"yesterday"}}`)
	publish(t, s.mqtt, "/hfp/v2/journey/ongoing/vp/bus/0012/01913/bad", `{"VP":`)

	counted := func(what string, want int) {
		t.Helper()
		if got, err := sum(s.http, "hexpane_edge_ingest_"+what+"_total"); err != nil || got != float64(want) {
			t.Errorf("%s: %v, want %d (%v)", what, got, want, err)
		}
	}
	counted("readings", len(truth))
	counted("duplicates", duplicates+lines)
	counted("rejected", 2)
	s.Eventually(t, func() error {
		_, rows := s.SQL(t, "SELECT reason, sample FROM rejected")
		if len(rows) != 2 {
			return fmt.Errorf("%d rows in rejected, want 2", len(rows))
		}
		for _, r := range rows {
			if r[0] == "" || !strings.HasPrefix(r[1].(string), `{"VP":`) {
				return fmt.Errorf("a rejection without its reason or sample: %v", r)
			}
		}
		return nil
	})

	latest, events, placed := map[string]time.Time{}, map[string]int{}, map[string]int{}
	for _, m := range truth {
		if m.at.After(latest[m.vehicle]) {
			latest[m.vehicle] = m.at
		}
		events[m.event]++
		if m.lat != nil {
			placed[m.event]++
		}
	}
	s.Eventually(t, func() error {
		_, rows := s.SQL(t, "SELECT SUM(n) FROM by_event")
		if rows[0][0] != float64(len(truth)) {
			return fmt.Errorf("%v counted, want %d", rows[0][0], len(truth))
		}
		return nil
	})
	_, rows := s.SQL(t, "SELECT event, SUM(n) AS n, SUM(placed) AS placed FROM by_event GROUP BY event")
	if len(rows) != len(events) {
		t.Errorf("%d kinds of event, want %d", len(rows), len(events))
	}
	for _, r := range rows {
		event := r[0].(string)
		if r[1] != float64(events[event]) || r[2] != float64(placed[event]) {
			t.Errorf("%s: %v readings, %v with a place; want %d and %d", event, r[1], r[2], events[event], placed[event])
		}
	}
	_, rows = s.SQL(t, "SELECT operator, vehicle, ts, lat, lon FROM hfp")
	if len(rows) != len(latest) {
		t.Errorf("%d vehicles, want %d", len(rows), len(latest))
	}
	for _, r := range rows {
		vehicle := fmt.Sprintf("%s/%s", r[0], r[1])
		at, err := time.Parse(time.RFC3339Nano, r[2].(string))
		if err != nil || !at.Equal(latest[vehicle]) {
			t.Errorf("%s: newest at %v, want %v (%v)", vehicle, r[2], latest[vehicle], err)
			continue
		}
		known := false // two events may carry the same time
		for _, m := range truth {
			known = known || m.vehicle == vehicle && m.at.Equal(at) && m.lat == r[3] && m.lon == r[4]
		}
		if !known {
			t.Errorf("%s: at %v, %v at %v, which it never was", vehicle, r[3], r[4], at)
		}
	}
	s.Stop(t)
}

// publish sends one message at QoS 1 and waits for its acknowledgement.
func publish(t testing.TB, broker, topic, payload string) {
	t.Helper()
	c := connect(t, broker)
	defer c.Disconnect(100)
	if token := c.Publish(topic, 1, false, payload); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatalf("publish to %s: %v", topic, token.Error())
	}
}

func connect(t testing.TB, broker string) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker).SetClientID(fmt.Sprintf("e2e-%d", time.Now().UnixNano())))
	if token := c.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatalf("connect to %s: %v", broker, token.Error())
	}
	return c
}
