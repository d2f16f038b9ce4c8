package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/store/influx"
)

// influxd is a real InfluxDB, 1.8 or 2.7, in which each history has a database of its own, or a bucket.
type influxd struct {
	url   string
	dir   string // of its data
	token string // 2.7's, whose organisation is "city"
	org   string // its id
	n     atomic.Int64
}

// onBoth runs a test on each of them.
func onBoth(t *testing.T, test func(t *testing.T, s *influxd)) {
	t.Run("1.8", func(t *testing.T) { test(t, startInfluxd(t)) })
	t.Run("2.7", func(t *testing.T) { test(t, startInfluxd2(t)) })
}

// startInfluxd starts 1.8.
func startInfluxd(t testing.TB) *influxd {
	t.Helper()
	dir, address := t.TempDir(), unused(t)
	conf := filepath.Join(dir, "influxdb.conf")
	check(t, os.WriteFile(conf, fmt.Appendf(nil, "reporting-disabled = true\nbind-address = %q\n[meta]\ndir = %q\n[data]\ndir = %q\nwal-dir = %q\ncache-snapshot-write-cold-duration = \"1s\"\ncompact-full-write-cold-duration = \"1s\"\n[monitor]\nstore-enabled = false\n[http]\nbind-address = %q\nlog-enabled = false\n",
		unused(t), dir+"/meta", dir+"/data", dir+"/wal", address), 0o600))
	s := &influxd{url: "http://" + address, dir: dir}
	s.run(t, "influxd", "go install github.com/influxdata/influxdb/cmd/influxd@v1.8.10", "run", "-config", conf)
	return s
}

func startInfluxd2(t testing.TB) *influxd {
	t.Helper()
	dir, address := t.TempDir(), unused(t)
	s := &influxd{url: "http://" + address, dir: dir, token: "all-access"}
	s.run(t, "influxd2", "deploy/influxd2.sh", "--reporting-disabled", "--http-bind-address", address, "--bolt-path", dir+"/bolt", "--sqlite-path", dir+"/sqlite", "--engine-path", dir+"/engine")
	var made struct{ Org struct{ ID string } }
	check(t, json.Unmarshal(s.post(t, "/api/v2/setup", strings.NewReader(`{"username":"tests","password":"of hexpane","token":"`+s.token+`","org":"city","bucket":"first"}`)), &made))
	s.org = made.Org.ID
	return s
}

func unused(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

// run starts a program, which how says how to get, and waits until it answers.
func (s *influxd) run(t testing.TB, name, how string, args ...string) {
	t.Helper()
	home, _ := os.UserHomeDir()
	program, err := exec.LookPath(name)
	if err != nil {
		if program, err = exec.LookPath(filepath.Join(home, "go", "bin", name)); err != nil {
			t.Skipf("no %s on PATH or in ~/go/bin: %s", name, how)
		}
	}
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(s.url + "/ping")
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(name, " does not answer: ", err)
		}
	}
}

// readerOf gives what reads a new database, with what has left a core.
func (s *influxd) readerOf(f *field) *influx.Reader {
	f.t.Helper()
	bucket := s.bucket(f.t)
	s.take(f, bucket)
	return s.reader(bucket)
}

// bucket makes a database, or a bucket.
func (s *influxd) bucket(t tester) string {
	t.Helper()
	bucket := fmt.Sprintf("h%d", s.n.Add(1))
	if s.token != "" {
		s.post(t, "/api/v2/buckets", strings.NewReader(fmt.Sprintf(`{"orgID":%q,"name":%q,"retentionRules":[]}`, s.org, bucket)))
		return bucket
	}
	s.post(t, "/query?"+url.Values{"q": {"CREATE DATABASE " + bucket}}.Encode(), nil)
	return bucket
}

func (s *influxd) reader(bucket string) *influx.Reader {
	return influx.NewReader(influx.Config{URL: s.url, Token: s.token, Bucket: bucket})
}

// enough reports that there were as many databases as a run that is not to take long may have.
func (s *influxd) enough() bool { return s.n.Load() > 25 && os.Getenv("HEXPANE_SOAK") == "" }

// take writes all effects of a core that are no point yet.
func (s *influxd) take(f *field, bucket string) {
	f.t.Helper()
	var lines bytes.Buffer
	for _, p := range f.core.partitions {
		last := uint64(0)
		check(f.t, f.core.store.Effects(p.id, 0, math.MaxInt, func(n uint64, line []byte) {
			lines.Write(append(line, '\n'))
			last = n
		}))
		if last > 0 {
			check(f.t, f.core.store.EffectsDone(p.id, 1, last))
		}
	}
	s.post(f.t, "/api/v2/write?org=city&bucket="+bucket, &lines)
}

// post gives the answer's body.
func (s *influxd) post(t tester, path string, body io.Reader) []byte {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+path, body)
	check(t, err)
	if s.token != "" {
		req.Header.Set("Authorization", "Token "+s.token)
	}
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 || bytes.Contains(text, []byte(`"error"`)) {
		t.Fatal(path, resp.Status, string(text), err)
	}
	return text
}
