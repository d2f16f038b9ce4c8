package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/peers"
	"github.com/mochi-mqtt/server/v2/packets"
	"golang.org/x/crypto/bcrypt"
)

func aclBroker(t testing.TB, sink Sink, change func(*BrokerConfig)) (*Broker, *recorder) {
	t.Helper()
	r := newRecorder()
	cfg := BrokerConfig{Users: map[string]string{"bus-7": "a", "bus-8": "b", "panel": "c"}, Observer: r.observer(), ACL: ACL{
		Publish: []string{"in/{device}/#", "out/{device}"}, Subscribe: []string{"in/{device}/#", "broadcast/#"},
		Users: map[string]UserACL{"panel": {Publish: []string{}, Subscribe: []string{"#"}}}}}
	if change != nil {
		change(&cfg)
	}
	return startBroker(t, cfg, sink), r
}

func bus7(version byte) connect {
	return connect{id: "d", user: "bus-7", password: "a", version: version}
}

// What may not be published is neither handed on, nor passed to others, nor acknowledged, by whichever way it comes.
func TestADeviceKeepsToItsTopics(t *testing.T) {
	sink := newHandSink(10)
	b, r := aclBroker(t, sink, nil)
	panel := in(t, b, connect{id: "p", user: "panel", password: "c", version: 4})
	codes(t, panel.subscribe("#"), 1)
	d := in(t, b, bus7(5))
	for i, topic := range []string{"in/bus-8/x", "in/x", "other", "out/bus-7/x"} {
		d.publish(topic, 0, 0, "no")
		d.publish(topic, 1, 10+i, "no")
		if pk := d.expect(packets.Puback, 10+i); pk.ReasonCode != packets.ErrNotAuthorized.Code {
			t.Errorf("%s is answered with %#x", topic, pk.ReasonCode)
		}
		d.publish(topic, 2, 20+i, "no")
		if pk := d.expect(packets.Pubrec, 20+i); pk.ReasonCode != packets.ErrNotAuthorized.Code {
			t.Errorf("%s is answered with %#x", topic, pk.ReasonCode)
		}
	}
	// An alias stands for its topic.
	alias := func(topic string, id uint16) byte {
		d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, TopicName: topic, PacketID: id, Payload: []byte("no"),
			Properties: packets.Properties{TopicAlias: 3, TopicAliasFlag: true}})
		return d.expect(packets.Puback, int(id)).ReasonCode
	}
	if alias("in/bus-8/x", 30) != 0x87 || alias("", 31) != 0x87 {
		t.Error("an alias opens another's topic")
	}
	d.publish("in/bus-7/x", 1, 40, "yes")
	acknowledge(sink.next(t))
	if pk := d.expect(packets.Puback, 40); pk.ReasonCode != 0 {
		t.Errorf("its own topic: %#x", pk.ReasonCode)
	}
	if pk := panel.read(); pk.TopicName != "in/bus-7/x" || string(pk.Payload) != "yes" {
		t.Errorf("%s %s came to the panel", pk.TopicName, pk.Payload)
	}
	for _, id := range []int{1, 2} { // MQTT 3 has no answer that says no
		old := in(t, b, connect{id: fmt.Sprint("old", id), user: "bus-7", password: "a", version: 4})
		old.publish("in/bus-8/x", 0, 0, "no")
		old.expectNothing()
		old.publish("in/bus-8/x", byte(id), 1, "no")
		if last := old.expectEnd(); last.FixedHeader.Type == packets.Puback || last.FixedHeader.Type == packets.Pubrec {
			t.Error("an MQTT 3 client is told that a refused message is safe")
		}
	}
	sink.none(t)
	panel.expectNothing()
	r.has(t, RefusedPublish)
}

func TestSubscriptionsAreJudgedByTheirTopics(t *testing.T) {
	sink := newHandSink(10)
	b, r := aclBroker(t, sink, func(c *BrokerConfig) { c.Limits = limitsWith(func(l *Limits) { l.Subscriptions = 3 }) })
	d5 := in(t, b, bus7(5))
	codes(t, d5.subscribe("in/bus-7/#", "in/bus-8/#", "#", "+/bus-7/x", "$share/g/in/bus-8/x", "$share/g/in/bus-7/x", "$SYS/#", "a\nb", "broadcast/news", "broadcast/#"),
		1, 0x87, 0x87, 0x87, 0x87, 1, 0x87, 0x8f, 1, 0x97)
	codes(t, d5.subscribe("broadcast/news"), 1) // again, which is no new one
	d4 := in(t, b, connect{id: "d4", user: "bus-7", password: "a", version: 4})
	codes(t, d4.subscribe("in/bus-7/#", "in/bus-8/#"), 1, 0x80)
	other := in(t, b, connect{id: "d8", user: "bus-8", password: "b", version: 4})
	other.publish("in/bus-8/x", 1, 1, "a")
	acknowledge(sink.next(t))
	other.expect(packets.Puback, 1)
	d5.expectNothing()
	d4.expectNothing()
	r.has(t, RefusedSubscribe, RefusedSubscriptions, RefusedTopic)
}

