package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/parquet"
	"github.com/hexpane/hexpane/protocol/value"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

const exportSQL = `CREATE STREAM v (device STRING KEY, ts TIMESTAMP, speed DOUBLE, fare DECIMAL(8,2)) WITH (topic = 'v', timestamp = 'ts', disorder = '0s');
CREATE VIEW fleet AS SELECT device, COUNT(*) AS n, AVG(speed) AS mean, SUM(fare) AS fares FROM v WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR) GROUP BY device;
CREATE VIEW trips AS SELECT device, COUNT(*) AS n FROM v WINDOW SESSION (10 MINUTES, GRACE PERIOD 1 HOUR) GROUP BY device;`

// firstDay is long ago: archives go by event time.
var firstDay = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// drive posts the readings of three days and six hours, with pauses in which sessions end.
func drive(t testing.TB, s *site) {
	t.Helper()
	var body bytes.Buffer
	for at := firstDay; at.Before(firstDay.Add(78 * time.Hour)); at = at.Add(4 * time.Minute) {
		if at.Hour() == 3 {
			continue
		}
		for bus := range 3 {
			fmt.Fprintf(&body, `{"device":"bus-%d","ts":%d,"speed":%d.5,"fare":%d.25}`+"\n", bus, at.UnixMilli()+int64(bus), at.Minute(), bus)
		}
	}
	resp, err := http.Post(s.http+"/api/v1/ingest?topic=v", "application/x-ndjson", &body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	s.Eventually(t, func() error {
		_, rows := s.SQL(t, "SELECT MAX(window_start) FROM fleet WHERE final")
		if want := firstDay.Add(76 * time.Hour).Format(time.RFC3339); len(rows) != 1 || rows[0][0] == nil || rows[0][0].(string) < want {
			return fmt.Errorf("final up to %v", rows)
		}
		return nil
	})
}

// filesIn are the files of an archive in a directory, by their names from there.
func filesIn(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	if err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files["/"+name], err = os.ReadFile(filepath.Join(dir, name))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return files
}

// rowsOf reads files of an archive as any reader of Hive layouts would: each .parquet that is not hidden.
func rowsOf(t testing.TB, files map[string][]byte, view string, columns []parquet.Column) (rows []string) {
	t.Helper()
	for name, data := range files {
		if !strings.Contains(name, "view="+view+"/") || !strings.HasSuffix(name, ".parquet") || strings.HasPrefix(filepath.Base(name), ".") {
			continue
		}
		if err := parquet.Read(data, columns, parquet.Limits{Rows: 1 << 20, Bytes: 64 << 20}, func(row []value.Value) error {
			var words []string
			for _, v := range row {
				words = append(words, v.Text())
			}
			at := row[len(row)-1].Time().Format(time.DateOnly)
			if !strings.Contains(name, "/date="+at+"/") {
				t.Errorf("%s holds a row of %s", name, at)
			}
			rows = append(rows, strings.Join(words, " "))
			return nil
		}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	slices.Sort(rows)
	return rows
}

// archived holds files against what the core answers for the three days that are final.
func archived(t testing.TB, s *site, files map[string][]byte) {
	t.Helper()
	column := func(name string, k value.Kind) parquet.Column {
		return parquet.Column{Name: name, Type: value.Type{Kind: k, Precision: 18, Scale: 2}}
	}
	for view, columns := range map[string][]parquet.Column{
		"fleet": {column("device", value.String), column("n", value.Int), column("mean", value.Double), column("fares", value.Decimal), column("window_start", value.Timestamp)},
		"trips": {column("device", value.String), column("n", value.Int), column("window_end", value.Timestamp), column("window_start", value.Timestamp)},
	} {
		var names []string
		for _, c := range columns {
			names = append(names, c.Name)
		}
		_, rows := s.SQL(t, fmt.Sprintf("SELECT %s FROM %s WHERE window_start < '2026-03-04T00:00:00Z'", strings.Join(names, ", "), view))
		var want []string
		for _, row := range rows {
			var words []string
			for i, v := range row {
				text := fmt.Sprint(v)
				if columns[i].Type.Kind == value.Decimal {
					text = fmt.Sprintf("%.2f", v)
				}
				words = append(words, text)
			}
			want = append(want, strings.Join(words, " "))
		}
		slices.Sort(want)
		if got := rowsOf(t, files, view, columns); !slices.Equal(got, want) {
			t.Errorf("%s: the archive has %d rows, the core %d", view, len(got), len(want))
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Errorf("first difference: %q in the archive, %q in the core", got[i], want[i])
					break
				}
			}
		}
	}
}

// An export that is killed with -9, before or after any of its writes to a bucket has taken place, goes on where it was: in the end each row
// of each final day is there, and once.
func TestExportToABucketIsKilled(t *testing.T) {
	t.Parallel()
	s := startSite(t, exportSQL)
	drive(t, s)
	backend := s3mem.New()
	if err := backend.CreateBucket("lake"); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var victim *exec.Cmd
	left, first := 0, false // puts until the kill, and whether it comes first
	fake := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		kill := r.Method == http.MethodPut && victim != nil && left == 0
		if r.Method == http.MethodPut {
			left--
		}
		if kill && first {
			_ = victim.Process.Kill()
			return
		}
		fake.ServeHTTP(w, r)
		if kill {
			_ = victim.Process.Kill()
		}
	}))
	defer server.Close()
	export := func(kill bool, puts int, before bool) (string, error) {
		c := exec.Command(filepath.Join(bin, "hexpane"), "export", "--server", s.http, "--endpoint", server.URL, "--region", "us-east-1", "--part", "12h", "s3://lake/city/one")
		c.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "TMPDIR="+t.TempDir())
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		mu.Lock()
		if victim, left, first = nil, puts, before; kill {
			victim = c
		}
		err := c.Start()
		mu.Unlock()
		if err == nil {
			err = c.Wait()
		}
		return out.String(), err
	}
	kills := 0
	for n := 0; ; n++ {
		out, err := export(true, n%4, n%2 == 0)
		if err == nil {
			break
		}
		if kills++; kills > 100 || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v: %s", err, out)
		}
	}
	files := map[string][]byte{}
	list, err := backend.ListBucket("lake", &gofakes3.Prefix{}, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		obj, err := backend.GetObject("lake", o.Key, nil)
		if err != nil {
			t.Fatal(err)
		}
		var data bytes.Buffer
		_, err = data.ReadFrom(obj.Contents)
		obj.Contents.Close()
		if err != nil {
			t.Fatal(err)
		}
		files[o.Key] = data.Bytes()
	}
	archived(t, s, files)
	if out, err := export(false, 0, false); err != nil || !strings.Contains(out, "0 days archived, 0 rows in 0 bytes; 6 were there already") {
		t.Errorf("once more: %v %s", err, out)
	}
	t.Logf("%d kills", kills)
	s.Stop(t)
}

