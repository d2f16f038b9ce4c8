package intake_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/intake"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// link is a NATS server with the stream of batches.
type link struct {
	t      *testing.T
	dir    string
	port   int
	server *server.Server
	js     jetstream.JetStream
	stream jetstream.Stream
}

func newLink(t *testing.T) *link {
	l := &link{t: t, dir: t.TempDir(), port: server.RANDOM_PORT}
	l.start()
	conn, err := nats.Connect(l.server.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	l.must(err)
	t.Cleanup(func() {
		conn.Close()
		l.stop()
	})
	l.js, err = jetstream.New(conn)
	l.must(err)
	l.stream, err = l.js.CreateStream(l.ctx(), jetstream.StreamConfig{Name: wire.StreamName, Subjects: []string{wire.StreamSubject}})
	l.must(err)
	return l
}

func (l *link) start() {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: l.port, JetStream: true, StoreDir: l.dir, NoSigs: true})
	l.must(err)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		l.t.Fatal("NATS does not start")
	}
	l.server = s
	l.port = s.Addr().(*net.TCPAddr).Port
}

func (l *link) stop() {
	l.server.Shutdown()
	l.server.WaitForShutdown()
}

func (l *link) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	l.t.Cleanup(cancel)
	return ctx
}

func (l *link) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// send publishes one batch and gives its place in the stream.
func (l *link) send(edge string, partition uint32, seq uint64) uint64 {
	l.t.Helper()
	message, err := wire.Pack(&wire.Batch{Edge: edge, Epoch: 1, Seq: seq, Partition: partition})
	l.must(err)
	ack, err := l.js.Publish(l.ctx(), wire.Subject(edge, partition), message)
	l.must(err)
	return ack.Sequence
}

// reader reads one partition until stop.
type reader struct {
	t    *testing.T
	out  chan intake.Message
	stop func()
}

func (l *link) read(partition uint32, after uint64) *reader {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{t: l.t, out: make(chan intake.Message)}
	ended := make(chan error, 1)
	go func() { ended <- intake.Run(ctx, l.stream, partition, after, slog.New(slog.DiscardHandler), r.out) }()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			l.must(err)
		case <-time.After(5 * time.Second):
			l.t.Error("Run does not end with its context")
		}
	}
	l.t.Cleanup(r.stop)
	return r
}

func (r *reader) next() intake.Message {
	r.t.Helper()
	select {
	case m := <-r.out:
		return m
	case <-time.After(10 * time.Second):
		r.t.Fatal("no batch comes")
		return intake.Message{}
	}
}

func (r *reader) none() {
	r.t.Helper()
	select {
	case m := <-r.out:
		r.t.Fatalf("unexpected: %d, %v", m.Sequence, m.Batch)
	case <-time.After(100 * time.Millisecond):
	}
}

func name(m intake.Message) string {
	return fmt.Sprintf("%d:%s/%d", m.Sequence, m.Batch.Edge, m.Batch.Seq)
}

func TestBatchesComeInStreamOrderPerPartition(t *testing.T) {
	l := newLink(t)
	var want [2][]string
	var seq [3][2]uint64
	send := func(n int) {
		for range n {
			e, p := rand.IntN(3), rand.IntN(2)
			seq[e][p]++
			edge := fmt.Sprint("edge-", e)
			at := l.send(edge, uint32(p), seq[e][p])
			want[p] = append(want[p], fmt.Sprintf("%d:%s/%d", at, edge, seq[e][p]))
		}
	}
	send(100)
	readers := [2]*reader{l.read(0, 0), l.read(1, 0)}
	check := func(from [2]int) {
		for p, r := range readers {
			for _, w := range want[p][from[p]:] {
				if got := name(r.next()); got != w {
					t.Fatalf("partition %d: %s, want %s", p, got, w)
				}
			}
		}
	}
	check([2]int{})
	seen := [2]int{len(want[0]), len(want[1])}
	send(100)
	check(seen)
	for _, r := range readers {
		r.none()
	}
}

func TestReadingResumesAfterASequence(t *testing.T) {
	l := newLink(t)
	var places []uint64
	for i := range uint64(10) {
		places = append(places, l.send("e", 0, i+1))
		l.send("e", 1, i+1)
	}
	r := l.read(0, places[3])
	if m := r.next(); m.Sequence != places[4] || m.Batch.Seq != 5 {
		t.Fatal(name(m))
	}
	r.stop()
	r = l.read(0, places[9]) // all is read; what comes next is the next
	r.none()
	at := l.send("e", 0, 11)
	if m := r.next(); m.Sequence != at {
		t.Fatal(name(m))
	}
}

// What was purged is not waited for: reading goes on with what is there.
func TestPurgedBatchesAreNotWaitedFor(t *testing.T) {
	l := newLink(t)
	var last uint64
	for i := range uint64(20) {
		last = l.send("e", 0, i+1)
	}
	l.must(l.stream.Purge(l.ctx(), jetstream.WithPurgeSequence(last-1)))
	r := l.read(0, 5)
	if m := r.next(); m.Sequence != last-1 || m.Batch.Seq != 19 {
		t.Fatal(name(m))
	}
	r.next()
	l.must(l.stream.Purge(l.ctx()))
	at := l.send("e", 0, 21)
	if m := r.next(); m.Sequence != at || m.Batch.Seq != 21 {
		t.Fatal(name(m))
	}
}

func TestJunkIsHandedOnWithItsError(t *testing.T) {
	l := newLink(t)
	for _, junk := range [][]byte{nil, []byte("hello"), {1, 2, 3}, {0, 0xff}} {
		_, err := l.js.Publish(l.ctx(), wire.Subject("e", 0), junk)
		l.must(err)
	}
	at := l.send("e", 0, 1)
	r := l.read(0, 0)
	for i := range 4 {
		if m := r.next(); m.Err == nil || m.Batch != nil || m.Sequence != uint64(i+1) {
			t.Fatalf("%+v", m)
		}
	}
	if m := r.next(); m.Err != nil || m.Sequence != at || m.Bytes == 0 {
		t.Fatalf("%+v", m)
	}
}

// A NATS server that goes and comes loses nothing and repeats nothing.
func TestServerRestart(t *testing.T) {
	l := newLink(t)
	for i := range uint64(3) {
		l.send("e", 0, i+1)
	}
	r := l.read(0, 0)
	for i := range uint64(2) {
		if m := r.next(); m.Batch.Seq != i+1 {
			t.Fatal(name(m))
		}
	}
	l.stop()
	l.start()
	for i := range uint64(3) {
		l.send("e", 0, i+4)
	}
	for i := range uint64(4) {
		if m := r.next(); m.Batch.Seq != i+3 {
			t.Fatalf("%s, want batch %d", name(m), i+3)
		}
	}
	r.none()
}
