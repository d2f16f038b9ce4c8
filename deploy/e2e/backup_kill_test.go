package e2e

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// answered are the answers by which two cores are held against each other: rollups, windows, events, alerts and matches.
func answered(t testing.TB, s *site) map[string][][]any {
	t.Helper()
	all := map[string][][]any{}
	for _, q := range []string{
		"SELECT window_start, device, MERGE(mean), MERGE(n), MERGE(p90), MERGE(ids) FROM speeds WINDOW TUMBLING (SIZE 1 DAY) GROUP BY device ORDER BY window_start, device",
		"SELECT window_start, MERGE(p90, 0.5) FROM speeds WINDOW TUMBLING (SIZE 1 HOUR) ORDER BY window_start",
		"SELECT * FROM pace ORDER BY window_start, device",
		"SELECT * FROM fence_events ORDER BY ts, id",
		"SELECT * FROM alerts ORDER BY ts, id, state",
		"SELECT * FROM stays ORDER BY match_end, device",
		"SELECT * FROM v ORDER BY device",
	} {
		_, rows := s.SQL(t, q)
		if len(rows) == 0 {
			t.Fatal("no rows: ", q)
		}
		all[q] = rows
	}
	return all
}

func same(t testing.TB, what string, got, want map[string][][]any) {
	t.Helper()
	for q, rows := range want {
		if !reflect.DeepEqual(got[q], rows) {
			n := 0
			for n < min(len(rows), len(got[q])) && reflect.DeepEqual(got[q][n], rows[n]) {
				n++
			}
			t.Errorf("%s: %s: %d rows, want %d; row %d differs", what, q, len(got[q]), len(rows), n)
		}
	}
}

const backedSQL = eventsSQL + `
CREATE VIEW speeds AS SELECT device, COUNT(*) AS n, AVG(speed) AS mean, PERCENTILE(speed, 0.9) AS p90, COUNT(DISTINCT speed) AS ids
	FROM v WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 30 MINUTES, RETENTION 1 HOUR) GROUP BY device;`