func TestWills(t *testing.T) {
	sink := newHandSink(10)
	b, r := aclBroker(t, sink, nil)
	for topic, code := range map[string]byte{"in/bus-8/x": 0x87, "in/bus-7/a\nb": 0x90, "in/bus-7/+": 0x90, "$SYS/x": 0x90} {
		c := bus7(5)
		c.will = topic
		if got := out(t, b, c); got != code {
			t.Errorf("a Will on %q in MQTT 5: %#x", topic, got)
		}
		c.version = 4
		if got := out(t, b, c); got != 5 {
			t.Errorf("a Will on %q in MQTT 3: %#x", topic, got)
		}
	}
	r.has(t, RefusedWill)
	panel := in(t, b, connect{id: "p", user: "panel", password: "c", version: 4})
	codes(t, panel.subscribe("#"), 1)
	c := bus7(4)
	c.will = "in/bus-7/state"
	_ = in(t, b, c).conn.Close()
	if pk := panel.read(); pk.TopicName != "in/bus-7/state" || string(pk.Payload) != "gone" {
		t.Errorf("%s %s came", pk.TopicName, pk.Payload)
	}
	if m := sink.next(t); m.Topic != "in/bus-7/state" || string(m.Payload) != "gone" || m.Done != nil { // a stream reads it too
		t.Errorf("%+v", m)
	}
	sink.none(t)
}

func TestHostileTopics(t *testing.T) {
	sink := newHandSink(10)
	r := newRecorder()
	b := startBroker(t, BrokerConfig{Observer: r.observer()}, sink)
	for i, topic := range []string{"in/a\nb", "in/\u0085", "in/" + strings.Repeat("x", 1100), "in" + strings.Repeat("/", 40), "$share/g/in"} {
		d := in(t, b, connect{id: "five", version: 5})
		d.publish(topic, 0, 0, "no")
		d.publish(topic, 1, 1, "no")
		if pk := d.expect(packets.Puback, 1); pk.ReasonCode != packets.ErrTopicNameInvalid.Code {
			t.Errorf("%.20q: %#x", topic, pk.ReasonCode)
		}
		old := in(t, b, connectOf("four"))
		old.publish(topic, 1, 1, "no")
		old.expectEnd()
		if n := r.of(RefusedTopic); n != 3*(i+1) {
			t.Errorf("%.20q: %d are counted", topic, n)
		}
	}
	for _, topic := range []string{"$SYS/broker/uptime", "$sys/x", "in/+", "in/#", "in/\xff", "in/\x00"} {
		d := in(t, b, connectOf("end"))
		d.publish(topic, 1, 1, "no")
		if last := d.expectEnd(); last.FixedHeader.Type == packets.Puback {
			t.Errorf("%q is acknowledged", topic)
		}
	}
	d := in(t, b, connect{id: "alias", version: 5})
	d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, PacketID: 1, Properties: packets.Properties{TopicAlias: 5, TopicAliasFlag: true}})
	if last := d.expectEnd(); last.ReasonCode != packets.ErrTopicAliasInvalid.Code {
		t.Errorf("an alias of nothing: %#x", last.ReasonCode)
	}
	sink.none(t)
}

func TestPasswordsMayBeHashes(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	b, r := aclBroker(t, newHandSink(1), func(c *BrokerConfig) { c.Users = map[string]string{"h": string(hash), "p": "$plain"} })
	for range 2 { // the second time it is known
		in(t, b, connect{id: "x", user: "h", password: "secret", version: 4})
	}
	in(t, b, connect{id: "y", user: "p", password: "$plain", version: 4})
	for _, c := range []connect{{user: "h", password: "secreT"}, {user: "h", password: string(hash)}, {user: "h"}, {user: "p", password: "plain"}, {user: "q", password: "secret"}, {}} {
		c.id, c.version = "z", 4
		if code := out(t, b, c); code != 5 {
			t.Errorf("%s:%s is refused with %d", c.user, c.password, code)
		}
	}
	r.has(t, RefusedCredentials)
	if CheckPassword("$2a$nonsense") == nil || CheckPassword("plain") != nil || CheckPassword(string(hash)) != nil {
		t.Error("CheckPassword")
	}
}

