package edge

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/edge/peers"
	dto "github.com/prometheus/client_model/go"
)

// On a full disk QoS 0 is refused, counted; QoS 1 is not acknowledged; the core hears of it. The end does not wait for room, and
// takes nothing of what waits.
func TestAFullDiskTakesNothingIn(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.put(t, cityPlan(1))
	cfg := testConfig(h.URL())
	cfg.Store.ReserveBytes = 1 << 60
	e := runEdge(t, cfg, t.TempDir()).serving()
	c := e.client()
	defer c.Disconnect(0)
	held := c.Publish("city/bus/position", 1, false, readings(0, 1)[0])
	other := e.client() // the first one's messages wait behind each other
	defer other.Disconnect(0)
	publish(t, other, 0, "bus", readings(1, 5)...)
	refused := func() float64 {
		var m dto.Metric
		if err := e.m.refused.Write(&m); err != nil {
			t.Fatal(err)
		}
		return m.Counter.GetValue()
	}
	peers.Eventually(t, "QoS 0 is refused", func() bool { return refused() == 5 })
	err := e.line.Submit(context.Background(), ingest.Message{Topic: "city/bus/position", Payload: []byte(readings(9, 1)[0])})
	if !errors.Is(err, ingest.ErrFull) {
		t.Errorf("submitted on a full disk: %v", err)
	}
	peers.Eventually(t, "the core hears of it", func() bool {
		l := h.received(t)
		return l.stats != nil && l.stats.DiskFull && l.stats.DiskFreeBytes > 0
	})
	e.stop()
	if held.WaitTimeout(time.Millisecond) && held.Error() == nil {
		t.Error("a reading was acknowledged on a full disk")
	}
	if l := h.received(t); l.readings != 0 {
		t.Errorf("%d readings were taken", l.readings)
	}
}
