package peers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Mosquitto is a real broker on a loopback port.
type Mosquitto struct {
	address string
	path    string
	config  string
	process *exec.Cmd
}

// StartMosquitto starts the broker on a free port. It skips the test if the program is not there; in CI it must be.
func StartMosquitto(t testing.TB) *Mosquitto {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto"
		if _, err := os.Stat(path); err != nil {
			missing := t.Skip
			if os.Getenv("CI") != "" {
				missing = t.Fatal
			}
			missing("no mosquitto on PATH or in /usr/sbin: apt-get install mosquitto")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &Mosquitto{path: path, address: l.Addr().String(), config: filepath.Join(t.TempDir(), "mosquitto.conf")}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n", port)
	if err := os.WriteFile(m.config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	m.Start(t)
	t.Cleanup(m.Stop)
	return m
}

// Start it again after Stop.
func (m *Mosquitto) Start(t testing.TB) {
	t.Helper()
	m.process = exec.Command(m.path, "-c", m.config)
	if err := m.process.Start(); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "mosquitto listens", func() bool {
		c, err := net.Dial("tcp", m.address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// Stop kills the process that Start made, and no other.
func (m *Mosquitto) Stop() {
	_ = m.process.Process.Kill() // it may be gone already
	_ = m.process.Wait()
}

// URL to dial.
func (m *Mosquitto) URL() string { return "tcp://" + m.address }
