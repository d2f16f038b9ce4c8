package ingest

import (
	"context"
	"errors"
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
	ctx    context.Context
	cancel context.CancelFunc
	acks   queue[mqtt.Message]

	mu      sync.Mutex
	client  mqtt.Client
	filters map[string]byte
	busy    sync.RWMutex // read-held while a message is handed on
}

// NewSubscriber makes a subscriber; Serve connects.
func NewSubscriber(cfg SubscriberConfig, sink Sink, log *slog.Logger) (*Subscriber, error) {
	if u, err := url.Parse(cfg.Broker); err != nil || u.Host == "" {
		return nil, fmt.Errorf("subscribe.broker %q: want an address like tcp://host:1883", cfg.Broker)
	}
	s := &Subscriber{cfg: cfg, sink: sink, log: log, filters: map[string]byte{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.acks.do = func(messages []mqtt.Message) {
		for _, m := range messages {
			m.Ack() // waits for the network
		}
	}
	return s, nil
}

// Serve connects, and keeps at it until Close; it returns at once.
func (s *Subscriber) Serve() error {
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
	return nil
}

// Quiesce hands no more messages on: after it no Submit is under way. Those handed on before can still be acknowledged.
func (s *Subscriber) Quiesce() {
	s.cancel()
	s.busy.Lock() // until those under way are through
	defer s.busy.Unlock()
}

// Close quiesces, sends the acknowledgements given so far and disconnects.
func (s *Subscriber) Close() error {
	s.Quiesce()
	s.mu.Lock()
	client := s.client
	s.mu.Unlock()
	if client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleWithin)
	defer cancel()
	s.acks.Settle(ctx)
	// paho only queues an acknowledgement. The broker answers in order: when it answers this, it has read them.
	client.Unsubscribe("hexpane/end").WaitTimeout(partWithin)
	client.Disconnect(uint(partWithin.Milliseconds()))
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
	// No callback here: with one a filter, a message that two filters cover would be received twice.
	token := client.SubscribeMultiple(filters, nil)
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
	s.busy.RLock()
	defer s.busy.RUnlock()
	if s.ctx.Err() != nil {
		return // not acknowledged, so the broker sends it again
	}
	in := Message{Topic: m.Topic(), Payload: m.Payload(), ArrivalUs: time.Now().UnixMicro(), Done: pahoAck{s, m}, QoS: m.Qos()}
	for { // on a full disk until there is room: the broker keeps the rest; what it would not send again goes
		if err := s.sink.Submit(s.ctx, in); m.Qos() == 0 || !errors.Is(err, ErrFull) { // stopping: not acknowledged, as above
			return
		}
	}
}

type pahoAck struct {
	subscriber *Subscriber
	message    mqtt.Message
}

// Acknowledge tells the broker, in the order of the calls.
func (a pahoAck) Acknowledge(uint16, byte) { a.subscriber.acks.Put(a.message) }
