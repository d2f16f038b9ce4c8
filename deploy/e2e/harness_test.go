// Package e2e starts the real programs, built with the race detector but for benchmarks, and speaks to them as their users do: MQTT with
// paho, SQL over HTTP, signals. What it needs beside Go and does not find is skipped, saying so. Tests run beside one another, twice as many as there are
// processors, since they wait most of the time: each has directories and addresses of its own, and no test changes the environment of all.
//
//	harness_test.go   the programs: build, start, kill, ask
//	austin_test.go    exactness, over shuffles and kills
//	hfp_test.go       a real feed, as it comes
//	anomaly_test.go   a week of sensors with faults, and what the default anomaly alert tells
//	apart_test.go     the halves as processes of their own; outages
//	disk_test.go      an edge whose disk is filled; core_disk_test.go a core
//	backup_test.go    an old copy of an edge put back
//	restore_test.go   backups of a running core; backup_kill_test.go killed on the way, as restores are
//	rollups_kill_test.go  windows rolled up, under kills
//	export_test.go    archives of days, in a bucket and in a directory; export_events_test.go of what happened, and what is not archived
//	influx_test.go    history in InfluxDB
//	alerts_test.go    a receiver that fails; alerts_bench_test.go from an event to the alert
//	contract_test.go  commands and endpoints
//	prompt_test.go    the SQL client at a terminal (terminal_test.go), client_test.go without one, and interrupted
//	bench_test.go     the system's latency, rate, CPU and memory; bare_test.go is the broker alone, to compare with
package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var bin string // directory of the built programs

func TestMain(m *testing.M) {
	if address := os.Getenv(bareEnv); address != "" {
		fmt.Fprintln(os.Stderr, serveBare(address))
		os.Exit(1)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "hexpane-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(bin)
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) { // not given
		if err := flag.Set("test.parallel", fmt.Sprint(2*runtime.GOMAXPROCS(0))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	race := fmt.Sprintf("-race=%v", flag.Lookup("test.bench").Value.String() == "") // not to be measured with
	build := exec.Command("go", "build", race, "-o", bin, "./deploy/cmd/hexpane", "./edge/cmd/hexpane-edge", "./core/cmd/hexpane-core", "./simulators/cmd/hexpane-sim")
	build.Dir = filepath.Join("..", "..")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	return m.Run()
}

// go test gives a result that it has when nothing changed of what a test is made of or looked at, which does not hold what go build looked at for it. So this one
// looks at that.
func TestResultsAreOfTheseSources(t *testing.T) {
	files := 0
	err := filepath.WalkDir(repo(""), func(path string, d fs.DirEntry, err error) error {
		switch ext := filepath.Ext(path); {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case d.IsDir() || ext != ".go" && ext != ".mod" && ext != ".sum" && !strings.Contains(path, "dashboard/dist/"):
			return nil
		}
		files++
		_, err = os.Stat(path)
		return err
	})
	if err != nil || files < 500 {
		t.Fatal(files, err)
	}
}

// data finds ../shared/data beside the repository.
func data(t testing.TB, path string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for d := dir; d != filepath.Dir(d); d = filepath.Dir(d) {
		p := filepath.Join(d, "shared", "data", path)
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	t.Skipf("no shared/data/%s beside the repository", path)
	return ""
}

// program finds a server that is not ours.
func program(t testing.TB, name string) string {
	t.Helper()
	home, _ := os.UserHomeDir()
	for _, p := range []string{name, "/usr/sbin/" + name, filepath.Join(home, "go", "bin", name)} {
		if found, err := exec.LookPath(p); err == nil {
			return found
		}
	}
	t.Skipf("%s is not installed: .ci/run does it", name)
	return ""
}

// process is a running program.
type process struct {
	cmd    *exec.Cmd
	name   string
	log    *lines
	out    chan string // lines of stdout
	done   chan struct{}
	err    error // of Wait, once done is closed
	killed bool
}

// lines keeps the last of a program's log, for when a test fails.
type lines struct {
	mu   sync.Mutex
	last []string
}

func (l *lines) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last = append(l.last, s); len(l.last) > 400 {
		l.last = l.last[200:]
	}
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last, "\n")
}

// launch starts a program and ends it with the test. A data race in it fails the test.
func launch(t testing.TB, path string, args ...string) *process {
	t.Helper()
	return launchWith(t, nil, path, args...)
}

// launchWith does so with more in its environment.
func launchWith(t testing.TB, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(path, args...), name: filepath.Base(path), log: &lines{}, out: make(chan string, 4096), done: make(chan struct{})}
	p.cmd.Env = append(append(os.Environ(), "GORACE=halt_on_error=1 exitcode=66"), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var read sync.WaitGroup
	read.Add(2)
	go func() {
		defer read.Done()
		defer close(p.out)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			p.log.add(s.Text())
			select {
			case p.out <- s.Text():
			default:
			}
		}
	}()
	go func() {
		defer read.Done()
		for s := bufio.NewScanner(stderr); s.Scan(); {
			p.log.add(s.Text())
		}
	}()
	go func() { read.Wait(); p.err = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		select {
		case <-p.done:
		default:
			_ = p.cmd.Process.Kill()
			<-p.done
		}
		if code := p.cmd.ProcessState.ExitCode(); code == 66 {
			t.Errorf("%s: a data race", p.name)
		}
		if t.Failed() {
			t.Logf("%s, log:\n%s", p.name, p.log)
		}
	})
	return p
}

