package ingest

import (
	"testing"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/hexpane/hexpane/edge/peers"
)

// mosquitto is a real broker.
type mosquitto struct{ *peers.Mosquitto }

func startMosquitto(t *testing.T) mosquitto {
	t.Helper()
	return mosquitto{peers.StartMosquitto(t)}
}

func (m mosquitto) publisher(t *testing.T) paho.Client {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker(m.URL()))
	finished(t, "connect to mosquitto", c.Connect())
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

func (m mosquitto) subscribe(t *testing.T, id string, qos byte, sink Sink, filters ...string) *Subscriber {
	t.Helper()
	s, err := NewSubscriber(SubscriberConfig{Broker: m.URL(), ClientID: id, QoS: qos}, sink, silent())
	if err != nil {
		t.Fatal(err)
	}
	s.Topics(filters)
	if err := s.Serve(); err != nil {
		t.Fatal(err)
	}
	peers.Eventually(t, "the subscriber is connected", s.Connected)
	return s
}
