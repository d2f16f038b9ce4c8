package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Config of one connection.
type Config struct {
	Broker   string // tcp://host:port; required
	ClientID string // required: the broker knows the connection by it across reconnects
	Username string
	Password string

	MaxInflight    int           // messages sent and not yet acknowledged; default 200
	ConnectTimeout time.Duration // of one attempt; default 5 s
	AckTimeout     time.Duration // a message unacknowledged so long makes the connection count as lost; default 30 s
	MaxBackoff     time.Duration // between attempts, doubling from 50 ms; default 2 s
	GiveUp         time.Duration // fail after so long of trouble without one acknowledgement; 0: never

	OnAck func(Message, time.Time) // called for each acknowledged message, in order, from Run's goroutine
	Log   *slog.Logger             // default: slog.Default
}

// Message to publish. Payload must not change once it was handed over.
type Message struct {
	Topic   string
	Payload []byte
	QoS     byte      // 0 or 1
	Weight  int       // readings in it, for whoever counts them
	Due     time.Time // when it should have left; for measuring latency
}

// Counts of a Publisher or Fleet so far.
type Counts struct {
	Published  int64 // messages taken
	Acked      int64 // messages acknowledged (QoS 0: written)
	Resent     int64 // sent once more after a lost connection
	Reconnects int64
}

// Publisher is one connection that outlives its sockets. Run must be running for Publish to get on.
type Publisher struct {
	cfg    Config
	log    *slog.Logger
	in     chan Message
	done   chan struct{} // Run has returned
	closed sync.Once

	window  []flight // oldest first; the first `sent` of them went out on this connection
	sent    int
	trouble time.Time // since when nothing works; zero while it does
	pause   time.Duration

	published, acked, resent, reconnects atomic.Int64
}

// flight is a message under way.
type flight struct {
	Message
	token mqtt.Token
	at    time.Time
}

// New makes a Publisher; it connects in Run.
func New(cfg Config) *Publisher {
	cfg.MaxInflight = cmp.Or(cfg.MaxInflight, 200)
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, 5*time.Second)
	cfg.AckTimeout = cmp.Or(cfg.AckTimeout, 30*time.Second)
	cfg.MaxBackoff = cmp.Or(cfg.MaxBackoff, 2*time.Second)
	log := cmp.Or(cfg.Log, slog.Default()).With("component", "publish", "client", cfg.ClientID)
	return &Publisher{cfg: cfg, log: log, in: make(chan Message, 64), done: make(chan struct{})}
}

// Publish hands a message over; it blocks while the window is full or the broker away.
func (p *Publisher) Publish(ctx context.Context, m Message) error {
	select {
	case p.in <- m:
		p.published.Add(1)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("publish %s: %w", m.Topic, ctx.Err())
	case <-p.done:
		return fmt.Errorf("publish %s: %w", m.Topic, errStopped)
	}
}

var errStopped = errors.New("publisher has stopped")

// Close says that no Publish follows (one that did would panic); Run returns once all is acknowledged.
func (p *Publisher) Close() { p.closed.Do(func() { close(p.in) }) }

// Counts so far; safe at any time.
func (p *Publisher) Counts() Counts {
	return Counts{p.published.Load(), p.acked.Load(), p.resent.Load(), p.reconnects.Load()}
}

// Run connects, sends and reconnects until Close and the last acknowledgement (nil), ctx's end (its error, with what
// stayed unacknowledged), a refusal or GiveUp.
func (p *Publisher) Run(ctx context.Context) error {
	defer close(p.done)
	p.well()
	for {
		s, err := p.connect(ctx)
		if err != nil {
			return p.failed(err)
		}
		if len(p.window) == 0 {
			p.well()
		}
		err = p.serve(ctx, s)
		if err == nil {
			s.end(250 * time.Millisecond)
			return nil
		}
		s.end(0)
		p.rewind()
		p.log.Warn("connection lost; reconnecting", "err", err, "unacked", len(p.window))
		if !p.recover(ctx) {
			return p.failed(err)
		}
		p.reconnects.Add(1)
	}
}