// Nobody gets into somebody else's session, or a device's name by claiming its client id.
func TestSessionsAreTheirOwners(t *testing.T) {
	sink := newHandSink(10)
	b, r := aclBroker(t, sink, nil)
	owner := connect{id: "same", user: "bus-7", password: "a", version: 4, keep: true}
	d := in(t, b, owner)
	codes(t, d.subscribe("in/bus-7/#"), 1)
	thief := connect{id: "same", user: "bus-8", password: "b", version: 4, keep: true}
	if code := out(t, b, thief); code != 2 {
		t.Errorf("code %d", code)
	}
	d.expectNothing() // is still there
	_ = d.conn.Close()
	peers.Eventually(t, "it goes", func() bool { return b.Clients() == 0 })
	got := in(t, b, thief)
	if got.connack.SessionPresent {
		t.Error("the session of another is inherited")
	}
	if n := b.Stats().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions are", n)
	}
	r.has(t, RefusedIdentity)
	for _, id := range []string{"a\nb", strings.Repeat("x", 600)} {
		if code := out(t, b, connect{id: id, user: "bus-7", password: "a", version: 4}); code != 2 {
			t.Errorf("id %.10q: code %d", id, code)
		}
	}
}

func TestLimitsOfSessions(t *testing.T) {
	r := newRecorder()
	b := startBroker(t, BrokerConfig{Observer: r.observer(), Limits: limitsWith(func(l *Limits) {
		l.Sessions, l.Clients, l.Retained, l.RetainedBytes, l.SessionExpiry = 3, 2, 2, 1000, time.Second
	})}, newHandSink(10))
	for i := range 3 {
		d := in(t, b, connect{id: fmt.Sprint("away", i), version: 4, keep: true})
		codes(t, d.subscribe("x/#"), 1)
		d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}})
		d.expectEnd()
		peers.Eventually(t, "it goes", func() bool { return b.Clients() == 0 })
	}
	if code := out(t, b, connectOf("one more")); code != 3 {
		t.Errorf("code %d", code)
	}
	d := in(t, b, connect{id: "away0", version: 4, keep: true})
	if !d.connack.SessionPresent {
		t.Error("a session that is known is not resumed")
	}
	r.has(t, RefusedSessions)
	for i, c := range []struct {
		topic, payload string
		kept           int
	}{{"a", "x", 1}, {"b", "x", 2}, {"c", "x", 2}, {"a", strings.Repeat("x", 2000), 2}, {"a", "", 1}, {"c", "x", 2}} {
		d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1, Retain: true}, TopicName: c.topic, PacketID: uint16(i + 1), Payload: []byte(c.payload)})
		d.expect(packets.Puback, i+1)
		if n := b.Stats().Retained; n != c.kept {
			t.Errorf("after %d there are %d retained, want %d", i, n, c.kept)
		}
	}
	r.has(t, RefusedRetained)
	peers.Eventually(t, "sessions expire, with their subscriptions", func() bool { s := b.Stats(); return s.Sessions == 1 && s.Subscriptions == 1 })
}

// mochi takes the packet ids of what it sends and of what it is sent for the same, and would refuse a SUBSCRIBE with the id of a
// message that waits for an acknowledgement.
func TestPacketIDsOfBothSidesAreApart(t *testing.T) {
	for _, version := range []byte{4, 5} {
		b := startBroker(t, BrokerConfig{}, newHandSink(1))
		d := in(t, b, connect{id: "d", version: version})
		codes(t, d.subscribe("a/#"), 1)
		other := in(t, b, connectOf("other"))
		for id := 1; id <= 3; id++ {
			other.publish("a/x", 1, id, "x")
			other.expect(packets.Puback, id)
			d.expect(packets.Publish, id) // and is not acknowledged
		}
		d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe}, PacketID: 2, Filters: packets.Subscriptions{{Filter: "b/#", Qos: 1}}})
		if pk := d.expect(packets.Suback, 2); pk.ReasonCodes[0] != 1 {
			t.Errorf("MQTT %d: SUBACK % x", version, pk.ReasonCodes)
		}
		d.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Unsubscribe}, PacketID: 3, Filters: packets.Subscriptions{{Filter: "a/#"}, {Filter: "c"}}})
		if pk := d.expect(packets.Unsuback, 3); version == 5 && (len(pk.ReasonCodes) != 2 || pk.ReasonCodes[0] != 0 || pk.ReasonCodes[1] != 0x11) {
			t.Errorf("UNSUBACK % x", pk.ReasonCodes)
		}
		if n := b.Stats().Subscriptions; n != 1 {
			t.Errorf("MQTT %d: %d subscriptions", version, n)
		}
	}
}
