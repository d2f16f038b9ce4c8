package ingest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// mosquitto is a real broker on a free loopback port.
type mosquitto struct {
	address string
	path    string
	config  string
	process *exec.Cmd
}

// startMosquitto skips the test if the binary is not there.
func startMosquitto(t *testing.T) *mosquitto {
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
	m := &mosquitto{path: path, address: l.Addr().String(), config: filepath.Join(t.TempDir(), "mosquitto.conf")}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n", port)
	if err := os.WriteFile(m.config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	m.start(t)
	t.Cleanup(m.stop)
	return m
}

func (m *mosquitto) start(t *testing.T) {
	t.Helper()
	m.process = exec.Command(m.path, "-c", m.config)
	if err := m.process.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "mosquitto listens", func() bool {
		c, err := net.Dial("tcp", m.address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// stop kills the process that start made, and no other.
func (m *mosquitto) stop() {
	_ = m.process.Process.Kill() // it may be gone already
	_ = m.process.Wait()
}

func (m *mosquitto) publisher(t *testing.T) paho.Client {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + m.address))
	finished(t, "connect to mosquitto", c.Connect())
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

func (m *mosquitto) subscribe(t *testing.T, id string, qos byte, sink Sink, filters ...string) *Subscriber {
	t.Helper()
	s, err := NewSubscriber(SubscriberConfig{Broker: "tcp://" + m.address, ClientID: id, QoS: qos}, sink, silent())
	if err != nil {
		t.Fatal(err)
	}
	s.Topics(filters)
	if err := s.Serve(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the subscriber is connected", s.Connected)
	return s
}
