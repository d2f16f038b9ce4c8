package edge

import (
	"fmt"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/hexpane/hexpane/edge/peers"
)

// Everything that was sent is accepted, known as a duplicate, or rejected; and what was accepted arrives once.
func TestWhatIsSentIsAccountedFor(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	e := runEdge(t, testConfig(h.URL()), t.TempDir()).serving()
	const n = 300
	var all sync.WaitGroup
	for qos := range byte(3) {
		c := e.client()
		defer c.Disconnect(0)
		all.Go(func() {
			device := fmt.Sprintf("bus-%d", qos)
			publish(t, c, qos, device, readings(0, n)...)
			publish(t, c, qos, device, readings(n/2, n/2)...) // again
			publish(t, c, qos, device, `{`, `[]`, `{"ts":"noon"}`, `7`)
		})
	}
	all.Wait()
	var l *ledger
	peers.Eventually(t, "all is counted", func() bool {
		l = h.received(t)
		return l.readings == 3*n && l.stats != nil && l.stats.Duplicates == 3*n/2 && l.stats.Readings == 3*n && l.stats.Rejected >= 9
	})
	l.expectOnce(t, n, "bus-0", "bus-1", "bus-2")
	if got := l.stats.Readings + l.stats.Duplicates + l.stats.Rejected; got != 3*(n+n/2+3) && got != 3*(n+n/2+4) { // [] holds nothing to reject
		t.Errorf("%d accounted for: %v", got, l.stats)
	}
	if len(l.rejected) != int(l.stats.Rejected) {
		t.Errorf("%d samples of %d rejected", len(l.rejected), l.stats.Rejected)
	}
	if l.stats.PlanVersion != 1 || l.stats.Version != "test" {
		t.Errorf("stats: %v", l.stats)
	}
	e.stop()
}

// The core goes away, readings are acknowledged all the same; the edge is restarted; some readings come again: when the core is back,
// it gets each once.
func TestNothingIsLostOrCountedTwiceOverARestart(t *testing.T) {
	t.Parallel()
	h, dir := startHub(t), t.TempDir()
	h.put(t, cityPlan(1))
	e := runEdge(t, testConfig(h.URL()), dir).serving()
	c := e.client()
	publish(t, c, 1, "bus", readings(0, 50)...)
	h.Stop()
	publish(t, c, 1, "bus", readings(50, 100)...)
	c.Disconnect(0)
	e.stop()

	e = runEdge(t, testConfig(h.URL()), dir).serving() // with the plan it kept
	c = e.client()
	publish(t, c, 2, "bus", readings(100, 100)...) // half of them again
	c.Disconnect(0)
	h.Start(t)
	peers.Eventually(t, "all is counted", func() bool { return h.received(t).readings >= 200 })
	e.stop()
	h.received(t).expectOnce(t, 200, "bus")
}

// Stopped in the middle of a stream of publishes: what was taken in is acknowledged, what was not is not taken in.
func TestAStopAcknowledgesWhatItTook(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	cfg := testConfig(h.URL())
	cfg.Forward.Linger = 20 * time.Millisecond // many are on their way when the end comes
	e := runEdge(t, cfg, t.TempDir()).serving()
	c := e.client()
	var tokens []paho.Token
	for i, p := range readings(0, 3000) {
		if i == 2000 {
			tokens[0].WaitTimeout(peers.Patience) // the broker has begun to take them in
			e.cancel()
		}
		tokens = append(tokens, c.Publish("city/bus/position", 1, false, p))
	}
	e.stop()
	acked := map[string]bool{}
	for i, token := range tokens {
		if token.WaitTimeout(peers.Patience) && token.Error() == nil {
			acked[fmt.Sprintf("bus %d", i)] = true
		}
	}
	l := h.received(t)
	for id := range acked {
		if l.rows[id] != 1 {
			t.Errorf("%s was acknowledged, and came %d times", id, l.rows[id])
		}
	}
	if len(l.rows) != len(acked) || len(acked) == 0 {
		t.Errorf("%d were taken, %d acknowledged", len(l.rows), len(acked))
	}
	t.Logf("%d of %d taken", len(l.rows), len(tokens))
}

// An outbox that is full holds devices back, unacknowledged; the end does not wait for room.
func TestAFullOutboxHoldsDevicesBack(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	cfg := testConfig(h.URL())
	cfg.Store.OutboxBytes = 1
	cfg.Forward.Batch = 10
	e := runEdge(t, cfg, t.TempDir()).serving()
	c := e.client()
	defer c.Disconnect(0)
	h.Stop()
	peers.Eventually(t, "a heartbeat fills the outbox", func() bool { return e.line.backlog.Load() > cfg.Store.OutboxBytes })
	var held paho.Token
	for _, p := range readings(0, 500) {
		held = c.Publish("city/bus/position", 1, false, p)
	}
	if held.WaitTimeout(1500 * time.Millisecond) { // longer than a heartbeat
		t.Fatal("a reading was acknowledged without room for it")
	}
	if batches, _, err := e.store.OutboxSize(); err != nil || batches > 8 {
		t.Errorf("the full outbox grew to %d batches, %v", batches, err)
	}
	e.stop()
}

func TestThePlanMayComeLateAndChange(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	e := runEdge(t, testConfig(h.URL()), t.TempDir())
	if err := e.Checks()["plan"](); err == nil {
		t.Error("ready without a plan")
	}
	h.put(t, cityPlan(3))
	e.serving()
	if err := e.Checks()["plan"](); err != nil {
		t.Error(err)
	}
	c := e.client()
	defer c.Disconnect(0)
	publish(t, c, 1, "bus", readings(0, 40)...)
	h.put(t, cityPlan(2)) // an older one changes nothing
	h.put(t, anotherView(cityPlan(4)))
	peers.Eventually(t, "the new plan is in force", func() bool { return e.line.version.Load() == 4 })
	publish(t, c, 1, "bus", readings(20, 40)...) // what the stream knows of duplicates stays
	peers.Eventually(t, "all is counted", func() bool { return h.received(t).readings >= 60 })
	e.stop()
	l := h.received(t)
	l.expectOnce(t, 60, "bus")
	if l.versions[3] != 40 || l.versions[4] != 2*20 || len(l.versions) != 2 {
		t.Errorf("readings by plan: %v", l.versions)
	}
}

// A plan that can't run is put aside, and the old one goes on.
func TestAPlanThatCannotRunChangesNothing(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	e := runEdge(t, testConfig(h.URL()), t.TempDir()).serving()
	c := e.client()
	defer c.Disconnect(0)
	bad := cityPlan(2)
	bad.Views[0].Stream = 99
	h.put(t, bad)
	publish(t, c, 1, "bus", readings(0, 10)...)
	h.put(t, anotherView(cityPlan(3)))
	peers.Eventually(t, "the plan after it is in force", func() bool { return e.line.version.Load() == 3 })
	publish(t, c, 1, "bus", readings(10, 10)...)
	e.stop()
	h.received(t).expectOnce(t, 20, "bus")
}

func TestAnEdgeThatNeverGotAPlanStops(t *testing.T) {
	h := startHub(t)
	runEdge(t, testConfig(h.URL()), t.TempDir()).stop()
}
