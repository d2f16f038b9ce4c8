package influx_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/store/influx"
)

// What 2.x alone has: tokens, organisations, and buckets with an API of their own.

// found is a bucket as the server has it; without an id there is none.
type found struct {
	ID             string
	RetentionRules []struct{ EverySeconds int }
}

func (s *influxd) find(name string) (b found) {
	s.t.Helper()
	_, text := s.do("GET", "/api/v2/buckets?org=city&name="+name, "", "")
	var answer struct{ Buckets []found }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		s.t.Fatal(text, err)
	}
	if len(answer.Buckets) > 0 {
		b = answer.Buckets[0]
	}
	return b
}

func start27(t *testing.T) *influxd {
	s := prepare27(t)
	s.start()
	return s
}

func recent(device string, n int) (lines [][]byte) {
	now := time.Now().UnixMicro()
	for i := range n {
		lines = append(lines, speed(device, now-int64(i)*1000, int64(i)))
	}
	return lines
}

// Points go into the bucket that is configured, which is made with its retention, also when somebody deletes it.
func TestBucketOf2xIsMade(t *testing.T) {
	s := start27(t)
	q := &queue{}
	q.put(0, recent("bus-0", 100)...)
	cfg := s.config(s.url(), 5000)
	cfg.Bucket, cfg.Create, cfg.Retention = "year", true, 48*time.Hour
	never := func(line, reason string) { t.Error("refused", line, reason) }
	sink := start(t, cfg, q, never)
	q.drained(t)
	made := s.find("year")
	if len(made.RetentionRules) != 1 || made.RetentionRules[0].EverySeconds != 172800 {
		t.Fatalf("the bucket is %+v", made)
	}
	s.v2("DELETE", "/api/v2/buckets/"+made.ID, "")
	q.put(1, recent("bus-1", 100)...)
	sink.Wake()
	q.drained(t)
	again := s.find("year")
	if again.ID == "" || again.ID == made.ID {
		t.Errorf("the bucket is %+v, after %+v", again, made)
	}
	if got := s.query(`SELECT COUNT(n) FROM "year"."autogen".speeds`); len(got) != 1 || got[0] != "100" {
		t.Errorf("stored in the second one: %q", got)
	}
	// One that is there with another retention stays as it is.
	cfg.Retention = 24 * time.Hour
	q.put(0, recent("bus-2", 100)...)
	before := q.warned.Load()
	start(t, cfg, q, never)
	q.drained(t)
	if b := s.find("year"); b.ID != again.ID || b.RetentionRules[0].EverySeconds != 172800 || q.warned.Load() == before {
		t.Errorf("the bucket is %+v, after %+v, and there are %d warnings", b, again, q.warned.Load()-before)
	}
}

// What the server minds about a request, and not about its points, loses none: they wait until it is put right.
func TestRefusedRequestsWait(t *testing.T) {
	s := start27(t)
	s.makeBucket()
	s.v2("POST", "/api/v2/buckets", fmt.Sprintf(`{"orgID":%q,"name":"other","retentionRules":[]}`, s.org()))
	right := s.config(s.url(), 5000)
	for name, wrong := range map[string]func(*influx.Config){
		"a token that there is not":                func(c *influx.Config) { c.Token = "stale" },
		"a token of another bucket":                func(c *influx.Config) { c.Token = s.tokenFor("write", "other") },
		"a token that may read":                    func(c *influx.Config) { c.Token = s.tokenFor("read", "hexpane") },
		"no token":                                 func(c *influx.Config) { c.Token = "" },
		"an organisation that there is not":        func(c *influx.Config) { c.Org = "village" },
		"a bucket that there is not":               func(c *influx.Config) { c.Bucket = "month" },
		"a bucket that the token may not make":     func(c *influx.Config) { c.Bucket, c.Create, c.Token = "month", true, s.tokenFor("write", "hexpane") },
		"a bucket of an organisation there is not": func(c *influx.Config) { c.Org, c.Create = "village", true },
		"a retention that is too short":            func(c *influx.Config) { c.Bucket, c.Create, c.Retention = "month", true, time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			q := &queue{}
			device := strings.ReplaceAll(name, " ", "-")
			q.put(0, recent(device, 10)...)
			cfg := right
			wrong(&cfg)
			sink, refused, stop := runAs(t, cfg, q)
			q.failing(t, 1)
			sink.Wake()
			stop()
			if r := refused(); q.len() != 10 || r != nil {
				t.Fatalf("%d points wait, want 10; refused: %q", q.len(), r)
			}
			runAs(t, right, q)
			q.drained(t)
			if got := s.query("SELECT COUNT(n) FROM speeds WHERE device = '" + device + "'"); len(got) != 1 || got[0] != "10" {
				t.Errorf("stored: %q", got)
			}
		})
	}
}

