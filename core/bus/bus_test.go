package bus_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hexpane/hexpane/core/bus"
	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var quiet = slog.New(slog.DiscardHandler)

func embed(t *testing.T, dir string) (*server.Server, jetstream.JetStream) {
	t.Helper()
	s, err := bus.Embed("127.0.0.1:0", dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := bus.Connect(s.ClientURL(), "test", "", quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		s.Shutdown()
		s.WaitForShutdown()
	})
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return s, js
}

func background(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// What an edge was told is stored must survive a power cut: the server that runs says so itself.
func TestEveryWriteIsSynced(t *testing.T) {
	s, _ := embed(t, t.TempDir())
	v, err := s.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c := v.JetStream.Config; c == nil || !c.SyncAlways {
		t.Fatalf("JetStream runs with %+v", c)
	}
	if v.MaxPayload < wire.MaxMessageBytes {
		t.Fatalf("a message may have %d bytes, an edge sends %d", v.MaxPayload, wire.MaxMessageBytes)
	}
}

func TestStreamRefusesRatherThanForgets(t *testing.T) {
	_, js := embed(t, t.TempDir())
	stream, bucket, err := bus.Prepare(background(t), js, 64<<10)
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	if !c.AllowAtomicPublish || c.Discard != jetstream.DiscardNew || c.Storage != jetstream.FileStorage || c.MaxBytes != 64<<10 ||
		strings.Join(c.Subjects, " ") != wire.StreamSubject {
		t.Errorf("stream %+v", c)
	}
	if bucket.Bucket() != wire.PlanBucket {
		t.Errorf("bucket %s", bucket.Bucket())
	}
	for i := range 100 {
		if _, err = js.Publish(background(t), wire.Subject("e", 0), make([]byte, 4<<10)); err != nil {
			if i < 10 {
				t.Errorf("full after %d messages", i)
			}
			break
		}
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		t.Fatalf("a full stream answered %v", err)
	}
	if m, err := stream.GetMsg(background(t), 1); err != nil || len(m.Data) != 4<<10 {
		t.Errorf("the oldest message is gone: %v", err)
	}
}

// An atomic batch is stored whole, or not at all.
func TestAtomicPublish(t *testing.T) {
	s, js := embed(t, t.TempDir())
	stream, _, err := bus.Prepare(background(t), js, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send := func(id string, n int, commit bool) *nats.Msg {
		m := nats.NewMsg(wire.Subject("e", 0))
		m.Data = []byte{byte(n)}
		m.Header.Set("Nats-Batch-Id", id)
		m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(n))
		if !commit {
			if err := conn.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
			return nil
		}
		m.Header.Set("Nats-Batch-Commit", "1")
		answer, err := conn.RequestMsg(m, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	send("whole", 1, false)
	send("whole", 2, false)
	if answer := send("whole", 3, true); strings.Contains(string(answer.Data), `"error"`) {
		t.Fatalf("refused: %s", answer.Data)
	}
	send("torn", 1, false)
	if answer := send("torn", 3, true); !strings.Contains(string(answer.Data), `"error"`) {
		t.Errorf("a batch with a hole was taken: %s", answer.Data)
	}
	info, err := stream.Info(background(t))
	if err != nil || info.State.Msgs != 3 {
		t.Fatalf("%d messages are stored, %v", info.State.Msgs, err)
	}
}

// Starting again changes nothing of what is there; another size is taken over.
func TestPrepareTwice(t *testing.T) {
	dir := t.TempDir()
	s, js := embed(t, dir)
	_, bucket, err := bus.Prepare(background(t), js, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(background(t), wire.PlanKey, []byte("plan")); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(background(t), wire.Subject("e", 0), []byte("batch")); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	s.WaitForShutdown()
	_, js = embed(t, dir)
	stream, bucket, err := bus.Prepare(background(t), js, 2<<20)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := bucket.Get(background(t), wire.PlanKey); err != nil || string(e.Value()) != "plan" {
		t.Errorf("the plan: %v", err)
	}
	if info := stream.CachedInfo(); info.State.Msgs != 1 || info.Config.MaxBytes != 2<<20 {
		t.Errorf("%d messages, %d bytes at most", info.State.Msgs, info.Config.MaxBytes)
	}
}

func TestBadAddressesAreNamed(t *testing.T) {
	for _, listen := range []string{"", "127.0.0.1", "127.0.0.1:http"} {
		if _, err := bus.Embed(listen, t.TempDir(), quiet); err == nil || !strings.Contains(err.Error(), "nats.listen") {
			t.Errorf("%q: %v", listen, err)
		}
	}
}

func TestPrepareEndsWithItsContext(t *testing.T) {
	conn, err := bus.Connect("nats://127.0.0.1:1", "test", "", quiet)
	if err != nil {
		t.Fatal(err) // it keeps trying instead
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := bus.Prepare(ctx, js, 1<<20); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}
