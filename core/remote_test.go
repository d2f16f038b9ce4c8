package core

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/core/store/influx"
	"pgregory.net/rapid"
)

// influxd is a real InfluxDB 1.8, in which each history has a database of its own.
type influxd struct {
	url string
	n   atomic.Int64
}

func startInfluxd(t *testing.T) *influxd {
	t.Helper()
	home, _ := os.UserHomeDir()
	program, err := exec.LookPath("influxd")
	if err != nil {
		if program, err = exec.LookPath(filepath.Join(home, "go", "bin", "influxd")); err != nil {
			t.Skip("no influxd on PATH or in ~/go/bin: go install github.com/influxdata/influxdb/cmd/influxd@v1.8.10")
		}
	}
	dir := t.TempDir()
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		defer l.Close()
		return l.Addr().String()
	}
	address := free()
	conf := filepath.Join(dir, "influxdb.conf")
	check(t, os.WriteFile(conf, fmt.Appendf(nil, "reporting-disabled = true\nbind-address = %q\n[meta]\ndir = %q\n[data]\ndir = %q\nwal-dir = %q\n[monitor]\nstore-enabled = false\n[http]\nbind-address = %q\nlog-enabled = false\n",
		free(), dir+"/meta", dir+"/data", dir+"/wal", address), 0o600))
	cmd := exec.Command(program, "run", "-config", conf)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s := &influxd{url: "http://" + address}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(s.url + "/ping")
		if err == nil {
			resp.Body.Close()
			return s
		}
		if time.Now().After(deadline) {
			t.Fatal("influxd does not answer: ", err)
		}
	}
}

// remoteOf makes a history of what has left a core.
func (s *influxd) remoteOf(f *field) remote {
	f.t.Helper()
	bucket := fmt.Sprintf("h%d", s.n.Add(1))
	s.post(f.t, "/query?"+url.Values{"q": {"CREATE DATABASE " + bucket}}.Encode(), nil)
	r := remote{f.core, influx.NewReader(influx.Config{URL: s.url, Bucket: bucket})}
	s.take(f, bucket)
	return r
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
	s.post(f.t, "/write?db="+bucket, &lines)
}

func (s *influxd) post(t tester, path string, body io.Reader) {
	t.Helper()
	resp, err := http.Post(s.url+path, "text/plain", body)
	check(t, err)
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode >= 300 || bytes.Contains(text, []byte(`"error"`)) {
		t.Fatal(path, resp.Status, string(text), err)
	}
}

func TestInfluxDBConforms(t *testing.T) {
	s := startInfluxd(t)
	conforms(t, false, func(f *field) history {
		if s.enough() {
			return kept{f.core}
		}
		return s.remoteOf(f)
	})
}

// Each view stands twice: one keeps all in the core, the other a minute, and the rest is InfluxDB's. They give the same rows, whatever came late, was hidden
// by HAVING since, or taken back.
const twinsSQL = `CREATE STREAM l (id STRING KEY, ts TIMESTAMP, k STRING, x BIGINT) WITH (topic = 'l/{id}', timestamp = 'ts', disorder = '0s');
	CREATE VIEW a AS SELECT k, COUNT(*) AS n, COUNT(x) AS nx, SUM(x) AS sum, MIN(x) AS lo, MAX(x) AS hi, AVG(x) AS mean, PERCENTILE(x, 0.9) AS p90, LAST(x) AS ended,
		MIN(ts) AS "first, of", x %% 2 = 0 AS even, SUM(CAST(x AS DECIMAL(10,2))) AS money FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k, x %% 2 = 0;
	CREATE VIEW b AS SELECT COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k, id HAVING COUNT(*) <> 2;
	CREATE VIEW c AS SELECT k, SUM(x) AS sum FROM l WINDOW HOPPING (SIZE 20 SECONDS, ADVANCE BY 10 SECONDS, GRACE PERIOD 20 SECONDS%[1]s) GROUP BY k;
	CREATE VIEW d AS SELECT k, COUNT(*) AS n FROM l WINDOW TUMBLING (SIZE 10 SECONDS%[1]s) GROUP BY k EMIT FINAL;`

var twinQuestions = []string{
	"SELECT * FROM a", "SELECT * FROM b", "SELECT * FROM c", "SELECT * FROM d",
	"SELECT n, window_start, revision, final FROM a WHERE k = 'b''' AND window_start >= '2026-01-01T00:00:30Z' AND window_start < '2026-01-01T00:02:00Z'",
	"SELECT k, window_start, window_end, MERGE(n), MERGE(nx), MERGE(sum), MERGE(lo), MERGE(hi), MERGE(mean), MERGE(money) FROM a WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k",
	"SELECT window_start, SUM(n), MAX(p90) FROM a WINDOW TUMBLING (SIZE 30 SECONDS) GROUP BY window_start HAVING SUM(n) > 1",
	"SELECT COUNT(*), SUM(n) FROM b",
}