// A token that may do nothing but write to the bucket is enough, as long as there is none to be made.
func TestTokenOfOneBucket(t *testing.T) {
	s := start27(t)
	s.makeBucket()
	q := &queue{}
	q.put(0, recent("bus-0", 10)...)
	cfg := s.config(s.url(), 5000)
	cfg.Token = s.tokenFor("write", "hexpane")
	start(t, cfg, q, func(line, reason string) { t.Error("refused", line, reason) })
	q.drained(t)
	if got := s.count(); got != "10" {
		t.Errorf("%s points are stored", got)
	}
}

// tokenFor makes a token that may read or write a bucket, and nothing else.
func (s *influxd) tokenFor(action, bucket string) string {
	s.t.Helper()
	org := s.org()
	var made struct{ Token string }
	text := s.v2("POST", "/api/v2/authorizations", fmt.Sprintf(`{"orgID":%q,"permissions":[{"action":%q,"resource":{"type":"buckets","id":%q,"orgID":%[1]q}}]}`, org, action, s.find(bucket).ID))
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.Token == "" {
		s.t.Fatal(text, err)
	}
	return made.Token
}

// A bucket whose name is that of a database and a policy of 1.8, as an upgrade leaves them, is read back as that.
func TestBucketOfAnUpgrade(t *testing.T) {
	s := start27(t)
	q := &queue{}
	q.put(0, revised(10)...)
	cfg := s.config(s.url(), 5000)
	cfg.Bucket, cfg.Create = "city/ten years", true
	start(t, cfg, q, func(line, reason string) { t.Error("refused", line, reason) })
	q.drained(t)
	if points, err := readAll(t, cfg); points != 10 || err != nil {
		t.Errorf("%d points: %v", points, err)
	}
}

// A reader that may not read, or looks where nothing is, says so: no rows would be an answer.
func TestReaderSaysWhatIsWrong(t *testing.T) {
	s := start27(t)
	s.makeBucket()
	q := &queue{}
	q.put(0, revised(10)...)
	right := s.config(s.url(), 5000)
	start(t, right, q, func(line, reason string) { t.Error("refused", line, reason) })
	q.drained(t)
	if points, err := readAll(t, right); points != 10 || err != nil {
		t.Fatalf("%d points: %v", points, err)
	}
	for _, c := range []struct {
		wrong func(*influx.Config)
		says  string
	}{
		{func(c *influx.Config) { c.Token = "stale" }, "401 Unauthorized: "},
		{func(c *influx.Config) { c.Token = "" }, "401 Unauthorized: "},
		{func(c *influx.Config) { c.Token = s.tokenFor("write", "hexpane") }, "database not found: hexpane"},
		{func(c *influx.Config) { c.Token = s.tokenFor("read", "first") }, "database not found: hexpane"},
		{func(c *influx.Config) { c.Bucket = "month" }, "database not found: month"},
		{func(c *influx.Config) { c.Bucket = "hexpane/week" }, "retention policy not found: week"},
	} {
		cfg := right
		c.wrong(&cfg)
		if points, err := readAll(t, cfg); points > 0 || !errors.Is(err, influx.ErrAsk) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d points: %v, want %s", points, err, c.says)
		}
	}
	right.Token = s.tokenFor("read", "hexpane")
	if points, err := readAll(t, right); points != 10 || err != nil {
		t.Errorf("with a token that may read this bucket alone, %d points: %v", points, err)
	}
}
