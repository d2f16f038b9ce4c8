package uplink

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/edge/peers"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
)

// run runs an uplink until the returned function ends it; sent counts what it says it delivered.
func run(t *testing.T, u *Uplink) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(peers.Patience):
			t.Error("the uplink does not stop")
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestCalmDeliveryIsInOrderAndOnce(t *testing.T) {
	h := startHub(t)
	stream := h.stream(t, true)
	box := newMemory()
	batches, bytes := 0, 0
	u := New("edge", connect(t, h.URL()), box, silent(), func(n, size int) { batches += n; bytes += size })
	box.add(1200) // more than one atomic publish
	stop := run(t, u)
	peers.Eventually(t, "delivered", func() bool { return box.left() == 0 })
	for range 20 { // and then as they come: one, or a few
		box.add(1)
		u.Wake()
		box.add(2)
		u.Wake()
	}
	peers.Eventually(t, "delivered", func() bool { return box.left() == 0 })
	stop()
	if got := stored(t, stream); !slices.Equal(got, box.all) {
		t.Errorf("%d messages are stored, not the %d put in, or not in order", len(got), len(box.all))
	}
	want := 0
	for _, s := range box.all {
		want += len(s[strings.Index(s, " ")+1:])
	}
	if batches != len(box.all) || bytes != want {
		t.Errorf("%d batches of %d bytes told, want %d of %d", batches, bytes, len(box.all), want)
	}
	for _, r := range box.reads {
		if r[0] > 1000 || r[1] > 64<<20 {
			t.Fatalf("read up to %d batches, %d bytes: JetStream takes 1,000 a publish", r[0], r[1])
		}
	}
}

func TestEverythingArrivesOverAStopOfTheServer(t *testing.T) {
	h := startHub(t)
	h.stream(t, true)
	box := newMemory()
	u := New("edge", connect(t, h.URL()), box, silent(), func(int, int) {})
	u.ackWithin = time.Second
	run(t, u)
	box.add(300)
	u.Wake()
	peers.Eventually(t, "the first ones delivered", func() bool { return box.left() == 0 })
	h.Stop()
	for range 10 {
		box.add(70)
		u.Wake()
	}
	peers.Eventually(t, "tries fail", func() bool { return u.Failing() > 0 })
	if box.left() != 700 {
		t.Errorf("%d batches wait with the server away, want 700", box.left())
	}
	h.Start(t)
	peers.Eventually(t, "the rest delivered", func() bool { return box.left() == 0 })
	checkOnceApplied(t, stored(t, h.stream(t, true)), box.all)
}

// The server takes a publish, its acknowledgement is lost: it is sent again, still in order.
func TestALostAcknowledgementSendsAgain(t *testing.T) {
	h := startHub(t)
	stream := h.stream(t, true)
	p := startProxy(t, strings.TrimPrefix(h.URL(), "nats://"))
	box := newMemory()
	u := New("edge", connect(t, p.url()), box, silent(), func(int, int) {})
	u.ackWithin = 500 * time.Millisecond
	box.add(40)
	run(t, u)
	peers.Eventually(t, "the first ones delivered", func() bool { return box.left() == 0 })
	p.deaf.Store(true)
	before := p.swallowed.Load()
	box.add(60)
	u.Wake()
	peers.Eventually(t, "an acknowledgement is lost", func() bool { return len(stored(t, stream)) > 40 && p.swallowed.Load() > before })
	if box.left() != 60 {
		t.Errorf("%d of 60 wait for their acknowledgement", box.left())
	}
	p.deaf.Store(false)
	p.cut()
	peers.Eventually(t, "the rest delivered", func() bool { return box.left() == 0 })
	got := stored(t, stream)
	if len(got) <= len(box.all) {
		t.Errorf("%d messages are stored for %d batches: nothing was sent again", len(got), len(box.all))
	}
	checkOnceApplied(t, got, box.all)
}

