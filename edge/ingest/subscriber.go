package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// SubscriberConfig names an existing broker.
type SubscriberConfig struct {
	Broker   string // tcp://host:1883
	ClientID string // stays the same over restarts, so that the broker keeps the session
	Username string
	Password string
	QoS      byte
}

// Subscriber reads streams' topics from an existing broker. Each message is acknowledged to it after the commit that
// holds it; after a crash the broker sends exactly the unacknowledged ones again.
type Subscriber struct {
	cfg    SubscriberConfig
	sink   Sink
	log    *slog.Logger
	client mqtt.Client
	ctx    context.Context

	mu      sync.Mutex
	filters map[string]byte
}

// NewSubscriber makes a subscriber; Run connects.
func NewSubscriber(cfg SubscriberConfig, sink Sink, log *slog.Logger) (*Subscriber, error) {
	if u, err := url.Parse(cfg.Broker); err != nil || u.Host == "" {
		return nil, fmt.Errorf("subscribe.broker %q: want an address like tcp://host:1883", cfg.Broker)
	}
	return &Subscriber{cfg: cfg, sink: sink, log: log, filters: map[string]byte{}}, nil
}

// Run keeps a connection until ctx ends.
func (s *Subscriber) Run(ctx context.Context) error {
	s.ctx = ctx
	o := mqtt.NewClientOptions().AddBroker(s.cfg.Broker).SetClientID(s.cfg.ClientID).
		SetUsername(s.cfg.Username).SetPassword(s.cfg.Password).
		SetCleanSession(false).SetOrderMatters(false).SetAutoAckDisabled(true).
		SetAutoReconnect(true).SetConnectRetry(true).SetConnectRetryInterval(time.Second).SetMaxReconnectInterval(5 * time.Second).
		SetDefaultPublishHandler(s.receive).
		SetOnConnectHandler(func(mqtt.Client) { s.log.Info("connected", "broker", s.cfg.Broker); s.subscribe() }).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			s.log.Warn("broker connection lost", "broker", s.cfg.Broker, "error", err)
		})
	client := mqtt.NewClient(o)
	s.mu.Lock()
	s.client = client
	s.mu.Unlock()
	client.Connect()
	<-ctx.Done()
	client.Disconnect(250)
	return nil
}

// Topics replaces the set of filters subscribed to.
func (s *Subscriber) Topics(filters []string) {
	s.mu.Lock()
	old := s.filters
	s.filters = map[string]byte{}
	for _, f := range filters {
		s.filters[f] = s.cfg.QoS
		delete(old, f)
	}
	client := s.client
	s.mu.Unlock()
	if client == nil || !client.IsConnectionOpen() {
		return // subscribed on connect
	}
	for f := range old {
		client.Unsubscribe(f)
	}
	s.subscribe()
}

// Connected reports whether the broker is reached.
func (s *Subscriber) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client != nil && s.client.IsConnectionOpen()
}

func (s *Subscriber) subscribe() {
	s.mu.Lock()
	client, filters := s.client, make(map[string]byte, len(s.filters))
	for f, q := range s.filters {
		filters[f] = q
	}
	s.mu.Unlock()
	if len(filters) == 0 {
		return
	}
	token := client.SubscribeMultiple(filters, s.receive)
	go func() {
		if token.WaitTimeout(10*time.Second) && token.Error() != nil {
			s.log.Error("subscribe refused", "broker", s.cfg.Broker, "error", token.Error())
		}
	}()
}

func (s *Subscriber) receive(_ mqtt.Client, m mqtt.Message) {
	if !s.sink.Wants(m.Topic()) {
		m.Ack() // a filter just dropped
		return
	}
	// Not submitted when stopping: not acknowledged either, so the broker sends it again.
	_ = s.sink.Submit(s.ctx, Message{Topic: m.Topic(), Payload: m.Payload(), ArrivalUs: time.Now().UnixMicro(), Done: pahoAck{m}})
}

type pahoAck struct{ m mqtt.Message }

// Acknowledge tells the broker, from a goroutine of its own: paho's Ack waits for the network.
func (a pahoAck) Acknowledge(uint16, byte) { go a.m.Ack() }
