package edge

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// An edge that reads from an existing broker, with two streams whose topics overlap, stopped and started again in between: each
// reading is counted once, although nothing is known of duplicates.
func TestReadingFromAnExistingBroker(t *testing.T) {
	t.Parallel()
	broker := startMosquitto(t)
	h, dir := startHub(t), t.TempDir()
	p := cityPlan(1)
	other := cityPlan(1).Streams[0]
	other.Id, other.Name, other.Topic, other.Position = 2, "all", "city/{device}/#", nil
	p.Streams = append(p.Streams, other)
	p.Streams[0].Dedupe, other.Dedupe = "none", "none"
	h.put(t, p)
	cfg := testConfig(h.url())
	cfg.Mode, cfg.Subscribe.Broker = "subscribe", broker
	c := paho.NewClient(paho.NewClientOptions().AddBroker(broker))
	if token := c.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer c.Disconnect(0)

	e := runEdge(t, cfg, dir).serving()
	eventually(t, "connected", func() bool { return e.Checks()["broker"]() == nil })
	eventually(t, "subscribed", func() bool { // readings at QoS 0 until one arrives
		publish(t, c, 0, "probe", readings(0, 1)...)
		return h.received(t).deltas["probe"] > 0
	})
	publish(t, c, 1, "bus", readings(0, 100)...)
	e.stop() // some have not been sent to the edge yet
	publish(t, c, 1, "bus", readings(100, 50)...)
	e = runEdge(t, cfg, dir).serving()
	publish(t, c, 1, "bus", readings(150, 50)...) // at QoS 2 mosquitto 2.0.11 loses what it has no room for in flight
	eventually(t, "all is counted", func() bool { return h.received(t).deltas["bus"] >= 200 })
	e.stop()
	l := h.received(t)
	for i := range 200 {
		if n := l.rows[fmt.Sprintf("bus %d", i)]; n != 1 {
			t.Errorf("reading %d came %d times", i, n)
		}
	}
	if l.deltas["bus"] != 200 {
		t.Errorf("%d readings counted, want 200", l.deltas["bus"])
	}
}

// startMosquitto starts a broker on a free loopback port and gives its address.
func startMosquitto(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto"
		if _, err := os.Stat(path); err != nil {
			t.Skip("no mosquitto on PATH or in /usr/sbin: apt-get install mosquitto")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "mosquitto.conf")
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		err = os.WriteFile(config, []byte("listener "+port+" 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command(path, "-c", config)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill() // it may be gone already
		_ = process.Wait()
	})
	eventually(t, "mosquitto listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return "tcp://" + address
}
