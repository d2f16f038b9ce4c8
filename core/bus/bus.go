// Package bus is the core's NATS: a server of its own with JetStream on disk, unless told to use another, and the
// stream and bucket that edges and cores meet at.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// maxStore is no bound: streams have theirs, and the core guards the disk. By default it were three quarters of what is free at the start, and a
// stream that may grow larger were refused.
const maxStore = 1 << 60

// Embed starts a NATS server with JetStream in dir. Every write is synced: by default JetStream syncs every 2 minutes, and a
// power cut then loses what it acknowledged.
func Embed(listen, dir string, log *slog.Logger) (*server.Server, error) {
	host, portText, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("nats.listen %q: %w", listen, err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("nats.listen %q: the port must be a number", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&server.Options{ServerName: "hexpane", Host: host, Port: port, JetStream: true, StoreDir: dir,
		JetStreamMaxStore: maxStore, SyncAlways: true, NoSigs: true, MaxPayload: 1 << 20})
	if err != nil {
		return nil, fmt.Errorf("start NATS: %w", err)
	}
	s.SetLoggerV2(natsLog{log}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("NATS is not ready on %s after 20 s: is the address taken, or %s damaged?", listen, dir)
	}
	return s, nil
}

// Restart starts a server of this process anew, on the same address. A stream that once found no block to write to takes nothing any more until then,
// and JetStream alone can't be started again under clients without a data race (nats-server 2.15.2).
// ErrStuck: not within a minute.
func Restart(s *server.Server, listen, dir string, log *slog.Logger) (*server.Server, error) {
	var again *server.Server
	var err error
	if stuck := within(time.Minute, func() {
		s.Shutdown()
		s.WaitForShutdown()
		again, err = Embed(listen, dir, log)
	}); stuck != nil {
		return nil, stuck
	}
	return again, err
}

// ErrStuck is a server that neither stops nor starts: it holds its address and its files for as long as this process lives, so there is nothing for it but to end
// that. A purge that has something to flush and finds no block to write it to locks its stream for good (nats-server 2.15.2: PurgeEx, with the store's lock held, has
// flushPendingMsgs call rebuildState, which takes it), so nothing is purged without room; a disk that fills up within a purge is left.
var ErrStuck = errors.New("the NATS server in this process is stuck; start the process anew")

// Stop stops a server of this process; ErrStuck: not within so long.
func Stop(s *server.Server, most time.Duration) error {
	return within(most, func() { s.Shutdown(); s.WaitForShutdown() })
}

func within(most time.Duration, f func()) error {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
		return nil
	case <-time.After(most):
		return ErrStuck
	}
}

// Connect connects to a NATS server and keeps at it.
func Connect(url, name, credentials string, log *slog.Logger) (*nats.Conn, error) {
	options := []nats.Option{nats.Name(name), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("NATS connection lost", "url", url, "error", err)
			}
		})}
	if credentials != "" {
		options = append(options, nats.UserCredentials(credentials))
	}
	conn, err := nats.Connect(url, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", url, err)
	}
	return conn, nil
}

// Prepare makes the stream and the bucket if they are not there, waiting for JetStream until ctx ends.
func Prepare(ctx context.Context, js jetstream.JetStream, maxBytes int64) (jetstream.Stream, jetstream.KeyValue, error) {
	for {
		stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: wire.StreamName, Subjects: []string{wire.StreamSubject}, Storage: jetstream.FileStorage,
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, MaxBytes: maxBytes,
			AllowDirect: true, AllowAtomicPublish: true,
		})
		if err == nil {
			var bucket jetstream.KeyValue
			if bucket, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: wire.PlanBucket, History: 10}); err == nil {
				return stream, bucket, nil
			}
		}
		var api *jetstream.APIError
		if errors.As(err, &api) && api.Code < 500 {
			return nil, nil, fmt.Errorf("prepare JetStream: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("prepare JetStream: %w", errors.Join(ctx.Err(), err))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

type natsLog struct{ log *slog.Logger }

func (l natsLog) Noticef(f string, a ...any) { l.log.Debug(fmt.Sprintf(f, a...)) }
func (l natsLog) Warnf(f string, a ...any)   { l.log.Warn(fmt.Sprintf(f, a...)) }
func (l natsLog) Errorf(f string, a ...any)  { l.log.Error(fmt.Sprintf(f, a...)) }
func (l natsLog) Fatalf(f string, a ...any)  { l.log.Error(fmt.Sprintf(f, a...)) }
func (l natsLog) Debugf(string, ...any)      {}
func (l natsLog) Tracef(string, ...any)      {}