// The real program dies at each step of a backup, and its client at random, while windows are rolled up: what is left of a backup is refused or is a whole one, the store answers as
// before, and the next backup works. Each whole one restores to a core that answers as its source did, and so does one whose restore died at each step.
func TestKillsDuringBackupAndRestore(t *testing.T) {
	t.Parallel()
	program := crashing(t)
	dir := t.TempDir()
	root, file := filepath.Join(dir, "backups"), filepath.Join(dir, "site.sql")
	if err := os.WriteFile(file, []byte(backedSQL), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &site{dir: filepath.Join(dir, "data"), args: []string{"run", "--data", filepath.Join(dir, "data"), "--sql", file, "--core.nats.listen", "127.0.0.1:0", "--core.backup.dir", root,
		"--core.history.effort", "1"}}
	s.mqtt, s.http = "tcp://"+freeAddress(t), "http://"+freeAddress(t)
	s.launchAt(t, program, "")
	s.line(t, "hexpane ready")
	commute(t, s, 2)
	want := answered(t, s)
	backup := func(name string) (string, error) { return hexpane("backup", "--server", s.http, name) }
	if out, err := backup("while-rolling"); err != nil {
		t.Fatal(err, out)
	}
	steps, rounds := []string{"backup.checkpointed", "backup.planned", "backup.listed", "backup.named"}, 1
	if os.Getenv("HEXPANE_SOAK") != "" {
		rounds = 15
	}
	refused, whole, asked, kills := 0, 0, 0, 0
	// left looks at what there is by a name after a kill.
	left := func(name string) {
		t.Helper()
		for _, path := range []string{filepath.Join(root, name), filepath.Join(root, ".hexpane-backup.part")} {
			if _, err := os.Lstat(path); err != nil {
				continue
			}
			to := filepath.Join(t.TempDir(), "to")
			out, err := hexpane("restore", path, to)
			if err != nil {
				if refused++; !strings.Contains(out, "not a whole one") && !strings.Contains(out, "not a whole backup") || filepath.Base(path) == name {
					t.Errorf("%s: %v: %s", path, err, out)
				}
				if _, err := os.Lstat(filepath.Join(to, "core", "state")); err == nil {
					t.Errorf("%s was refused, and left a state", path)
				}
				continue
			}
			if whole++; rounds > 1 && rand.IntN(3) > 0 {
				continue // each takes some seconds
			}
			asked++
			r := restored(t, path)
			same(t, path, answered(t, r), want)
			r.Stop(t)
		}
	}
	for round := range rounds {
		for _, step := range steps {
			s.Kill(t)
			s.launchAt(t, program, step)
			s.line(t, "hexpane ready")
			name := fmt.Sprint(strings.TrimPrefix(step, "backup."), round)
			if out, err := backup(name); err == nil {
				t.Fatalf("a backup of a core that died at %s: %s", step, out)
			}
			<-s.done
			kills++
			left(name)
			s.launchAt(t, program, "")
			s.line(t, "hexpane ready")
			same(t, "after it died at "+step, answered(t, s), want)
		}
		client := exec.Command(filepath.Join(bin, "hexpane"), "backup", "--server", s.http, fmt.Sprint("client", round))
		if err := client.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond) // a kill at any time, when it starts too: nothing is waited for
		_ = client.Process.Kill()
		_ = client.Wait()
		kills++
		if out, err := backup(fmt.Sprint("after", round)); err != nil {
			t.Fatalf("the backup after one whose client was killed: %v: %s", err, out)
		}
		left(fmt.Sprint("client", round))
	}
	s.Stop(t)
	for _, step := range []string{"restore.copied", "restore.marked", "restore.named"} {
		to := filepath.Join(t.TempDir(), "to")
		c := exec.Command(program, "restore", filepath.Join(root, "while-rolling"), to)
		c.Env = append(os.Environ(), "HEXPANE_CRASH="+step)
		if out, err := c.CombinedOutput(); err == nil || !strings.Contains(string(out), "crash point") {
			t.Fatalf("%s: %v %s", step, err, out)
		}
		kills++
		if step != "restore.named" {
			start := exec.Command(filepath.Join(bin, "hexpane"), "run", "--data", to, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--core.nats.listen", "127.0.0.1:0")
			if out, err := start.CombinedOutput(); err == nil || !strings.Contains(string(out), "a restore was not finished here") {
				t.Errorf("a start over what died at %s: %v %s", step, err, out)
			}
			if out, err := hexpane("restore", filepath.Join(root, "while-rolling"), to); err != nil {
				t.Fatalf("the restore again: %v %s", err, out)
			}
		}
		r := &site{dir: to, args: []string{"run", "--data", to, "--core.nats.listen", "127.0.0.1:0"}}
		r.mqtt, r.http = "tcp://127.0.0.1:0", "http://127.0.0.1:0"
		r.Restart(t)
		same(t, "restored after it died at "+step, answered(t, r), want)
		asked++
		archivesAlike(t, r, to)
		r.Stop(t)
	}
	// One that lost the end of a file is told from a whole one.
	entries, err := fs.Glob(os.DirFS(filepath.Join(root, "while-rolling", "state")), "*.log")
	if err != nil || len(entries) == 0 {
		t.Fatal("a backup without a log: ", err)
	}
	slices.Sort(entries)
	cut := filepath.Join(root, "while-rolling", "state", entries[len(entries)-1])
	if info, err := os.Stat(cut); err != nil || os.Truncate(cut, info.Size()-1) != nil {
		t.Fatal(err)
	}
	if out, err := hexpane("restore", filepath.Join(root, "while-rolling"), filepath.Join(t.TempDir(), "to")); err == nil || !strings.Contains(out, entries[len(entries)-1]) {
		t.Errorf("a backup whose log was cut: %v %s", err, out)
	}
	t.Logf("soak: backups killed: %d kills of the core, the client and restores; %d halves refused, %d whole ones restored, %d restored cores asked, all answered the same; lost=0", kills, refused, whole, asked)
}

// archivesAlike exports from a restored core: the two days are there, with their events.
func archivesAlike(t testing.TB, s *site, dir string) {
	t.Helper()
	eventsFinal(t, s, firstDay.AddDate(0, 0, 2))
	lake := filepath.Join(dir, "lake")
	if out, err := hexpane("export", "--server", s.http, "--views", "fence_events,alerts,stays,pace", lake); err != nil || !strings.Contains(out, "8 days archived") {
		t.Errorf("export from a restored core: %v %s", err, out)
	}
	for table, rows := range archivedEvents(t, lake) {
		if n := map[string]int{"fence_events": 288, "alerts": 288, "stays": 144}[table]; len(rows) != n {
			t.Errorf("%s: a restored core archives %d rows, of %d", table, len(rows), n)
		}
	}
}
