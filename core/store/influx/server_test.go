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

	"github.com/hexpane/hexpane/core/store/influx"
)

// influxd is a real InfluxDB on a port and in a directory of its own: 1.8, or 2.7 with the organisation "city" and a token.
type influxd struct {
	t       testing.TB
	two     bool
	program string
	dir     string
	address string // host:port of its HTTP
	args    []string
	process *exec.Cmd
	ended   chan error
}

// The token of 2.7's first user, who may do everything.
const token = "all-access"

// onBoth runs a test on each server. It is prepared, not started.
func onBoth(t *testing.T, test func(t *testing.T, s *influxd)) {
	t.Run("1.8", func(t *testing.T) { test(t, prepare18(t)) })
	t.Run("2.7", func(t *testing.T) { test(t, prepare27(t)) })
}

// prepare18 finds 1.8, a port and a directory; start starts it. Without Flux it is up in a tenth of the time.
func prepare18(t testing.TB) *influxd {
	t.Helper()
	s := prepare(t, "influxd", "go install github.com/influxdata/influxdb/cmd/influxd@v1.8.10")
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
	s.args = []string{"run", "-config", filepath.Join(s.dir, "influxdb.conf")}
	return s
}

func prepare27(t testing.TB) *influxd {
	t.Helper()
	s := prepare(t, "influxd2", "deploy/influxd2.sh")
	s.two = true
	s.args = []string{"--reporting-disabled", "--http-bind-address", s.address, "--bolt-path", s.dir + "/bolt", "--sqlite-path", s.dir + "/sqlite", "--engine-path", s.dir + "/engine"}
	return s
}

func prepare(t testing.TB, name, how string) *influxd {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		out, err := exec.Command("go", "env", "GOPATH").Output()
		program = filepath.Join(strings.TrimSpace(string(out)), "bin", name)
		if _, e := os.Stat(program); err != nil || e != nil {
			t.Skipf("no %s on PATH or in GOPATH/bin: %s", name, how)
		}
	}
	s := &influxd{t: t, program: program, dir: t.TempDir(), address: freeAddress(t)}
	t.Cleanup(s.kill)
	return s
}

// bucket is where tests write.
func (s *influxd) bucket() string {
	if s.two {
		return "hexpane"
	}
	return "hexpane/autogen"
}

// begin starts it, and makes the bucket.
func (s *influxd) begin() *influxd {
	s.t.Helper()
	s.start()
	s.makeBucket()
	return s
}

func (s *influxd) makeBucket() {
	s.t.Helper()
	if !s.two {
		s.query("CREATE DATABASE hexpane")
		return
	}
	s.v2("POST", "/api/v2/buckets", fmt.Sprintf(`{"orgID":%q,"name":%q,"retentionRules":[]}`, s.org(), s.bucket()))
}

// config says how a sink reaches the server, at an address or through what stands at another.
func (s *influxd) config(url string, batch int) influx.Config {
	c := influx.Config{URL: url, Bucket: s.bucket(), Batch: batch}
	if s.two {
		c.Org, c.Token = "city", token
	}
	return c
}

// v2 asks 2.7's API, and wants success.
func (s *influxd) v2(method, path, body string) string {
	s.t.Helper()
	status, text := s.do(method, path, "application/json", body)
	if status >= 300 {
		s.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return text
}

func (s *influxd) do(method, path, kind, body string) (status int, text string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if s.two {
		req.Header.Set("Authorization", "Token "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// org is the id of 2.7's organisation.
func (s *influxd) org() string {
	s.t.Helper()
	var answer struct{ Orgs []struct{ ID string } }
	if err := json.Unmarshal([]byte(s.v2("GET", "/api/v2/orgs?org=city", "")), &answer); err != nil || len(answer.Orgs) != 1 {
		s.t.Fatal(answer, err)
	}
	return answer.Orgs[0].ID
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
	s.process = exec.Command(s.program, s.args...)
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
			break
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			s.t.Fatalf("influxd does not answer: %s", text)
		}
	}
	if s.two && strings.Contains(s.v2("GET", "/api/v2/setup", ""), "true") { // 2.7's first start
		s.v2("POST", "/api/v2/setup", `{"username":"tests","password":"of hexpane","token":"`+token+`","org":"city","bucket":"first"}`)
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
	for _, values := range s.values(q) {
		words := make([]string, len(values)-1)
		for i, v := range values[1:] {
			words[i] = fmt.Sprint(v)
		}
		rows = append(rows, strings.Join(words, "|"))
	}
	return rows
}

func (s *influxd) values(q string) (rows [][]any) {
	s.t.Helper()
	_, text := s.do("POST", "/query", "application/x-www-form-urlencoded", url.Values{"db": {"hexpane"}, "q": {q}, "epoch": {"ns"}}.Encode())
	var answer struct {
		Results []struct {
			Series []struct{ Values [][]any }
			Error  string
		}
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil || len(answer.Results) != 1 || answer.Results[0].Error != "" {
		s.t.Fatalf("%s: %s", q, text)
	}
	for _, series := range answer.Results[0].Series {
		rows = append(rows, series.Values...)
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

var writeRequests = regexp.MustCompile(`"writeReq":[1-9]|path=/api/v2/write `)

// asked waits until the server was asked to write, whatever it answered: 1.8 counts since its start, 2.7 counts only what it understands,
// and tells all in its log if it was asked to (--log-level debug).
func (s *influxd) asked() {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(s.dir, "log"))
		if err != nil {
			s.t.Fatal(err)
		}
		if _, counts := s.do("GET", "/debug/vars", "", ""); writeRequests.MatchString(counts + string(text)) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("nobody asks the server to write")
		}
	}
}