// checkOnceApplied applies messages as the core does, by the highest number of each partition, and wants each batch once.
func checkOnceApplied(t *testing.T, got, want []string) {
	t.Helper()
	last := map[string]int{}
	var applied []string
	for _, m := range got {
		var p, n int
		if _, err := fmt.Sscanf(m[strings.Index(m, " ")+1:], "%d/%d", &p, &n); err != nil {
			t.Fatal(err)
		}
		switch subject := wire.Subject("edge", uint32(p)); {
		case n == last[subject]+1:
			last[subject] = n
			applied = append(applied, m)
		case n > last[subject]:
			t.Fatalf("%s: %d comes after %d", subject, n, last[subject])
		}
	}
	if !slices.Equal(applied, want) {
		t.Errorf("%d batches are applied, of %d", len(applied), len(want))
	}
}

// What JetStream refuses stays in the outbox, and is not told as sent.
func TestARefusalKeepsTheOutbox(t *testing.T) {
	h := startHub(t)
	box := newMemory()
	box.add(5)
	u := New("edge", connect(t, h.URL()), box, silent(), func(int, int) { t.Error("told as sent") })
	u.ackWithin = 2 * time.Second
	if n, err := u.deliver(t.Context()); n != 0 || err == nil {
		t.Errorf("no stream: %d delivered, %v", n, err)
	}
	h.stream(t, false)
	if n, err := u.deliver(t.Context()); n != 0 || err == nil || !strings.Contains(err.Error(), "tele.edge.") {
		t.Errorf("no atomic publish: %d delivered, %v", n, err)
	}
	if box.left() != 5 {
		t.Errorf("%d of 5 are left", box.left())
	}
	u.sent = func(int, int) {}
	stream := h.stream(t, true)
	u.Drain(t.Context())
	if got := stored(t, stream); !slices.Equal(got, box.all) {
		t.Errorf("%q are stored", got)
	}
}

// A service that answers like JetStream, but says nothing of a sequence, has stored nothing.
func TestAnAnswerThatIsNoAcknowledgementIsNone(t *testing.T) {
	h := startHub(t)
	c := connect(t, h.URL())
	for _, answer := range []string{"", "+OK", "{}", `{"stream":"X"}`, `{"error":{"err_code":10077,"description":"maximum bytes exceeded"}}`} {
		s, err := c.Subscribe("tele.>", func(m *nats.Msg) { _ = m.Respond([]byte(answer)) })
		if err != nil {
			t.Fatal(err)
		}
		box := newMemory()
		box.add(1)
		u := New("edge", c, box, silent(), func(int, int) { t.Errorf("%q was taken for an acknowledgement", answer) })
		if n, err := u.deliver(t.Context()); n != 0 || err == nil || box.left() != 1 {
			t.Errorf("%q: %d delivered, %v", answer, n, err)
		}
		if err := s.Unsubscribe(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDrainGivesUpWhenItsTimeIsOver(t *testing.T) {
	h := startHub(t)
	c := connect(t, h.URL())
	h.Stop()
	box := newMemory()
	box.add(3)
	u := New("edge", c, box, silent(), func(int, int) {})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	u.Drain(ctx)
	if time.Since(start) > 2*time.Second || box.left() != 3 {
		t.Errorf("took %s, %d of 3 left", time.Since(start), box.left())
	}
	h.Start(t)
}

// 500 batches of 1 KiB: one atomic publish, one fsync.
func BenchmarkDeliver500(b *testing.B) {
	h := startHub(b)
	h.stream(b, true)
	u := New("edge", connect(b, h.URL()), &endless{data: make([]byte, 1024)}, silent(), func(int, int) {})
	b.ReportAllocs()
	for b.Loop() {
		if n, err := u.deliver(b.Context()); n != 500 || err != nil {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.N)*500/b.Elapsed().Seconds(), "batches/s")
}

// endless is an outbox that always has more.
type endless struct{ data []byte }

func (e *endless) Outbox(after uint64, limit, _ int, f func(uint64, uint32, []byte)) error {
	for i := range limit {
		f(after+uint64(i)+1, uint32(i%8), e.data)
	}
	return nil
}

func (*endless) Delivered(uint64, uint64) error { return nil }
