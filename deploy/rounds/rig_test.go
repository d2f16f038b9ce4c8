package rounds

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var edgeProgram string // built with its crash points

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hexpane-rounds-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	edgeProgram = filepath.Join(dir, "hexpane-edge")
	build := exec.Command("go", "build", "-tags", "crashpoints", "-o", edgeProgram, "./edge/cmd/hexpane-edge")
	build.Dir, build.Stdout, build.Stderr = filepath.Join("..", ".."), os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	return m.Run()
}

// soak reports whether the long form is wanted.
func soak() bool { return os.Getenv("HEXPANE_SOAK") == "1" }

// rig is an edge and its NATS server, each over a directory, devices that publish, and the book.
type rig struct {
	t                  testing.TB
	rng                *rand.Rand
	seed               uint64
	mqtt, nats, natsAt string
	edgeDir, natsDir   string
	edge, server       *process
	natsConfig         string
	devices            []*device
	book               *book
	make               atomic.Bool
	away               atomic.Bool // devices don't connect
	version            uint64
	quietRounds        int
}

// newRig starts the server, puts a plan, and lets the devices publish: there is no edge yet.
func newRig(t testing.TB, edgeDir, natsDir string) *rig {
	t.Helper()
	r := &rig{t: t, seed: rand.Uint64(), nats: program(t, "nats-server"), natsAt: freeAddress(t), mqtt: freeAddress(t), edgeDir: edgeDir, natsDir: natsDir, version: 1}
	if s := os.Getenv("SEED"); s != "" {
		var err error
		if r.seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SEED=%d", r.seed)
	r.rng = rand.New(rand.NewPCG(r.seed, 0))
	text, err := os.ReadFile(filepath.Join("..", "config", "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	r.natsConfig = filepath.Join(t.TempDir(), "nats.conf")
	conf := strings.NewReplacer("127.0.0.1:4222", r.natsAt, "/var/lib/hexpane/nats", natsDir).Replace(string(text))
	if err := os.WriteFile(r.natsConfig, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for name, p := range map[string]*process{"edge": r.edge, "nats-server": r.server} {
			if p != nil {
				p.kill()
				if t.Failed() {
					t.Logf("%s:\n%s", name, p.log)
				}
			}
		}
	})
	r.startNATS()
	r.book = newBook(t, "nats://"+r.natsAt)
	r.book.setUp(t)
	r.make.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for i := range 8 {
		d := &device{name: fmt.Sprintf("d%d", i), broker: r.mqtt, qos: byte(1 + i%2), per: []int{1, 1, 1, 5}[i/2], resume: i%3 == 0,
			rng: rand.New(rand.NewPCG(r.seed, uint64(i)+1)), make: &r.make, away: &r.away, underWay: map[uint16]*message{}}
		r.devices = append(r.devices, d)
		running.Go(func() { d.run(ctx) })
	}
	t.Cleanup(func() { cancel(); running.Wait() })
	return r
}

func (r *rig) startNATS() {
	r.t.Helper()
	r.server = start(r.t, nil, r.nats, "--config", r.natsConfig)
	if !r.server.says(r.t, "Server is ready") {
		r.t.Fatalf("nats-server ended:\n%s", r.server.log)
	}
}

// startEdge starts it over its directory, to die at a crash point if one is named; it reports false if it died before it served.
func (r *rig) startEdge(crash string) bool {
	r.t.Helper()
	r.edge = start(r.t, []string{"HEXPANE_CRASH=" + crash}, edgeProgram, "--id", "edge-1", "--data", r.edgeDir, "--http", "127.0.0.1:0", "--mqtt", r.mqtt,
		"--nats.url", "nats://"+r.natsAt, "--log.format", "text", "--forward.hold_after", "200ms", "--forward.deltas", "100ms")
	words := []string{"hexpane ready"}
	if strings.HasSuffix(crash, ":1m") { // it may stay before it serves
		words = append(words, "crash point")
	}
	if r.edge.says(r.t, words...) {
		return true
	}
	if crash == "" || !r.edge.killed() {
		r.t.Fatalf("the edge ended (%v) before it served:\n%s", r.edge.cmd.ProcessState, r.edge.log)
	}
	return false
}

// settle starts the edge with no device there until it has sent something, so that it goes on in the epoch that it had: what comes in
// before it knows what it delivered makes it start another, which hides what the store forgot of the old one.
func (r *rig) settle() {
	r.t.Helper()
	r.away.Store(true)
	defer r.away.Store(false)
	before := r.book.newest(r.t)
	r.startEdge("")
	for end := time.Now().Add(patience); r.book.newest(r.t) == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("the edge sends no heartbeat:\n%s", r.edge.log)
		}
	}
}

// wait is some time up to a limit.
func (r *rig) wait(most time.Duration) { time.Sleep(time.Duration(r.rng.Int64N(int64(most)))) }

// check has the devices fall quiet, with all acknowledged, and holds the book against their truth. The edge and the server run.
func (r *rig) check(round int) (lost, twice int) {
	r.t.Helper()
	r.quietRounds++
	r.make.Store(false)
	r.eventually(round, "all is acknowledged", func() string {
		for _, d := range r.devices {
			if !d.quiet() {
				d.mu.Lock()
				defer d.mu.Unlock()
				m := d.pending[0]
				return fmt.Sprintf("%s waits for %d acknowledgements; the first is %+v", d.name, len(d.pending), *m)
			}
		}
		return ""
	})
	var first string
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if wrong := r.book.catchUp(r.t); wrong != "" {
			r.t.Fatalf("round %d (SEED=%d): %s", round, r.seed, wrong)
		}
		lost, twice, first = 0, 0, ""
		for _, d := range r.devices {
			l, tw, f := r.book.against(d)
			if lost, twice = lost+l, twice+tw; first == "" {
				first = f
			}
		}
		if lost+twice == 0 || twice > 0 || time.Now().After(end) {
			break
		}
	}
	if lost+twice > 0 {
		for _, d := range r.devices {
			r.t.Log("missing rows:", r.book.missing(d))
		}
		r.t.Logf("last sequences by edge, epoch and partition: %v; JetStream's: %d", r.book.last, r.book.read)
		r.t.Fatalf("round %d (SEED=%d): %d lost, %d counted twice (rows and deltas); %s", round, r.seed, lost, twice, first)
	}
	r.make.Store(true)
	return lost, twice
}

func (r *rig) eventually(round int, what string, why func() string) {
	r.t.Helper()
	reason := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if reason = why(); reason == "" {
			return
		}
	}
	r.t.Fatalf("round %d (SEED=%d): not within %s: %s: %s", round, r.seed, patience, what, reason)
}

// told is what the devices did, for a table.
func (r *rig) told() string {
	var made int
	var resent, sessions int64
	for _, d := range r.devices {
		made, resent, sessions = made+d.count(), resent+d.resent.Load(), sessions+d.sessions.Load()
	}
	return fmt.Sprintf("readings=%d resent_messages=%d connections=%d batches_again=%d checks=%d", made, resent, sessions, r.book.again, r.quietRounds)
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// crashPoints are all that the edge's source names.
func crashPoints(t testing.TB) (points []string) {
	t.Helper()
	call := regexp.MustCompile(`crash\.Here\("([a-z.-]+)"\)`)
	err := filepath.WalkDir(filepath.Join("..", "..", "edge"), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			points = append(points, m[1])
		}
		return err
	})
	if err != nil || len(points) < 10 {
		t.Fatalf("crash points %v: %v", points, err)
	}
	return points
}
