package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// usersBlock is the one that OPERATING.md tells people to copy.
func usersBlock(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(repo(".github/OPERATING.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "### NATS users\n")
	_, rest, opened := strings.Cut(rest, "```text\n")
	block, _, closed := strings.Cut(rest, "```")
	if !found || !opened || !closed {
		t.Fatal("OPERATING.md has no block below NATS users")
	}
	return block
}

// With the users of OPERATING.md, as they stand there, an edge and a core do all they do, over a kill and with a table; the edge's
// user can't do more.
func TestUsersOfNATS(t *testing.T) {
	t.Parallel()
	h, dir := prepareHalves(t, usersBlock(t))
	h.natsEnv = []string{"CORE_PASSWORD=of-the-core", "DEPOT_1_PASSWORD=of-the-depot"}
	as := func(user string) string { return strings.Replace(h.natsURL, "://", "://"+user+"@", 1) }
	edgeURL := as("depot-1:of-the-depot")
	tables := t.TempDir()
	if err := os.WriteFile(filepath.Join(tables, "fleet.csv"), []byte("device,depot,seats\ndev-000001,east,40\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.startNATS(t)
	h.startPrograms(t, dir, loadSQL+`
CREATE TABLE fleet (device STRING KEY, depot STRING, seats BIGINT) WITH (file = 'fleet.csv');
CREATE VIEW per_depot AS SELECT depot, COUNT(*) AS n FROM load JOIN fleet ON load.device = fleet.device
  WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY depot;`,
		[]string{"--nats.url", as("core:of-the-core"), "--tables.dir", tables}, []string{"--nats.url", edgeURL})
	load(t, h.edge.mqtt, 2000).Wait(t, time.Minute)
	counted(t, h.core, 2000)
	h.edge.Kill(t)
	h.edge.start(t) // which asks what it delivered
	load(t, h.edge.mqtt, 2000, "--seed", "2").Wait(t, time.Minute)
	counted(t, h.core, 4000)
	_, want := h.core.SQL(t, "SELECT SUM(n) AS n FROM per_device WHERE device = 'dev-000001'")
	if _, rows := h.core.SQL(t, "SELECT SUM(n) AS n FROM per_depot WHERE depot = 'east'"); len(rows) != 1 || !reflect.DeepEqual(rows, want) {
		t.Errorf("of the table's device %v are counted, want %v", rows, want)
	}
	h.edge.Stop(t)
	if out, code := command(t, "", "hexpane-edge", "check", "--id", "depot-1", "--nats.url", edgeURL, "--data", filepath.Join(dir, "edge"),
		"--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--disk_for", "50ms"); code != 0 {
		t.Errorf("check: exit %d\n%s", code, out)
	}
	core, err := nats.Connect(as("core:of-the-core"))
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close()
	for _, subject := range []string{"tele.depot-1.0", "$JS.API.STREAM.INFO.HEXPANE_TELE"} {
		if denied(t, edgeURL, func(c *nats.Conn) error { return c.Publish(subject, nil) }) {
			t.Errorf("the edge may not publish to %s", subject)
		}
	}
	for _, subject := range []string{"tele.depot-2.0", "tele.0", "$KV.HEXPANE_PLAN.plan", "$KV.HEXPANE_EDGES.depot-1", "$O.HEXPANE_TABLES.M.x",
		"$JS.API.STREAM.CREATE.x", "$JS.API.STREAM.UPDATE.HEXPANE_TELE", "$JS.API.STREAM.DELETE.HEXPANE_TELE", "$JS.API.STREAM.PURGE.HEXPANE_TELE",
		"$JS.API.STREAM.MSG.GET.HEXPANE_TELE", "$JS.API.STREAM.MSG.DELETE.HEXPANE_TELE", "$JS.API.CONSUMER.CREATE.HEXPANE_TELE.x", "$JS.API.DIRECT.GET.HEXPANE_TELE.tele.depot-2.0",
		"$JS.API.STREAM.PURGE.KV_HEXPANE_PLAN", "_INBOX.core.x", "anything"} {
		if !denied(t, edgeURL, func(c *nats.Conn) error { return c.Publish(subject, nil) }) {
			t.Errorf("the edge may publish to %s", subject)
		}
	}
	for _, subject := range []string{">", "tele.>", "_INBOX.>", "_INBOX.depot-2.>", "$KV.HEXPANE_PLAN.>"} {
		if !denied(t, edgeURL, func(c *nats.Conn) error { _, err := c.SubscribeSync(subject); return err }) {
			t.Errorf("the edge may subscribe to %s", subject)
		}
	}
	h.core.Stop(t)
}

// denied reports whether the server refuses what f does. It answers in order: with the answer to a ping the refusal is there.
func denied(t *testing.T, url string, f func(*nats.Conn) error) bool {
	t.Helper()
	var mu sync.Mutex
	refused := false
	c, err := nats.Connect(url, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		mu.Lock()
		defer mu.Unlock()
		refused = refused || errors.Is(err, nats.ErrPermissionViolation)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := errors.Join(f(c), c.Flush()); err != nil {
		t.Fatal(err)
	}
	last := c.LastError()
	mu.Lock()
	defer mu.Unlock()
	return refused || errors.Is(last, nats.ErrPermissionViolation)
}
