package ingest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/peers"
)

// ready waits until a subscription works, by publishing on it until something comes.
func ready(t *testing.T, m mosquitto, sink *handSink, topic string) {
	t.Helper()
	c := m.publisher(t)
	peers.Eventually(t, "subscribed to "+topic, func() bool {
		finished(t, "publish", c.Publish(topic, 0, false, "ready?"))
		select {
		case <-sink.taken:
			return true
		case <-time.After(20 * time.Millisecond):
			return false
		}
	})
	for quiet := false; !quiet; {
		select {
		case <-sink.taken:
		case <-time.After(100 * time.Millisecond):
			quiet = true
		}
	}
}

// What the line acknowledged is done with; what it did not comes again after a restart under the same client id, and only that.
func TestUnacknowledgedMessagesComeAgain(t *testing.T) {
	for qos := byte(1); qos <= 2; qos++ {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			m := startMosquitto(t)
			sink := newHandSink(100)
			s := m.subscribe(t, "edge", qos, sink, "in/#")
			ready(t, m, sink, "in/x")
			c := m.publisher(t)
			for i := range 10 {
				finished(t, "publish", c.Publish("in/x", qos, false, fmt.Sprint(i)))
			}
			want := map[string]int{}
			for range 10 {
				if got := sink.next(t); string(got.Payload) < "4" {
					got.Done.Acknowledge(0, 0)
				} else {
					want[string(got.Payload)] = 1
				}
			}
			promptly(t, "closing the subscriber", s.Close)
			again := newHandSink(100)
			s = m.subscribe(t, "edge", qos, again, "in/#")
			got := map[string]int{}
			for range want {
				got[string(again.next(t).Payload)]++
			}
			if !maps.Equal(got, want) {
				t.Errorf("%v came again, want %v", got, want)
			}
			promptly(t, "closing the subscriber", s.Close)
			again.none(t)
		})
	}
}

// A message that several filters cover comes once, and so do those that no filter covers any more: not at all.
func TestFiltersMayOverlapAndChange(t *testing.T) {
	m := startMosquitto(t)
	sink := newHandSink(100)
	s := m.subscribe(t, "edge", 1, sink, "in/#", "in/+/position", "in/bus/+")
	defer promptly(t, "closing the subscriber", s.Close)
	ready(t, m, sink, "in/x")
	c := m.publisher(t)
	publish := func(topics ...string) []string {
		for _, topic := range topics {
			finished(t, "publish", c.Publish(topic, 1, false, "a"))
		}
		var got []string
		for {
			select {
			case x := <-sink.taken:
				x.Done.Acknowledge(0, 0)
				got = append(got, x.Topic)
			case <-time.After(150 * time.Millisecond):
				slices.Sort(got)
				return got
			}
		}
	}
	if got := publish("in/bus/position"); !slices.Equal(got, []string{"in/bus/position"}) {
		t.Errorf("one message came as %v", got)
	}
	s.Topics([]string{"in/new"})
	ready(t, m, sink, "in/new")
	if got := publish("in/new", "in/bus/position"); !slices.Equal(got, []string{"in/new"}) {
		t.Errorf("after the change: %v", got)
	}
}

// The sink dropped a stream, but its filter is still subscribed to: such a message must not stay unacknowledged for ever.
func TestUnwantedMessagesAreAcknowledged(t *testing.T) {
	m := startMosquitto(t)
	sink := newHandSink(100)
	s := m.subscribe(t, "edge", 1, sink, "in/#", "out/#")
	ready(t, m, sink, "in/x")
	c := m.publisher(t)
	for range 50 { // more than mosquitto leaves unacknowledged
		finished(t, "publish", c.Publish("out/x", 1, false, "a"))
	}
	finished(t, "publish", c.Publish("in/x", 1, false, "b"))
	sink.next(t).Done.Acknowledge(0, 0)
	promptly(t, "closing the subscriber", s.Close)
	sink.none(t)
}

func TestTheSubscriberComesBackWithItsBroker(t *testing.T) {
	m := startMosquitto(t)
	sink := newHandSink(100)
	s := m.subscribe(t, "edge", 1, sink, "in/#")
	defer promptly(t, "closing the subscriber", s.Close)
	ready(t, m, sink, "in/x")
	m.Stop()
	peers.Eventually(t, "the loss is noticed", func() bool { return !s.Connected() })
	m.Start(t)
	peers.Eventually(t, "the subscriber is back", s.Connected)
	ready(t, m, sink, "in/x")
}

// Quiesced with a sink that takes nothing, the subscriber ends, and the message comes again.
func TestAStuckSinkDoesNotHoldUpTheSubscriber(t *testing.T) {
	m := startMosquitto(t)
	open := newHandSink(100)
	s := m.subscribe(t, "edge", 1, open, "in/#")
	ready(t, m, open, "in/x")
	promptly(t, "closing the subscriber", s.Close)
	stuck := newHandSink(0)
	s = m.subscribe(t, "edge", 1, stuck, "in/#")
	finished(t, "publish", m.publisher(t).Publish("in/x", 1, false, "again"))
	promptly(t, "closing the subscriber", s.Close)
	s = m.subscribe(t, "edge", 1, open, "in/#")
	if got := open.next(t); string(got.Payload) != "again" {
		t.Errorf("%q came", got.Payload)
	}
	promptly(t, "closing the subscriber", s.Close)
}

func TestAnAddressThatIsNoneIsRefused(t *testing.T) {
	for _, address := range []string{"", "nowhere", "tcp://", "://x"} {
		if _, err := NewSubscriber(SubscriberConfig{Broker: address}, newHandSink(0), silent()); err == nil {
			t.Errorf("%q was accepted", address)
		}
	}
	s, err := NewSubscriber(SubscriberConfig{Broker: "tcp://127.0.0.1:1"}, newHandSink(0), silent())
	if err != nil {
		t.Fatal(err)
	}
	promptly(t, "closing one that never served", s.Close)
}
