package core

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/notify"
)

// alertmanager starts a real one, which forgets all when it stops, and gives its address.
func alertmanager(t *testing.T, address string) (stop func()) {
	t.Helper()
	path := ""
	for _, name := range []string{"alertmanager", "prometheus-alertmanager"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
		}
	}
	if path == "" {
		t.Skip("no alertmanager is installed: .ci/run does it")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	check(t, os.WriteFile(config, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o600))
	cmd := exec.Command(path, "--config.file", config, "--storage.path", dir, "--web.listen-address", address, "--cluster.listen-address=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	check(t, cmd.Start())
	return func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
}

// A real Alertmanager knows what fires, hears of its end, and is told again after it forgot.
func TestAlertmanager(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	address := l.Addr().String()
	check(t, l.Close())
	stop := alertmanager(t, address)
	defer func() { stop() }()
	o := newOffice(t, notify.Channel{Name: "am", Kind: notify.Alertmanager, URL: "http://" + address + "/"})
	var stands atomic.Pointer[[]notify.Notice]
	stands.Store(&[]notify.Notice{})
	o.standing = func(string) []notify.Notice { return *stands.Load() }
	o.cfg.Repeat, o.cfg.Timeout = 500*time.Millisecond, 5*time.Second
	o.open()
	knows := func(want ...string) {
		t.Helper()
		eventually(o.t, func() error {
			answer, err := http.Get("http://" + address + "/api/v2/alerts")
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			var list []struct {
				Labels, Annotations map[string]string
				StartsAt            time.Time
			}
			if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
				return err
			}
			var got []string
			for _, a := range list {
				got = append(got, fmt.Sprint(a.Labels["alertname"], " ", a.Labels["sensor"], " ", a.Labels["severity"], " ", a.Labels["team"], " ", a.Annotations["value"]))
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				return fmt.Errorf("it knows %q, not %q", got, want)
			}
			return nil
		})
	}
	a, b := o.tell("hot", "a", "firing"), o.tell("hot", "b", "firing")
	o.tell("hot", "b", "acknowledged")
	stands.Store(&[]notify.Notice{a, b})
	knows("hot a critical heat 1.5", "hot b critical heat 1.5")
	o.empty("am")
	stands.Store(&[]notify.Notice{b})
	o.tell("hot", "a", "resolved")
	knows("hot b critical heat 1.5")
	stop()
	stop = alertmanager(t, address)
	knows("hot b critical heat 1.5")
	if e := o.status("am").LastError; strings.Contains(e, "400") {
		t.Error(e)
	}
}
