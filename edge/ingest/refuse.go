package ingest

import (
	"log/slog"
	"sync"
	"time"
)

// Reason is why a broker did not take something. Its text is the metric's label.
type Reason string

// The reasons. What each means, and what to do, is in .github/OPERATING.md.
const (
	RefusedConnectRate   Reason = "connect_rate"
	RefusedPending       Reason = "pending"
	RefusedConnections   Reason = "connections"
	RefusedSilent        Reason = "silent"
	RefusedHandshake     Reason = "handshake"
	RefusedOrigin        Reason = "origin"
	RefusedMalformed     Reason = "malformed"
	RefusedPacketSize    Reason = "packet_size"
	RefusedArriving      Reason = "arriving_bytes"
	RefusedCredentials   Reason = "credentials"
	RefusedIdentity      Reason = "identity"
	RefusedSessions      Reason = "sessions"
	RefusedWill          Reason = "will"
	RefusedTopic         Reason = "topic"
	RefusedPublish       Reason = "acl_publish"
	RefusedSubscribe     Reason = "acl_subscribe"
	RefusedSubscriptions Reason = "subscriptions"
	RefusedInflight      Reason = "inflight"
	RefusedRetained      Reason = "retained"
	RefusedUnread        Reason = "unread"
)

// Reasons are all reasons.
var Reasons = []Reason{RefusedConnectRate, RefusedPending, RefusedConnections, RefusedSilent, RefusedHandshake, RefusedOrigin, RefusedMalformed,
	RefusedPacketSize, RefusedArriving, RefusedCredentials, RefusedIdentity, RefusedSessions, RefusedWill, RefusedTopic, RefusedPublish,
	RefusedSubscribe, RefusedSubscriptions, RefusedInflight, RefusedRetained, RefusedUnread}

// Observer is told what a broker refuses; it must be safe for concurrent use. Nil fields are not called.
type Observer struct {
	Refused  func(Reason)
	HeldBack func(time.Duration) // a client was not read for that long, since it went past its rate
}

// refusals counts, and logs one of a reason within logEvery, with a sample.
type refusals struct {
	log     *slog.Logger
	observe Observer

	mu   sync.Mutex
	said map[Reason]*said
}

type said struct {
	at     time.Time
	unsaid int // since then
}

const (
	logEvery       = 10 * time.Second
	maxSampleBytes = 128
)

func newRefusals(log *slog.Logger, o Observer) *refusals {
	return &refusals{log: log, observe: o, said: map[Reason]*said{}}
}

// add counts one; sample is what a device sent, and is cut and quoted.
func (r *refusals) add(why Reason, who, sample string) {
	if r.observe.Refused != nil {
		r.observe.Refused(why)
	}
	now := time.Now()
	r.mu.Lock()
	s, known := r.said[why]
	if !known {
		s = &said{}
		r.said[why] = s
	}
	if now.Sub(s.at) < logEvery {
		s.unsaid++
		r.mu.Unlock()
		return
	}
	unsaid := s.unsaid
	s.at, s.unsaid = now, 0
	r.mu.Unlock()
	r.log.Warn("refused a client, or something of it", "reason", string(why), "client", clip(who), "sample", clip(sample), "since_last_said", unsaid)
}

func (r *refusals) heldBack(d time.Duration) {
	if r.observe.HeldBack != nil {
		r.observe.HeldBack(d)
	}
}

func clip(s string) string {
	if len(s) > maxSampleBytes {
		return s[:maxSampleBytes] + "…"
	}
	return s
}