// Kill is kill -9.
func (p *process) Kill(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatalf("kill %s: %v; it had ended by itself: %v", p.name, err, p.err)
	}
	<-p.done
	p.killed = true
}

// Stop is SIGTERM: the program must end well within 10 s.
func (p *process) Stop(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("stop %s: %v; it had ended by itself: %v", p.name, err, p.err)
	}
	p.Wait(t, 10*time.Second)
}

// Wait wants an end with exit code 0.
func (p *process) Wait(t testing.TB, within time.Duration) {
	t.Helper()
	select {
	case <-p.done:
		if p.err != nil {
			t.Fatalf("%s: %v", p.name, p.err)
		}
	case <-time.After(within):
		t.Fatalf("%s still runs after %s", p.name, within)
	}
}

// line waits for a line on stdout.
func (p *process) line(t testing.TB, has string) string {
	t.Helper()
	timeout := time.After(2 * time.Minute)
	for {
		select {
		case l, ok := <-p.out:
			if !ok {
				<-p.done
				t.Fatalf("%s ended (%v) before it said %q:\n%s", p.name, p.err, has, p.log)
			}
			if strings.Contains(l, has) {
				return l
			}
		case <-timeout:
			t.Fatalf("%s: no line with %q in two minutes:\n%s", p.name, has, p.log)
		}
	}
}

// addresses are those of a ready line.
type addresses struct {
	http, mqtt, nats string
}

func readAddresses(line string) addresses {
	field := func(name string) string {
		if m := regexp.MustCompile(name + `=(\S+)`).FindStringSubmatch(line); m != nil {
			return m[1]
		}
		return ""
	}
	return addresses{field("http"), field("mqtt"), field("nats")}
}

// site is hexpane run, or its two halves, over a data directory.
type site struct {
	addresses
	*process
	dir  string
	args []string
}

// startSite runs the all-in-one on free ports.
func startSite(t testing.TB, sql string, args ...string) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	file := filepath.Join(t.TempDir(), "site.sql")
	if err := os.WriteFile(file, []byte(sql), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = append([]string{"run", "--data", s.dir, "--sql", file, "--core.nats.listen", "127.0.0.1:0"}, args...)
	own := loopback()
	s.mqtt, s.http = "tcp://"+own+":0", "http://"+own+":0"
	s.Restart(t)
	return s
}

// Restart starts it again over the same data directory, on the same addresses.
func (s *site) Restart(t testing.TB) {
	t.Helper()
	s.process = launch(t, filepath.Join(bin, "hexpane"), append(s.args, "--mqtt", strings.TrimPrefix(s.mqtt, "tcp://"), "--http", strings.TrimPrefix(s.http, "http://"))...)
	s.addresses = readAddresses(s.line(t, "hexpane ready"))
}

// Eventually repeats f until it is content, for two minutes: other tests take their share of the machine.
func (s *site) Eventually(t testing.TB, f func() error) { t.Helper(); eventually(t, f) }

func eventually(t testing.TB, f func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatal("not within two minutes: ", err)
}

// SQL runs statements on the core and gives the rows of the last.
func (s *site) SQL(t testing.TB, statement string) (columns []string, rows [][]any) {
	t.Helper()
	columns, rows, err := ask(s.http, statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return columns, rows
}

func ask(server, statement string) (columns []string, rows [][]any, err error) {
	body, err := json.Marshal(map[string]string{"sql": statement})
	if err != nil {
		return nil, nil, err
	}
	resp, err := http.Post(server+"/api/v1/sql", "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s: %s", resp.Status, text)
	}
	var answer struct {
		Columns []struct{ Name string }
		Rows    [][]any
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, nil, fmt.Errorf("%w in %.200s", err, text)
	}
	for _, c := range answer.Columns {
		columns = append(columns, c.Name)
	}
	return columns, answer.Rows, nil
}

// get fetches a page.
func get(url string) (status int, body string, err error) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// Metric reads one number of /metrics; absent is 0, as a counter never raised is.
func (s *site) Metric(t testing.TB, name string) float64 {
	t.Helper()
	v, err := metric(s.http, name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func metric(server, name string) (float64, error) {
	status, text, err := get(server + "/metrics")
	if err != nil {
		return 0, err
	}
	if status != http.StatusOK {
		return 0, errors.New(text)
	}
	for l := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(l, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return 0, nil
}

// sum adds up a metric over its labels.
func sum(server, name string) (total float64, err error) {
	_, text, err := get(server + "/metrics")
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(l, name); ok && (rest[0] == ' ' || rest[0] == '{') {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(strings.TrimSpace(rest), ' ')+1:]), 64)
			if err != nil {
				return 0, fmt.Errorf("%q: %w", l, err)
			}
			total += v
		}
	}
	return total, nil
}

// replay is a running hexpane-sim replay.
type replay struct{ *process }

// Replay publishes a recording over MQTT.
func (s *site) Replay(t testing.TB, file string, args ...string) replay {
	t.Helper()
	return replay{launch(t, filepath.Join(bin, "hexpane-sim"), append([]string{"replay", file, "--broker", s.mqtt}, args...)...)}
}

// Wait for the end of the recording.
func (r replay) Wait(t testing.TB) {
	t.Helper()
	r.process.Wait(t, 5*time.Minute)
}
