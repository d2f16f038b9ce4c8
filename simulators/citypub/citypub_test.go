package citypub

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/simulators/city"
	"github.com/hexpane/hexpane/simulators/publish/brokertest"
)

func TestRotaIsFairAndEven(t *testing.T) {
	r := rota{size: 10, every: time.Second}
	var got []int
	for ms := 0; ms <= 2000; ms += 50 {
		n := len(got)
		got = slices.AppendSeq(got, r.due(time.Duration(ms)*time.Millisecond))
		if len(got)-n > 1 {
			t.Fatalf("%d at once", len(got)-n)
		}
	}
	if len(got) != 20 || got[0] != 0 || got[19] != 9 {
		t.Fatal(got)
	}
	if n := len(slices.Collect(r.due(time.Hour))); n != 10 {
		t.Fatalf("%d turns after an hour's absence", n)
	}
}

func TestLiveCity(t *testing.T) {
	b := brokertest.Start(t)
	began := time.Now()
	c := New(Config{Broker: b.URL(), Connections: 3, For: 1200 * time.Millisecond, Purchases: 50,
		City: city.Config{Seed: 1, Vehicles: 300, Sensors: 100}})
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, m := range b.Taken() {
		kind := m.Topic[strings.LastIndexByte(m.Topic, '/')+1:]
		count[kind]++
		var p struct{ TS int64 }
		if err := json.Unmarshal([]byte(m.Payload), &p); err != nil {
			t.Fatal(m, err)
		}
		if at := time.UnixMilli(p.TS); at.Before(began.Add(-time.Millisecond)) || at.After(time.Now()) {
			t.Fatalf("%s is of %s", m.Topic, at)
		}
		if kind == "purchase" && m.QoS != 1 {
			t.Fatal(m)
		}
	}
	if n := count["position"]; n < 300 || n > 380 || count["env"] < 9 || count["purchase"] < 20 {
		t.Fatal(count)
	}
	if n := c.Counts(); n.Published != int64(len(b.Taken())) || n.Acked != n.Published {
		t.Fatalf("%+v of %d", n, len(b.Taken()))
	}
}

func TestInterruptionIsNoError(t *testing.T) {
	b := brokertest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	c := New(Config{Broker: b.URL(), City: city.Config{Vehicles: 100}})
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	for c.Published() == 0 {
		select {
		case err := <-done:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
