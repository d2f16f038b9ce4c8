package check

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestMain(m *testing.M) {
	answerWithin, dialWithin = 1500*time.Millisecond, 1500*time.Millisecond
	os.Exit(m.Run())
}

// natsServer is a real one, with an administrator "core" and an edge's user "depot".
func natsServer(t *testing.T, jetStream bool, depot *server.Permissions) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: jetStream, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Users: []*server.User{{Username: "core", Password: "secret"}, {Username: "depot", Password: "secret", Permissions: depot}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the NATS server is not ready")
	}
	return s.Addr().String()
}

func as(user, address string) string { return "nats://" + user + ":secret@" + address }

func prepare(t *testing.T, address string, atomic bool) (messages func() uint64) {
	t.Helper()
	conn, err := nats.Connect(as("core", address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	s, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: wire.StreamName, Subjects: []string{wire.StreamSubject}, AllowAtomicPublish: atomic})
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: wire.PlanBucket})
	if err == nil {
		_, err = bucket.Put(ctx, wire.PlanKey, []byte("plan"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() uint64 {
		info, err := s.Info(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return info.State.LastSeq
	}
}

func only(subjects ...string) *server.SubjectPermission {
	return &server.SubjectPermission{Allow: subjects}
}

// checked gives each check's status, and all of the text.
func checked(c Config) (map[string]string, string) {
	got, text := map[string]string{}, ""
	link(context.Background(), c, func(r Result) {
		got[r.Check] = r.Status
		text += fmt.Sprintln(r)
		if (r.Status == OK) != (r.Advice == "") || r.Detail == "" {
			got[r.Check] = "without advice"
		}
	})
	return got, text
}

func TestTheWayToTheCore(t *testing.T) {
	t.Parallel()
	all := map[string]string{"nats": OK, "stream": OK, "publish permission": OK, "atomic publish": OK, "plan": OK, "clock": OK}
	inbox := only("_INBOX.depot.>")
	for name, c := range map[string]struct {
		jetStream, prepared, atomic bool
		depot                       *server.Permissions
		want                        map[string]string
		has                         string
	}{
		"all is well":       {true, true, true, nil, all, "round trip"},
		"no more than due":  {true, true, true, &server.Permissions{Publish: only("tele.depot.>", "$JS.API.STREAM.INFO.>", "$JS.API.DIRECT.GET.>"), Subscribe: inbox}, all, "depot"},
		"no JetStream":      {false, false, false, nil, map[string]string{"nats": OK, "stream": Fail}, "enable JetStream"},
		"no core yet":       {true, false, false, nil, map[string]string{"nats": OK, "stream": Fail}, "start the core"},
		"no atomic publish": {true, true, false, nil, map[string]string{"nats": OK, "stream": Fail}, "2.12"},
		"may not publish": {true, true, true, &server.Permissions{Publish: only("tele.other.>", "$JS.API.>"), Subscribe: inbox},
			map[string]string{"nats": OK, "stream": OK, "publish permission": Fail, "plan": OK, "clock": OK}, "permissions violation"},
		"may only publish": {true, true, true, &server.Permissions{Publish: only("tele.depot.>"), Subscribe: inbox},
			map[string]string{"nats": OK, "stream": Warn, "publish permission": OK, "atomic publish": OK, "plan": Warn, "clock": Warn}, "$JS.API.STREAM.INFO"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := natsServer(t, c.jetStream, c.depot)
			messages := func() uint64 { return 0 }
			if c.prepared {
				messages = prepare(t, address, c.atomic)
			}
			got, text := checked(Config{ID: "depot", NATSURL: as("depot", address), MaxFuture: time.Hour})
			if fmt.Sprint(got) != fmt.Sprint(c.want) || !strings.Contains(strings.ToLower(text), strings.ToLower(c.has)) {
				t.Errorf("%v, want %v and %q\n%s", got, c.want, c.has, text)
			}
			if strings.Contains(text, "secret") {
				t.Errorf("a password is shown: %s", text)
			}
			if n := messages(); n != 0 {
				t.Errorf("the check stored %d messages", n)
			}
		})
	}
}

func TestNoWayToTheCore(t *testing.T) {
	address := natsServer(t, true, nil)
	for url, has := range map[string]string{"nats://me:secret@127.0.0.1:1": "running", "nats://depot:secrets@" + address: "uthorization"} {
		got, text := checked(Config{ID: "depot", NATSURL: url})
		if got["nats"] != Fail || len(got) != 1 || !strings.Contains(text, has) || strings.Contains(text, "secret") {
			t.Errorf("%v %s", got, text)
		}
	}
}

// clockAhead is a stream whose server's clock is ahead.
type clockAhead struct {
	jetstream.Stream
	by time.Duration
}

func (c clockAhead) CachedInfo() *jetstream.StreamInfo {
	return &jetstream.StreamInfo{TimeStamp: time.Now().Add(c.by)}
}

type aheadJS struct {
	jetstream.JetStream
	by time.Duration
}

func (a aheadJS) Stream(context.Context, string) (jetstream.Stream, error) {
	return clockAhead{by: a.by}, nil
}

func TestClock(t *testing.T) {
	for by, want := range map[time.Duration]string{0: OK, 10 * time.Second: Warn, -10 * time.Second: Warn, time.Hour: Fail, -time.Hour: Fail} {
		var got Result
		clocks(context.Background(), Config{MaxFuture: time.Minute}, aheadJS{by: by}, func(r Result) { got = r })
		word := map[bool]string{true: "behind", false: "ahead of"}[by >= 0]
		if got.Status != want || by != 0 && !strings.Contains(got.Detail, word) {
			t.Errorf("%s ahead: %+v", by, got)
		}
	}
}

// The server's answer lies within the round trip, so on one machine the offset lies within its own bound.
func TestClockOfOneMachine(t *testing.T) {
	address := natsServer(t, true, nil)
	prepare(t, address, true)
	conn, err := nats.Connect(as("core", address))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Clock(t.Context(), js)
	if err != nil || o.Within <= 0 || o.Ahead.Abs() > o.Within {
		t.Errorf("%+v %v", o, err)
	}
}

func TestDiskAndAddresses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	well := Config{ID: "e", Dir: filepath.Join(dir, "a", "b"), HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", NATSURL: "nats://127.0.0.1:1", Batch: 1, ReserveBytes: 1,
		DiskFor: 20 * time.Millisecond}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(*Config)
		check string
		want  string
	}{
		"all is well":         {func(*Config) {}, "", ""},
		"no directory":        {func(c *Config) { c.Dir = file + "/x" }, "data directory", Fail},
		"little room":         {func(c *Config) { c.ReserveBytes = 1 << 60 }, "free space", Fail},
		"a large budget":      {func(c *Config) { c.BudgetBytes = 1 << 60 }, "free space", Warn},
		"a taken address":     {func(c *Config) { c.MQTT = taken.Addr().String() }, "mqtt address", Fail},
		"another's address":   {func(c *Config) { c.HTTP = "192.0.2.1:80" }, "http address", Fail},
		"no broker":           {func(c *Config) { c.MQTT, c.Broker.Address = "", "tcp://me:secret@127.0.0.1:1" }, "mqtt broker", Fail},
		"a broker that hangs": {func(c *Config) { c.MQTT, c.Broker.Address = "", "tcp://"+taken.Addr().String() }, "mqtt broker", Fail},
	} {
		cfg := well
		c.spoil(&cfg)
		Run(context.Background(), cfg, func(r Result) {
			want := OK
			if r.Check == c.check || r.Check == "nats" {
				want = Fail
			}
			if r.Check == c.check {
				want = c.want
			}
			if r.Check == "disk speed" && r.Status == Warn { // as the machine is
				want = Warn
			}
			if r.Status != want || (r.Status == OK) != (r.Advice == "") || strings.Contains(r.Detail, "secret") {
				t.Errorf("%s: %+v, want %s", name, r, want)
			}
		})
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	for in, want := range map[string]string{"nats://a:b@h:1": "nats://…@h:1", "nats://token@h:1,nats://x:y@g:2": "nats://…@h:1,nats://…@g:2", "tcp://h:1": "tcp://h:1",
		"a:b@h:1": "…@h:1", "nats://a:b%zz@h": "…@h"} {
		if got := withoutPassword(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