func (p *Publisher) failed(err error) error {
	if n := len(p.window); n > 0 {
		return fmt.Errorf("publish %s: %d messages unacknowledged: %w", p.window[0].Topic, n, err)
	}
	return err
}

// well notes that the broker takes messages.
func (p *Publisher) well() { p.trouble, p.pause = time.Time{}, 50*time.Millisecond }

// recover waits before the next attempt, longer each time while nothing works; false when there is to be none.
func (p *Publisher) recover(ctx context.Context) bool {
	if p.trouble.IsZero() {
		p.trouble = time.Now()
	}
	if p.cfg.GiveUp > 0 && time.Since(p.trouble) > p.cfg.GiveUp {
		return false
	}
	select {
	case <-time.After(p.pause):
	case <-ctx.Done():
		return false
	}
	p.pause = min(2*p.pause, p.cfg.MaxBackoff)
	return true
}

// connect tries until it succeeds or there is no point.
func (p *Publisher) connect(ctx context.Context) (*session, error) {
	for try := 1; ; try++ {
		s, err := dial(ctx, &p.cfg)
		if err == nil {
			p.log.Debug("connected", "broker", p.cfg.Broker)
			return s, nil
		}
		if ctx.Err() != nil || hopeless(err) {
			return nil, err
		}
		if try&(try-1) == 0 {
			p.log.Warn("cannot connect; retrying", "err", err, "try", try)
		}
		if !p.recover(ctx) {
			return nil, err
		}
	}
}

// serve one connection: nil when closed and drained, else why the connection is of no more use. It always sends what
// is left in the window before it takes anything new.
func (p *Publisher) serve(ctx context.Context, s *session) error {
	p.sent = 0
	tokens := 0 // of the sent ones, those that have a token
	in := p.in
	watch := time.NewTicker(min(time.Second, p.cfg.AckTimeout))
	defer watch.Stop()
	for {
		if in == nil && len(p.window) == 0 {
			return nil
		}
		var take chan Message
		var give chan<- Message
		var next Message
		var acked <-chan struct{}
		switch {
		case p.sent < len(p.window):
			give, next = s.out, p.window[p.sent].Message
		case len(p.window) < p.cfg.MaxInflight:
			take = in
		}
		if tokens > 0 {
			acked = p.window[0].token.Done()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.lost:
			return err
		case <-watch.C:
			if tokens > 0 && time.Since(p.window[0].at) > p.cfg.AckTimeout {
				return fmt.Errorf("publish %s: no acknowledgement within %s", p.window[0].Topic, p.cfg.AckTimeout)
			}
		case m, ok := <-take:
			if !ok {
				in = nil
				continue
			}
			p.window = append(p.window, flight{Message: m})
		case give <- next:
			if !p.window[p.sent].at.IsZero() {
				p.resent.Add(1)
			}
			p.window[p.sent].at = time.Now()
			p.sent++
		case token := <-s.sent:
			p.window[tokens].token = token
			tokens++
		case <-acked:
			if err := p.window[0].token.Error(); err != nil {
				return fmt.Errorf("publish %s: %w", p.window[0].Topic, err)
			}
			p.acknowledge()
			tokens--
		}
	}
}

// acknowledge the oldest message.
func (p *Publisher) acknowledge() {
	m := p.window[0].Message
	p.window[0] = flight{}
	p.window = p.window[1:]
	p.sent--
	p.well()
	p.acked.Add(1)
	if p.cfg.OnAck != nil {
		p.cfg.OnAck(m, time.Now())
	}
}

// rewind readies the window for the next connection: what was acknowledged in the last moment leaves it, whatever its
// place, and the rest has no token any more.
func (p *Publisher) rewind() {
	left := p.window[:0:0]
	for _, f := range p.window {
		if f.token != nil && isDone(f.token) && f.token.Error() == nil {
			p.acked.Add(1)
			if p.cfg.OnAck != nil {
				p.cfg.OnAck(f.Message, time.Now())
			}
			continue
		}
		f.token = nil
		left = append(left, f)
	}
	p.window, p.sent = left, 0
}

func isDone(t mqtt.Token) bool {
	select {
	case <-t.Done():
		return true
	default:
		return false
	}
}
