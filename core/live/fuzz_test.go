package live

import (
	"log/slog"
	"math"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
)

// Whatever a client says, it is taken or refused with a reason, and what it set holds the limits.
func FuzzClientMessage(f *testing.F) {
	for _, text := range []string{
		`{"action":"subscribe","topics":["positions:buses","view:v","alerts:*","status:*"],"bbox":[24,60,26,61],"encoding":"binary"}`,
		`{"action":"unsubscribe","topics":["positions:buses"]}`,
		`{"action":"viewport","bbox":[178,-20,182,-10]}`, `{"action":"viewport","bbox":[-1e308,0,1e308,0]}`, `{"action":"viewport","bbox":[0,0,-1e300,1]}`,
		`{"bbox":[]}`, `null`, `[]`, `"`, `{"topics":[null]}`, `{"action":"subscribe","topics":["alerts:1","alerts:2","alerts:3","alerts:4"]}`,
	} {
		f.Add([]byte(text))
	}
	hub := New(Config{MaxTopics: 3}, prometheus.NewRegistry(), nil, slog.New(slog.DiscardHandler))
	hub.Topic("positions:buses", busColumns, true).Put([]Row{bus("a", 60, 24, 1)}, 0, false)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &client{hub: hub, subs: map[string]*subscription{}, box: World}
		for range 2 { // again: with what the first one left
			if err := c.take(websocket.TextMessage, data); err != nil && err.Error() == "" {
				t.Fatal("refused without a reason")
			}
		}
		if len(c.subs) > 3 {
			t.Fatalf("%d subscriptions", len(c.subs))
		}
		for _, degrees := range []float64{c.box.West, c.box.East, c.box.South * 2, c.box.North * 2} {
			if !(math.Abs(degrees) <= 180) {
				t.Fatalf("box %v", c.box)
			}
		}
	})
}
