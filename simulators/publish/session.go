package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// writeTimeout bounds one write to the socket, and how long a pump outlives its connection.
const writeTimeout = 10 * time.Second

// session is one connection. Its pump goroutine hands messages to paho, which may block; whoever gives a session up
// need not wait for it.
type session struct {
	client mqtt.Client
	out    chan Message
	sent   chan mqtt.Token // one for each message taken from out, in order
	lost   chan error      // at most one value
	gone   chan struct{}   // closed by end
}

// dial connects or fails within the timeout.
func dial(ctx context.Context, cfg *Config) (*session, error) {
	s := &session{out: make(chan Message, 64), lost: make(chan error, 1), gone: make(chan struct{})}
	s.sent = make(chan mqtt.Token, cfg.MaxInflight+cap(s.out))
	o := mqtt.NewClientOptions().AddBroker(cfg.Broker).SetClientID(cfg.ClientID).SetProtocolVersion(4)
	o.SetUsername(cfg.Username).SetPassword(cfg.Password)
	o.SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false)
	o.SetConnectTimeout(cfg.ConnectTimeout).SetWriteTimeout(writeTimeout)
	o.SetKeepAlive(20 * time.Second).SetPingTimeout(10 * time.Second)
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { s.lost <- err })
	useConn(o)
	s.client = mqtt.NewClient(o)
	token := s.client.Connect()
	select {
	case <-token.Done():
	case <-ctx.Done():
		go s.client.Disconnect(0)
		return nil, ctx.Err()
	}
	if err := token.Error(); err != nil {
		return nil, fmt.Errorf("connect %s: %w", cfg.Broker, err)
	}
	go s.pump()
	return s, nil
}

func (s *session) pump() {
	for {
		select {
		case <-s.gone:
			return
		case m := <-s.out:
			token := s.client.Publish(m.Topic, m.QoS, false, m.Payload)
			select {
			case s.sent <- token:
			case <-s.gone:
				return
			}
		}
	}
}

// end closes the connection; politely if it still works.
func (s *session) end(quiesce time.Duration) {
	close(s.gone)
	if s.client.IsConnected() {
		s.client.Disconnect(uint(quiesce.Milliseconds()))
	}
}

// hopeless tells a refusal that no retry will change.
func hopeless(err error) bool {
	return errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword) ||
		errors.Is(err, packets.ErrorRefusedNotAuthorised) || errors.Is(err, packets.ErrorRefusedIDRejected)
}
