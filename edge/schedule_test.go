package edge

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/edge/store/trap"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/prometheus/client_golang/prometheus"
)

// Two thousand seeded schedules of the whole line on a disk whose machine dies at random, in the middle of operations too: messages,
// cuts, new plans, outages with what is held and released, deliveries to a JetStream that is a ledger. Each reading that a device
// made is there once in the end, as a row and in the deltas, though no acknowledged one is ever sent again but as a duplicate.
// SCHEDULE=n runs one. With the race detector they are a hundred.
func TestSchedulesSurviveCrashes(t *testing.T) {
	t.Parallel()
	first, count := rand.Uint64N(1<<40), 2000
	if s := os.Getenv("SCHEDULE"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, count = n, 1
	} else if os.Getenv("HEXPANE_SOAK") == "1" {
		count = 20_000
	}
	if raceDetector && count > 1 {
		count = 100 // each takes ten times as long; make test-go runs all of them without
	}
	var next, crashes, inside, made, again atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			m := newMetrics(prometheus.NewRegistry(), func() float64 { return 0 })
			for {
				n := next.Add(1)
				if n > int64(count) || t.Failed() {
					return
				}
				s := newSchedule(first+uint64(n)-1, m)
				if why := s.run(t); why != "" {
					t.Errorf("SCHEDULE=%d: %s", s.seed, why)
				}
				crashes.Add(int64(s.crashes))
				inside.Add(int64(s.inside))
				made.Add(int64(len(s.readings)))
				again.Add(int64(s.ledger.again))
			}
		})
	}
	workers.Wait()
	if !t.Failed() && count > 1 && (inside.Load() < int64(count)/2 || again.Load() == 0) {
		t.Errorf("%d crashes in operations and %d batches that came again: the schedules try too little", inside.Load(), again.Load())
	}
	t.Logf("soak: crash-simulated file system: schedules=%d crashes=%d in_operations=%d readings=%d batches_again=%d lost=0 twice=0", count, crashes.Load(),
		inside.Load(), made.Load(), again.Load())
}

// schedule is a line on a disk that can crash, with devices that know the truth and a ledger in place of the core.
type schedule struct {
	seed     uint64
	rng      *rand.Rand
	cfg      *Config
	m        *metrics
	fs       *vfs.MemFS
	trap     *trap.Trap
	line     *line
	now      time.Time
	away     time.Duration
	version  uint64
	taken    uint64         // the outbox's order up to which the ledger has it
	readings map[string]int // device and number of all that were made → device's x
	waiting  []*waiting     // not acknowledged
	done     []*waiting
	ledger   *ledger

	crashes, inside int
}

// waiting is a message that its device has not seen acknowledged.
type waiting struct {
	s       *schedule
	device  string
	payload string
	acked   bool
}

// Acknowledge is heard if the machine still lives.
func (w *waiting) Acknowledge(uint16, byte) {
	if !w.s.trap.Dead() {
		w.acked = true
	}
}

func newSchedule(seed uint64, m *metrics) *schedule {
	s := &schedule{seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), cfg: testConfig(""), m: m, fs: vfs.NewCrashableMem(), now: time.Now(), readings: map[string]int{},
		ledger: newLedger()}
	s.cfg.Forward.Batch = 64             // nothing queues here
	s.cfg.Forward.CatchUpBytes = 4 << 10 // so that a release takes several turns
	return s
}

// run gives what went wrong, or "".
func (s *schedule) run(t testing.TB) string {
	if err := s.open(); err != nil {
		return err.Error()
	}
	defer func() { _ = s.line.store.Close() }()
	if err := s.adopt(); err != nil {
		return err.Error()
	}
	for step := range 10 + s.rng.IntN(20) {
		if err := s.step(t); err != nil {
			return fmt.Sprintf("step %d: %v", step, err)
		}
	}
	s.away = 0
	for first := true; first || len(s.waiting) > 0 || !s.line.store.Held().Empty(); first = false {
		s.now = s.now.Add(heartbeat)
		if err := s.turn(nil, true); err != nil {
			return err.Error()
		}
		if err := s.deliver(t, 1<<20, true); err != nil {
			return err.Error()
		}
	}
	return s.judge()
}

// step does something, and the machine may die in it or after it.
func (s *schedule) step(t testing.TB) error {
	dies := s.rng.IntN(5) == 0
	if dies {
		s.trap.Arm(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 0, 30, 100}[s.rng.IntN(4)], RNG: rand.New(rand.NewPCG(s.seed, s.rng.Uint64()))}, s.rng.IntN(6))
	}
	s.now = s.now.Add(time.Duration([]int{1, 30, 150, 1200}[s.rng.IntN(4)]) * time.Millisecond)
	var err error
	switch s.rng.IntN(16) {
	case 0, 1:
		s.away = time.Minute - s.away
	case 2, 3, 4:
		if s.away == 0 {
			err = s.deliver(t, 1+s.rng.IntN(4), s.rng.IntN(3) > 0)
		}
	case 5:
		if err = s.turn(nil, true); err == nil && !s.line.unknown() { // else the journal is still to be cut
			err = s.adopt()
		}
	default:
		err = s.turn(s.publish(), s.rng.IntN(8) == 0)
	}
	if err != nil {
		return err
	}
	if !dies {
		return nil
	}
	after, inside := s.trap.Spring()
	s.crashes++
	if inside {
		s.inside++
	}
	if err := s.line.store.Close(); err != nil {
		return err
	}
	s.fs = after
	return s.open()
}

