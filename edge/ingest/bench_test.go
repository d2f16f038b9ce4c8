package ingest

import (
	"fmt"
	"testing"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// What holding a message to its client's rights and limits costs: of the topic of before, of another each time, and the header.
func BenchmarkChecks(b *testing.B) {
	sink := newHandSink(1)
	br := idleBroker(b, BrokerConfig{Users: map[string]string{"bus-7": "x"}, ACL: ACL{Publish: []string{"in/{device}/#", "out/{device}"}}}, sink)
	l := br.tap.limits
	g := newGuest(&script{}, newSocket(&script{}, br.gate), br.server)
	cl := br.server.NewClient(g, "tcp", "bus-7", false)
	g.client, g.rights = cl, rights{device: "bus-7", client: "bus-7", publish: []string{"out/{device}", "in/{device}/#"}}
	topics := make([]string, 16)
	for i := range topics {
		topics[i] = fmt.Sprint("in/bus-7/sensors/", i)
	}
	check := func(b *testing.B, cl *mqtt.Client, pick func(i int) string) {
		b.ReportAllocs()
		pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, Payload: make([]byte, 80)}
		for i := 0; b.Loop(); i++ {
			if pk.TopicName = pick(i); br.tap.check(cl, &pk) != nil {
				b.Fatal("refused")
			}
		}
	}
	b.Run("same topic", func(b *testing.B) { check(b, cl, func(int) string { return topics[0] }) })
	b.Run("other topics", func(b *testing.B) { check(b, cl, func(i int) string { return topics[i%16] }) })
	b.Run("headers", func(b *testing.B) { // of one message
		one := frame(packets.Publish, append([]byte("\x00\x12in/bus-7/sensors/1"), make([]byte, 80)...))
		var many []byte
		for range 20 {
			many = append(many, one...)
		}
		f := frames{most: l.ClientBytes}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%20 == 0 {
				if _, n, _, err := f.scan(many); n != 20 || err != nil {
					b.Fatal(n, err)
				}
			}
		}
	})
}
