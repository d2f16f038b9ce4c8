package edge

import (
	"fmt"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/store"
)

// decode → dedupe → fold of one reading of about 80 bytes: 1,000 devices, one view; without rows, with rows, and ten a message.
func BenchmarkTake(b *testing.B) {
	for _, c := range []struct {
		name  string
		rows  bool
		batch int
	}{{"one", false, 1}, {"one+row", true, 1}, {"ten", false, 10}} {
		b.Run(c.name, func(b *testing.B) {
			d := newDesk(b, b.TempDir())
			defer d.abandon(b)
			p := cityPlan(2)
			if !c.rows {
				p.Streams[0].Position = nil
			}
			if err := d.edge.line.adopt(adoption{plan: p}); err != nil {
				b.Fatal(err)
			}
			l, start := d.edge.line, time.Now().UnixMicro()
			topics := make([]string, 1000)
			for i := range topics {
				topics[i] = fmt.Sprintf("city/bus-%04d/position", i)
			}
			payloads := make([][]byte, 4096)
			fill := func(from int) { // made beside the clock
				for i := range payloads {
					text := ""
					for k := range c.batch {
						text += fmt.Sprintf(`,{"ts":%d,"x":%d,"lat":48.137154,"lon":11.576124,"speed":43.5}`, start+int64((from+i)*c.batch+k), i)
					}
					payloads[i] = []byte(text[1:])
					if c.batch > 1 {
						payloads[i] = []byte("[" + text[1:] + "]")
					}
				}
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n%len(payloads) == 0 {
					b.StopTimer()
					if err := l.turn(nil, time.Now(), true); err != nil {
						b.Fatal(err)
					}
					fill(n)
					b.StartTimer()
				}
				l.take(store.Message{ArrivalUs: start, Topic: topics[n%1000], Payload: payloads[n%len(payloads)]}, start, true)
				n++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.batch), "ns/reading")
		})
	}
}
