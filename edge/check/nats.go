package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/hexpane/hexpane/protocol/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// answerWithin bounds one question. A test shortens it.
var answerWithin = 3 * time.Second

// link tests the way to the core, as far as it goes.
func link(ctx context.Context, c Config, report func(Result)) {
	shown := withoutPassword(c.NATSURL)
	denied := make(chan error, 16)
	options := []nats.Option{nats.Name("hexpane-edge check " + c.ID), nats.Timeout(dialWithin), nats.NoReconnect(),
		nats.CustomInboxPrefix("_INBOX." + c.ID),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			select {
			case denied <- err:
			default:
			}
		})}
	if c.Credentials != "" {
		options = append(options, nats.UserCredentials(c.Credentials))
	}
	conn, err := nats.Connect(c.NATSURL, options...)
	if err != nil {
		report(ok("nats", "%s: %s", shown, strings.ReplaceAll(err.Error(), c.NATSURL, shown)).fail(
			"is the core, or its NATS server, running and reachable from here? See nats.url, nats.credentials, cable, modem and firewall"))
		return
	}
	defer conn.Close()
	trip, err := conn.RTT()
	if err != nil {
		report(ok("nats", "%s: no answer: %v", shown, err).fail("the connection breaks: see cable, modem and firewall"))
		return
	}
	report(ok("nats", "%s is reached, round trip %s", shown, trip.Round(10*time.Microsecond)))
	js, err := jetstream.New(conn)
	if err != nil {
		report(ok("jetstream", "%v", err).fail("the client library refuses: report this"))
		return
	}
	if !stream(ctx, js, report) {
		return
	}
	publishes(ctx, c, conn, denied, report)
	planned(ctx, js, report)
	clocks(ctx, c, js, report)
}

// stream looks for the core's stream. Where only publishing is permitted nobody may look, and the rest tells.
func stream(ctx context.Context, js jetstream.JetStream, report func(Result)) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	s, err := js.Stream(ctx, wire.StreamName)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		report(ok("stream", "%s is not there", wire.StreamName).fail("start the core once on this NATS server: it makes the stream. Is nats.url another server, or the credentials of another account?"))
		return false
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		report(ok("stream", "JetStream is not enabled: %v", err).fail("enable JetStream on the NATS server (deploy/config/nats.conf), for this account too"))
		return false
	case err != nil:
		report(ok("stream", "%s could not be looked at: %v", wire.StreamName, err).warn("does this user have permission for $JS.API.STREAM.INFO? An edge needs it for its plan bucket"))
		return true
	case !s.CachedInfo().Config.AllowAtomicPublish:
		report(ok("stream", "%s is there, without atomic publish", wire.StreamName).fail("the NATS server is older than 2.12, or the stream was made by hand: let a core of this version update it"))
		return false
	}
	report(ok("stream", "%s is there, with atomic publish; %d messages wait", wire.StreamName, s.CachedInfo().State.Msgs))
	return true
}

// probe expects another stream than there is, so JetStream answers and stores nothing.
const (
	expected      = "HEXPANE_CHECK_ONLY"
	wrongStream   = 10060 // JetStream's code for that
	publishedOnly = "Nats-Expected-Stream"
)

// publishes tries to publish as the edge does. A denied publish is never answered; the server says so by an error aside.
func publishes(ctx context.Context, c Config, conn *nats.Conn, denied <-chan error, report func(Result)) {
	subject := wire.Subject(c.ID, 0)
	for _, atomic := range []bool{false, true} {
		r := ok("publish permission", "%s may be published to", subject)
		if atomic {
			r = ok("atomic publish", "JetStream takes atomic batches")
		}
		m := nats.NewMsg(subject)
		m.Header.Set(publishedOnly, expected)
		if atomic {
			m.Header.Set("Nats-Batch-Id", fmt.Sprintf("check-%x", rand.Uint64()))
			m.Header.Set("Nats-Batch-Sequence", "1")
			m.Header.Set("Nats-Batch-Commit", "1")
		}
		code, text, err := ask(ctx, conn, m, denied)
		switch {
		case err != nil:
			r.Detail = fmt.Sprintf("%s: %v", subject, err)
			report(r.fail(fmt.Sprintf("permit this user to publish to tele.%s.> and to subscribe to _INBOX.%s.> (see NATS users in .github/OPERATING.md)", c.ID, c.ID)))
			return
		case code != wrongStream:
			r.Detail = fmt.Sprintf("%s: %s (%d)", subject, text, code)
			report(r.fail("JetStream would refuse the edge's batches: is the stream the core's, and the server 2.12 or newer?"))
			return
		}
		report(r)
	}
}

func ask(ctx context.Context, conn *nats.Conn, m *nats.Msg, denied <-chan error) (code int, text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	refused := make(chan error, 1)
	go func() {
		for {
			select {
			case err := <-denied:
				if !strings.Contains(err.Error(), "$JS.API") { // of an earlier question
					refused <- err
					cancel()
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	reply, err := conn.RequestMsgWithContext(ctx, m)
	if err != nil {
		select {
		case why := <-refused:
			return 0, "", why
		default:
		}
		return 0, "", fmt.Errorf("no answer: %w", err)
	}
	var ack struct {
		Error struct {
			Code        int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return 0, "", fmt.Errorf("an answer that is not JetStream's: %w", err)
	}
	if ack.Error.Code == 0 {
		return 0, "the probe was stored", nil
	}
	return ack.Error.Code, ack.Error.Description, nil
}

func planned(ctx context.Context, js jetstream.JetStream, report func(Result)) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	bucket, err := js.KeyValue(ctx, wire.PlanBucket)
	if err == nil {
		var entry jetstream.KeyValueEntry
		if entry, err = bucket.Get(ctx, wire.PlanKey); err == nil {
			report(ok("plan", "the core's plan is there, of %s", entry.Created().UTC().Format(time.DateTime)))
			return
		}
	}
	report(ok("plan", "no plan in bucket %s: %v", wire.PlanBucket, err).warn("an edge without a plan takes nothing in: give the core its SQL; does this user have permission to read the bucket?"))
}

func clocks(ctx context.Context, c Config, js jetstream.JetStream, report func(Result)) {
	o, err := Clock(ctx, js)
	if err != nil {
		report(ok("clock", "it can't be compared with the core's: %v", err).warn("look at it yourself"))
		return
	}
	word := "behind"
	if o.Ahead < 0 {
		word = "ahead of"
	}
	r := ok("clock", "%s %s the NATS server's, give or take %s", o.Ahead.Abs().Round(time.Millisecond), word, o.Within.Round(100*time.Microsecond))
	switch apart := o.Ahead.Abs() - o.Within; {
	case apart > c.MaxFuture:
		report(r.fail("readings with right times would count as future, or all be late: set the clock, and run NTP"))
	case apart > time.Second:
		report(r.warn("run NTP here: watermarks follow this clock when devices are silent"))
	default:
		report(r)
	}
}

// withoutPassword is an address, or a list of them, to be shown.
func withoutPassword(addresses string) string {
	list := strings.Split(addresses, ",")
	for i, a := range list {
		u, err := url.Parse(strings.TrimSpace(a))
		switch {
		case err != nil || u.Host == "" && strings.Contains(a, "@"):
			if at := strings.LastIndex(a, "@"); at >= 0 {
				a = "…" + a[at:]
			}
			list[i] = a
		case u.User != nil:
			u.User = url.User("…")
			list[i], _ = url.PathUnescape(u.String())
		}
	}
	return strings.Join(list, ",")
}
