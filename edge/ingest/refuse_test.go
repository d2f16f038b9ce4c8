package ingest

import (
	"bytes"
	"crypto/tls"
	"net"
	"sync"
	"testing"

	"github.com/hexpane/hexpane/edge/peers"
	"github.com/mochi-mqtt/server/v2/packets"
)

// recorder counts what a broker refuses.
type recorder struct {
	mu     sync.Mutex
	counts map[Reason]int
}

func newRecorder() *recorder { return &recorder{counts: map[Reason]int{}} }

func (r *recorder) observer() Observer {
	return Observer{Refused: func(why Reason) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.counts[why]++
	}}
}

func (r *recorder) of(why Reason) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[why]
}

// has checks that each reason was given.
func (r *recorder) has(t testing.TB, reasons ...Reason) {
	t.Helper()
	for _, why := range reasons {
		peers.Eventually(t, string(why)+" is counted", func() bool { return r.of(why) > 0 })
	}
}

// connect is what a device says when it connects.
type connect struct {
	id, user, password string
	version            byte
	keep               bool // the session
	expiry             uint32
	will               string // topic
	retain             bool
}

func connectOf(id string) connect { return connect{id: id, version: 4} }

// tryConnect gives the CONNACK's code; err is that of the connection.
func tryConnect(t testing.TB, conn net.Conn, c connect) (*device, byte, error) {
	t.Helper()
	d := newDevice(t, conn, c.version)
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}, Connect: packets.ConnectParams{ProtocolName: []byte("MQTT"), Clean: !c.keep,
		ClientIdentifier: c.id, Keepalive: 60, UsernameFlag: c.user != "", Username: []byte(c.user), PasswordFlag: c.password != "", Password: []byte(c.password),
		WillFlag: c.will != "", WillTopic: c.will, WillPayload: []byte("gone"), WillRetain: c.retain}}
	if c.expiry > 0 {
		pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = c.expiry, true
	}
	if err := d.trySend(pk); err != nil {
		return d, 0, err
	}
	ack, err := d.tryRead()
	d.connack = ack
	return d, ack.ReasonCode, err
}

// in is tryConnect where it must succeed.
func in(t testing.TB, b *Broker, c connect) *device {
	t.Helper()
	conn, err := net.Dial("tcp", b.address())
	if err != nil {
		t.Fatal(err)
	}
	d, code, err := tryConnect(t, conn, c)
	if err != nil || code != 0 {
		t.Fatalf("%+v is refused: %#x, %v", c, code, err)
	}
	return d
}

// out is the code with which a CONNECT is refused.
func out(t testing.TB, b *Broker, c connect) byte {
	t.Helper()
	conn, err := net.Dial("tcp", b.address())
	if err != nil {
		t.Fatal(err)
	}
	d, code, err := tryConnect(t, conn, c)
	if err != nil || code == 0 {
		t.Fatalf("%+v: code %d, %v", c, code, err)
	}
	d.expectEnd()
	return code
}

func dialTLS(t testing.TB, b *Broker, cfg *tls.Config, c connect) *device {
	t.Helper()
	conn, err := tls.Dial("tcp", b.address(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	d, code, err := tryConnect(t, conn, c)
	if err != nil || code != 0 {
		t.Fatalf("%#x, %v", code, err)
	}
	return d
}

// subscribe gives the SUBACK's codes.
func (d *device) subscribe(filters ...string) []byte {
	d.t.Helper()
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe}, PacketID: 77}
	for _, f := range filters {
		pk.Filters = append(pk.Filters, packets.Subscription{Filter: f, Qos: 1})
	}
	d.send(pk)
	for {
		if pk := d.read(); pk.FixedHeader.Type == packets.Suback {
			return pk.ReasonCodes
		}
	}
}

// codes checks a SUBACK's.
func codes(t testing.TB, got []byte, want ...byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("SUBACK has % x, want % x", got, want)
	}
}