func TestInfluxDBGoesOnWhereRetentionEnds(t *testing.T) {
	s := startInfluxd(t)
	const day = 1_767_225_600_000_000 // 2026-01-01
	old := 0
	rapid.Check(t, func(t *rapid.T) {
		fields := make([]*field, 2)
		for i, retention := range []string{"", ", RETENTION 1 MINUTE"} {
			fields[i] = newField(t, 3)
			defer fields[i].close()
			statements, err := sql.Parse(fmt.Sprintf(twinsSQL, retention))
			check(t, err)
			for _, st := range statements {
				_, err := fields[i].do(st)
				check(t, err)
			}
		}
		kept, short := fields[0], fields[1]
		bucket := fmt.Sprintf("t%d", s.n.Add(1))
		s.post(t, "/query?"+url.Values{"q": {"CREATE DATABASE " + bucket}}.Encode(), nil)
		short.core.reader = influx.NewReader(influx.Config{URL: s.url, Bucket: bucket})
		if s.enough() {
			return
		}
		watermark := int64(day)
		for range rapid.IntRange(1, 5).Draw(t, "batches") {
			var facts []fact
			for range rapid.IntRange(0, 12).Draw(t, "readings") {
				facts = append(facts, fact{stream: "l", id: fmt.Sprint("id", rapid.IntRange(0, 2).Draw(t, "id")), k: rapid.SampledFrom([]string{"a", "b'", "", `c\`}).Draw(t, "k"),
					us: max(day, watermark+rapid.Int64Range(-25*second, 40*second).Draw(t, "us")), x: rapid.Int64Range(1, 40).Draw(t, "x")})
			}
			watermark += rapid.Int64Range(0, 60).Draw(t, "on") * second
			for _, f := range fields {
				var now []reading
				for _, one := range facts {
					now = append(now, one.reading(f))
				}
				f.send("north", map[uint32]int64{f.core.catalog.plan().Streams[0].Id: watermark}, now...)
			}
			s.take(short, bucket)
		}
		for _, question := range twinQuestions {
			want, err := kept.ask(question)
			check(t, err)
			got, err := short.ask(question)
			check(t, err)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%s\n%s\nwant\n%s", question, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			short.core.reader, old = nil, old+len(want)
			alone, err := short.ask(question)
			check(t, err)
			old -= len(alone)
			short.core.reader = influx.NewReader(influx.Config{URL: s.url, Bucket: bucket})
		}
	})
	if old < 20 {
		t.Errorf("only %d rows were InfluxDB's", old)
	}
}

// What can't be put together of results is refused, by name.
func TestInfluxDBSaysWhatItCanNotMerge(t *testing.T) {
	s := startInfluxd(t)
	f := newField(t, 1)
	defer f.close()
	statements, err := sql.Parse(fmt.Sprintf(twinsSQL, ", RETENTION 1 MINUTE") + `
		CREATE VIEW mean AS SELECT k, AVG(x) AS mean FROM l WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 20 SECONDS, RETENTION 1 MINUTE) GROUP BY k;
		CREATE VIEW s AS SELECT k, COUNT(*) AS n FROM l WINDOW SESSION (10 SECONDS) GROUP BY k;`)
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	r := s.remoteOf(f)
	f.core.reader = r.reader
	f.send("north", map[uint32]int64{f.core.catalog.plan().Streams[0].Id: 600 * second}, fact{stream: "l", id: "1", k: "a", us: 500 * second, x: 1}.reading(f))
	for question, want := range map[string]string{
		"SELECT MERGE(p90) FROM a":     "PERCENTILE can't be put together of results",
		"SELECT MERGE(ended) FROM a":   "LAST can't be put together",
		"SELECT MERGE(mean) FROM mean": "AVG without SUM and COUNT of the same beside it can't",
	} {
		if _, err := f.ask(question); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", question, err, want)
		}
	}
	for _, question := range []string{"SELECT * FROM s", "SELECT MERGE(p90) FROM a WHERE window_start >= '1970-01-01T00:09:30Z'"} { // which the core has
		if _, err := f.ask(question); err != nil {
			t.Errorf("%s: %v", question, err)
		}
	}
	f.core.reader = influx.NewReader(influx.Config{URL: "http://127.0.0.1:1", Bucket: "x"})
	if _, err := f.core.Execute(context.Background(), "SELECT * FROM a"); err == nil || !strings.Contains(err.Error(), "ask InfluxDB") || !strings.Contains(err.Error(), "window_start >= '1970-01-01T00:09:00Z'") {
		t.Errorf("without a server: %v", err)
	}
}

// A watermark that goes far at once takes no final result away before it was told.
func TestFinalResultsAreToldBeforeTheyExpire(t *testing.T) {
	f := newField(t, 1)
	defer f.close()
	statements, err := sql.Parse(fmt.Sprintf(twinsSQL, ", RETENTION 1 MINUTE"))
	check(t, err)
	for _, st := range statements {
		_, err := f.do(st)
		check(t, err)
	}
	stream := f.core.catalog.plan().Streams[0].Id
	f.send("north", map[uint32]int64{stream: second}, fact{stream: "l", id: "1", k: "a", us: 0, x: 1}.reading(f))
	f.send("north", map[uint32]int64{stream: 1000 * second})
	told := 0
	check(t, f.core.store.Effects(0, 0, math.MaxInt, func(_ uint64, line []byte) {
		if strings.HasPrefix(string(line), "d,k=a n=1i") {
			told++
		}
	}))
	if told != 1 {
		t.Errorf("the result was told %d times", told)
	}
}
