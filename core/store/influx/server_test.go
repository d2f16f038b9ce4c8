package influx_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// influxd is a real InfluxDB 1.8 on a port and in a directory of its own.
type influxd struct {
	t       testing.TB
	program string
	dir     string
	address string // host:port of its HTTP
	process *exec.Cmd
	ended   chan error
}

// prepareServer finds the program, a port and a directory; start starts it. Without Flux it is up in a tenth of the time.
func prepareServer(t testing.TB) *influxd {
	t.Helper()
	program, err := exec.LookPath("influxd")
	if err != nil {
		out, err := exec.Command("go", "env", "GOPATH").Output()
		program = filepath.Join(strings.TrimSpace(string(out)), "bin", "influxd")
		if _, e := os.Stat(program); err != nil || e != nil {
			t.Skip("no influxd on PATH or in GOPATH/bin: go install github.com/influxdata/influxdb/cmd/influxd@v1.8.10")
		}
	}
	s := &influxd{t: t, program: program, dir: t.TempDir(), address: freeAddress(t)}
	config := fmt.Sprintf(`reporting-disabled = true
bind-address = %q
[meta]
  dir = "%[3]s/meta"
[data]
  dir = "%[3]s/data"
  wal-dir = "%[3]s/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = %[2]q
`, freeAddress(t), s.address, s.dir)
	if err := os.WriteFile(filepath.Join(s.dir, "influxdb.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

func startServer(t testing.TB) *influxd {
	s := prepareServer(t)
	s.start()
	s.query("CREATE DATABASE hexpane")
	return s
}

func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *influxd) url() string { return "http://" + s.address }

func (s *influxd) start() {
	s.t.Helper()
	s.process = exec.Command(s.program, "run", "-config", filepath.Join(s.dir, "influxdb.conf"))
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	s.process.Stdout, s.process.Stderr = log, log
	if err := errors.Join(s.process.Start(), log.Close()); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.process.Wait() }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(s.url() + "/ping")
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			s.t.Fatalf("influxd does not answer: %s", text)
		}
	}
}

// kill ends the process, as a crash does.
func (s *influxd) kill() {
	if s.process == nil {
		return
	}
	if err := s.process.Process.Kill(); err != nil {
		s.t.Error(err)
	}
	<-s.ended
	s.process = nil
}

// query gives the rows of an InfluxQL query, without the time column.
func (s *influxd) query(q string) (rows []string) {
	s.t.Helper()
	resp, err := http.PostForm(s.url()+"/query", url.Values{"db": {"hexpane"}, "q": {q}, "epoch": {"ns"}})
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var answer struct {
		Results []struct {
			Series []struct{ Values [][]any }
			Error  string
		}
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil || len(answer.Results) != 1 || answer.Results[0].Error != "" {
		s.t.Fatalf("%s: %s", q, text)
	}
	for _, series := range answer.Results[0].Series {
		for _, values := range series.Values {
			words := make([]string, len(values)-1)
			for i, v := range values[1:] {
				words[i] = fmt.Sprint(v)
			}
			rows = append(rows, strings.Join(words, "|"))
		}
	}
	return rows
}

func (s *influxd) count() string {
	s.t.Helper()
	rows := s.query(`SELECT COUNT(n) FROM speeds`)
	if len(rows) == 0 {
		return "0"
	}
	return rows[0]
}

func (s *influxd) until(q, want string) {
	s.t.Helper()
	var last []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if last = s.query(q); strings.Join(last, "|") == want {
			return
		}
	}
	s.t.Fatalf("%s: %q, want %q", q, last, want)
}

var writeRequests = regexp.MustCompile(`"writeReq":([1-9]\d*)`)

// asked waits until the server was asked to write since its start, whatever it answered.
func (s *influxd) asked() {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(s.url() + "/debug/vars")
		if err != nil {
			s.t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			s.t.Fatal(err)
		}
		if writeRequests.Match(text) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("nobody asks the server to write")
		}
	}
}