func (s *schedule) open() error {
	s.trap = trap.New(s.fs)
	st, err := store.Open("edge", store.Options{Log: silent(), CacheBytes: 1 << 20, Committed: func(time.Duration) {}, FS: s.trap.FS()})
	if err != nil {
		return err
	}
	s.line = newLine(s.cfg, silent(), s.m, st, &status{}, func() *wire.Stats { return &wire.Stats{} })
	s.line.wake, s.line.away = func() {}, func() time.Duration {
		if s.away == 0 && s.line.unknown() {
			if err := s.line.judge(&wire.Delivered{Epoch: s.ledger.epoch, Last: s.ledger.lastOf(s.ledger.epoch)}, s.now); err != nil {
				panic(err)
			}
		}
		return s.away
	}
	s.taken = 0 // the uplink's place is in memory: it begins at the outbox's head
	if err := s.line.recover(); err != nil {
		return err
	}
	_, size, err := st.OutboxSize()
	s.line.backlog.Store(int64(size))
	if err == nil && s.line.table == nil { // it died before it had a plan
		err = s.adopt()
	}
	return err
}

func (s *schedule) adopt() error {
	s.version++
	p := cityPlan(s.version)
	if s.version%2 == 0 {
		p = anotherView(p)
	}
	return s.line.adopt(adoption{plan: p})
}

// publish makes messages of new readings, and sometimes one again that was acknowledged.
func (s *schedule) publish() (fresh []*waiting) {
	for range s.rng.IntN(4) {
		device, from, n := fmt.Sprint("d", s.rng.IntN(3)), len(s.readings), 1
		if s.rng.IntN(4) == 0 {
			n = 3
		}
		text := ""
		for i, r := range readings(from, n) {
			if i > 0 {
				text += "\n"
			}
			text += r
			s.readings[fmt.Sprintf("%s %d", device, from+i)] = from + i
		}
		fresh = append(fresh, &waiting{s: s, device: device, payload: text})
	}
	if len(s.done) > 0 && s.rng.IntN(4) == 0 {
		fresh = append(fresh, s.done[s.rng.IntN(len(s.done))])
	}
	return fresh
}

// turn gives the line what waits for its acknowledgement, then what is new.
func (s *schedule) turn(fresh []*waiting, whole bool) error {
	var batch []ingest.Message
	all := append(s.waiting, fresh...)
	for _, w := range all {
		batch = append(batch, ingest.Message{Topic: "city/" + w.device + "/position", Payload: []byte(w.payload), ArrivalUs: s.now.UnixMicro(), QoS: 1, Done: w})
	}
	if err := s.line.turn(batch, s.now, whole); err != nil {
		return err
	}
	s.waiting = nil
	for _, w := range all {
		if w.acked {
			s.done = append(s.done, w)
		} else {
			s.waiting = append(s.waiting, w)
		}
	}
	return nil
}

// deliver has the ledger take some of the outbox, as JetStream does; the outbox may not hear of it.
func (s *schedule) deliver(t testing.TB, limit int, acknowledged bool) error {
	var from, to uint64
	size := 0
	err := s.line.store.Outbox(s.taken, limit, 1<<30, func(order uint64, _ uint32, data []byte) {
		if s.trap.Dead() {
			return
		}
		if from == 0 {
			from = order
		}
		to, size = order, size+len(data)
		s.ledger.apply(t, data)
	})
	if err != nil || from == 0 || !acknowledged {
		return err
	}
	s.taken = to
	s.line.backlog.Add(-int64(size))
	return s.line.store.Delivered(from, to)
}

func (s *schedule) judge() string {
	counts, sums := map[string]int{}, map[string]int{}
	for id, x := range s.readings {
		if n := s.ledger.rows[id]; n != 1 {
			return fmt.Sprintf("reading %q came as a row %d times", id, n)
		}
		counts[id[:2]]++
		sums[id[:2]] += x
	}
	if len(s.ledger.rows) != len(s.readings) {
		return fmt.Sprintf("%d rows of %d readings", len(s.ledger.rows), len(s.readings))
	}
	for device, n := range counts {
		if s.ledger.deltas[device] != n || s.ledger.sums[device] != sums[device] {
			return fmt.Sprintf("the deltas of %s count %d readings and add up to %d, want %d and %d", device, s.ledger.deltas[device], s.ledger.sums[device], n, sums[device])
		}
	}
	return ""
}
