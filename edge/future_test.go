package edge

import (
	"fmt"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/ingest"
	"github.com/hexpane/hexpane/protocol/plan"
)

// One device a day ahead, beside one with a right clock: its readings are kept or rejected, as the policy says, and counted. Either way the
// watermark is the other's, and of the other nothing is lost.
func TestADeviceADayAheadHurtsNobody(t *testing.T) {
	for _, policy := range []string{"keep", "reject"} {
		t.Run(policy, func(t *testing.T) {
			d := newDesk(t, t.TempDir())
			defer func() { d.abandon(t) }()
			d.edge.line.cfg.Time.Future = policy
			for _, p := range []*plan.Plan{{Version: 2, Partitions: 4}, cityPlan(3)} { // the stream is made anew, by the policy
				if err := d.edge.line.adopt(adoption{plan: p}); err != nil {
					t.Fatal(err)
				}
			}
			now := time.Now()
			send := func(device string, at time.Time) {
				t.Helper()
				m := d.message(device, fmt.Sprintf(`{"ts":%d,"x":1}`, at.UnixMilli()))
				m.ArrivalUs = now.UnixMicro()
				if err := d.edge.line.turn([]ingest.Message{m}, now, false); err != nil {
					t.Fatal(err)
				}
			}
			var newest time.Time
			for range 5 {
				now = now.Add(time.Second)
				newest = now.Add(-time.Second)
				send("right", newest)
				send("ahead", now.Add(24*time.Hour))
			}
			s := d.edge.line.sources[vehicles]
			counted, kept, rejected := s.counters.future, s.counters.readings, s.counters.rejected
			want := map[string][3]uint64{"keep": {5, 10, 0}, "reject": {5, 5, 5}}[policy]
			if got := [3]uint64{counted, kept, rejected}; got != want {
				t.Errorf("%v readings of the future, kept, rejected; want %v", got, want)
			}
			posted := []byte(fmt.Sprintf(`{"ts":%d,"x":1}`, now.Add(24*time.Hour).UnixMilli()))
			n, no := s.judge(&ingest.Post{Body: posted}, heap{}, ingest.Message{Topic: "city/ahead/position", Payload: posted, ArrivalUs: now.UnixMicro()})
			if refused := no != nil && no.Reason == "future"; refused != (policy == "reject") || refused != (n == 0) {
				t.Errorf("a post of it gives %d readings, %+v", n, no)
			}
			if policy == "reject" && d.acked != 10 {
				t.Errorf("%d of 10 acknowledged: what is rejected would come again", d.acked)
			}

			if err := d.edge.line.turn(nil, now, true); err != nil {
				t.Fatal(err)
			}
			l := newLedger()
			d.read(t, l, 0)
			if us := l.watermarks[vehicles]; us != newest.UnixMilli()*1000-s.def.DisorderUs {
				t.Errorf("the watermark is %v; the honest device's newest reading is of %v", time.UnixMicro(us), newest)
			}
			if uint64(l.readings) != want[1] {
				t.Errorf("%d readings are forwarded, want %d", l.readings, want[1])
			}
		})
	}
}
