package ingest

import (
	"strings"
	"time"
	"unsafe"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// check holds a publish, its topic alias resolved, to its client's rights. A device mostly publishes to the topic of before, for which
// the verdict stands. What is refused is answered, and never acknowledged: err is ErrRejectPacket then.
func (t *tap) check(cl *mqtt.Client, pk *packets.Packet) error {
	g := guestOf(cl)
	if g == nil {
		return packets.ErrRejectPacket
	}
	if pk.TopicName == "" { // an alias that was never given a topic
		t.refused.add(RefusedTopic, g.name(), "an unknown topic alias")
		_ = t.server.DisconnectClient(cl, packets.ErrTopicAliasInvalid) // says that it did
		return packets.ErrRejectPacket
	}
	if string(g.topic) != pk.TopicName || g.verdict != "" {
		g.topic = append(g.topic[:0], pk.TopicName...)
		g.verdict = t.judge(g, pk.TopicName)
	}
	if pk.Properties.TopicAliasFlag {
		g.keepAlias(cl, pk)
	}
	if g.verdict != "" {
		t.refused.add(g.verdict, g.name(), pk.TopicName)
		return t.deny(cl, pk, g.verdict)
	}
	if pk.FixedHeader.Retain && !t.retained.admit(pk.TopicName, len(pk.Payload)) {
		t.refused.add(RefusedRetained, g.name(), pk.TopicName)
		pk.FixedHeader.Retain = false
	}
	return nil
}

func (t *tap) judge(g *guest, topic string) Reason {
	switch {
	case !t.limits.soundTopic(topic):
		return RefusedTopic
	case !g.rights.mayPublish(topic):
		return RefusedPublish
	}
	return ""
}

// keepAlias makes mochi remember the topic alone: it would keep the whole packet that named it.
func (g *guest) keepAlias(cl *mqtt.Client, pk *packets.Packet) {
	if g.aliases == nil {
		g.aliases = new([topicAliases + 1]*byte)
	}
	kept := &g.aliases[pk.Properties.TopicAlias] // mochi checked that it is not above
	if unsafe.StringData(pk.TopicName) == *kept {
		return
	}
	topic := strings.Clone(pk.TopicName)
	cl.State.TopicAliases.Inbound.Set(pk.Properties.TopicAlias, topic)
	*kept = unsafe.StringData(topic)
}

// deny answers a refused publish: MQTT 5 has a reason code for it; in MQTT 3, where an acknowledgement would say that the message is
// safe, the client is disconnected. At QoS 0 nothing is said.
func (t *tap) deny(cl *mqtt.Client, pk *packets.Packet, why Reason) error {
	if pk.FixedHeader.Qos == 0 {
		return packets.ErrRejectPacket
	}
	code := packets.ErrNotAuthorized
	if why == RefusedTopic {
		code = packets.ErrTopicNameInvalid
	}
	if cl.Properties.ProtocolVersion < 5 {
		cl.Stop(code)
		return packets.ErrRejectPacket
	}
	answer := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: pk.PacketID, ReasonCode: code.Code}
	if pk.FixedHeader.Qos == 2 {
		answer.FixedHeader.Type = packets.Pubrec
	}
	answer.Properties.ReasonString = code.Reason
	_ = cl.WritePacket(answer) // else it is gone
	return packets.ErrRejectPacket
}

// OnWillSent hands a Will on to the sink as well: mochi passes Wills to MQTT clients alone. It goes by no acknowledgement, and must not
// hold up mochi, which sends delayed Wills from the loop that does all its housekeeping.
func (t *tap) OnWillSent(_ *mqtt.Client, pk packets.Packet) {
	if t.sink.Wants(pk.TopicName) {
		go func() {
			_ = t.submit(Message{Topic: pk.TopicName, Payload: pk.Payload, ArrivalUs: time.Now().UnixMicro()})
		}() // not handed on when stopping, or on a full disk
	}
}
