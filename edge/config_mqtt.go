package edge

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
)

// MQTTConfig is the edge's broker.
type MQTTConfig struct {
	Listen         string            `yaml:"listen" default:"127.0.0.1:1883" flag:"mqtt" help:"address for plain TCP; empty: none"`
	Users          map[string]string `yaml:"users" secret:"true" help:"user names and passwords of devices, plain or as bcrypt hashes ($2…); none, and no tls.client_ca: anyone may connect"`
	MaxPacketBytes int64             `yaml:"max_packet_bytes" default:"1MiB" unit:"bytes" help:"largest MQTT packet; larger ones close the connection"`
	MaxClients     int64             `yaml:"max_clients" default:"10000" help:"clients at once"`

	TLS struct {
		Listen   string `yaml:"listen" help:"address for TLS, such as 0.0.0.0:8883; empty: none"`
		Cert     string `yaml:"cert" help:"file with the certificate and those between it and its authority (PEM); read again when it changes"`
		Key      string `yaml:"key" help:"file with its key (PEM)"`
		ClientCA string `yaml:"client_ca" help:"file with the authorities of clients' certificates (PEM): a certificate's common name is its device's identity and client id"`
		Optional bool   `yaml:"client_cert_optional" help:"clients without a certificate may come by TLS too, with user name and password"`
	} `yaml:"tls" help:"TLS, and clients' certificates"`

	WebSocket struct {
		Listen  string   `yaml:"listen" help:"address for MQTT over WebSocket; empty: none"`
		TLS     bool     `yaml:"tls" help:"with the certificate of mqtt.tls (wss)"`
		Path    string   `yaml:"path" default:"/mqtt" help:"the path that clients ask for"`
		Origins []string `yaml:"origins" help:"pages that may connect beside those of the same address: https://host[:port]; *: all"`
	} `yaml:"websocket" help:"MQTT over WebSocket"`

	ACL struct {
		Publish   []string          `yaml:"publish" help:"topics that a client may publish to, such as devices/{device}/#, where {device} is its own name and {client} its client id; none: all"`
		Subscribe []string          `yaml:"subscribe" help:"topics that it may subscribe to, with the same; none: all"`
		Users     map[string]string `yaml:"users" help:"by user name, instead of both: publish TOPIC… subscribe TOPIC… both TOPIC…"`
	} `yaml:"acl" help:"who may use which topics"`

	Limits struct {
		ConnectBytes      int64         `yaml:"connect_bytes" default:"64KiB" unit:"bytes" help:"largest CONNECT"`
		Pending           int           `yaml:"pending" default:"1000" help:"connections at once that did not log in yet; past it the oldest of them is closed"`
		ConnectRate       float64       `yaml:"connect_rate" default:"1000" help:"connections taken a second; others wait; 0: any"`
		ConnectRateSource float64       `yaml:"connect_rate_source" default:"500" help:"the same from one address, ten times as many at once; others are closed; 0: any"`
		MessageRate       float64       `yaml:"message_rate" default:"0" help:"messages a second of one client; one that sends more is read more slowly; 0: any"`
		ByteRate          int64         `yaml:"byte_rate" default:"0" unit:"bytes" help:"bytes a second of one client; the same"`
		ArrivingBytes     int64         `yaml:"arriving_bytes" default:"64MiB" unit:"bytes" help:"memory for packets above 4 KiB while they come in, of all clients; past it a client that needs more is closed"`
		UnreadBytes       int64         `yaml:"unread_bytes" default:"1MiB" unit:"bytes" help:"what one client may leave unread; past a quarter no more messages go to it, past it all it is closed"`
		QueuedBytes       int64         `yaml:"queued_bytes" default:"64MiB" unit:"bytes" help:"memory for messages that clients did not read or acknowledge yet; past it they get no more"`
		Inflight          int           `yaml:"inflight" default:"1024" help:"messages of QoS 1 and 2 that one client may have unacknowledged, either way (MQTT 3 publishers: 65535)"`
		Subscriptions     int           `yaml:"subscriptions" default:"100" help:"subscriptions of one client"`
		Sessions          int           `yaml:"sessions" default:"20000" help:"clients remembered, connected or not"`
		SessionExpiry     time.Duration `yaml:"session_expiry" default:"24h" help:"longest that a client which is away is remembered, with its subscriptions and messages"`
		Retained          int           `yaml:"retained" default:"10000" help:"retained messages; past it new ones are passed on, and not retained"`
		RetainedBytes     int64         `yaml:"retained_bytes" default:"64MiB" unit:"bytes" help:"memory for these"`
		TopicBytes        int           `yaml:"topic_bytes" default:"1024" help:"longest topic"`
		TopicLevels       int           `yaml:"topic_levels" default:"32" help:"most levels of one"`
	} `yaml:"limits" help:"what clients may take"`
}