// The same into a directory, killed whenever.
func TestExportToADirectoryIsKilled(t *testing.T) {
	t.Parallel()
	s := startSite(t, exportSQL)
	drive(t, s)
	dir := filepath.Join(t.TempDir(), "lake")
	kills := 0
	for n := 1; ; n++ {
		c := exec.Command(filepath.Join(bin, "hexpane"), "export", "--server", s.http, "--part", "4h", dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(time.Duration(n) * 200 * time.Millisecond):
			_ = c.Process.Kill()
			kills++
			<-ended
			continue
		}
		break
	}
	files := filesIn(t, dir)
	archived(t, s, files)
	if out, err := hexpane("export", "--server", s.http, "--views", "fleet", "--to", "2026-03-04", "--dry-run", dir); err != nil || !strings.Contains(out, "2026-03-04 is not final yet") || !strings.Contains(out, "0 days would be archived; 3 are there already") {
		t.Errorf("%v %s", err, out)
	}
	for _, wrong := range [][]string{{"--views", "none", dir}, {"--from", "yesterday", dir}, {"--part", "7h", dir}, {"ftp://x"}, {"s3://bucket"}, {}} {
		if out, err := hexpane(append([]string{"export", "--server", s.http}, wrong...)...); err == nil {
			t.Errorf("%v: %s", wrong, out)
		}
	}
	t.Logf("%d kills", kills)
	s.Stop(t)
}
