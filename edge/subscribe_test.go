package edge

import (
	"fmt"
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/hexpane/hexpane/edge/peers"
)

// An edge that reads from an existing broker, with two streams whose topics overlap, stopped and started again in between: each
// reading is counted once, although nothing is known of duplicates.
func TestReadingFromAnExistingBroker(t *testing.T) {
	t.Parallel()
	broker := peers.StartMosquitto(t).URL()
	h, dir := startHub(t), t.TempDir()
	p := cityPlan(1)
	other := cityPlan(1).Streams[0]
	other.Id, other.Name, other.Topic, other.Position = 2, "all", "city/{device}/#", nil
	p.Streams = append(p.Streams, other)
	p.Streams[0].Dedupe, other.Dedupe = "none", "none"
	h.put(t, p)
	cfg := testConfig(h.URL())
	cfg.Mode, cfg.Subscribe.Broker = "subscribe", broker
	c := paho.NewClient(paho.NewClientOptions().AddBroker(broker))
	if token := c.Connect(); !token.WaitTimeout(peers.Patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer c.Disconnect(0)

	e := runEdge(t, cfg, dir).serving()
	peers.Eventually(t, "connected", func() bool { return e.Checks()["broker"]() == nil })
	peers.Eventually(t, "subscribed", func() bool { // readings at QoS 0 until one arrives
		publish(t, c, 0, "probe", readings(0, 1)...)
		return h.received(t).deltas["probe"] > 0
	})
	publish(t, c, 1, "bus", readings(0, 100)...)
	e.stop() // some have not been sent to the edge yet
	publish(t, c, 1, "bus", readings(100, 50)...)
	e = runEdge(t, cfg, dir).serving()
	publish(t, c, 1, "bus", readings(150, 50)...) // at QoS 2 mosquitto 2.0.11 loses what it has no room for in flight
	peers.Eventually(t, "all is counted", func() bool { return h.received(t).deltas["bus"] >= 200 })
	e.stop()
	l := h.received(t)
	for i := range 200 {
		if n := l.rows[fmt.Sprintf("bus %d", i)]; n != 1 {
			t.Errorf("reading %d came %d times", i, n)
		}
	}
	if l.deltas["bus"] != 200 {
		t.Errorf("%d readings counted, want 200", l.deltas["bus"])
	}
}
