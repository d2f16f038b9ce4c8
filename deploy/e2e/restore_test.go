package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const eachDevice = "SELECT device, SUM(n) AS n, MIN(lo) AS lo, MAX(hi) AS hi, SUM(total) AS total FROM per_device GROUP BY device ORDER BY device"

// hexpane runs a command that ends, and gives what it prints.
func hexpane(args ...string) (string, error) {
	out, err := exec.Command(filepath.Join(bin, "hexpane"), args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// restored runs a site over what a backup gives.
func restored(t testing.TB, backup string) *site {
	t.Helper()
	dir := t.TempDir()
	if out, err := hexpane("restore", backup, dir); err != nil {
		t.Fatalf("restore: %v: %s", err, out)
	}
	s := &site{dir: dir, args: []string{"run", "--data", dir, "--core.nats.listen", "127.0.0.1:0"}}
	own := loopback()
	s.mqtt, s.http = "tcp://"+own+":0", "http://"+own+":0"
	s.Restart(t)
	return s
}

func readings(rows [][]any) (n float64) {
	for _, r := range rows {
		n += r[1].(float64)
	}
	return n
}

// A backup made under load restores to a core that answers what one of the running core's commits left: of each device the readings up to one,
// each once. It goes on from there: takes readings, changes its catalogue. A kill -9 during a backup leaves none, or a whole one.
func TestBackupIsRestored(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "backups")
	s := startSite(t, loadSQL, "--core.backup.dir", root)
	const count = 8_000
	l := load(t, s.mqtt, count, "--give-up", "5m")
	s.Eventually(t, func() error {
		if _, rows := s.SQL(t, eachDevice); readings(rows) < count/10 {
			return fmt.Errorf("%v readings", readings(rows))
		}
		return nil
	})
	_, before := s.SQL(t, eachDevice)
	if out, err := hexpane("backup", "--server", s.http, filepath.Join(root, "loaded")); err != nil || out != filepath.Join(root, "loaded") {
		t.Fatalf("backup: %v: %s", err, out)
	}
	_, after := s.SQL(t, eachDevice)
	r := restored(t, filepath.Join(root, "loaded"))
	_, got := r.SQL(t, eachDevice)
	if n := readings(got); n < readings(before) || n > readings(after) {
		t.Errorf("the backup holds %v readings; there were %v before it, and %v after", n, readings(before), readings(after))
	}
	for _, row := range got {
		if n := row[1].(float64); row[2] != 1.0 || row[3] != n || row[4] != n*(n+1)/2 {
			t.Errorf("device %v: %v readings from %v to %v, which add up to %v", row...)
		}
	}
	r.SQL(t, "CREATE VIEW later AS SELECT device, COUNT(*) AS n FROM load WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY device")
	load(t, r.mqtt, 2000).Wait(t, time.Minute)
	r.Eventually(t, func() error {
		_, rows := r.SQL(t, "SELECT SUM(n) AS n FROM later")
		if len(rows) != 1 || rows[0][0] != 2000.0 {
			return fmt.Errorf("the new view has %v", rows)
		}
		return nil
	})
	r.Stop(t)

	l.Wait(t, 5*time.Minute)
	countedOnce(t, s, count, 20)
	for i := range 2 { // while it writes one, or just before, or just after
		go func() { _, _ = hexpane("backup", "--server", s.http, fmt.Sprint("killed-", i)) }()
		eventually(t, func() error {
			entries, err := os.ReadDir(root)
			if err == nil && len(entries) < 2 && i%2 == 0 {
				err = fmt.Errorf("%d entries", len(entries))
			}
			return err
		})
		s.Kill(t)
		s.Restart(t)
	}
	_, want := s.SQL(t, eachDevice)
	if out, err := hexpane("backup", "--server", s.http, "quiet"); err != nil {
		t.Fatalf("backup after the kills: %v: %s", err, out)
	}
	if out, err := hexpane("backup", "--server", s.http, "quiet"); err == nil || !strings.Contains(out, "is there already") {
		t.Errorf("a second of the same name: %v: %s", err, out)
	}
	if out, err := hexpane("restore", filepath.Join(root, "quiet"), s.dir); err == nil || !strings.Contains(out, "in use") {
		t.Errorf("a restore into the running site: %v: %s", err, out)
	}
	s.Stop(t)
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || e.Name() == "loaded" {
			continue
		}
		r := restored(t, filepath.Join(root, e.Name()))
		if _, got := r.SQL(t, eachDevice); !reflect.DeepEqual(got, want) {
			t.Errorf("%s answers %v, want %v", e.Name(), got, want)
		}
		r.Stop(t)
	}
}