// Validate says what is wrong, naming the key.
func (c *MQTTConfig) Validate() error {
	l := &c.Limits
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, n := range []struct {
		key                string
		value, least, most int64
	}{
		{"max_packet_bytes", c.MaxPacketBytes, 1024, 256 << 20}, {"max_clients", c.MaxClients, 1, 1 << 20},
		{"limits.connect_bytes", l.ConnectBytes, 256, 1 << 20}, {"limits.pending", int64(l.Pending), 1, 1 << 20},
		{"limits.connect_rate", int64(math.Ceil(l.ConnectRate)), 0, 1 << 20}, {"limits.connect_rate_source", int64(math.Ceil(l.ConnectRateSource)), 0, 1 << 20},
		{"limits.message_rate", int64(math.Ceil(l.MessageRate)), 0, 1 << 30}, {"limits.byte_rate", l.ByteRate, 0, 1 << 40},
		{"limits.arriving_bytes", l.ArrivingBytes, c.MaxPacketBytes, 1 << 40}, {"limits.unread_bytes", l.UnreadBytes, 64 << 10, 1 << 30},
		{"limits.queued_bytes", l.QueuedBytes, 64 << 10, 1 << 40}, {"limits.inflight", int64(l.Inflight), 1, math.MaxUint16},
		{"limits.subscriptions", int64(l.Subscriptions), 0, 1 << 20}, {"limits.sessions", int64(l.Sessions), c.MaxClients, 1 << 24},
		{"limits.session_expiry", int64(l.SessionExpiry / time.Second), 0, math.MaxUint32}, {"limits.retained", int64(l.Retained), 0, 1 << 24},
		{"limits.retained_bytes", l.RetainedBytes, 0, 1 << 40}, {"limits.topic_bytes", int64(l.TopicBytes), 16, math.MaxUint16},
		{"limits.topic_levels", int64(l.TopicLevels), 1, 256},
	} {
		if n.value < n.least || n.value > n.most {
			bad("%s: %d must be %d to %d", n.key, n.value, n.least, n.most)
		}
	}
	if c.Listen == "" && c.TLS.Listen == "" && c.WebSocket.Listen == "" {
		bad("listen: give an address, or one for tls.listen or websocket.listen")
	}
	for user, password := range c.Users {
		if err := ingest.CheckPassword(password); err != nil {
			bad("users: %s: %w", user, err)
		}
	}
	errs = append(errs, c.checkTLS(), c.checkWebSocket(), c.checkACL())
	return errors.Join(errs...)
}

func (c *MQTTConfig) checkTLS() error {
	switch {
	case c.TLS.Cert == "" && (c.TLS.Listen != "" || c.WebSocket.TLS && c.WebSocket.Listen != ""):
		return errors.New("tls.cert: a certificate and tls.key are needed to listen by TLS")
	case c.TLS.Cert == "" && c.TLS.ClientCA != "":
		return errors.New("tls.client_ca: clients show certificates by TLS alone: set tls.listen, tls.cert and tls.key")
	case c.TLS.Optional && len(c.Users) == 0:
		return errors.New("tls.client_cert_optional: a client without a certificate needs a user name: set users")
	case c.TLS.Cert == "":
		return nil
	}
	if err := c.tls().Check(); err != nil {
		return fmt.Errorf("tls.%w", err)
	}
	return nil
}

