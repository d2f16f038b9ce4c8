package e2e

import (
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// The halves as processes of their own, with a NATS server, a Mosquitto and an InfluxDB that are not ours.

const loadSQL = `
CREATE STREAM load (device STRING KEY, ts TIMESTAMP, seq BIGINT, lat DOUBLE, lon DOUBLE, speed DOUBLE)
  WITH (topic = 'load/{device}/position', timestamp = 'ts', disorder = '1s', position = 'lat,lon');
CREATE VIEW per_device AS SELECT device, COUNT(*) AS n, MIN(seq) AS lo, MAX(seq) AS hi, SUM(seq) AS total FROM load
  WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY device;`

// halves are a core and an edge over a NATS server.
type halves struct {
	nats       *process
	core, edge *site
	natsArgs   []string
	natsEnv    []string
	natsURL    string
}

func startHalves(t testing.TB, sql string, coreArgs, edgeArgs []string) *halves {
	t.Helper()
	h, dir := prepareHalves(t, "")
	h.startNATS(t)
	h.startPrograms(t, dir, sql, append([]string{"--nats.url", h.natsURL}, coreArgs...), append([]string{"--nats.url", h.natsURL}, edgeArgs...))
	return h
}

// prepareHalves configures a NATS server, with more at the end of its file.
func prepareHalves(t testing.TB, more string) (h *halves, dir string) {
	t.Helper()
	natsServer := program(t, "nats-server")
	dir, address := t.TempDir(), freeAddress(t)
	path := configFile(t, "nats.conf", "/var/lib/hexpane/nats", filepath.Join(dir, "nats"), "127.0.0.1:4222", address)
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(text, more...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	h = &halves{natsArgs: []string{natsServer, "--config", path}, natsURL: "nats://" + address}
	return h, dir
}

func (h *halves) startPrograms(t testing.TB, dir, sql string, coreArgs, edgeArgs []string) {
	t.Helper()
	file := filepath.Join(dir, "site.sql")
	if err := os.WriteFile(file, []byte(sql), 0o600); err != nil {
		t.Fatal(err)
	}
	h.core = &site{dir: dir, args: append([]string{filepath.Join(bin, "hexpane-core"), "--config", repo("deploy/config/core.yaml"), "--data", filepath.Join(dir, "core"),
		"--sql", file, "--log.format", "text", "--http", freeAddress(t)}, coreArgs...)}
	h.core.start(t)
	h.edge = &site{dir: dir, args: append([]string{filepath.Join(bin, "hexpane-edge"), "--config", repo("deploy/config/edge.yaml"), "--data", filepath.Join(dir, "edge"),
		"--log.format", "text", "--http", freeAddress(t), "--mqtt", freeAddress(t)}, edgeArgs...)}
	h.edge.start(t)
}

func (h *halves) startNATS(t testing.TB) {
	t.Helper()
	h.nats = launchWith(t, h.natsEnv, h.natsArgs[0], h.natsArgs[1:]...)
}

// start runs a half whose addresses are in its arguments.
func (s *site) start(t testing.TB) {
	t.Helper()
	s.process = launch(t, s.args[0], s.args[1:]...)
	s.addresses = readAddresses(s.line(t, "hexpane ready"))
}

// loopbacks counts those given out.
var loopbacks atomic.Uint32

// loopback is an address that no other test's program has: who restarts on its port there finds it free, whatever tests beside it listen on meanwhile and whatever
// ports the kernel gives to outgoing connections, which are 127.0.0.1's. Packages that are tested at the same time differ by their process.
func loopback() string {
	n := loopbacks.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 1+os.Getpid()%250, n/250, 1+n%250)
}

// freeAddress is one that nobody listens on, or will.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", loopback()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func repo(path string) string { return filepath.Join("..", "..", path) }

// configFile is one of deploy/config with places of its own.
func configFile(t testing.TB, name string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile(repo("deploy/config/" + name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			t.Fatalf("%s does not hold %q", name, replace[i])
		}
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load publishes count readings of 20 devices, QoS 1.
func load(t testing.TB, broker string, count int, args ...string) *process {
	t.Helper()
	return launch(t, filepath.Join(bin, "hexpane-sim"), append([]string{"load", "--broker", broker, "--count", fmt.Sprint(count), "--for", "0s",
		"--devices", "20", "--connections", "4", "--max-inflight", "100", "--rate", "2000/s", "--give-up", "2m"}, args...)...)
}

// endless publishes such readings until end: what a test does meanwhile may take as long as it takes.
func endless(t testing.TB, broker string, args ...string) *process {
	t.Helper()
	return load(t, broker, math.MaxInt32, args...)
}

// end stops a load once site takes readings in, and gives how many there were, all of them acknowledged.
func (p *process) end(t testing.TB, site *site) (count int) {
	t.Helper()
	site.takesIn(t, 200)
	p.Stop(t)
	var acked int
	if _, err := fmt.Sscanf(p.line(t, "load sent="), "load sent=%d acked=%d", &count, &acked); err != nil || acked != count {
		t.Fatalf("%d of %d readings are acknowledged: %v", acked, count, err)
	}
	return count
}

// takesIn waits until the edge has taken so many readings of the load more.
func (s *site) takesIn(t testing.TB, more float64) {
	t.Helper()
	const readings = `hexpane_edge_ingest_readings_total{stream="load"}`
	before := s.Metric(t, readings)
	eventually(t, func() error {
		if now := s.Metric(t, readings); now < before+more {
			return fmt.Errorf("%v readings more are taken in, want %v", now-before, more)
		}
		return nil
	})
}

// countedOnce wants each reading there once: a device numbers its readings from 1.
func countedOnce(t testing.TB, core *site, count, devices int) {
	t.Helper()
	eventually(t, func() error {
		_, rows, err := ask(core.http, "SELECT device, SUM(n) AS n, MIN(lo) AS lo, MAX(hi) AS hi, SUM(total) AS total FROM per_device GROUP BY device")
		if err != nil {
			return err
		}
		all := 0.0
		for _, r := range rows {
			n := r[1].(float64)
			all += n
			if r[2] != 1.0 || r[3] != n || r[4] != n*(n+1)/2 {
				return fmt.Errorf("device %v: %v readings from %v to %v, which add up to %v", r...)
			}
		}
		if len(rows) != devices || all != float64(count) {
			return fmt.Errorf("%v readings of %d devices, want %d of %d", all, len(rows), count, devices)
		}
		return nil
	})
}

// An edge, a core and a NATS server from the configuration files; then the link is cut, and comes back.
func TestHalvesApart(t *testing.T) {
	t.Parallel()
	h := startHalves(t, loadSQL, nil, []string{"--forward.hold_after", "500ms"})
	l := endless(t, h.edge.mqtt)
	h.edge.takesIn(t, 3000)
	h.nats.Kill(t)
	t.Log("NATS killed")
	before := h.edge.Metric(t, `hexpane_edge_ingest_readings_total{stream="load"}`)
	eventually(t, func() error { // readings are taken in, and wait
		if now := h.edge.Metric(t, `hexpane_edge_ingest_readings_total{stream="load"}`); now < before+2000 {
			return fmt.Errorf("%v readings since NATS went", now-before)
		}
		if h.edge.Metric(t, "hexpane_edge_held_deltas") == 0 || h.edge.Metric(t, "hexpane_edge_held_rows") == 0 {
			return fmt.Errorf("nothing is held")
		}
		return nil
	})
	if status, body, err := get(h.edge.http + "/readyz"); err != nil || status != 200 {
		t.Errorf("an edge without a core takes readings in, so it is ready; got %d %s %v", status, body, err)
	}
	h.startNATS(t)
	countedOnce(t, h.core, l.end(t, h.edge), 20)
	for name, s := range map[string]*site{"edge": h.edge, "core": h.core} {
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			if status, body, err := get(s.http + path); err != nil || status != 200 {
				t.Errorf("%s %s: %d %.200s %v", name, path, status, body, err)
			}
		}
	}
	h.edge.Stop(t)
	h.core.Stop(t)
}

// Each half is killed in turn, and the NATS server too, while readings come.
func TestKillsApart(t *testing.T) {
	t.Parallel()
	h := startHalves(t, loadSQL, nil, nil)
	l := endless(t, h.edge.mqtt)
	for round := range 3 {
		h.edge.takesIn(t, 2500)
		h.edge.Kill(t)
		h.edge.start(t)
		h.edge.takesIn(t, 800)
		h.core.Kill(t)
		if round == 1 {
			h.nats.Kill(t)
			h.startNATS(t)
		}
		h.core.start(t)
	}
	countedOnce(t, h.core, l.end(t, h.edge), 20)
	h.edge.Stop(t)
	h.core.Stop(t)
}

// mosquitto starts a broker that keeps sessions on disk.
func mosquitto(t *testing.T) (address string) {
	t.Helper()
	path := program(t, "mosquitto")
	dir := t.TempDir()
	address = freeAddress(t)
	host, port, _ := net.SplitHostPort(address)
	conf := filepath.Join(dir, "mosquitto.conf")
	text := fmt.Sprintf("listener %s %s\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 1000\nuser root\n", port, host)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	launch(t, path, "-c", conf)
	eventually(t, func() error {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err
	})
	return address
}

// The edge reads from a Mosquitto that devices publish to, and is killed: what Mosquitto gave it and it had not committed
// comes again, and nothing counts twice.
func TestSubscribeToMosquitto(t *testing.T) {
	t.Parallel()
	broker := mosquitto(t)
	edgeArgs := []string{"--mode", "subscribe", "--subscribe.broker", "tcp://" + broker}
	h := startHalves(t, loadSQL, nil, edgeArgs)
	eventually(t, func() error {
		status, body, err := get(h.edge.http + "/readyz")
		if err == nil && status != 200 {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	})
	l := endless(t, "tcp://"+broker)
	for range 2 {
		h.edge.takesIn(t, 2500)
		h.edge.Kill(t)
		h.edge.start(t)
	}
	countedOnce(t, h.core, l.end(t, h.edge), 20)
	h.edge.Stop(t)
	h.core.Stop(t)
}
