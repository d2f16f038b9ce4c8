package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// BenchmarkAlert measures from a device's publish of the event that completes a pattern, over disorder of 500 ms, to the alert on it in a viewer's socket: beside
// a thousand other readings a second, and beside ten.
func BenchmarkAlert(b *testing.B) {
	for _, others := range []int{1000, 10} {
		b.Run(fmt.Sprintf("beside_%d", others), func(b *testing.B) {
			for b.Loop() {
				measureAlerts(b, others)
			}
		})
	}
}

func measureAlerts(b *testing.B, others int) {
	h := startHalves(b, alertingSQL+";", nil, nil)
	ws, _, err := websocket.DefaultDialer.Dial(strings.Replace(h.core.http, "http", "ws", 1)+"/ws", http.Header{"Origin": {h.core.http}})
	if err != nil {
		b.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteJSON(map[string]any{"action": "subscribe", "topics": []string{"alerts:jumped"}}); err != nil {
		b.Fatal(err)
	}
	c := connect(b, h.edge.mqtt)
	defer c.Disconnect(100)
	say := func(card string, amount int) time.Time {
		now := time.Now()
		c.Publish("cards/"+card, 1, false, fmt.Sprintf(`{"ts":%q,"amount":%d}`, now.UTC().Format(time.RFC3339Nano), amount))
		return now
	}
	const events = 500
	said := make(chan map[string]time.Time, 1)
	go func() {
		at := map[string]time.Time{}
		tick := time.NewTicker(time.Second / time.Duration(max(others, 50)))
		defer tick.Stop()
		for n := 0; len(at) < events+50; n++ {
			<-tick.C
			if others >= 50 || n%(50/others) == 0 {
				say(fmt.Sprint("other-", n%500), 50)
			}
			if n%(max(others, 50)/25) == 0 { // 25 a second, each on a card of its own, whose other half came before
				i := n / (max(others, 50) / 25)
				say(fmt.Sprint("planted-", i+5), 5)
				if i >= 5 {
					card := fmt.Sprint("planted-", i)
					at[card] = say(card, 2000)
				}
			}
		}
		said <- at
		for n := range 30 { // so that the last ones come
			time.Sleep(100 * time.Millisecond)
			say(fmt.Sprint("other-", n), 50)
		}
	}()
	heard := map[string]time.Time{}
	for len(heard) < events {
		var m struct{ Alert struct{ Key, State string } }
		_ = ws.SetReadDeadline(time.Now().Add(30 * time.Second))
		if err := ws.ReadJSON(&m); err != nil {
			b.Fatal(len(heard), " alerts: ", err)
		}
		if m.Alert.State == "firing" {
			heard[m.Alert.Key] = time.Now()
		}
	}
	at := <-said
	var ms []float64
	for card, t := range heard {
		if began, ok := at[card]; ok {
			ms = append(ms, float64(t.Sub(began).Microseconds())/1000)
		}
	}
	slices.Sort(ms)
	b.ReportMetric(ms[len(ms)/2], "p50-ms")
	b.ReportMetric(ms[len(ms)*99/100], "p99-ms")
	b.ReportMetric(float64(len(ms)), "alerts")
	b.ReportMetric(0, "ns/op")
}
