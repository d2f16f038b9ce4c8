package edge

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hexpane/hexpane/edge/store"
	"github.com/hexpane/hexpane/protocol/payload"
)

// status is what the line shows of itself. The line alone writes it, and publishes a snapshot each second; only that is read by
// others.
type status struct {
	started time.Time
	version string
	linked  func() bool // batches go out; nil before the link is made

	published atomic.Pointer[snapshot]

	commits [1024]time.Duration // the last ones
	count   int                 // of commits
	rejects []rejectSample      // the last ones, the newest last
	link    bool
	since   time.Time // when link changed
}

// snapshot is the line's state at one moment. It is not changed once published.
type snapshot struct {
	At, Started time.Time
	Version     string
	Plan        uint64
	Views       int
	Streams     []streamStatus // by name
	Rejects     []rejectSample // the newest first
	Link        bool           // batches go out
	LinkSince   time.Time
	Full        bool
	Holding     bool
	CatchingUp  bool
	Outbox      int64 // bytes
	Held        store.Held
	Commits     int
	CommitP50   time.Duration
	CommitP99   time.Duration
}

type streamStatus struct {
	Name, Topic, Format string
	sourceCounters
	PerSecond   float64
	Last        time.Time // arrival of the last reading; zero: none yet
	Watermark   time.Time // promised last; zero: none yet
	Remembered  int       // readings known to dedupe
	NoDuplicate bool      // dedupe = 'none'
}

// rejectSample is something that a device sent and no stream could read.
type rejectSample struct {
	At                            time.Time
	Stream, Topic, Reason, Sample string
}

const (
	showEvery  = time.Second
	maxRejects = 8
	rateOver   = 10 // snapshots
)

// shown is what one stream's row is made from, beside its counters.
type shown struct {
	last int64            // µs, arrival of the last reading accepted
	past [rateOver]uint64 // readings at the last snapshots
	at   [rateOver]time.Time
	n    int
}

func newStatus(version string) *status {
	now := time.Now()
	return &status{started: now, version: version, since: now}
}

func (s *status) committed(t time.Duration) {
	s.commits[s.count%len(s.commits)] = t
	s.count++
}

func (s *status) rejected(from *source, m store.Message, r *payload.Reject) {
	if len(s.rejects) == maxRejects {
		s.rejects = append(s.rejects[:0], s.rejects[1:]...)
	}
	s.rejects = append(s.rejects, rejectSample{At: time.UnixMicro(m.ArrivalUs), Stream: from.def.Name, Topic: excerpt(m.Topic),
		Reason: excerpt(r.Reason + ": " + r.Detail), Sample: strings.ToValidUTF8(string(r.Sample), "�")})
}

// refusing says why no readings can be taken in, as of the last snapshot, or "".
func (s *status) refusing() string {
	if now := s.published.Load(); now != nil && now.Full {
		return "the outbox is full, since the core has not taken batches for long; post again when it is back"
	}
	return ""
}

// show publishes a snapshot if it is time.
func (l *line) show(now time.Time) {
	s := l.status
	if last := s.published.Load(); last != nil && now.Sub(last.At) < showEvery && last.Plan == l.version.Load() {
		return
	}
	if link := s.linked != nil && s.linked(); link != s.link {
		s.link, s.since = link, now
	}
	p := &snapshot{At: now, Started: s.started, Version: s.version, Plan: l.version.Load(), Link: s.link, LinkSince: s.since,
		Full: l.full(), Holding: l.holding, CatchingUp: !l.catching.IsZero(), Outbox: max(0, l.backlog.Load()), Held: l.store.Held(), Commits: s.count}
	if l.plan != nil {
		p.Views = len(l.plan.Views)
	}
	for id, source := range l.sources {
		p.Streams = append(p.Streams, source.status(l.sent, id, now))
	}
	slices.SortFunc(p.Streams, func(a, b streamStatus) int { return strings.Compare(a.Name, b.Name) })
	p.Rejects = slices.Clone(s.rejects)
	slices.Reverse(p.Rejects)
	if times := slices.Clone(s.commits[:min(s.count, len(s.commits))]); len(times) > 0 {
		slices.Sort(times)
		p.CommitP50, p.CommitP99 = times[len(times)/2], times[len(times)*99/100]
	}
	s.published.Store(p)
}

func (s *source) status(sent map[uint32]int64, id uint32, now time.Time) streamStatus {
	st := streamStatus{Name: s.def.Name, Topic: s.def.Topic, Format: s.def.Format, sourceCounters: s.counters, NoDuplicate: s.seen == nil}
	if st.Format == "" {
		st.Format = "json"
	}
	if s.seen != nil {
		st.Remembered = s.seen.Len()
	}
	if s.shown.last > 0 {
		st.Last = time.UnixMicro(s.shown.last)
	}
	if us, ok := sent[id]; ok {
		st.Watermark = time.UnixMicro(us)
	}
	h := &s.shown
	if oldest := h.n % rateOver; h.n > 0 {
		if h.n < rateOver {
			oldest = 0
		}
		if took := now.Sub(h.at[oldest]).Seconds(); took > 0 {
			st.PerSecond = float64(s.counters.readings-h.past[oldest]) / took
		}
	}
	h.past[h.n%rateOver], h.at[h.n%rateOver] = s.counters.readings, now
	h.n++
	return st
}