func (c *MQTTConfig) checkWebSocket() error {
	if !strings.HasPrefix(c.WebSocket.Path, "/") {
		return fmt.Errorf("websocket.path: %q must begin with /", c.WebSocket.Path)
	}
	for _, o := range c.WebSocket.Origins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "") {
			return fmt.Errorf("websocket.origins: %q must be https://host[:port], or *", o)
		}
	}
	return nil
}

func (c *MQTTConfig) checkACL() error {
	for _, list := range []struct {
		key       string
		templates []string
	}{{"acl.publish", c.ACL.Publish}, {"acl.subscribe", c.ACL.Subscribe}} {
		for _, t := range list.templates {
			if err := ingest.CheckTemplate(t); err != nil {
				return fmt.Errorf("%s: %w", list.key, err)
			}
			if list.key == "acl.publish" && !ingest.Names(t) {
				return fmt.Errorf("acl.publish: template %q has no {device}, so that any client could publish as any other: put it in, or give the topic to single users in acl.users", t)
			}
		}
	}
	for user, text := range c.ACL.Users {
		if _, err := ingest.ParseUserACL(text); err != nil {
			return fmt.Errorf("acl.users: %s: %w", user, err)
		}
	}
	return nil
}

func (c *MQTTConfig) tls() ingest.TLSConfig {
	return ingest.TLSConfig{Cert: c.TLS.Cert, Key: c.TLS.Key, ClientCA: c.TLS.ClientCA, Optional: c.TLS.Optional}
}

// Listener is an address that the broker binds.
type Listener struct {
	Key, Address string
	Asks         bool // every client must say who it is
}

// Listeners are all that the broker binds.
func (c *MQTTConfig) Listeners() []Listener {
	certified := c.TLS.ClientCA != "" // then whoever has no certificate needs a user name
	asks := len(c.Users) > 0 || certified
	all := []Listener{{"mqtt.listen", c.Listen, asks}, {"mqtt.tls.listen", c.TLS.Listen, asks}, {"mqtt.websocket.listen", c.WebSocket.Listen, asks}}
	return slices.DeleteFunc(all, func(l Listener) bool { return l.Address == "" })
}

// broker is what the broker is made of. c is validated.
func (c *MQTTConfig) broker() ingest.BrokerConfig {
	l := &c.Limits
	b := ingest.BrokerConfig{Listen: c.Listen, ListenTLS: c.TLS.Listen, ListenWS: c.WebSocket.Listen, WSByTLS: c.WebSocket.TLS, TLS: c.tls(),
		WebSocket: ingest.WebSocketConfig{Path: c.WebSocket.Path, Origins: c.WebSocket.Origins}, Users: c.Users,
		ACL: ingest.ACL{Publish: c.ACL.Publish, Subscribe: c.ACL.Subscribe, Users: map[string]ingest.UserACL{}},
		Limits: ingest.Limits{ClientBytes: int(c.MaxPacketBytes), ConnectBytes: int(l.ConnectBytes), Clients: c.MaxClients, Pending: l.Pending,
			ConnectRate: l.ConnectRate, SourceConnectRate: l.ConnectRateSource, MessageRate: l.MessageRate, ByteRate: float64(l.ByteRate),
			ArrivingBytes: l.ArrivingBytes, UnreadBytes: int(l.UnreadBytes), Subscriptions: l.Subscriptions, Inflight: uint16(l.Inflight),
			QueuedBytes: l.QueuedBytes, Sessions: l.Sessions, SessionExpiry: l.SessionExpiry, Retained: l.Retained, RetainedBytes: l.RetainedBytes,
			TopicBytes: l.TopicBytes, TopicLevels: l.TopicLevels}}
	for user, text := range c.ACL.Users {
		b.ACL.Users[user], _ = ingest.ParseUserACL(text) // checked
	}
	return b
}
