package ingest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/peers"
	"github.com/mochi-mqtt/server/v2/packets"
)

// device speaks MQTT packet by packet, so that a test sees what is answered, and in which order.
type device struct {
	t       testing.TB
	conn    net.Conn
	in      *bufio.Reader
	version byte
	connack packets.Packet
}

func newDevice(t testing.TB, conn net.Conn, version byte) *device {
	t.Cleanup(func() { _ = conn.Close() })
	return &device{t: t, conn: conn, in: bufio.NewReader(conn), version: version}
}

// connectDevice says CONNECT with an MQTT version (4 is 3.1.1) and checks the CONNACK, which it gives.
func connectDevice(t testing.TB, conn net.Conn, version byte, id string) (*device, packets.Packet) {
	t.Helper()
	d := newDevice(t, conn, version)
	d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect},
		Connect: packets.ConnectParams{ProtocolName: []byte("MQTT"), Clean: true, ClientIdentifier: id, Keepalive: 60}})
	ack := d.read()
	if ack.FixedHeader.Type != packets.Connack || ack.ReasonCode != 0 {
		t.Fatalf("CONNECT was answered with type %d, reason %d", ack.FixedHeader.Type, ack.ReasonCode)
	}
	return d, ack
}

func dialDevice(t testing.TB, b *Broker, version byte, id string) *device {
	t.Helper()
	conn, err := net.Dial("tcp", b.address())
	if err != nil {
		t.Fatal(err)
	}
	d, _ := connectDevice(t, conn, version, id)
	return d
}

func (d *device) publish(topic string, qos byte, id int, payload string) {
	d.t.Helper()
	d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos}, TopicName: topic, PacketID: uint16(id), Payload: []byte(payload)})
}

// publishMany publishes at QoS 1 with the ids from to to, a thousand in one write.
func (d *device) publishMany(topic string, from, to int) {
	d.t.Helper()
	b := new(bytes.Buffer)
	for id := from; id <= to; id++ {
		pk := packets.Packet{ProtocolVersion: d.version, FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, TopicName: topic, PacketID: uint16(id)}
		if err := pk.PublishEncode(b); err != nil {
			d.t.Fatal(err)
		}
		if id%1000 == 0 || id == to {
			if _, err := b.WriteTo(d.conn); err != nil {
				d.t.Fatal(err)
			}
		}
	}
}

func (d *device) send(pk packets.Packet) {
	d.t.Helper()
	if err := d.trySend(pk); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) trySend(pk packets.Packet) error {
	pk.ProtocolVersion = d.version
	b := new(bytes.Buffer)
	var err error
	switch pk.FixedHeader.Type {
	case packets.Connect:
		err = pk.ConnectEncode(b)
	case packets.Publish:
		err = pk.PublishEncode(b)
	case packets.Puback:
		err = pk.PubackEncode(b)
	case packets.Pubrel:
		pk.FixedHeader.Qos = 1
		err = pk.PubrelEncode(b)
	case packets.Subscribe:
		pk.FixedHeader.Qos = 1
		err = pk.SubscribeEncode(b)
	case packets.Unsubscribe:
		pk.FixedHeader.Qos = 1
		err = pk.UnsubscribeEncode(b)
	case packets.Pingreq:
		err = pk.PingreqEncode(b)
	case packets.Disconnect:
		err = pk.DisconnectEncode(b)
	default:
		err = fmt.Errorf("a device does not send type %d here", pk.FixedHeader.Type)
	}
	if err != nil {
		return err
	}
	_ = d.conn.SetWriteDeadline(time.Now().Add(peers.Patience))
	_, err = d.conn.Write(b.Bytes())
	return err
}

func (d *device) read() packets.Packet {
	d.t.Helper()
	pk, err := d.tryRead()
	if err != nil {
		d.t.Fatal(err)
	}
	return pk
}

func (d *device) tryRead() (pk packets.Packet, err error) {
	_ = d.conn.SetReadDeadline(time.Now().Add(peers.Patience))
	first, err := d.in.ReadByte()
	if err != nil {
		return pk, err
	}
	pk.ProtocolVersion = d.version
	if err = pk.FixedHeader.Decode(first); err != nil {
		return pk, err
	}
	if pk.FixedHeader.Remaining, _, err = packets.DecodeLength(d.in); err != nil {
		return pk, err
	}
	body := make([]byte, pk.FixedHeader.Remaining)
	if _, err = io.ReadFull(d.in, body); err != nil {
		return pk, err
	}
	switch pk.FixedHeader.Type {
	case packets.Connack:
		err = pk.ConnackDecode(body)
	case packets.Publish:
		err = pk.PublishDecode(body)
	case packets.Puback:
		err = pk.PubackDecode(body)
	case packets.Pubrec:
		err = pk.PubrecDecode(body)
	case packets.Pubcomp:
		err = pk.PubcompDecode(body)
	case packets.Suback:
		err = pk.SubackDecode(body)
	case packets.Unsuback:
		err = pk.UnsubackDecode(body)
	case packets.Disconnect:
		err = pk.DisconnectDecode(body)
	}
	return pk, err
}

// expect reads the next packet and checks its type and id.
func (d *device) expect(kind byte, id int) packets.Packet {
	d.t.Helper()
	pk := d.read()
	if pk.FixedHeader.Type != kind || pk.PacketID != uint16(id) {
		d.t.Fatalf("type %d of id %d came (reason %d), want type %d of id %d", pk.FixedHeader.Type, pk.PacketID, pk.ReasonCode, kind, id)
	}
	return pk
}

// expectNothing checks by a ping that no answer is on its way.
func (d *device) expectNothing() {
	d.t.Helper()
	d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}})
	d.expect(packets.Pingresp, 0)
}

// expectEnd reads until the connection ends, and gives the last packet before.
func (d *device) expectEnd() (last packets.Packet) {
	d.t.Helper()
	for {
		pk, err := d.tryRead()
		if err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				d.t.Fatal("the connection stays open")
			}
			return last
		}
		last = pk
	}
}
